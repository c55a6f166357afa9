"""CachebackEmbeddings: the embedder inside cacheback, for whatever else needs vectors."""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings

from cacheback import SemanticCache


class CachebackEmbeddings(Embeddings):
    """Vectors from all-MiniLM-L6-v2, which runs on the CPU without network or key.

        >>> CachebackEmbeddings().embed_query("What is Python?")

    384 numbers at unit length; what is beyond 256 tokens of a text is not seen.

    Args:
        cache: a `cacheback.SemanticCache` whose embedder to share; None makes one.
        **settings: as for `cacheback.SemanticCache`, such as `embedder`.

    Raises:
        ConfigurationError: a setting cannot work.
    """

    def __init__(self, cache: SemanticCache | None = None, **settings: Any) -> None:
        self._embedder = (cache or SemanticCache(":memory:", **settings)).embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text. Raises EmbedderError."""
        vectors: list[list[float]] = self._embedder.encode_batch(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """A vector for the text. Raises EmbedderError."""
        vector: list[float] = self._embedder.encode(text).tolist()
        return vector
