"""The tokenizer and the graphs of the bundled model, each loaded once per process.

Loading takes 25 ms (session 12, tokenizer 12) and 30 MB, after 85 ms for importing numpy and
onnxruntime. What was tried and is not worth its line: less graph optimisation (1 ms less), no
prepacking of weights (6 ms less, but encoding 6 tokens takes twice as long), loading session and
tokenizer at the same time (no faster), no memory arena (100 MB more with 8 threads).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from cacheback.once import Once

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cacheback.core.ports import Vector, Vectors

_FOLDER = Path(__file__).parent
TOKENIZER = _FOLDER / "tokenizer.json"
ERRORS_ONLY = 3  # onnxruntime prints warnings to stderr, which is the caller's


class Model:
    """Thread-safe and without a lock: each call is computed in the thread that makes it."""

    def __init__(self, folder: Path) -> None:
        self._session = session(folder / "model.onnx")
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER.name))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def tokenize(self, text: str) -> list[int]:
        """Token ids, from [CLS] to [SEP], however many (0.02 ms for a question)."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def embed(self, ids: Sequence[int]) -> Vector:
        """At most 512 ids → shape (384,), float32, unit length."""
        vector: Vector = self._session.run(["embedding"], _feed(ids))[0][0]
        return vector

    def read(self, ids: Sequence[int], output: str) -> tuple[Vector, Vectors]:
        """At most 512 ids → the vector that `embed` gives, and one per token, shape (n, 384).

        `output` is the layer whose they are: `middle` or `tokens`, the third or the last.
        """
        vectors, found = self._session.run(["embedding", output], _feed(ids))
        return vectors[0], found[0]


class Beginning:
    """The model's first three layers alone, over the same weights: two fifths of its time."""

    def __init__(self, folder: Path) -> None:
        self._session = session(folder / "begin.onnx")

    def read(self, ids: Sequence[int]) -> Vectors:
        """At most 512 ids → one vector per token, shape (n, 384), as `Model.read` of `middle`."""
        found: Vectors = self._session.run(["middle"], _feed(ids))[0][0]
        return found


def session(graph: Path) -> onnxruntime.InferenceSession:
    """A graph that computes in the thread that calls it, and in no other."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _feed(ids: Sequence[int]) -> dict[str, NDArray[np.int32]]:
    row = np.array([ids], dtype=np.int32)
    return {"input_ids": row, "attention_mask": np.ones_like(row)}


shared = Once(lambda: Model(_FOLDER))
"""The process's one model."""

beginning = Once(lambda: Beginning(_FOLDER))
"""The process's one beginning of it."""
