"""The base class: what a subclass gets for free, and that naming it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cacheback.embedders import BaseEmbedder


class Lengths(BaseEmbedder):
    name = "lengths"
    dim = 2

    def encode(self, text: str) -> list[float]:
        return [len(text), 1]


def test_a_batch_is_one_encode_after_the_other_in_order() -> None:
    np.testing.assert_array_equal(
        Lengths().encode_batch(["a", "abc", ""]), [[1, 1], [3, 1], [0, 1]]
    )


def test_defaults() -> None:
    embedder = Lengths()
    assert embedder.modality == "text"
    assert embedder.fingerprint == ""
    assert embedder.blind_to("x" * 10_000) is None


def test_encode_must_be_defined() -> None:
    class Nothing(BaseEmbedder):
        name = "nothing"
        dim = 1

    with pytest.raises(TypeError, match="encode"):
        Nothing()  # type: ignore[abstract]


@pytest.mark.parametrize(
    "statement",
    [
        "from cacheback.embedders import BaseEmbedder, register_embedder",
        "from cacheback.embedders.registry import make_embedder; make_embedder('minilm')",
    ],
)
def test_heavy_modules_wait_for_the_first_text(statement: str) -> None:
    heavy = "{'numpy', 'onnxruntime', 'tokenizers'}"
    program = f"{statement}; import sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
