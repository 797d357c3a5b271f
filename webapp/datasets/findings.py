"""What is noticed about single examples: how many have it, and the lines of the first ones."""

import re
from collections import defaultdict

from webapp.datasets.parsing import Parsed
from webapp.datasets.records import Message

FIRST_LINES = 20
LONG_EXAMPLE_TOKENS = 4096
SHORT_ANSWER_CHARACTERS = 5
_KEPT_KEYS = 20

# One letter a message. A turn is: the user, calls with their results, the answer; the last may lack its answer.
_USUAL_ORDER = re.compile(r"s?(?:u(?:at+)*a)*(?:u(?:at+)*)?")


class Sighting:
    """How many examples (or lines) have something, and the first of their lines."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[int] = []

    def add(self, line: int) -> None:
        """One more, on this line of the file."""
        self.count += 1
        if len(self.lines) < FIRST_LINES:
            self.lines.append(line)


class Findings:
    """Sightings by the code of the issue they become; `irregular` gathers all that is unusual in shape."""

    def __init__(self) -> None:
        self.seen: defaultdict[str, Sighting] = defaultdict(Sighting)
        self.unknown_keys: set[str] = set()

    def add(self, parsed: Parsed, line: int, tokens: int) -> None:
        """Looks at one valid example, of `tokens` tokens, on line `line`."""
        messages = parsed.conversation.messages
        order = "".join(message.role[0] for message in messages)
        unanswered, unusual = order[-1] != "a", not _USUAL_ORDER.fullmatch(order)
        noticed = {
            "empty_answers": any(_length(message) == 0 for message in messages),
            "very_short_answers": any(0 < _length(message) < SHORT_ANSWER_CHARACTERS for message in messages),
            "missing_system_prompts": "s" not in order,
            "ends_without_answer": unanswered,
            "unusual_order": unusual,
            "irregular": unanswered or unusual,
            "long_examples": tokens > LONG_EXAMPLE_TOKENS,
            "unknown_keys": bool(parsed.unknown_keys),
            "older_names": parsed.older_names,
        }
        for code, is_so in noticed.items():
            if is_so:
                self.seen[code].add(line)
        if len(self.unknown_keys) < _KEPT_KEYS:
            self.unknown_keys.update(key[:60] for key in parsed.unknown_keys[:_KEPT_KEYS])


def _length(message: Message) -> float:
    """Characters of an answer without white space around it; endless for what is no answer in words."""
    if message.role != "assistant" or message.tool_calls:
        return float("inf")
    return len(message.content.strip())
