"""Any LlamaIndex LLM, answered from memory when that is safe: exact, or by meaning."""

from llama_index.llms.cacheback.base import CachebackLLM
from llama_index.llms.cacheback.embedding import CachebackEmbedding
from llama_index.llms.cacheback.synthesis import LLMSynthesizer
from llama_index.llms.cacheback.versions import index_version

__all__ = ["CachebackEmbedding", "CachebackLLM", "LLMSynthesizer", "index_version"]
