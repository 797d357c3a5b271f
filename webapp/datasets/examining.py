"""One block of lines to what there is to know about it: a pure function, so that blocks can be examined anywhere."""

from collections import Counter
from collections.abc import Sequence
from operator import methodcaller

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.answers import look_at_answers
from webapp.datasets.bad_lines import BadLine
from webapp.datasets.conflicts import prompt_and_answer
from webapp.datasets.contents import look_at_contents
from webapp.datasets.formats import OPENAI_MESSAGES, Layout
from webapp.datasets.hashing import Hashes, line_digests, line_ends, mix, text_hashes
from webapp.datasets.languages import SAMPLE_EXAMPLES, excerpt
from webapp.datasets.marks import Bits, bits
from webapp.datasets.near_duplicates import Signed, sign
from webapp.datasets.pieces import ROLE_OF, SETTING, TRAINED, Pieces, contents_of, pieces
from webapp.datasets.reading import Block
from webapp.datasets.report import InvalidLine
from webapp.datasets.rows import MAX_INVALID_ITEMS, Rows, read_rows
from webapp.datasets.sampling import SmallestHashes, share_of
from webapp.datasets.shapes import shape_of
from webapp.datasets.tokens import SAMPLED_CHARACTERS, SAMPLED_TEXTS, LearnedTexts, Sampled, TokenBatch, Tokenizer

LONG_EXAMPLE_TOKENS = 4096
MANY_TURNS = 8
KEPT_KEYS, _KEY_CHARACTERS = 20, 60
_ASKS = methodcaller("endswith", ("?", "？", "؟"))


class Examination(msgspec.Struct, frozen=True):
    """What blocks are examined with, the same for all of a file: at most `max_items` faults are named a block.

    With `learned`, the tokens that are trained are those of the answers as the chosen model's template writes them.
    """

    tokenizer: Tokenizer
    layout: Layout = OPENAI_MESSAGES
    max_items: int = MAX_INVALID_ITEMS
    learned: LearnedTexts | None = None


class Totals(msgspec.Struct):
    """Sums over examples: messages and tokens by role, hits of private data by kind, and numbers by name.

    `turns` counts examples by their messages of the user, `MANY_TURNS` and more together.
    """

    roles: Counter[str] = msgspec.field(default_factory=Counter)
    turns: Counter[int] = msgspec.field(default_factory=Counter)
    tokens: Counter[str] = msgspec.field(default_factory=Counter)
    hits: Counter[str] = msgspec.field(default_factory=Counter)
    trained_tokens: int = 0
    characters: int = 0
    non_ascii: int = 0
    json_answers: int = 0
    questions: int = 0

    def add(self, other: "Totals") -> None:
        """Adds the sums of other examples."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Partial(msgspec.Struct, frozen=True):
    """What is known of a block of n examples and a answers; partials of neighbouring blocks make up a file's.

    lines, tokens: uint32[n], the number of the line and of all tokens; marks: uint64[n], see marks.py; digests:
    uint64[n, 2] of the canonical lines, which `canonical` holds, each `sizes[i]` bytes long; prompts: uint64[n, 2], see
    conflicts.py; answer_hashes: uint64[a]; answer_characters: uint32[a]; said: the tokens without system prompts and
    tools.
    """

    end: int
    invalid: list[int]
    faults: list[InvalidLine]
    refused: list[BadLine]
    unknown_keys: list[str]
    lines: npt.NDArray[np.uint32]
    tokens: npt.NDArray[np.uint32]
    marks: Bits
    digests: Hashes
    canonical: bytes
    sizes: npt.NDArray[np.uint32]
    prompts: Hashes
    answer_hashes: Hashes
    answer_characters: npt.NDArray[np.uint32]
    said: Signed
    totals: Totals
    excerpts: SmallestHashes[str]
    sampled: SmallestHashes[Sampled]


def examine(block: Block, by: Examination) -> Partial:
    """Reads, checks, counts and compares the lines of one block."""
    rows = read_rows(block, by.layout, by.max_items)
    found = pieces(rows)
    encoded = by.tokenizer.encode(found.texts)
    hashes = text_hashes(found.encoded)
    lines = np.array(rows.numbers, np.uint32)
    tokens = _sums(encoded.counts, found.starts).astype(np.uint32)
    answers, contents = look_at_answers(found, hashes), look_at_contents(found)
    canonical = bytes(rows.canonical)
    ends = line_ends(canonical)
    place = len(block.lines), block.first - 1
    totals = _totals(rows, found, encoded, contents.hits, answers.json)
    if by.learned:
        totals.trained_tokens = _rendered_tokens(rows, by.tokenizer, by.learned)
    return Partial(
        end=block.end,
        invalid=rows.invalid,
        faults=rows.faults,
        refused=rows.refused,
        unknown_keys=sorted({key[:_KEY_CHARACTERS] for key in rows.unknown_keys})[:KEPT_KEYS],
        lines=lines,
        tokens=tokens,
        marks=_marks(rows, tokens) | answers.marks | contents.marks,
        digests=line_digests(canonical, ends),
        canonical=canonical,
        sizes=np.diff(ends, prepend=0).astype(np.uint32),
        prompts=prompt_and_answer(found, hashes),
        answer_hashes=answers.hashes,
        answer_characters=answers.characters,
        said=sign(_said(found, encoded)),
        totals=totals,
        excerpts=_excerpts(rows, lines, share_of(SAMPLE_EXAMPLES, *place)),
        sampled=_sampled(found, encoded, lines, share_of(SAMPLED_TEXTS, *place)),
    )


def _rendered_tokens(rows: Rows, tokenizer: Tokenizer, learned: LearnedTexts) -> int:
    """The tokens of all answers to learn, special ones included."""
    rendered = [learned(msgspec.to_builtins(conversation)) for conversation in rows.conversations]
    texts = [text for pieces, _ in rendered for text in pieces]
    return len(tokenizer.encode(texts).ids) + sum(specials for _, specials in rendered)


def _marks(rows: Rows, tokens: npt.NDArray[np.uint32]) -> Bits:
    marks = np.array([shape_of(order).marks for order in rows.orders], np.uint64)
    marks[tokens > LONG_EXAMPLE_TOKENS] |= np.uint64(bits(["long_examples"]))
    for place, names in rows.noticed.items():
        marks[place] |= np.uint64(bits(names))
    return marks


def _sums(counts: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    sums = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=sums[1:])
    return np.diff(sums[starts])


def _said(found: Pieces, encoded: TokenBatch) -> TokenBatch:
    """The tokens of each example without its system prompts and tools."""
    is_said = ~found.are(SETTING)
    counts = encoded.counts
    offsets = np.zeros(len(found.starts), np.int64)
    np.cumsum(_sums(counts * is_said, found.starts), out=offsets[1:])
    ids = encoded.ids if is_said.all() else encoded.ids[np.repeat(is_said, counts)]
    return TokenBatch(ids, offsets)


def _totals(rows: Rows, found: Pieces, encoded: TokenBatch, hits: Counter[str], json: int) -> Totals:
    by_letter = np.bincount(found.letters, weights=encoded.counts, minlength=256).astype(np.int64)
    tokens: Counter[str] = Counter()
    for letter, role in ROLE_OF.items():
        tokens[role] += int(by_letter[ord(letter)])
    letters = "".join(rows.orders)
    # What calls and definitions hold is left out: these are counts of messages' contents.
    contents = found if not rows.noticed else contents_of(rows)
    users = map(found.texts.__getitem__, np.flatnonzero(found.are(b"u")).tolist())
    return Totals(
        roles=+Counter({ROLE_OF[letter]: letters.count(letter) for letter in "suat"}),
        turns=_turns(rows.orders),
        tokens=+tokens,
        hits=hits,
        trained_tokens=int(by_letter[list(TRAINED)].sum()),
        characters=int(contents.characters.sum()),
        non_ascii=_non_ascii(contents),
        json_answers=json,
        questions=sum(map(_ASKS, map(str.rstrip, users))),
    )


def _turns(orders: Sequence[str]) -> Counter[int]:
    turns: Counter[int] = Counter()
    for order, examples in Counter(orders).items():
        turns[min(order.count("u"), MANY_TURNS)] += examples
    return turns


def _non_ascii(found: Pieces) -> int:
    """How many characters are not ASCII: a byte below 128 is always a character of its own."""
    others = np.flatnonzero(found.sizes != found.characters)
    joined = b"".join([found.encoded[place] for place in others.tolist()])
    ascii_bytes = np.count_nonzero(np.frombuffer(joined, np.int8) >= 0)
    return int(found.characters[others].sum()) - int(ascii_bytes)


def _excerpts(rows: Rows, lines: npt.NDArray[np.uint32], size: int) -> SmallestHashes[str]:
    sample: SmallestHashes[str] = SmallestHashes(size)
    sample.offer(mix(lines.astype(np.uint64)), lambda place: excerpt(rows.conversations[place]))
    return sample


def _sampled(found: Pieces, encoded: TokenBatch, lines: npt.NDArray[np.uint32], size: int) -> SmallestHashes[Sampled]:
    sample: SmallestHashes[Sampled] = SmallestHashes(size)
    short = np.flatnonzero(found.characters <= SAMPLED_CHARACTERS)
    line_of = np.repeat(lines, np.diff(found.starts)).astype(np.uint64)
    hashes = mix(line_of << np.uint64(32) | found.inside().astype(np.uint64))[short]
    sample.offer(hashes, lambda place: (found.texts[short[place]], encoded.text(short[place]).copy()))
    return sample
