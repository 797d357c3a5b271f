"""Counts as part of a sentence."""


def counted(count: float, one: str, many: str = "") -> str:
    """A whole count and what there is of it: "1 line", "2,000 lines"; `many` where that is not `one` with an s."""
    return f"{count:,.0f} {one if count == 1 else many or one + 's'}"
