"""What every embedder is: the base class for ours and for yours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cacheback.models import Reason


class BaseEmbedder(ABC):
    """Turns texts into vectors whose cosine tells how alike the texts' meanings are.

    Subclass it to bring your own model; `name`, `dim` and `encode` are enough:

        from cacheback.embedders import BaseEmbedder, register_embedder

        class Mine(BaseEmbedder):
            name = "mine-v1"
            dim = 768

            def encode(self, text):
                return model.encode(text)

        register_embedder("mine", Mine)
        cache = SemanticCache(embedder="mine")       # or embedder=Mine(), unregistered

    Two equal texts must always get the same vector. The cache calls `encode` from several threads
    at once. Lengths need not be 1: results are checked and normalised before they are used, and
    whatever is not `dim` finite numbers raises an `EmbedderError`.

    Attributes:
        name: names the vector space, and is written into each store: change it together with
            whatever changes the vectors (model, version, prompt, pooling).
        dim: how many numbers a vector has.
        modality: what is read; `text` so far.
        fingerprint: SHA-256 of the model's file, or "" when there is none to hash.
    """

    name: str
    dim: int
    modality: str = "text"
    fingerprint: str = ""

    @abstractmethod
    def encode(self, text: str) -> Any:
        """One text → a vector of shape (dim,): a numpy array, or what `numpy.asarray` takes."""

    def encode_batch(self, texts: Sequence[str]) -> Any:
        """n texts → vectors of shape (n, dim), in the order given.

        One `encode` after the other, unless you know better. A text must get the same vector here
        as alone: what is stored by a batch is found by a single lookup.
        """
        import numpy as np  # noqa: PLC0415 - whoever only names this class need not load numpy

        return np.stack([np.asarray(self.encode(text)) for text in texts])

    def blind_to(self, text: str) -> Reason | None:  # noqa: ARG002 - for subclasses
        """Why this text must not be compared by meaning (`TOO_LONG`, `UNREADABLE`), or None.

        Say so whenever the model cannot see all of the text, such as what is beyond its window: a
        text that is seen in part could be given the answer to another. Such a text is still
        cached, and served when it comes again exactly.
        """
        return None
