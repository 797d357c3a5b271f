"""The analysis of a file: its blocks examined one by one, put together, and the report made of the whole."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from webapp.datasets.engines import Engine, Examine, in_this_process
from webapp.datasets.examining import Examination, Partial
from webapp.datasets.examples import ExampleWriter
from webapp.datasets.gathering import Gathered
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import NEAR_THRESHOLD, check_threshold
from webapp.datasets.openai_tokenizer import OpenAITokenizer
from webapp.datasets.reading import read_blocks
from webapp.datasets.report import Analysis
from webapp.datasets.reporting import nothing_valid, report
from webapp.datasets.tokens import Tokenizer

Progress = Callable[[float], None]


def analyze(
    source: Path | BinaryIO,
    *,
    validation: Path | BinaryIO | None = None,
    tokenizer: Tokenizer | None = None,
    near_threshold: float = NEAR_THRESHOLD,
    engine: Engine = in_this_process,
    sink: ExampleWriter | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyses OpenAI `messages` JSON lines in one streaming pass, about 720 bytes of memory an example.

    The tokens wait in a temporary file, 4 bytes each. The examples of `validation` are compared with those of `source`
    and are no part of the report otherwise. `tokenizer` is o200k_base unless given; from `near_threshold` on (a Jaccard
    similarity, above 0 and at most 1) two examples are near-duplicates; `engine` says where the work is done; `sink`
    (entered by the caller) gets every valid example; `progress` gets the share that has been read, rising from 0 to 1,
    and may raise to end the analysis. Raises Problem: `empty_file`, `unsupported_encoding`, `no_valid_examples`, whose
    details hold the first invalid lines, `invalid_near_threshold`.
    """
    check_threshold(near_threshold)
    by = Examination(tokenizer or OpenAITokenizer())
    with TokenStore() as store, engine(by) as examine:
        gathered = Gathered(store)
        for part in _parts(source, examine, progress):
            gathered.add(part)
            if sink:
                sink.write(part.canonical, part.sizes, part.lines, part.tokens)
        if not len(gathered):
            raise nothing_valid(gathered)
        whole = gathered.compare(near_threshold)
        if sink:
            sink.annotate(whole.marks, whole.duplicates.exact.first, whole.duplicates.near.first, gathered.invalid)
        leaked = None
        if validation is not None:
            leaked = gathered.leakage(_parts(validation, examine, None), near_threshold)
    return report(gathered, whole, leaked, by.tokenizer)


def _parts(source: Path | BinaryIO, examine: Examine, progress: Progress | None) -> Iterator[Partial]:
    with _opened(source) as (stream, size):
        for part in examine(read_blocks(stream)):
            yield part
            if progress:
                progress(min(1.0, part.end / size))
    if progress:
        progress(1.0)


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[tuple[BinaryIO, float]]:
    """The stream and its size in bytes, endless for a pipe."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            # A named pipe has no size.
            yield stream, os.fstat(stream.fileno()).st_size or float("inf")
    elif source.seekable():
        start = source.tell()
        size = source.seek(0, os.SEEK_END) - start
        source.seek(start)
        yield source, size
    else:
        yield source, float("inf")
