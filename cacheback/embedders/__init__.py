"""Embedders: what turns a question into a vector. Importing this loads no model and no numpy."""

from cacheback.embedders.base import BaseEmbedder
from cacheback.embedders.registry import register_embedder

__all__ = ["BaseEmbedder", "register_embedder"]
