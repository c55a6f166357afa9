"""What every test may use: a cache in memory, and a provider on loopback that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
def openai(upstream: ScriptedUpstream) -> MakeModel:
    """Makes real OpenAI models that ask the scripted provider."""

    def make(**fields: Any) -> ChatOpenAI:
        given = {"model": "gpt-4o-mini", "api_key": "k", "stream_usage": True, **fields}
        return ChatOpenAI(base_url=upstream.openai_url, max_retries=0, **given)

    return make


@pytest.fixture
def anthropic(upstream: ScriptedUpstream) -> MakeModel:
    """Makes real Anthropic models that ask the scripted provider."""

    def make(**fields: Any) -> ChatAnthropic:
        given = {"model": "claude-opus-4-5", "api_key": "k", "max_tokens": 99, **fields}
        return ChatAnthropic(base_url=upstream.anthropic_url, max_retries=0, **given)

    return make


@pytest.fixture(params=["openai", "anthropic"])
def chat(request: pytest.FixtureRequest) -> MakeModel:
    """Makes models of either provider."""
    make: MakeModel = request.getfixturevalue(request.param)
    return make
