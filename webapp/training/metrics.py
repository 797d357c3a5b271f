"""Scores of answers against the data's own: which suit the task is read from the data."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

SHORT = 48  # characters of a closed answer
# A word; where a script writes none apart (Chinese, Japanese, Thai, Lao, Khmer), a character.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def choose_metric(references: Sequence[str]) -> str:
    """What kind of answers these are: `json`, `labels` (short, closed) or `text`.

    `json` when nine in ten are JSON objects or lists; `labels` when nearly all are short lines and each occurs four
    times or more on average.
    """
    known = [reference.strip() for reference in references if reference.strip()]
    if not known:
        return "text"
    if sum(isinstance(read_json(text), dict | list) for text in known) >= 0.9 * len(known):
        return "json"
    short = sum(len(text) <= SHORT and "\n" not in text for text in known)
    return "labels" if short >= 0.95 * len(known) and 4 * len(set(known)) <= len(known) else "text"


def score_answer(kind: str, answer: str, reference: str) -> dict[str, float]:
    """The answer's scores from 0 to 1 by name; the first is the one that rows are compared by."""
    if kind == "labels":
        accuracy = float(plain_label(answer) == plain_label(reference))
        return {"label_accuracy": accuracy, "exact_match": float(answer.strip() == reference.strip())}
    if kind == "json":
        found = read_json(answer)
        valid = float(isinstance(found, dict | list))
        return {"field_accuracy": field_accuracy(found, read_json(reference)), "json_validity": valid}
    return {"rouge_l": rouge_l(answer, reference)}


def plain_label(text: str) -> str:
    """A label without case, white space around it, or a closing full stop."""
    return text.strip().removesuffix(".").casefold()


def macro_f1(answers: Sequence[str], references: Sequence[str]) -> float:
    """The F1 of each label in the references, averaged; an answer that is no label of theirs finds none."""
    # Imported here: only closed answers need it, and it takes a second.
    from sklearn.metrics import f1_score

    truth, found = [plain_label(text) for text in references], [plain_label(text) for text in answers]
    return float(f1_score(truth, found, labels=sorted(set(truth)), average="macro", zero_division=0))


def read_json(text: str) -> Any:
    """The JSON value of the text, with or without a Markdown fence; None when it is not JSON."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n?```\s*", text, re.DOTALL)
    try:
        return json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return None


def json_fields(value: Any) -> dict[str, Any]:
    """The scalars (and empty containers) of a JSON value by their path."""
    fields, open_values = {}, [("$", value)]
    while open_values:
        path, item = open_values.pop()
        if inner := list(members(item)):
            open_values += [(f"{path}/{key}", member) for key, member in inner]
        else:
            fields[path] = item
    return fields


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """The named members of an object, or the numbered ones of a list."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ((str(key).replace("~", "~0").replace("/", "~1"), member) for key, member in pairs)


def field_accuracy(answer: Any, reference: Any) -> float:
    """The share of fields, of those in either, that both have with the same value."""
    found, wanted = json_fields(answer), json_fields(reference)
    equal = sum(path in found and json.dumps(found[path]) == json.dumps(value) for path, value in wanted.items())
    return equal / len(found.keys() | wanted.keys())


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L: the F1 of the longest common subsequence of words (Lin, ROUGE, 2004, section 3).

    Written here because the library rouge-score (last released in 2022) knows only a-z and 0-9: an answer in another
    script has no words for it.
    """
    found, wanted = WORD.findall(answer.casefold()), WORD.findall(reference.casefold())
    if not found or not wanted:
        return float(answer.strip() == reference.strip())
    return 2 * common_subsequence(found, wanted) / (len(found) + len(wanted))


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of the table in one integer (Hyyrö, 2004)."""
    places: dict[str, int] = {}
    for position, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << position
    whole = (1 << len(first)) - 1
    row = whole
    for word in second:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & whole
    return len(first) - row.bit_count()
