"""The cache behind a model: one that exists, or one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cacheback import ConfigurationError, SemanticCache


def opened(cache: SemanticCache | None, settings: Mapping[str, Any]) -> SemanticCache:
    """The given cache, or a new one with these settings.

    Raises:
        ConfigurationError: a setting cannot work, or is given beside a cache; or `cache` is none.
    """
    if cache is None:
        return SemanticCache(**settings)
    if not isinstance(cache, SemanticCache):
        raise ConfigurationError(
            f"cache is {cache!r}; it must be a SemanticCache; a directory is given as cache_dir"
        )
    if settings:
        raise ConfigurationError(
            f"{', '.join(sorted(settings))} is given beside a cache that exists already; give it"
            " to the SemanticCache"
        )
    return cache
