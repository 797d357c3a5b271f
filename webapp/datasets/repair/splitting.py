"""A conversation that is too long, as several: cut at turn borders, each with the system prompt and an answer last."""

from collections.abc import Iterator
from itertools import takewhile

from webapp.datasets.parsing import parse
from webapp.datasets.pieces import pieces_of
from webapp.datasets.records import Conversation, Message, encode
from webapp.datasets.shapes import order_of
from webapp.datasets.tokens import Tokenizer


class Splitter:
    """Cuts what has over `max_tokens` tokens, counted as the analysis counts them (`pieces.pieces_of`)."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self.left = 0  # conversations of which some part is still too long

    def split(self, conversation: Conversation) -> list[Conversation]:
        """The parts in order; the conversation itself when it is short enough or has one turn only.

        Messages after the last answer, which nothing is learnt from, are no part of a conversation that is cut.
        """
        # A token is at least one byte.
        if len(encode(conversation)) <= self._max_tokens or self._tokens(conversation) <= self._max_tokens:
            return [conversation]
        parts = list(self._parts(conversation))
        if len(parts) == 1 or not all(parse(encode(part).rstrip(b"\n")) for part in parts):
            parts = [conversation]
        self.left += any(self._tokens(part) > self._max_tokens for part in parts)
        return parts

    def _parts(self, conversation: Conversation) -> Iterator[Conversation]:
        prompt = list(takewhile(lambda message: message.role == "system", conversation.messages))
        setting = self._tokens(Conversation(prompt, conversation.tools))
        taken: list[Message] = []
        size = setting
        for turn in _turns(conversation.messages[len(prompt) :]):
            tokens = self._tokens(Conversation(turn))
            if taken and size + tokens > self._max_tokens:
                yield Conversation([*prompt, *taken], conversation.tools)
                taken, size = [], setting
            taken += turn
            size += tokens
        yield Conversation([*prompt, *taken], conversation.tools)

    def _tokens(self, conversation: Conversation) -> int:
        pieces = pieces_of(conversation, order_of(conversation))
        return len(self._tokenizer.encode([text for _, text in pieces]).ids)


def _turns(messages: list[Message]) -> Iterator[list[Message]]:
    """Runs of messages that end with an answer in words, each before the next message of someone else."""
    turn: list[Message] = []
    for index, message in enumerate(messages):
        turn.append(message)
        follower = messages[index + 1].role if index + 1 < len(messages) else "user"
        if message.role == "assistant" and not message.tool_calls and follower in ("user", "system"):
            yield turn
            turn = []
