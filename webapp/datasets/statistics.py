"""Counts over all examples, in a few bytes an example: the distributions and the character of the data."""

from array import array
from collections import Counter

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.exactness import expected_error, note
from webapp.datasets.records import Conversation, Message
from webapp.datasets.report import Characteristics, Distribution, SpotCheck, Tokens
from webapp.datasets.tokens import Tokenizer

_TOKEN_BUCKETS = {"0-100": 100, "100-500": 500, "500-1000": 1000}
_json_decoder = msgspec.json.Decoder(dict[str, object] | list[object])


class Statistics:
    """Running counts; `add` takes every valid example once, in order."""

    def __init__(self) -> None:
        self.tokens = array("I")
        self._roles: Counter[str] = Counter()
        self._characters = self._non_ascii = 0
        self._multi_turn = self._with_system = self._with_calls = self._json_answers = 0
        self._answer_characters = array("I")
        self._answer_hashes = array("q")

    @property
    def examples(self) -> int:
        """Examples taken so far."""
        return len(self.tokens)

    @property
    def answers(self) -> int:
        """Messages of the assistant taken so far."""
        return len(self._answer_characters)

    @property
    def system_prompt_share(self) -> float:
        """Share of the examples with a system prompt, 0 to 1."""
        return self._with_system / self.examples

    def add(self, conversation: Conversation, tokens: int) -> None:
        """Counts one example of `tokens` tokens."""
        self.tokens.append(tokens)
        roles = [message.role for message in conversation.messages]
        self._roles.update(roles)
        self._multi_turn += roles.count("user") > 1
        self._with_system += "system" in roles
        self._with_calls += any(message.tool_calls for message in conversation.messages)
        for message in conversation.messages:
            self._add_message(message)

    def _add_message(self, message: Message) -> None:
        text = message.content
        self._characters += len(text)
        if not text.isascii():
            self._non_ascii += len(text) - len(text.encode("ascii", "ignore"))
        if message.role == "assistant":
            self._answer_characters.append(len(text))
            self._answer_hashes.append(hash(text))
            self._json_answers += _is_json(text)

    def distribution(self) -> Distribution:
        """The body of GET /preview/{id}/distribution."""
        messages = self._roles.total()
        return Distribution(
            roles=dict(sorted(self._roles.items())),
            avg_message_length=round(self._characters / messages, 1),
            token_distribution=_bucketed(np.frombuffer(self.tokens, dtype=np.uint32)),
            has_system_prompts=self._with_system > 0,
            multi_turn_percentage=round(100 * self._multi_turn / self.examples, 1),
        )

    def characteristics(self) -> Characteristics:
        """What kind of data it is."""
        answer_characters = np.frombuffer(self._answer_characters, dtype=np.uint32)
        return Characteristics(
            turns_avg=round(self._roles["user"] / self.examples, 2),
            system_prompt_share=round(self.system_prompt_share, 4),
            json_answer_share=round(self._json_answers / self.answers, 4),
            tool_call_share=round(self._with_calls / self.examples, 4),
            answer_chars_p50=int(np.percentile(answer_characters, 50, method="inverted_cdf")),
            distinct_answers=len(np.unique(np.frombuffer(self._answer_hashes, dtype=np.int64))),
            non_ascii_share=round(self._non_ascii / max(1, self._characters), 4),
        )

    def token_summary(self, tokenizer: Tokenizer, spot_check: SpotCheck | None) -> Tokens:
        """Total and percentiles of the examples' tokens, counted by that tokenizer."""
        counts = np.frombuffer(self.tokens, dtype=np.uint32)
        p50, p95, p99 = (int(value) for value in np.percentile(counts, [50, 95, 99], method="inverted_cdf"))
        return Tokens(
            tokenizer=tokenizer.name,
            exact=tokenizer.owner is not None,
            p50=p50,
            p95=p95,
            p99=p99,
            max=int(counts.max()),
            total=int(counts.sum(dtype=np.uint64)),
            note=note(tokenizer),
            spot_check=spot_check,
            expected_error=expected_error(tokenizer),
        )


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        _json_decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _bucketed(counts: npt.NDArray[np.uint32]) -> dict[str, int]:
    """Examples by tokens; a bucket begins at its first number and ends before its last."""
    places = np.digitize(counts, list(_TOKEN_BUCKETS.values()))
    found = np.bincount(places, minlength=len(_TOKEN_BUCKETS) + 1)
    return {name: int(number) for name, number in zip([*_TOKEN_BUCKETS, "1000+"], found, strict=True)}
