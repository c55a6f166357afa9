"""CachebackEmbedding: cacheback's embedder for LlamaIndex's indexes. Offline, on the CPU."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import Field

from cacheback import EmbedderError, make_embedder


class CachebackEmbedding(BaseEmbedding):
    """The embedder of this name as LlamaIndex's embedding model; unit vectors.

        Settings.embed_model = CachebackEmbedding()

    The bundled one (all-MiniLM-L6-v2, English, 384 numbers) reads 256 tokens. A text that is
    longer is taken in pieces, and its vector is the mean of theirs: chunks of about 200 tokens are
    found best.

    Args:
        embedder: a bundled or registered name; see `cacheback.embedders.register_embedder`.

    Raises:
        ConfigurationError: there is no such embedder.
    """

    model_name: str = "minilm"
    embedder: str = Field(default="minilm", description="The embedder's name in cacheback.")

    def __init__(self, embedder: str = "minilm", **kwargs: Any) -> None:
        made = _made(embedder)
        super().__init__(**{"model_name": made.name, **kwargs, "embedder": embedder})

    @classmethod
    def class_name(cls) -> str:
        return "CachebackEmbedding"

    def _get_text_embedding(self, text: str) -> list[float]:
        whole = np.mean(_vectors(_made(self.embedder), text), axis=0)
        vector: list[float] = (whole / np.linalg.norm(whole)).tolist()
        return vector

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)


@lru_cache(maxsize=8)
def _made(name: str) -> Any:
    """One embedder for all of this name, and none in the object itself, which may be pickled."""
    return make_embedder(name)


def _vectors(embedder: Any, text: str) -> list[Any]:
    """The vectors of a text's pieces, as few as the embedder can read."""
    try:
        return [np.asarray(embedder.encode(text), dtype=np.float32)]
    except EmbedderError:
        middle = _middle(text)
        if middle is None:
            raise
        return [*_vectors(embedder, text[:middle]), *_vectors(embedder, text[middle:])]


def _middle(text: str) -> int | None:
    """Where a text can be parted, between words if there are some; None for a single character."""
    half = len(text) // 2
    space = text.find(" ", half, -1)
    return space if space > 0 else half or None
