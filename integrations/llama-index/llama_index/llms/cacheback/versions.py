"""What an index holds, as one text: a version to scope answers on."""

from __future__ import annotations

import hashlib
from typing import Any

from llama_index.core.indices.base import BaseIndex

from cacheback import ConfigurationError


def index_version(index: BaseIndex[Any]) -> str:
    """SHA-256 over the contents of an index's nodes (64 hexadecimal digits).

    The same whenever the same is indexed, and another as soon as a document is added, changed or
    deleted. It reads every node: call it when the index changes, not with each question.

    Raises:
        ConfigurationError: the index keeps its nodes in a vector store of its own, not in its
            document store; name its version yourself.
    """
    hashes = sorted(node.hash for node in index.docstore.docs.values())
    if not hashes:
        raise ConfigurationError(
            "this index has no nodes in its document store; name a version of your own:"
            " CachebackLLM(…, index_version='2026-11')"
        )
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
