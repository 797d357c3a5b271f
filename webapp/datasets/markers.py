"""Marks in answers of something that went wrong before: another model's tokens and refusals, broken characters, gaps.

Patterns are written like those of privacy_kinds.py, and are part of the same scan. Only answers are searched, because
only answers are learned.
"""

import re
from collections.abc import Callable
from functools import cached_property

import msgspec


def _no_code(match: re.Match[str]) -> bool:
    """Neither a Markdown link nor an index in code."""
    text, start, end = match.string, match.start(), match.end()
    # No longer slices: each would copy the text, once a match.
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return after not in {"(", "[", ":"} and not (before.isalnum() or before in {"_", "]", ")", "!"})


class Marker(msgspec.Struct, frozen=True, dict=True):
    """One kind of mark; `message` is what the report says of it, `confirm` whether a match is one."""

    name: str
    message: str
    pattern: str
    confirm: Callable[[re.Match[str]], bool] | None = None

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern for `re`, with RE2's idea of a letter and a word border."""
        return re.compile(self.pattern, re.ASCII)

    def occurs(self, text: str) -> bool:
        """Whether it is in `text`."""
        return any(self.confirm is None or self.confirm(match) for match in self.compiled.finditer(text))


_LEAKED = (
    r"<\|[a-z][a-z0-9_]{1,30}\|>|<｜[^<>|\n]{1,40}｜>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|(?m:^)### (?:Human|Assistant|Instruction|Response):"
)
_REFUSALS = (
    r"\b[Aa]s an AI(?: language model| model| assistant|,)|\bI(?:['’]m| am) (?:just )?an AI(?: language)? model\b"
    r"|\bI(?:['’]m| am) (?:very |so |really )?sorry, (?:but )?I (?:can(?:['’]t|not)|am (?:unable|not able)|won['’]t)\b"
    r"|\bI (?:can(?:['’]t|not)|am unable to|am not able to) (?:assist|help|comply) (?:you )?with (?:that|this)\b"
)
# UTF-8 read as Latin-1 or Windows-1252: a lead byte and a continuation byte, as either of them shows it. Quotation
# marks are left out after a capital, where a word can end in it.
_CONTINUATION = "\u0080-\u00aa\u00ac-\u00ba\u00bc-\u00bf€ƒˆ‰ŠŒŽ˜™šœžŸ"
_MOJIBAKE = (
    f"[ÂÃ][{_CONTINUATION}]|â€[\u0080-\u00bf“”™œ˜¦¢]|â[\u0080-\u009f][\u0080-\u00bf]|ï»¿"
    "|ðŸ[\u0080-\u00bf‘’“”˜™š¤€]|\ufffd"
)
_GAPS = "(?i:name|date|email|address|phone|number|company|city|title|url|link|amount|location|product|signature)"
_PLACEHOLDERS = (
    rf"\[(?:[A-Z][A-Za-z]{{0,15}}[ _-]){{0,3}}{_GAPS}\]|\[(?i:your|insert|enter)[ _-][A-Za-z _-]{{1,40}}\]"
    r"|<(?i:your|insert|enter)[ _-][A-Za-z _-]{1,40}>|\{\{ ?[A-Za-z_][A-Za-z0-9_.]{0,40} ?\}\}"
    r"|(?i:\blorem ipsum\b)|\bTODO\b|\bFIXME\b"
)


def _gap(match: re.Match[str]) -> bool:
    """Square brackets count in prose, from a capital or with your, insert or enter; the rest counts anywhere."""
    found = match[0]
    if not found.startswith("["):
        return True
    return _no_code(match) and (found[1].isupper() or " " in found or "_" in found)


MARKERS = (
    Marker("leaked_markers", "Some answers hold a chat template's own markers, such as <|im_start|>.", _LEAKED),
    Marker("refusals", "Some answers refuse or speak as another model: the model would learn to.", _REFUSALS),
    Marker("mojibake", "Some answers hold broken characters: UTF-8 that was once read as another encoding.", _MOJIBAKE),
    Marker("placeholders", "Some answers hold gaps to be filled in, such as [NAME] or TODO.", _PLACEHOLDERS, _gap),
)
MARKER_OF = {marker.name: marker for marker in MARKERS}
