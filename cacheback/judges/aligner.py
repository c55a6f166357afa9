"""A small transformer over two texts' token vectors that sees which words are aligned with which.

It knows 400 frequent words by name (function words, mostly) and all others by their vectors alone;
each head of its attention may follow the cosine between tokens, and how they stand to each other:
whether they are the same word, in one text, how far apart. So it learns what exchanging, adding or
moving words does. The graph, `aligner.onnx` (0.4 million weights), is made by
`scripts/judge/exporting.py`; this is what is given to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cacheback.embedders.minilm.model import TOKENIZER, session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

HEADS = 6
REACH = 12  # tokens: beyond, all distances are alike
_EMBEDDED = 384
_ONE, _OTHER, _FIRST = 0, 1, 2  # segments: of the two texts, and of the token that sums up
_TURNED = np.array([_OTHER, _ONE, _FIRST], dtype=np.int64)  # by segment: what it is the other way


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as the judge reads it, without [CLS] and [SEP].

    `ids` shape (tokens,), int64; `directions` shape (tokens, 384), float32, a vector of unit length
    per token.
    """

    ids: Integers
    directions: Array


class Aligner:
    """The graph, and the words that it knows by name (`frequent.json`, token ids)."""

    def __init__(self, folder: Path) -> None:
        self._session = session(folder / "aligner.onnx")
        self._known = by_name(json.loads((folder / "frequent.json").read_text(encoding="utf-8")))

    def log_odds(self, one: Reading, other: Reading) -> float:
        """How much speaks for one answer being right for both, whichever is asked; not calibrated.

        Both orders are read, in one run: it is wrong less often where it is sure, and a pair has
        one verdict.
        """
        feed = inputs(one, other, self._known)
        return float(self._session.run(["log_odds"], feed)[0].mean())


def inputs(one: Reading, other: Reading, known: Integers) -> dict[str, NDArray[Any]]:
    """What the graph is given of a pair, by its inputs' names; `known` is what `by_name` gives.

    There is a first token that sums up, then those of both texts, n in all. `directions` (1, n,
    384); `numbers` (1, n, 6) from `nearest_of` and `facts_of`; `near` (1, n, n) the cosines between
    tokens; `known` (1, n) which frequent word each is, or 0; `relations` (1, n, n); `segments` (2,
    n) for both orders: of a pair that is turned the texts alone have other numbers, as no token's
    place tells the graph anything but its distance to others.
    """
    ids, sizes = np.concatenate([one.ids, other.ids]), (len(one.ids), len(other.ids))
    first = np.zeros((1, _EMBEDDED), dtype=np.float32)
    directions = np.concatenate([first, one.directions, other.directions])
    near, same, segments = directions @ directions.T, same_tokens(ids), segments_of(sizes)
    shared = {
        "directions": directions,
        "numbers": np.column_stack([nearest_of(near, sizes), facts_of(ids, same, sizes)]),
        "near": near,
        "known": np.concatenate([[0], known[ids]]),
        "relations": relations(same, sizes),
    }
    both = np.stack([segments, _TURNED[segments]])
    return {**{name: value[None] for name, value in shared.items()}, "segments": both}


def by_name(frequent: list[int]) -> Integers:
    """By token id: 0, or which of the frequent ones it is, from 1 on."""
    known = np.zeros(len(_kinds()[0]), dtype=np.int64)
    known[frequent] = np.arange(1, len(frequent) + 1)
    return known


def segments_of(sizes: tuple[int, int]) -> Integers:
    """In which text each token of a pair stands, shape (n,), int64; the first in neither."""
    return np.repeat(np.array([_FIRST, _ONE, _OTHER], dtype=np.int64), [1, *sizes])


def same_tokens(ids: Integers) -> Flags:
    """Of every two tokens of a pair whether they are the same; the first is none."""
    same = np.zeros((1 + len(ids), 1 + len(ids)), dtype=np.bool_)
    same[1:, 1:] = ids[:, None] == ids[None]
    return same


def relations(same: Flags, sizes: tuple[int, int]) -> Integers:
    """How every two tokens of a pair stand to each other, by number: whether they are the same,
    whether they stand in one text, and how far apart there, in tokens."""
    where = segments_of(sizes)
    at = np.concatenate([np.arange(size, dtype=np.int64) for size in (1, *sizes)])
    together = where[:, None] == where[None]
    apart = np.clip(at[None] - at[:, None], -REACH, REACH) + REACH
    found: Integers = (2 * same + together) * (2 * REACH + 1) + apart
    return found


def nearest_of(near: Array, sizes: tuple[int, int]) -> Array:
    """Of each token the cosine to the nearest of the other text, shape (n,)."""
    cut = 1 + sizes[0]
    found = np.zeros(len(near), dtype=np.float32)
    found[1:cut] = near[1:cut, cut:].max(axis=1)
    found[cut:] = near[cut:, 1:cut].max(axis=1)
    return found


def facts_of(ids: Integers, same: Flags, sizes: tuple[int, int]) -> Array:
    """What is known of each token beside its vector, shape (n, 5)."""
    cut = 1 + sizes[0]
    found = np.zeros((len(ids) + 1, 5), dtype=np.float32)
    found[1:cut, 0] = same[1:cut, cut:].any(axis=1)
    found[cut:, 0] = same[cut:, 1:cut].any(axis=1)
    numbers, continued = _kinds()
    found[1:, 1], found[1:, 2] = numbers[ids], continued[ids]
    found[1:, 3] = np.log(ids + 1) / 10  # rarer words have greater ids
    found[1:, 4] = np.concatenate([np.arange(size) / size for size in sizes])
    return found


@cache
def _kinds() -> tuple[Flags, Flags]:
    """By token id: whether it has a digit, and whether it goes on a word."""
    vocabulary: dict[str, int] = json.loads(TOKENIZER.read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    digits = np.array([any(map(str.isdigit, word)) for word in words])
    return digits, np.array([word.startswith("##") for word in words])
