"""A semantic cache for LangChain: `set_llm_cache`, streams, agents.

`CachebackMiddleware` needs langchain itself and is imported on first use.
"""

from typing import TYPE_CHECKING

from langchain_cacheback.cache import CachebackCache
from langchain_cacheback.embeddings import CachebackEmbeddings
from langchain_cacheback.model import cached
from langchain_cacheback.synthesis import ChatSynthesizer

if TYPE_CHECKING:
    from langchain_cacheback.middleware import CachebackMiddleware

__all__ = [
    "CachebackCache",
    "CachebackEmbeddings",
    "CachebackMiddleware",
    "ChatSynthesizer",
    "cached",
]


def __getattr__(name: str) -> object:
    if name != "CachebackMiddleware":
        raise AttributeError(f"module 'langchain_cacheback' has no attribute {name!r}")
    from langchain_cacheback.middleware import CachebackMiddleware  # noqa: PLC0415 - see above

    return CachebackMiddleware
