"""Nothing that an embedder returns is believed unseen, and recent texts are encoded once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from cacheback.embedders import BaseEmbedder
from cacheback.embedders.checked import Checked
from cacheback.errors import ConfigurationError, EmbedderError, InputError
from cacheback.models import Reason


class Scripted(BaseEmbedder):
    """Returns what it is told to, and counts how often it is asked."""

    name = "scripted"
    dim = 3

    def __init__(self, returned: Any = (3, 4, 0)) -> None:
        self.returned = returned
        self.asked: list[str] = []

    def encode(self, text: str) -> Any:
        self.asked.append(text)
        return self.returned

    def encode_batch(self, texts: Sequence[str]) -> Any:
        self.asked.extend(texts)
        return self.returned


class Raising(BaseEmbedder):
    name = "raising"
    dim = 3

    def __init__(self, error: Exception) -> None:
        self.error = error

    def encode(self, text: str) -> Any:  # noqa: ARG002 - the signature is given
        raise self.error

    def encode_batch(self, texts: Sequence[str]) -> Any:  # noqa: ARG002
        raise self.error

    def blind_to(self, text: str) -> Reason | None:  # noqa: ARG002
        raise self.error


# good values

UNIT = np.array([0.6, 0.8, 0], dtype=np.float32)


@pytest.mark.parametrize(
    "returned",
    [
        (3, 4, 0),
        [0.6, 0.8, 0.0],
        np.array([3, 4, 0], dtype=np.int64),
        np.array([6, 8, 0], dtype=np.uint8),
        np.array([0.375, 0.5, 0], dtype=np.float16),
        np.array([3e-200, 4e-200, 0]),
        np.array([3e300, 4e300, 0]),
    ],
)
def test_a_vector_becomes_float32_at_unit_length(returned: Any) -> None:
    vector = Checked(Scripted(returned)).encode("?")
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, UNIT, rtol=1e-6)


def test_every_row_of_a_batch_becomes_a_unit_vector() -> None:
    vectors = Checked(Scripted([[3, 4, 0], [0, 0, 9]])).encode_batch(["a", "b"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, np.array([UNIT, [0, 0, 1]]), rtol=1e-6)


def test_an_empty_batch_asks_nobody() -> None:
    embedder = Scripted()
    assert Checked(embedder).encode_batch([]).shape == (0, 3)
    assert embedder.asked == []


# wrong values

WRONG_VECTORS = [
    (None, "NoneType of object"),
    ("abc", "str of <U3"),
    (["1", "2", "3"], "list of <U1"),
    ([True, False, True], "list of bool"),
    ([1j, 0, 0], "list of complex128"),
    ([[1], [1, 2]], "list, expected finite numbers"),
    (1.0, r"shape \(\)"),
    ([1.0, 2.0], r"shape \(2,\)"),
    ([[1.0, 2.0, 3.0]], r"shape \(1, 3\)"),
    ([1.0, float("nan"), 0.0], "NaN or infinity"),
    ([1.0, float("inf"), 0.0], "NaN or infinity"),
    ([0.0, 0.0, 0.0], "zeros, which has no direction"),
]


@pytest.mark.parametrize(("returned", "message"), WRONG_VECTORS)
def test_what_is_no_vector_is_refused(returned: Any, message: str) -> None:
    with pytest.raises(EmbedderError, match=message) as caught:
        Checked(Scripted(returned)).encode("?")
    assert "embedder 'scripted': encode returned" in str(caught.value)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([[3, 4, 0]], r"shape \(1, 3\), expected finite numbers of shape \(2, 3\)"),
        ([[3, 4], [4, 3]], r"shape \(2, 2\)"),
        ([3, 4, 0], r"shape \(3,\)"),
        ([[3, 4, 0], [3, 4, float("nan")]], "NaN"),
        ([[3, 4, 0], [0, 0, 0]], "zeros"),
        (None, "NoneType"),
    ],
)
def test_one_bad_row_refuses_the_batch(returned: Any, message: str) -> None:
    with pytest.raises(EmbedderError, match=message):
        Checked(Scripted(returned)).encode_batch(["a", "b"])


@pytest.mark.parametrize(
    "call",
    [
        lambda checked: checked.encode("?"),
        lambda checked: checked.encode_batch(["?"]),
        lambda checked: checked.blind_to("?"),
    ],
)
def test_what_an_embedder_raises_is_an_embedder_error(call: Callable[[Checked], Any]) -> None:
    with pytest.raises(EmbedderError, match=r"embedder 'raising': .* raised OSError$") as raised:
        call(Checked(Raising(OSError("cannot read: my secret question"))))
    assert "secret" not in str(raised.value)
    assert "secret" in str(raised.value.__cause__)
    with pytest.raises(InputError, match="ours"):
        call(Checked(Raising(InputError("ours"))))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("name", ""),
        ("name", None),
        ("dim", 0),
        ("dim", 3.0),
        ("dim", True),
        ("dim", None),
        ("modality", "image"),
    ],
)
def test_attributes_are_checked_at_construction(attribute: str, value: Any) -> None:
    embedder = Scripted()
    setattr(embedder, attribute, value)
    with pytest.raises(ConfigurationError, match=f"Scripted.{attribute}"):
        Checked(embedder)


def test_attributes_that_are_missing_are_named() -> None:
    class Forgetful(BaseEmbedder):
        def encode(self, text: str) -> Any:
            return [len(text)]

    with pytest.raises(ConfigurationError, match=r"Forgetful\.name"):
        Checked(Forgetful())


def test_it_carries_the_embedders_attributes() -> None:
    embedder = Scripted()
    embedder.fingerprint = "abc"
    checked = Checked(embedder)
    assert (checked.name, checked.dim, checked.modality, checked.fingerprint) == (
        "scripted",
        3,
        "text",
        "abc",
    )


# memory of recent texts


def test_a_recent_text_is_encoded_once() -> None:
    embedder = Scripted()
    checked = Checked(embedder)
    assert checked.encode("a") is checked.encode("a")
    assert embedder.asked == ["a"]


def test_the_least_recently_used_text_is_forgotten_first() -> None:
    embedder = Scripted()
    checked = Checked(embedder, remember=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        checked.encode(text)
    assert embedder.asked == ["a", "b", "c", "b"]


def test_nothing_is_remembered_when_nothing_is_to_be() -> None:
    embedder = Scripted()
    checked = Checked(embedder, remember=0)
    checked.encode("a")
    checked.encode("a")
    assert embedder.asked == ["a", "a"]


def test_a_failure_is_not_remembered() -> None:
    embedder = Scripted(None)
    checked = Checked(embedder)
    with pytest.raises(EmbedderError):
        checked.encode("a")
    embedder.returned = (3, 4, 0)
    np.testing.assert_allclose(checked.encode("a"), UNIT, rtol=1e-6)


def test_a_batch_leaves_the_memory_alone() -> None:
    embedder = Scripted()
    checked = Checked(embedder, remember=1)
    checked.encode("a")
    embedder.returned = [(3, 4, 0), (3, 4, 0)]
    checked.encode_batch(["b", "c"])
    checked.encode("a")
    assert embedder.asked == ["a", "b", "c"]


def test_remembered_vectors_cannot_be_changed() -> None:
    vector = Checked(Scripted()).encode("a")
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1


def test_the_embedders_own_array_is_not_touched() -> None:
    own = np.array([3, 4, 0], dtype=np.float32)
    Checked(Scripted(own)).encode("a")
    np.testing.assert_array_equal(own, [3, 4, 0])
    assert own.flags.writeable


def test_many_threads_share_the_memory() -> None:
    class Hashing(Scripted):
        def encode(self, text: str) -> Any:
            return [ord(text), 1, 0]

    checked = Checked(Hashing(), remember=5)
    texts = "abcdefghij" * 200
    expected = {text: Checked(Hashing()).encode(text) for text in set(texts)}
    wrong: list[str] = []

    def work() -> None:
        wrong.extend(t for t in texts if not np.array_equal(checked.encode(t), expected[t]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
