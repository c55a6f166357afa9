"""The cache behind an LLM: one that exists, one of its own, one that is opened anew."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from llama_index.core.llms import LLM
from llama_index.llms.cacheback.synthesis import LLMSynthesizer

from cacheback import ClosedError, ConfigurationError, SemanticCache, Settings

_lock = threading.Lock()
_reopened: list[SemanticCache] = []


def opened(cache: SemanticCache | str | Path | None, settings: Mapping[str, Any]) -> SemanticCache:
    """The given cache, or one with these settings in the given directory."""
    if isinstance(cache, SemanticCache):
        if settings:
            raise ConfigurationError(
                f"{', '.join(sorted(settings))} is given beside a cache that exists already;"
                " give it to the SemanticCache"
            )
        return cache
    if isinstance(writer := settings.get("synthesizer"), LLM):
        settings = {**settings, "synthesizer": LLMSynthesizer(writer)}
    return SemanticCache(**settings) if cache is None else SemanticCache(cache, **settings)


def reopened(settings: Settings) -> SemanticCache:
    """A cache with these settings: one for all LLMs of them that this process has unpickled."""
    with _lock:
        _reopened[:] = [cache for cache in _reopened if _is_open(cache)]
        for cache in _reopened:
            if cache.settings == settings:
                return cache
        cache = SemanticCache(**{one.name: getattr(settings, one.name) for one in fields(settings)})
        _reopened.append(cache)
        return cache


def _is_open(cache: SemanticCache) -> bool:
    try:
        cache.ready()
    except ClosedError:
        return False
    return True
