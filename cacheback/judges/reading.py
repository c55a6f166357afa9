"""Texts as the judge reads them, kept for a while, and what the aligner says of two.

The bundled embedder's first three layers, then three of the judge's own (`reader.onnx`): they began
as the embedder's, and were trained with the aligner to tell of each word what it does in its
question.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from cacheback.embedders.minilm import middle, tokens
from cacheback.embedders.minilm.model import session
from cacheback.judges.aligner import Aligner, Reading
from cacheback.once import Once

# Of a question's candidates the first are mostly the same again: 64 readings, 25 MB at most.
_KEPT = 64


class Model:
    """The judge's graphs in a folder."""

    def __init__(self, folder: Path) -> None:
        self._layers = session(folder / "reader.onnx")
        self._aligner = Aligner(folder)
        self.read = lru_cache(_KEPT)(self._read)

    def log_odds(self, question: str, other: str) -> float:
        """As `Aligner.log_odds`; both texts are readable."""
        return self._aligner.log_odds(self.read(question), self.read(other))

    def _read(self, text: str) -> Reading:
        """A text of at most 256 tokens."""
        ids = tokens(text)
        mask = np.ones((1, len(ids)), dtype=np.int32)
        feed = {"middle": middle(ids)[None], "attention_mask": mask}
        (directions,) = self._layers.run(["directions"], feed)[0]
        return Reading(np.array(ids[1:-1], dtype=np.int64), directions[1:-1])


shared = Once(lambda: Model(Path(__file__).parent))
"""The process's one model, as shipped."""
