"""A small transformer over two texts' token vectors that sees which words are aligned with which.

It knows 400 frequent words by name (function words, mostly) and all others by their vectors from
the embedder alone; each head of its attention may follow the cosine between tokens, the sameness of
words, the text they stand in, and their distance. So it learns what exchanging, adding or moving
words does, and little of what single words mean. Pure numpy: 0.4 million weights in `aligner.npz`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cacheback.embedders.minilm.model import TOKENIZER
from cacheback.judges.features import figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cacheback.judges.features import Reading

    Array = NDArray[np.float32]

HEADS = 6
REACH = 12  # tokens: beyond, all distances are alike
_ONE, _OTHER, _FIRST = 0, 1, 2  # segments: of the two texts, and of the token that sums up
MOST = 6.0  # standard deviations of a figure
_EPSILON = 1e-5


class Aligner:
    """The model with its weights."""

    def __init__(self, file: Path) -> None:
        with np.load(file, allow_pickle=False) as stored:
            self._weights: Mapping[str, Array] = {
                name: stored[name].astype(np.float32) for name in stored.files
            }
        self._known = np.zeros(int(self._weights["vocabulary"][0]), dtype=np.int64)
        frequent = self._weights["frequent"].astype(np.int64)
        self._known[frequent] = np.arange(1, len(frequent) + 1)

    def log_odds(self, one: Reading, other: Reading) -> float:
        """How much speaks for one answer being right for both; not calibrated."""
        w = self._weights
        found = (figures(one, other) - w["figures_mean"]) / w["figures_spread"]
        features = np.clip(found, -MOST, MOST).astype(np.float32)
        x = self._tokens(one, other)
        pooled = np.concatenate([x[0], x[1:].mean(axis=0), x[1:].max(axis=0), features])
        hidden = _gelu(w["h1.weight"] @ pooled + w["h1.bias"])
        total = w["h2.weight"] @ hidden + w["h2.bias"] + w["lin.weight"] @ features + w["lin.bias"]
        return float(total[0])

    def _tokens(self, one: Reading, other: Reading) -> Array:
        """A vector for the whole, then one per token of both texts: (1 + n + m, width)."""
        w = self._weights
        ids = np.concatenate([one.ids[1:-1], other.ids[1:-1]])
        vectors = np.concatenate([one.directions[1:-1], other.directions[1:-1]])
        sizes = (len(one.ids) - 2, len(other.ids) - 2)
        segments = np.repeat([_FIRST, _ONE, _OTHER], [1, *sizes])
        places = np.concatenate([[0], *(np.arange(size) for size in sizes)])
        width = len(ids) + 1
        near, same = within(vectors, ids)
        x = w["func.weight"][np.concatenate([[0], self._known[ids]])] + w["seg.weight"][segments]
        x += _linear(numbers_of(ids, near, same, sizes), w, "num")
        projected = np.zeros((width, w["proj.weight"].shape[0]), dtype=np.float32)
        projected[1:] = vectors @ w["proj.weight"].T
        x += _linear(projected, w, "inp")
        alike = (segments[:, None] == segments[None]).astype(np.float32)
        apart = np.clip(places[None] - places[:, None], -REACH, REACH) + REACH
        apart = apart + alike.astype(np.int64) * (2 * REACH + 1)
        number = 0
        while f"blocks.{number}.qkv.weight" in w:
            x = self._block(x, f"blocks.{number}", near, same, alike, apart)
            number += 1
        return _normalised(x, w, "norm")

    def _block(  # noqa: PLR0917 - what attention may follow
        self, x: Array, name: str, near: Array, same: Array, alike: Array, apart: NDArray[np.int64]
    ) -> Array:
        w = self._weights
        length, width = x.shape
        mixed = _linear(_normalised(x, w, f"{name}.n1"), w, f"{name}.qkv")
        query, key, value = mixed.reshape(length, 3, HEADS, width // HEADS).transpose(1, 2, 0, 3)
        seen = query @ key.transpose(0, 2, 1) / np.float32((width // HEADS) ** 0.5)
        for follows, matrix in (("cos", near), ("ex", same), ("same", alike)):
            seen += w[f"{name}.{follows}"][:, None, None] * matrix
        seen += w[f"{name}.rel.weight"][apart].transpose(2, 0, 1)
        seen = np.exp(seen - seen.max(axis=-1, keepdims=True))
        seen /= seen.sum(axis=-1, keepdims=True)
        joined = (seen @ value).transpose(1, 0, 2).reshape(length, width)
        x = x + _linear(joined, w, f"{name}.o")
        wide = _gelu(_linear(_normalised(x, w, f"{name}.n2"), w, f"{name}.up"))
        result: Array = x + _linear(wide, w, f"{name}.down")
        return result


def within(vectors: Array, ids: NDArray[np.int64]) -> tuple[Array, Array]:
    """Cosines between all tokens of a pair, and 1 where two are the same; the first is none."""
    width = len(ids) + 1
    near, same = np.zeros((2, width, width), dtype=np.float32)
    near[1:, 1:] = vectors @ vectors.T
    same[1:, 1:] = ids[:, None] == ids[None]
    return near, same


def numbers_of(ids: NDArray[np.int64], near: Array, same: Array, sizes: tuple[int, int]) -> Array:
    """What is known of each token beside its vector, shape (1 + n + m, 6)."""
    cut = 1 + sizes[0]
    found = np.zeros((len(ids) + 1, 6), dtype=np.float32)
    for mine, theirs in ((slice(1, cut), slice(cut, None)), (slice(cut, None), slice(1, cut))):
        found[mine, 0] = near[mine, theirs].max(axis=1)
        found[mine, 1] = same[mine, theirs].any(axis=1)
    numbers, continued = _kinds()
    found[1:, 2], found[1:, 3] = numbers[ids], continued[ids]
    found[1:, 4] = np.log(ids + 1) / 10  # rarer words have greater ids
    found[1:, 5] = np.concatenate([np.arange(size) / size for size in sizes])
    return found


@cache
def _kinds() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By token id: whether it has a digit, and whether it goes on a word."""
    vocabulary: dict[str, int] = json.loads(TOKENIZER.read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    digits = np.array([any(map(str.isdigit, word)) for word in words])
    return digits, np.array([word.startswith("##") for word in words])


def _linear(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    result: Array = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return result


def _normalised(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    mean, spread = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    scaled = (x - mean) / np.sqrt(spread + _EPSILON)
    result: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def _gelu(x: Array) -> Array:
    """By the hyperbolic tangent, within 0.001 of the exact one (Hendrycks and Gimpel 2016)."""
    inner = np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x)
    result: Array = 0.5 * x * (1 + np.tanh(inner))
    return result
