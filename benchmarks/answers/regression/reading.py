"""Texts as the bundled embedder reads them, kept for a while."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from benchmarks.answers.regression.features import Reading
from cacheback.embedders.minilm import WINDOW
from cacheback.embedders.minilm.model import shared


# Of a question's candidates the first are mostly the same again: 64 readings, 25 MB at most.
@lru_cache(64)
def read(text: str) -> Reading | None:
    """None when the text is longer than the embedder's window: nothing is judged by half of it."""
    model = shared()
    ids = model.tokenize(text)
    if len(ids) > WINDOW:
        return None
    vector, tokens = model.read(ids)
    directions = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    return Reading(text, np.array(ids, dtype=np.int64), directions, vector)
