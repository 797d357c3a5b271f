"""What the fast decoder passes over: repeated names, numbers beyond 64 bits, and U+0000 in its escaped form.

A line is not read twice to find them. A repeated name shows in the number of names: a name ends in the bytes `":`,
which otherwise only end a quotation inside a text, and then a backslash is before them. Who decoded the line knows a
least number of names (2 n + 1 in a conversation of n messages); a line with no more than these has none twice, nor has
it a number. Any other line is read and written again without types, and the names of both are counted.

What gets past this: in a line of n messages and nothing else, as many repeated names as there are names with white
space before their colon.
"""

import re

import msgspec

_NAME_END = b'":'
_QUOTED_NAME_END = b'\\":'
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_NAME_END_SPELLED_OTHERWISE = re.compile(rb'"[ \t\r]+:|\\u0022')


def doubtful(line: bytes, least: int) -> bool:
    """Whether a line that was decoded, and has at the least so many names, may have a fault all the same."""
    if b"\\u0000" in line:
        return True
    names = line.count(_NAME_END)
    if least in (names, names - line.count(_QUOTED_NAME_END)):
        return False
    if _LONG_NUMBER.search(line) or _NAME_END_SPELLED_OTHERWISE.search(line):
        return True
    return msgspec.json.encode(msgspec.json.decode(line)).count(_NAME_END) != names
