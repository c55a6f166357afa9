"""The pair model of the learned judge, loaded once per process when the first pair needs it.

It reads both questions at once, so each word is seen beside the other question's words; that is
what vectors of single texts cannot give. How it was made, and what it is worth, is in `README.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from cacheback.embedders.minilm.model import ERRORS_ONLY
from cacheback.once import Once

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOLDER = Path(__file__).parent


class PairModel:
    """Thread-safe and without a lock: each call is computed in the thread that makes it."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )

    def log_odds(self, one: Sequence[int], other: Sequence[int]) -> float:
        """How much speaks for one answer being right for both; not calibrated.

        Args:
            one, other: token ids of the texts, each from [CLS] to [SEP], 512 at most together.
        """
        ids = np.array([[*one, *other[1:]]], dtype=np.int32)
        segments = np.zeros_like(ids)
        segments[0, len(one) :] = 1
        feed: dict[str, NDArray[np.int32]] = {
            "input_ids": ids,
            "segment_ids": segments,
            "attention_mask": np.ones_like(ids),
        }
        return float(self._session.run(["log_odds"], feed)[0][0])


shared = Once(lambda: PairModel(_FOLDER))
"""The process's one model."""
