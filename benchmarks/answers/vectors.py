"""Vectors of many texts by the bundled embedder, computed once and kept in `.cache/`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cacheback.embedders.minilm import MiniLM

if TYPE_CHECKING:
    from cacheback.core.ports import Vectors

CACHE = Path(__file__).with_name(".cache")  # ignored by git
_THREADS = 2


def encode(texts: Sequence[str], cache: Path) -> Vectors:
    """n texts → shape (n, 384), float32, unit length; from the file of the same texts and model."""
    model = MiniLM(threads=_THREADS)
    told = json.dumps([model.fingerprint, *texts]).encode()
    file = cache / f"{hashlib.sha256(told).hexdigest()}.npy"
    if file.exists():
        kept: Vectors = np.load(file, allow_pickle=False)
        return kept
    vectors: Vectors = np.asarray(model.encode_batch(texts), dtype=np.float32)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(file, vectors, allow_pickle=False)
    return vectors
