from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cacheback import CachedOpenAI, SemanticCache
from cacheback.testing import ScriptedUpstream


@pytest.fixture
def make_client(
    upstream: ScriptedUpstream, cache: SemanticCache
) -> Iterator[Callable[..., CachedOpenAI]]:
    """Makes real clients of the scripted provider, sharing one cache, and closes them."""
    made: list[CachedOpenAI] = []

    def make(**options: Any) -> CachedOpenAI:
        if not {"cache", "cache_dir", "http_client"} & options.keys():
            options["cache"] = cache
        options = {"base_url": upstream.openai_url, "api_key": "sk-test", **options}
        client = CachedOpenAI(**options)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., CachedOpenAI]) -> CachedOpenAI:
    return make_client()
