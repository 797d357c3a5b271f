"""What the answers of a block of examples are like, as marks of their examples and as numbers."""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.hashing import Hashes
from webapp.datasets.marks import Bits, bits
from webapp.datasets.pieces import ANSWERS, Pieces, pieces_of
from webapp.datasets.records import Conversation
from webapp.datasets.repetition import perhaps_repeating, repeats_itself
from webapp.datasets.shapes import order_of

SHORT_ANSWER_CHARACTERS = 5
ONE_WORD_CHARACTERS = 20

_json_decoder = msgspec.json.Decoder(dict[str, object] | list[object])


class Answers(NamedTuple):
    """Of a block's answers in words: marks of their examples, and of each its hash and its characters."""

    marks: Bits
    hashes: Hashes
    characters: npt.NDArray[np.uint32]
    json: int


def look_at_answers(found: Pieces, hashes: Hashes) -> Answers:
    """Looks at every answer; `hashes` are those of all texts."""
    places = np.flatnonzero(found.are(ANSWERS))
    texts = [found.texts[place] for place in places.tolist()]
    count = len(texts)
    characters = found.characters[places]
    stripped = np.fromiter(map(len, map(str.strip, texts)), np.uint32, count)
    marks = np.zeros(len(found.texts), np.uint64)
    own = np.zeros(count, np.uint64)
    own[stripped == 0] |= np.uint64(bits(["empty_answers"]))
    own[(stripped > 0) & (stripped < SHORT_ANSWER_CHARACTERS)] |= np.uint64(bits(["very_short_answers"]))
    one_word = [place for place in np.flatnonzero(characters <= ONE_WORD_CHARACTERS) if len(texts[place].split()) == 1]
    own[one_word] |= np.uint64(bits(["one_word_answers"]))
    perhaps = perhaps_repeating([found.encoded[place] for place in places.tolist()])
    repeating = [place for place in perhaps if repeats_itself(texts[place])]
    own[repeating] |= np.uint64(bits(["repetition"]))
    marks[places] = own
    json = sum([_is_json(text) for text in texts if text.lstrip()[:1] in ("{", "[")])
    blank = np.zeros(len(found.texts), np.bool_)
    blank[places] = stripped == 0
    return Answers(found.any_each(marks) | _untrained(found, blank), hashes[places], characters, json)


def _untrained(found: Pieces, blank: npt.NDArray[np.bool_]) -> Bits:
    """The mark of examples of which every answer with a weight is `blank`: a chat template adds no words to it.

    tests/notebooks/test_trainable.py compares this with what each family's template writes.
    """
    learned = (found.are(b"a") & ~blank) | found.are(b"c")
    has_text = found.any_each(learned.astype(np.uint64)) != 0
    return np.where(has_text, np.uint64(0), np.uint64(bits(["no_trained_text"])))


def teaches_nothing(conversation: Conversation) -> bool:
    """Whether one conversation would have the mark `no_trained_text`."""
    letters, texts = zip(*pieces_of(conversation, order_of(conversation)), strict=True)
    found = Pieces.of(list(texts), "".join(letters), [len(texts)])
    blank = np.array([not text.strip() for text in texts])
    return bool(_untrained(found, blank).any())


def _is_json(text: str) -> bool:
    try:
        _json_decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
