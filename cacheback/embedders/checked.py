"""The way in which every embedder is used: nothing that it returns is believed unseen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cacheback.embedders.base import BaseEmbedder
from cacheback.errors import CachebackError, ConfigurationError, EmbedderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cacheback.core.ports import Vector, Vectors
    from cacheback.models import Reason

# A question is encoded for the lookup and, after the upstream has answered, wanted again for the
# store. That takes seconds: 1024 covers 100 questions per second with answers that take 10 s, and
# costs 1.5 KB of memory each (384 float32) and the text.
REMEMBERED = 1024

# By how much float32 rounding moves the squared length of a unit vector (384 dimensions: 2e-7).
_ROUNDED = 1e-6
_NOT_FINITE = "NaN or infinity"


class Checked:
    """An `Embedder` port around any `BaseEmbedder`.

    Results become float32 at unit length. What is not a vector of `dim` finite numbers, not all
    of them zero, raises an `EmbedderError` that says what was expected, and so does whatever the
    embedder raises. The vectors of recent texts are remembered (`remember`, a number of texts;
    0: none); they are shared, hence read-only. Thread-safe if the embedder is.

    Raises:
        ConfigurationError: the embedder's name, dimension or modality cannot be right.
    """

    def __init__(self, embedder: BaseEmbedder, *, remember: int = REMEMBERED) -> None:
        _check_attributes(embedder)
        self.name = embedder.name
        self.dim = embedder.dim
        self.modality = embedder.modality
        self.fingerprint = embedder.fingerprint
        self._embedder = embedder
        self._encode = lru_cache(remember)(partial(_encode, embedder))

    def encode(self, text: str) -> Vector:
        """One text → shape (dim,), float32, unit length, read-only."""
        return self._encode(text)

    def encode_batch(self, texts: Sequence[str]) -> Vectors:
        """n texts → shape (n, dim), float32, unit length, in the order given.

        Nothing is remembered: a batch of thousands would only push out what is about to be used.
        """
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        returned = _ask(self._embedder, "encode_batch", texts)
        shape = (len(texts), self.dim)
        return np.stack(_units(self._embedder, "encode_batch", returned, shape))

    def blind_to(self, text: str) -> Reason | None:
        """Why this text must not be compared by meaning, or None."""
        reason: Reason | None = _ask(self._embedder, "blind_to", text)
        return reason


def _check_attributes(embedder: BaseEmbedder) -> None:
    kind = type(embedder).__name__
    name, dim = getattr(embedder, "name", None), getattr(embedder, "dim", None)
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{kind}.name must be a word that names its vectors, not {name!r}")
    if not isinstance(dim, int) or isinstance(dim, bool) or dim < 1:
        raise ConfigurationError(
            f"{kind}.dim must be how many numbers a vector has, at least 1, not {dim!r}"
        )
    if embedder.modality != "text":
        raise ConfigurationError(f"{kind}.modality is {embedder.modality!r}; questions are 'text'")


def _encode(embedder: BaseEmbedder, text: str) -> Vector:
    (vector,) = _units(embedder, "encode", _ask(embedder, "encode", text), (embedder.dim,))
    vector.setflags(write=False)
    return vector


def _ask(embedder: BaseEmbedder, method: str, argument: object) -> Any:
    try:
        return getattr(embedder, method)(argument)
    except CachebackError:
        raise
    except Exception as error:
        # Only its cause says more: a foreign text may quote the question, and this one is logged.
        raise EmbedderError(
            f"embedder {embedder.name!r}: {method} raised {type(error).__name__}"
        ) from error


def _units(
    embedder: BaseEmbedder, method: str, returned: object, shape: tuple[int, ...]
) -> list[Vector]:
    """What was returned, row by row, each at unit length."""

    def refused(problem: str) -> EmbedderError:
        return EmbedderError(
            f"embedder {embedder.name!r}: {method} returned {problem},"
            f" expected finite numbers of shape {shape}"
        )

    try:
        array = np.asarray(returned)
    except (TypeError, ValueError) as error:
        raise refused(type(returned).__name__) from error
    if array.dtype.kind not in "fiu":
        raise refused(f"{type(returned).__name__} of {array.dtype}")
    if array.shape != shape:
        raise refused(f"shape {array.shape}")
    rows = array.reshape(-1, embedder.dim)
    try:
        return [_unit(row if row.dtype == np.float32 else _as_float32(row)) for row in rows]
    except ValueError as error:
        raise refused(str(error)) from error


def _unit(row: NDArray[np.float32]) -> Vector:
    """A copy at unit length: 2 µs, because every lookup that encodes waits for it.

    Raises ValueError when it has no direction.
    """
    wide = row.astype(np.float64)  # in which the square of any float32 has room
    square = float(wide.dot(wide))
    if not 0 < square < math.inf:
        raise ValueError("a vector of zeros, which has no direction" if not square else _NOT_FINITE)
    if abs(square - 1) < _ROUNDED:
        return row.copy()
    return (wide / math.sqrt(square)).astype(np.float32)


def _as_float32(row: NDArray[Any]) -> NDArray[np.float32]:
    """The same direction, in numbers that float32 can hold."""
    wide = row.astype(np.float64)
    largest = np.abs(wide).max()
    if not np.isfinite(largest):
        raise ValueError(_NOT_FINITE)
    return (wide / (largest or 1)).astype(np.float32)
