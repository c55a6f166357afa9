"""A pair in figures: what each word finds in the other text, and what the guards object to.

Every word is aligned with the nearest word of the other text, both ways (cosine of the embedder's
token vectors); most figures say how many words find nothing and how telling those are. They come
in the order of `NAMES`, which the weights beside this module repeat.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from cacheback.core.guards import GUARDS
from cacheback.embedders.minilm import tokens
from cacheback.embedders.minilm.model import TOKENIZER, shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Figures = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_UNKNOWN, _LAST_SPECIAL = 100, 103  # [UNK] stands for a word, the others below [MASK] for none
_RARE = 5_000  # ids grow as words get rarer: from here on a word is telling
_SHARP = 10.0  # of the soft alignment: how much more a nearer word counts
_SURE = 0.6  # cosine from which an aligned word takes part in the order of words
_FAR = (0.5, 0.65, 0.35)  # cosines below which a missing word has nothing like it
_LOWEST = 4  # so many of the worst aligned words are looked at one by one

_NEGATIONS = "not no never without none nor neither nobody nothing cannot hardly un non except"
_SHORTENED = "t"  # of "don't", "can't"
_ASKS = (
    "how",
    "what which",
    "when",
    "where",
    "who whom",
    "why",
    "can could may might",
    "should ought",
    "must have",
    "is are was were",
    "do does did",
    "will would",
)
_RELATIONS = (
    "more less most least best worst before after from to all some any only first last than "
    "above below under over in into out up down"
)
_COUNTS = (
    "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty "
    "fifty hundred thousand million half dozen"
)
_PLAIN = (
    "a an the is are am be do does did i my me it its this that you your please tell s t what "
    "there will would can could for in on at of to and or ? . , ! ' \" how we our us if so hi "
    "hello thanks just with"
)

_SIDE = (
    "alignment_mean",
    "alignment_least",
    "alignment_weighted",
    "alignment_soft",
    "lowest_1",
    "lowest_2",
    "lowest_3",
    "lowest_4",
    "repeated",
    "repeated_weighted",
    "missing_share",
    "missing",
    "missing_below_50",
    "missing_below_65",
    "missing_below_35",
    "missing_rare",
    "missing_alignment",
    "inversions",
    "number_missing",
    "relations_missing",
)
NAMES = (
    *(f"{name}_min" for name in _SIDE),
    *(f"{name}_max" for name in _SIDE),
    "cosine",
    "cosine_of_cls",
    "cosine_of_sep",
    "negated_once",
    "negations_differ",
    "asks_differ",
    "first_ask_same",
    "first_ask_other",
    "numbers_same",
    "numbers_differ",
    "numbers_shared",
    "length_less",
    "length_more",
    "length_ratio",
    "same_words",
    "cosine_squared",
    "cosine_by_length",
    "cls_in_other",
    "cls_in_one",
    *(f"guard_{guard.reason}" for guard in GUARDS),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as the bundled embedder reads it.

    `ids` shape (n,), int64, from [CLS] to [SEP]; `directions` shape (n, 384), float32, the token
    vectors at unit length; `vector` shape (384,), unit length.
    """

    text: str
    ids: NDArray[np.int64]
    directions: NDArray[np.float32]
    vector: NDArray[np.float32]

    @property
    def words(self) -> Flags:
        """Which tokens are words."""
        words: Flags = (self.ids > _LAST_SPECIAL) | (self.ids == _UNKNOWN)
        return words


@lru_cache(64)
def read(text: str) -> Reading:
    """A text of at most 512 tokens."""
    ids = tokens(text)
    vector, found = shared().read(ids, "tokens")
    directions = found / np.linalg.norm(found, axis=1, keepdims=True)
    return Reading(text, np.array(ids, dtype=np.int64), directions, vector)


@dataclass(frozen=True, slots=True)
class _Lexicon:
    """What is known of tokens by their ids: flags of shape (vocabulary,)."""

    negation: Flags
    shortened: Flags
    plain: Flags
    number: Flags
    relation: Flags
    ask: NDArray[np.int64]  # which of `_ASKS`, or -1


def figures(one: Reading, other: Reading) -> Figures:
    """In the order of `NAMES`, shape (67,), float64."""
    near = one.directions @ other.directions.T
    same = one.ids[:, None] == other.ids[None]
    left, right = _side(near, same, one, other), _side(near.T, same.T, other, one)
    objections = [bool(guard(one.text, other.text)) for guard in GUARDS]
    sides = [np.minimum(left, right), np.maximum(left, right)]
    return np.concatenate([*sides, _overall(one, other, near), objections])


def _side(near: NDArray[np.float32], same: Flags, one: Reading, other: Reading) -> Figures:
    """How the words of `one` find themselves in `other`, in the order of `_SIDE`."""
    rows, columns = np.flatnonzero(one.words), np.flatnonzero(other.words)
    if not len(rows) or not len(columns):
        return np.zeros(len(_SIDE))
    lexicon = _lexicon()
    near, words = near[np.ix_(rows, columns)], one.ids[rows]
    best, there = near.max(axis=1), same[np.ix_(rows, columns)].any(axis=1)
    telling = ~lexicon.plain[words]
    weights = np.where(telling, 1 + np.log(words / 1000).clip(0), 0.25)
    missing = telling & ~there
    path = near.argmax(axis=1)[there | (best > _SURE)]
    return np.array(
        [
            best.mean(),
            best.min(),
            (best * weights).sum() / weights.sum(),
            _softly(near),
            *_lowest(best[telling]),
            there.mean(),
            (there * weights).sum() / weights.sum(),
            missing.sum() / max(1, telling.sum()),
            np.log1p(missing.sum()),
            *(np.log1p((missing & (best < limit)).sum()) for limit in _FAR),
            np.log1p((missing & (words > _RARE)).sum()),
            best[missing].mean() if missing.any() else 1.0,
            (np.diff(path) < 0).mean() if len(path) > 1 else 0.0,
            (lexicon.number[words] & ~there).any(),
            np.log1p((lexicon.relation[words] & ~there).sum()),
        ],
        dtype=np.float64,
    )


def _softly(near: NDArray[np.float32]) -> float:
    """The mean cosine when each word looks at all words of the other text, mostly at near ones."""
    attention = np.exp(_SHARP * near)
    attention /= attention.sum(axis=1, keepdims=True)
    return float((attention * near).sum(axis=1).mean())


def _lowest(best: NDArray[np.float32]) -> Figures:
    padded = np.concatenate([np.sort(best)[:_LOWEST], np.ones(_LOWEST)])
    lowest: Figures = np.minimum(padded[:_LOWEST], 1)
    return lowest


def _overall(one: Reading, other: Reading, near: NDArray[np.float32]) -> Figures:
    lexicon, both = _lexicon(), (one, other)
    cosine = float(one.vector @ other.vector)
    negations = [int(lexicon.negation[text.ids].sum()) for text in both]
    shortened = [int(lexicon.shortened[text.ids].sum()) for text in both]
    negated = [(count + short) % 2 for count, short in zip(negations, shortened, strict=True)]
    asks = [[ask for ask in lexicon.ask[text.ids].tolist() if ask >= 0] for text in both]
    first = [found[0] if found else -1 for found in asks]
    numbers = [set(text.ids[lexicon.number[text.ids]].tolist()) for text in both]
    words = [text.ids[text.words] for text in both]
    less, more = sorted(max(1, len(found)) for found in words)
    return np.array(
        [
            cosine,
            near[0, 0],
            near[-1, -1],
            negated[0] != negated[1],
            abs(negations[0] - negations[1]),
            len(set(asks[0]) ^ set(asks[1])) / max(1, len({*asks[0], *asks[1]})),
            first[0] == first[1],
            first[0] != first[1] and min(first) >= 0,
            numbers[0] == numbers[1],
            len(numbers[0] ^ numbers[1]),
            bool(numbers[0] & numbers[1]),
            np.log(less),
            np.log(more),
            np.log(more / less),
            np.array_equal(np.sort(words[0]), np.sort(words[1])),
            cosine * cosine,
            cosine * np.log(less + more),
            near[0].max(),
            near[:, 0].max(),
        ],
        dtype=np.float64,
    )


@cache
def _lexicon() -> _Lexicon:
    vocabulary: dict[str, int] = json.loads(TOKENIZER.read_text(encoding="utf-8"))["model"]["vocab"]
    ask = np.full(len(vocabulary), -1)
    for number, words in enumerate(_ASKS):
        ask[[vocabulary[word] for word in words.split()]] = number
    digits = [token for word, token in vocabulary.items() if any(map(str.isdigit, word))]

    def flags(words: str, also: list[int] | None = None) -> Flags:
        flagged = np.zeros(len(vocabulary), dtype=np.bool_)
        flagged[[vocabulary[word] for word in words.split()] + (also or [])] = True
        return flagged

    return _Lexicon(
        negation=flags(_NEGATIONS),
        shortened=flags(_SHORTENED),
        plain=flags(_PLAIN),
        number=flags(_COUNTS, digits),
        relation=flags(_RELATIONS),
        ask=ask,
    )
