"""Which languages the examples are in, told from a sample of them by py3langid (139 languages)."""

from collections import Counter
from collections.abc import Iterable

from webapp.datasets.records import Conversation
from webapp.datasets.report import Languages

SAMPLE_EXAMPLES = 500
SAMPLE_CHARACTERS = 400
LEAST_LETTERS = 20
# Codes of one language that other libraries and older standards tell apart, and py3langid's own variants.
_MERGED = {"no": "nb", "nn": "nb", "iw": "he", "hbo": "he", "zh-cn": "zh", "zh-tw": "zh", "uzs": "uz", "arz": "ar"}
_NO_LANGUAGE = "zxx"  # ISO 639: no linguistic content


def excerpt(conversation: Conversation) -> str:
    """The first characters that user and assistant say, at most `SAMPLE_CHARACTERS`."""
    text = ""
    for message in conversation.messages:
        if message.role in {"user", "assistant"} and len(text) < SAMPLE_CHARACTERS:
            text += message.content[:SAMPLE_CHARACTERS] + " "
    return text[:SAMPLE_CHARACTERS].replace("\n", " ")


def languages(excerpts: Iterable[str]) -> Languages:
    """Shares of the excerpts whose language can be told."""
    told = Counter(language for text in excerpts if (language := _language(text)))
    sampled = told.total()
    ranked = sorted(told.items(), key=lambda item: (-item[1], item[0]))
    return Languages(sampled, {language: round(count / sampled, 4) for language, count in ranked})


def _language(text: str) -> str | None:
    """The ISO 639 code; None for a text too short to tell, and for one that is in no language."""
    if sum(map(str.isalpha, text)) < LEAST_LETTERS:
        return None
    # Not at the top: the model takes half a second and 130 MB, and whoever only reads reports does without it.
    from py3langid import classify

    code = classify(text)[0]
    return None if code == _NO_LANGUAGE else _MERGED.get(code, code)
