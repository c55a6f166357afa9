"""cacheback: answers LLM calls from memory when it safely can."""

from cacheback._version import __version__

__all__ = ["__version__"]
