from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cacheback import SemanticCache
from cacheback.testing import ScriptedUpstream

if TYPE_CHECKING:
    from cacheback import CachedOpenAI

# Each SDK is tested alone, too.
_TESTS = set(Path(__file__).parent.glob("test_*.py"))
_OF_ANTHROPIC = set(Path(__file__).parent.glob("test_anthropic*.py"))
collect_ignore = [
    str(file)
    for sdk, files in (("anthropic", _OF_ANTHROPIC), ("openai", _TESTS - _OF_ANTHROPIC))
    if find_spec(sdk) is None
    for file in files
]


@pytest.fixture
def make_client(
    upstream: ScriptedUpstream, cache: SemanticCache
) -> Iterator[Callable[..., CachedOpenAI]]:
    """Makes real clients of the scripted provider, sharing one cache, and closes them."""
    from cacheback import CachedOpenAI

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
