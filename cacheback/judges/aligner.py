"""A small transformer over two texts' token vectors that sees which words are aligned with which.

It knows 400 frequent words by name (function words, mostly) and all others by their vectors alone;
each head of its attention may follow the cosine between tokens, the sameness of words, the text
they stand in, and their distance. So it learns what exchanging, adding or moving words does. The
graph, `aligner.onnx` (0.4 million weights), is made by `scripts/judge/exporting.py`; this is what
is given to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cacheback.embedders.minilm.model import TOKENIZER, session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]

HEADS = 6
REACH = 12  # tokens: beyond, all distances are alike
_ONE, _OTHER, _FIRST = 0, 1, 2  # segments: of the two texts, and of the token that sums up
_EMBEDDED = 384


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as the judge reads it.

    `ids` shape (n,), int64, from [CLS] to [SEP]; `directions` shape (n, 384), float32, a vector of
    unit length per token.
    """

    ids: Integers
    directions: Array


class Aligner:
    """The graph, and the words that it knows by name (`frequent.json`, token ids)."""

    def __init__(self, folder: Path) -> None:
        self._session = session(folder / "aligner.onnx")
        self._known = by_name(json.loads((folder / "frequent.json").read_text(encoding="utf-8")))

    def log_odds(self, one: Reading, other: Reading) -> float:
        """How much speaks for one answer being right for both; not calibrated."""
        ids = np.concatenate([one.ids[1:-1], other.ids[1:-1]])
        sizes = (len(one.ids) - 2, len(other.ids) - 2)
        directions = np.zeros((1 + len(ids), _EMBEDDED), dtype=np.float32)
        directions[1 : 1 + sizes[0]] = one.directions[1:-1]
        directions[1 + sizes[0] :] = other.directions[1:-1]
        near, same = within(directions, ids)
        segments, alike, apart = places(sizes)
        known = np.zeros(1 + len(ids), dtype=np.int64)
        known[1:] = self._known[ids]
        feed = {
            "directions": directions,
            "numbers": np.column_stack([nearest(near, sizes), facts_of(ids, same, sizes)]),
            "known": known,
            "segments": segments,
            "near": near,
            "same": same,
            "alike": alike,
            "apart": apart,
        }
        return float(self._session.run(["log_odds"], feed)[0][0])


def by_name(frequent: list[int]) -> Integers:
    """By token id: 0, or which of the frequent ones it is, from 1 on."""
    known = np.zeros(len(_kinds()[0]), dtype=np.int64)
    known[frequent] = np.arange(1, len(frequent) + 1)
    return known


def within(directions: Array, ids: Integers) -> tuple[Array, Array]:
    """Cosines between all tokens of a pair, and 1 where two are the same; the first is none."""
    near = directions @ directions.T
    same = np.zeros_like(near)
    same[1:, 1:] = ids[:, None] == ids[None]
    return near, same


def places(sizes: tuple[int, int]) -> tuple[Integers, Array, Integers]:
    """Where tokens stand: the segment of each, shape (1 + n + m,); and of every two, shape (1 + n +
    m, 1 + n + m), whether it is the same, and how far apart they are, in another range if it is."""
    segments = np.repeat([_FIRST, _ONE, _OTHER], [1, *sizes])
    at = np.concatenate([[0], *(np.arange(size) for size in sizes)])
    alike = segments[:, None] == segments[None]
    apart = np.clip(at[None] - at[:, None], -REACH, REACH) + REACH
    return segments, alike.astype(np.float32), apart + alike * (2 * REACH + 1)


def nearest(near: Array, sizes: tuple[int, int]) -> Array:
    """Of each token the cosine to the nearest of the other text, shape (1 + n + m,)."""
    cut = 1 + sizes[0]
    found = np.zeros(len(near), dtype=np.float32)
    found[1:cut] = near[1:cut, cut:].max(axis=1)
    found[cut:] = near[cut:, 1:cut].max(axis=1)
    return found


def facts_of(ids: Integers, same: Array, sizes: tuple[int, int]) -> Array:
    """What is known of each token beside its vector, shape (1 + n + m, 5)."""
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
def _kinds() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By token id: whether it has a digit, and whether it goes on a word."""
    vocabulary: dict[str, int] = json.loads(TOKENIZER.read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    digits = np.array([any(map(str.isdigit, word)) for word in words])
    return digits, np.array([word.startswith("##") for word in words])
