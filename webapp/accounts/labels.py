"""Names that people give: what is kept of them."""


def label(text: str, length: int = 200) -> str:
    """`text` without characters that cannot be seen (and that databases refuse), at most `length` of it."""
    return "".join(filter(str.isprintable, text)).strip()[:length]
