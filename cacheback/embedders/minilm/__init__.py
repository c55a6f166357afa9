"""The bundled embedder: all-MiniLM-L6-v2, English, 384 dimensions, int8, without a download.

Importing this loads no model; the first text does (`model.py`). How the files beside it were made,
and under which licence they are, is in `README.md`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cacheback.embedders.base import BaseEmbedder
from cacheback.embedders.minilm.legible import legible
from cacheback.errors import ConfigurationError, EmbedderError
from cacheback.models import Reason
from cacheback.pinned import SUMS, differing

if TYPE_CHECKING:
    from cacheback.core.ports import Vector, Vectors
    from cacheback.embedders.minilm.model import Model

_FOLDER = Path(__file__).parent

WINDOW = 256  # tokens, [CLS] and [SEP] among them: max_seq_length of the original model
# Longer texts are not tokenised, which takes 0.9 s per megabyte: a word is one token at least, and
# no readable word has more than 100 characters.
_LONGEST = 100 * WINDOW
_SPECIAL = frozenset({0, 100, 101, 102, 103})  # [PAD] [UNK] [CLS] [SEP] [MASK]


class MiniLM(BaseEmbedder):
    """all-MiniLM-L6-v2 (sentence-transformers), quantised to int8; part of this package.

    One text takes one thread (2 cores, AMD EPYC with AVX512-VNNI): 0.5 ms for 6 tokens, 0.7 for 9,
    1.5 for 19, 7.5 for 102; cosine to the float32 model .994 on average and .985 at least
    (BANKING77). Vectors are the same in every thread, and alone or in a batch; on x86 processors
    without VNNI int8 sums saturate and vectors are slightly others (cosine .987 to .995,
    emulated). All instances of a process share one model (30 MB).

    Args:
        threads: how many texts of a batch are encoded at the same time.

    Raises:
        ConfigurationError: `threads` is less than 1.
    """

    name = "minilm"
    dim = 384

    def __init__(self, *, threads: int = 1) -> None:
        if threads < 1:
            raise ConfigurationError(f"threads must be at least 1, not {threads}")
        self.threads = threads
        # The list names graphs, weights and tokenizer: its hash covers them all.
        self.fingerprint = hashlib.sha256((_FOLDER / SUMS).read_bytes()).hexdigest()

    def encode(self, text: str) -> Vector:
        """One text → shape (384,), float32, unit length.

        Raises:
            EmbedderError: the text is longer than the window; it is never cut.
        """
        ids = self._seen(text)
        vector, found = _model().read(ids, "middle")
        _middles.put(ids, found)
        return vector

    def _embed(self, text: str) -> Vector:
        """`encode`, but nobody is about to ask how its words were read."""
        return _model().embed(self._seen(text))

    def _seen(self, text: str) -> tuple[int, ...]:
        ids = tokens(text)
        if len(ids) > WINDOW:
            raise EmbedderError(
                f"a text of {len(ids)} tokens does not fit into the {WINDOW} of {self.name!r}"
            )
        return ids

    def encode_batch(self, texts: Sequence[str]) -> Vectors:
        """n texts → shape (n, 384), float32, unit length, in the order given.

        Each text has a run of its own. Runs over several padded texts would be 9 % faster (990
        questions of BANKING77 per second and thread instead of 910), but the activations of a run
        share one int8 scale: vectors would move to a cosine of .977 to their own (.993 on
        average), and a stored question would not match itself.
        """
        import numpy as np  # noqa: PLC0415 - see _model

        if self.threads == 1:
            return np.stack([self._embed(text) for text in texts])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.stack(list(pool.map(self._embed, texts)))

    def blind_to(self, text: str) -> Reason | None:
        """`TOO_LONG` beyond 256 tokens, `UNREADABLE` if any of the text is lost on the model."""
        return blindness(text)

    def check(self) -> list[str]:
        """Compare the model's files with their pinned hashes; an empty list means all is well.

        Raises:
            OSError: a file cannot be read.
        """
        return differing(_FOLDER)


def blindness(text: str) -> Reason | None:
    """Why the bundled models do not see a text, or not all of it; None when they do."""
    if len(text) > _LONGEST or len(text.split(maxsplit=WINDOW)) > WINDOW:
        return Reason.TOO_LONG
    if not legible(text):
        return Reason.UNREADABLE
    ids = tokens(text)
    if len(ids) > WINDOW:
        return Reason.TOO_LONG
    words = ids[1:-1]
    # A special token's name in the text ("[MASK]") is read as that token, not as text.
    if not words or not _SPECIAL.isdisjoint(words):
        return Reason.UNREADABLE
    return None


# A text is asked about first and encoded then, 256 texts at a time in an import; 0.5 MB at most.
@lru_cache(512)
def tokens(text: str) -> tuple[int, ...]:
    """Token ids of a text, from [CLS] to [SEP], however many."""
    return tuple(_model().tokenize(text))


_RECENT = 32  # texts


class _Recent:
    """What was read of the texts that were encoded last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, ...], Vectors] = OrderedDict()

    def get(self, ids: tuple[int, ...]) -> Vectors | None:
        return self._kept.get(ids)

    def put(self, ids: tuple[int, ...], found: Vectors) -> None:
        self._kept.pop(ids, None)  # or it would go out as the oldest
        self._kept[ids] = found
        while len(self._kept) > _RECENT:
            with suppress(KeyError):  # another thread was quicker
                self._kept.popitem(last=False)


# The question of a lookup is encoded, and read by the judge right after: the layers that both have
# in common run once. A short text takes 30 KB, the longest 400.
_middles = _Recent()


def middle(ids: tuple[int, ...]) -> Vectors:
    """At most 512 token ids → one vector per token after the third layer, (n, 384), float32."""
    found = _middles.get(ids)
    if found is not None:
        return found
    from cacheback.embedders.minilm.model import beginning  # noqa: PLC0415 - as in _model

    return beginning().read(ids)


@cache
def _model() -> Model:
    """Imports what takes 90 ms (numpy, onnxruntime) only when there is a text to encode."""
    from cacheback.embedders.minilm.model import shared  # noqa: PLC0415

    return shared()
