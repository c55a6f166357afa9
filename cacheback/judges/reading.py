"""Texts as the bundled embedder reads them, kept for a while, and what the aligner says of two."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from cacheback.embedders.minilm import read_tokens, tokens
from cacheback.judges.aligner import Aligner
from cacheback.judges.features import Reading
from cacheback.once import Once

_WEIGHTS = Path(__file__).with_name("aligner.npz")

_aligner = Once(lambda: Aligner(_WEIGHTS))


def log_odds(question: str, other: str) -> float:
    """How much speaks for one answer being right for both, not calibrated; both are readable."""
    return _aligner().log_odds(read(question), read(other))


# Of a question's candidates the first are mostly the same again: 64 readings, 25 MB at most.
@lru_cache(64)
def read(text: str) -> Reading:
    """A text of at most 256 tokens."""
    ids = tokens(text)
    vector, found = read_tokens(ids)
    directions = found / np.linalg.norm(found, axis=1, keepdims=True)
    return Reading(text, np.array(ids, dtype=np.int64), directions, vector)
