"""The analysis of a file: its blocks examined one by one, put together, and the report made of the whole."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from webapp.datasets.engines import Engine, Examine, in_this_process
from webapp.datasets.examining import Examination, Partial
from webapp.datasets.examples import ExampleWriter
from webapp.datasets.gathering import Gathered
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import NEAR_THRESHOLD, check_threshold
from webapp.datasets.openai_tokenizer import OpenAITokenizer
from webapp.datasets.opening import RowStream, open_rows
from webapp.datasets.reading import read_blocks
from webapp.datasets.report import Analysis
from webapp.datasets.reporting import nothing_valid, report
from webapp.datasets.rows import MAX_INVALID_ITEMS
from webapp.datasets.tokens import LearnedTexts, Tokenizer

Progress = Callable[[float], None]


def analyze(
    source: Path | BinaryIO,
    *,
    name: str | None = None,
    mapping: Mapping[str, str] | None = None,
    validation: Path | BinaryIO | None = None,
    tokenizer: Tokenizer | None = None,
    learned: LearnedTexts | None = None,
    near_threshold: float = NEAR_THRESHOLD,
    max_items: int = MAX_INVALID_ITEMS,
    engine: Engine = in_this_process,
    sink: ExampleWriter | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyses a dataset of any known container and format in one streaming pass, about 360 bytes of memory an example.

    `name` is the file's where `source` does not tell it; `mapping` says which column plays which part (formats.PARTS)
    where names alone do not. The examples of `validation`, a file like `source`, are compared with those of `source`
    and are no part of the report otherwise. `tokenizer` is o200k_base unless given; `learned` is how a model's chat
    template writes the answers, for the count of trained tokens; from `near_threshold` on (a Jaccard
    similarity, above 0 and at most 1) two examples are near-duplicates; at most `max_items` faults of invalid lines are
    named. `engine` says where the work is done; `sink` (entered by the caller) gets every valid example; `progress`
    gets the share that has been read, rising from 0 to 1, and may raise to end the analysis. The tokens wait in a
    temporary file, 4 bytes each. Raises Problem: `empty_file`, `no_valid_examples`, whose details hold the first
    invalid lines, the columns and their mapping, `invalid_near_threshold`, and those of `opening.open_rows` and of the
    engine.
    """
    check_threshold(near_threshold)
    counter = tokenizer or OpenAITokenizer()
    with TokenStore() as store, open_rows(source, name=name, mapping=mapping) as rows:
        by = Examination(counter, rows.layout, max_items, learned)
        gathered = Gathered(store, max_items, engine.cores)
        for part in _parts(rows, engine.start(by), progress):
            gathered.add(part)
            if sink:
                sink.write(part.canonical, part.sizes, part.lines, part.tokens)
        if not len(gathered):
            raise nothing_valid(gathered, rows)
        whole = gathered.compare(near_threshold)
        if sink:
            sink.annotate(whole.marks, whole.groups, gathered.invalid, gathered.refused)
        leaked = None
        if validation is not None:
            with open_rows(validation, mapping=mapping) as others:
                other = Examination(counter, others.layout)
                leaked = gathered.leakage(_parts(others, engine.start(other), None), near_threshold)
        gathered.let_go_of_signatures()
        return report(gathered, whole, leaked, by=by, source=rows.source)


def _parts(rows: RowStream, engine: AbstractContextManager[Examine], progress: Progress | None) -> Iterator[Partial]:
    tell = progress or (lambda _share: None)
    with engine as examine:
        for part in examine(read_blocks(rows.stream)):
            yield part
            tell(rows.share(part.end))
    tell(1.0)
