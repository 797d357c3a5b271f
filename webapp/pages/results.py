"""What came of a run: its report, its answers side by side, its curve, its files and its receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.datasets.repair import Piece, word_pieces
from webapp.pages.run_charts import curves
from webapp.pages.wording import number
from webapp.plurals import counted
from webapp.training.report_page import METRIC_NAMES

Against = Literal["before", "reference"]
# Of an answer: more than a model writes unless it never ends.
_LONGEST = 8000
# What is longer scrolls in a frame of its own: a model that never ends a line by itself would fill the page.
_LINES, _CHARACTERS = 12, 1200
# Two answers that share less are two different texts: marks on nearly every word would say nothing.
_LITTLE = 0.3


@dataclass(frozen=True)
class Side:
    """An answer under its heading; its pieces are `same`, `removed` or `added`."""

    title: str
    pieces: list[Piece]
    score: str = ""

    @property
    def tall(self) -> bool:
        """Whether it is too long to be shown whole."""
        return _tall("".join(piece.text for piece in self.pieces))


@dataclass(frozen=True)
class Answers:
    """A prompt with its answers; they are `unlike` where they have little in common, and nothing is marked then."""

    prompt: str
    verdict: str
    ended: bool
    unlike: bool
    sides: list[Side]

    @property
    def tall(self) -> bool:
        """Whether the prompt is too long to be shown whole."""
        return _tall(self.prompt)


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/runs/<job_id>/result", endpoint="result")(show)


def show(job_id: str) -> ResponseReturnValue:
    """The result of a run; the query string says what the answers are compared with."""
    state = workflow.run_state(services(), caller(), job_id)
    result = state.job.result or {}
    against: Against = "reference" if request.args.get("against") == "reference" else "before"
    return render_template(
        "result.html",
        job=state.job,
        notebook=state.notebook,
        result=result,
        measured=(result.get("loss") or {}).get("eval_after") is not None,
        against=against,
        answers=[compared(sample, against) for sample in result.get("samples") or ()],
        files=workflow.artifacts(services(), caller(), job_id),
        receipt=receipt_rows(workflow.run_receipt(services(), caller(), job_id)),
        **curves(job_id, url_for("pages.result", job_id=job_id)),
    )


def compared(sample: Mapping[str, Any], against: Against) -> Answers:
    """The answers of one prompt, what differs marked: each from the other, or both from the data's own."""
    texts = [str(sample.get(name) or "") for name in ("before", "after", "reference")]
    before, after, reference = texts
    pairs = [(before, after)] if against == "before" else [(reference, before), (reference, after)]
    found = [list(word_pieces(*pair, longest=_LONGEST)) for pair in pairs]
    unlike = all(_in_common(pieces) < _LITTLE for pieces in found)
    if unlike:
        marked = [[Piece("same", before)], [Piece("same", after)]]
    elif against == "before":
        marked = [_without(found[0], "added"), _without(found[0], "removed")]
    else:
        marked = [_without(pieces, "removed") for pieces in found]
    return Answers(
        prompt=str(sample.get("prompt") or ""),
        verdict=str(sample.get("verdict") or ""),
        ended=bool(sample.get("ended", True)),
        unlike=unlike,
        sides=[
            Side("Before", marked[0], _score(sample, "before")),
            Side("After", marked[1], _score(sample, "after")),
            Side("In your data", [Piece("same", reference)]),
        ],
    )


def _tall(text: str) -> bool:
    return text.count("\n") > _LINES or len(text) > _CHARACTERS


def _in_common(pieces: Sequence[Piece]) -> float:
    """The share of the characters, without spaces, that both texts have; 1 where there are none."""
    lengths = [(piece.kind == "same", len("".join(piece.text.split()))) for piece in pieces]
    whole = sum(length for _, length in lengths)
    return sum(length for same, length in lengths if same) / whole if whole else 1.0


def _without(pieces: Sequence[Piece], kind: str) -> list[Piece]:
    return [piece for piece in pieces if piece.kind != kind]


def _score(sample: Mapping[str, Any], side: str) -> str:
    """The score and the loss of an answer, as far as the report has them."""
    score, loss, metric = sample.get(f"score_{side}"), sample.get(f"loss_{side}"), sample.get("metric")
    said = [f"{METRIC_NAMES.get(str(metric), metric)} {score:.2f}"] if score is not None and metric else []
    return ", ".join([*said, *([f"loss {loss:.3f}"] if loss is not None else [])])


def receipt_rows(receipt: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The main entries of a receipt, as names and values; a receipt is a file that anyone may have changed."""
    if not receipt:
        return []
    split = receipt.get("split")
    split = split if isinstance(split, Mapping) else {}
    versions = receipt.get("versions")
    versions = versions if isinstance(versions, Mapping) else {}
    told = {
        "Base model": receipt.get("base_model"),
        "Data (SHA-256)": receipt.get("dataset_sha256"),
        "Rows": _split_in_words(split),
        "Split (SHA-256)": split.get("sha256"),
        "Chat template (SHA-256)": receipt.get("template_sha256"),
        "Parameters (fingerprint)": receipt.get("fingerprint"),
        "Machine": receipt.get("hardware"),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return [(name, str(value)) for name, value in told.items() if value]


def _split_in_words(split: Mapping[str, Any]) -> str:
    train, held_out = split.get("train"), split.get("held_out")
    if not isinstance(train, int) or not isinstance(held_out, int):
        return ""
    return f"{counted(train, 'conversation')} trained on, {number(held_out)} held out"
