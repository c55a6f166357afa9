"""The bundled model: its figures, its files, and that it does not answer for what it cannot see."""

# ruff: noqa: RUF001 - typographic characters are among what must be readable

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from cacheback.embedders import minilm
from cacheback.embedders.minilm import WINDOW, MiniLM
from cacheback.embedders.minilm.model import Model, beginning, shared
from cacheback.errors import ConfigurationError, EmbedderError
from cacheback.models import Reason
from cacheback.pinned import SUMS

QUESTIONS = [
    "What is the capital of France?",
    "Is the museum open on Sunday?",
    "My card was declined at the supermarket this morning, and I don't know why.",
    "rain",
    "How do I enable two-factor authentication for my account? I lost my phone last week.",
    "",
    "café in Zürich",
    "x" * 90,
]


@pytest.fixture(scope="module")
def embedder() -> MiniLM:
    return MiniLM()


def words(tokens: int) -> str:
    """A text of so many tokens, [CLS] and [SEP] among them."""
    return " ".join(["word"] * (tokens - 2))


# what it is


def test_the_shipped_files_are_the_pinned_ones(embedder: MiniLM) -> None:
    assert embedder.check() == []
    expected = "054a27633c87349ffd4b53188ace219da7ea695f232d0d57d5d85dae9c03e69a"
    assert embedder.fingerprint == expected


def test_a_damaged_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: MiniLM
) -> None:
    for name in ("model.onnx", "begin.onnx", "model.bin", "tokenizer.json", SUMS):
        shutil.copy(minilm._FOLDER / name, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setattr(minilm, "_FOLDER", tmp_path)
    (finding,) = embedder.check()
    assert "tokenizer.json: SHA-256 is 44136fa3" in finding
    assert "install cacheback-ai again" in finding


# Cosines of the float32 model. The int8 one may be off by .02: it is by .013 here on x86 with
# VNNI, and by .017 where int8 sums saturate (x86 without it, emulated).
@pytest.mark.parametrize(
    ("left", "right", "similarity"),
    [
        ("What is the capital of France?", "capital of France?", 0.946),
        ("What is Python?", "Tell me about Python", 0.888),
        ("What is the airspeed of an unladen swallow?", "airspeed of swallows", 0.812),
        ("How do I reset my password?", "How do I change my address?", 0.351),
    ],
)
def test_similarities(embedder: MiniLM, left: str, right: str, similarity: float) -> None:
    assert float(embedder.encode(left) @ embedder.encode(right)) == pytest.approx(
        similarity, abs=0.02
    )


def test_shape_type_and_length(embedder: MiniLM) -> None:
    vectors = embedder.encode_batch(QUESTIONS)
    assert vectors.shape == (len(QUESTIONS), embedder.dim) == (8, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


# one text, one vector


@pytest.mark.parametrize("threads", [1, 4])
def test_a_text_has_one_vector_alone_and_in_any_batch(embedder: MiniLM, threads: int) -> None:
    alone = np.stack([embedder.encode(text) for text in QUESTIONS])
    for order in ([*range(8)], [*reversed(range(8))], [3, 0]):
        batch = MiniLM(threads=threads).encode_batch([QUESTIONS[i] for i in order])
        np.testing.assert_array_equal(batch, alone[order])


def test_many_threads_get_the_same_vectors_as_one(embedder: MiniLM) -> None:
    expected = {text: embedder.encode(text) for text in QUESTIONS}
    together = threading.Barrier(8)
    wrong: list[str] = []

    def work(first: int) -> None:
        together.wait()
        for step in range(40):
            text = QUESTIONS[(first + step) % len(QUESTIONS)]
            if not np.array_equal(embedder.encode(text), expected[text]):
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_process_loads_the_model_once() -> None:
    program = (
        "import threading; from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "from cacheback.embedders.minilm import model\n"
        "made = []; barrier = threading.Barrier(8)\n"
        "class Counted(model.Model):\n"
        "    def __init__(self, folder): made.append(1); super().__init__(folder)\n"
        "model.Model = Counted\n"
        "def ask(_): barrier.wait(); return model.shared()\n"
        "with Pool(8) as pool: models = set(pool.map(ask, range(8)))\n"
        "print(len(made), len(models))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"1", b"1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_encodes_alike_and_nothing_is_printed() -> None:
    program = (
        "import os\n"
        "from cacheback.embedders.minilm import MiniLM\n"
        "embedder = MiniLM(); before = embedder.encode('What is Python?').tobytes()\n"
        "child = os.fork()\n"
        "same = embedder.encode('What is Python?').tobytes() == before\n"
        "same = same and (embedder.encode_batch(['What is Python?'])[0].tobytes() == before)\n"
        "if child == 0: os._exit(0 if same else 1)\n"
        "print(same, os.waitpid(child, 0)[1])\n"
    )
    # Python 3.12 warns of any fork beside threads; there are none that hold a lock of ours.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.split() == [b"True", b"0"]
    assert done.stderr == b""


def test_threads_must_be_at_least_one() -> None:
    with pytest.raises(ConfigurationError, match="at least 1, not 0"):
        MiniLM(threads=0)


# the graph


def test_the_mask_hides_padding() -> None:
    """Padding moves the shared int8 scale of a run, but nothing else shines through."""
    model = shared()
    ids = model.tokenize("What is the capital of France?")
    alone = model.embed(ids)
    padded = np.array([ids + [0] * 20], dtype=np.int32)
    mask = np.array([[1] * len(ids) + [0] * 20], dtype=np.int32)
    (vector,) = model._session.run(["embedding"], {"input_ids": padded, "attention_mask": mask})[0]
    assert float(alone @ vector) > 0.98
    (unmasked,) = model._session.run(
        ["embedding"], {"input_ids": padded, "attention_mask": np.ones_like(mask)}
    )[0]
    assert float(alone @ unmasked) < 0.9


def test_the_vector_is_the_mean_of_the_token_vectors() -> None:
    model = shared()
    ids = np.array([model.tokenize("What is Python?")], dtype=np.int32)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    (vector,), (tokens,) = model._session.run(["embedding", "tokens"], feed)
    assert tokens.shape == (ids.shape[1], 384)
    mean = tokens.mean(axis=0)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("text", ["rain", "What is Python?", words(256)])
def test_the_first_layers_alone_read_the_same(text: str) -> None:
    ids = minilm.tokens(text)
    _, middle = shared().read(ids, "middle")
    assert middle.shape == (len(ids), 384)
    np.testing.assert_array_equal(beginning().read(ids), middle)


def test_what_was_just_encoded_is_not_read_again(embedder: MiniLM) -> None:
    ids = minilm.tokens("What about the weather on Mars?")
    before = minilm.middle(ids)
    assert minilm.middle(ids) is not before
    embedder.encode("What about the weather on Mars?")
    kept = minilm.middle(ids)
    assert minilm.middle(ids) is kept
    np.testing.assert_array_equal(kept, before)
    for number in range(minilm._RECENT):
        embedder.encode(f"What about {number}?")
    assert minilm.middle(ids) is not kept


def test_tokens_are_neither_padded_nor_cut() -> None:
    model = Model(minilm._FOLDER)
    assert len(model.tokenize("rain")) == 3
    assert len(model.tokenize(words(400))) == 400


# no silent blindness


@pytest.mark.parametrize(
    "text",
    [
        words(WINDOW + 1),
        words(600),
        "word " * 200_000,
        "un,read.able/" * 40_000,
        "don't " * 100,
        "a" * 30_000,
    ],
)
def test_blind_to_the_end_of_a_long_text(embedder: MiniLM, text: str) -> None:
    assert embedder.blind_to(text) is Reason.TOO_LONG


def test_a_text_that_just_fits_is_read_to_its_end(embedder: MiniLM) -> None:
    longest = words(WINDOW)
    assert embedder.blind_to(longest) is None
    changed = embedder.encode(f"{longest[:-4]}rain")
    assert not np.array_equal(embedder.encode(longest), changed)


def test_a_text_beyond_the_window_is_never_cut(embedder: MiniLM) -> None:
    with pytest.raises(EmbedderError, match="257 tokens does not fit into the 256"):
        embedder.encode(words(WINDOW + 1))
    with pytest.raises(EmbedderError, match="does not fit"):
        embedder.encode_batch(["rain", words(WINDOW + 1)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n\t ",
        "\u200b",
        "Where is my card? 😡",
        "∀x ∃y",
        "What does 你好 mean?",
        "Как открыть счёт?",
        "Is x ≠ y?",
        "What does [MASK] do in BERT?",
        "[UNK]",
        "a" * 101,
        "hidden \U000e0041\U000e0042",
        "\ud800",
    ],
)
def test_blind_to_what_it_cannot_read(embedder: MiniLM, text: str) -> None:
    assert embedder.blind_to(text) is Reason.UNREADABLE


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "Wo ist das Café in Zürich?",
        "Is π > 3? It costs €5 – “about” that… isn’t it?",
        "def f(x):\n    return x ** 2  # [mask] me",
        "a",
        "?",
        "a" * 100,
    ],
)
def test_not_blind_to_what_it_can_read(embedder: MiniLM, text: str) -> None:
    assert embedder.blind_to(text) is None
