"""The order of an example's messages, and what it tells."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import attrgetter

import msgspec

from webapp.datasets.marks import bits
from webapp.datasets.records import Conversation

# One letter a message. A turn is: the user, calls with their results, the answer; the last may lack its answer.
_USUAL_ORDER = re.compile(r"s?(?:u(?:at+)*a)*(?:u(?:at+)*)?")
# In C, for they look at every message.
_CONTENT, _WEIGHT, _CALLS, _TOOLS = map(attrgetter, ("content", "weight", "tool_calls", "tools"))
_PLAIN = re.compile(r"[su]*a[sua]*")


class Shape(msgspec.Struct, frozen=True):
    """`marks` are the bits of what is unusual; a `plain` one has an answer and no message of a tool."""

    marks: int
    plain: bool


@lru_cache(maxsize=4096)
def shape_of(order: str) -> Shape:
    """What an order of roles tells; most files have only a few."""
    unanswered, unusual = order[-1:] != "a", not _USUAL_ORDER.fullmatch(order)
    noticed = {
        "multi_turn": order.count("u") > 1,
        "missing_system_prompts": "s" not in order,
        "ends_without_answer": unanswered,
        "unusual_order": unusual,
        "irregular": unanswered or unusual,
    }
    return Shape(bits(name for name, is_so in noticed.items() if is_so), bool(_PLAIN.fullmatch(order)))


def orders_of(conversations: Sequence[Conversation]) -> list[str]:
    """The order of each conversation: the first letters of its roles, s, u, a and t."""
    letters = "".join([message.role[0] for one in conversations for message in one.messages])
    ends = list(accumulate([len(one.messages) for one in conversations], initial=0))
    return [letters[start:end] for start, end in pairwise(ends)]


def order_of(conversation: Conversation) -> str:
    """The order of one."""
    return orders_of([conversation])[0]


def are_plain(conversations: Sequence[Conversation], orders: Sequence[str]) -> bool:
    """Whether all hold nothing but roles and texts, none of them empty, and an answer to learn."""
    messages = [message for one in conversations for message in one.messages]
    return (
        all(shape_of(order).plain for order in set(orders))
        and all(map(_CONTENT, messages))
        and list(map(_WEIGHT, messages)).count(None) == len(messages)
        and list(map(_CALLS, messages)).count(None) == len(messages)
        and list(map(_TOOLS, conversations)).count(None) == len(conversations)
    )
