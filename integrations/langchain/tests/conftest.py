"""What every test may use: a cache in memory, and a provider on loopback that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI

from cacheback import SemanticCache
from cacheback.testing import ScriptedUpstream

MakeModel = Callable[..., Any]


@pytest.fixture
def cache() -> Iterator[SemanticCache]:
    with SemanticCache(":memory:") as cache:
        yield cache


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def room() -> str:
    """A path at the provider that no other test uses.

    LangChain keeps one HTTP client per address for the whole process, with connections that belong
    to the event loop of the test that made them; and ports come again.
    """
    return f"test-{next(_numbers)}"


_numbers = count()


@pytest.fixture
def openai(upstream: ScriptedUpstream, room: str) -> MakeModel:
    """Makes real OpenAI models that ask the scripted provider."""

    def make(**fields: Any) -> ChatOpenAI:
        given = {"model": "gpt-4o-mini", "api_key": "k", "stream_usage": True, **fields}
        return ChatOpenAI(base_url=f"{upstream.url}/{room}/v1", max_retries=0, **given)

    return make


@pytest.fixture
def anthropic(upstream: ScriptedUpstream, room: str) -> MakeModel:
    """Makes real Anthropic models that ask the scripted provider."""

    def make(**fields: Any) -> ChatAnthropic:
        given = {"model": "claude-opus-5", "api_key": "k", "max_tokens": 99, **fields}
        return ChatAnthropic(base_url=f"{upstream.url}/{room}", max_retries=0, **given)

    return make


@pytest.fixture(params=["openai", "anthropic"])
def chat(request: pytest.FixtureRequest) -> MakeModel:
    """Makes models of either provider."""
    make: MakeModel = request.getfixturevalue(request.param)
    return make
