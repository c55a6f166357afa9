"""What every test may use: the real embedder, loaded once, and caches on real directories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.embedders.minilm import MiniLM
from cacheback.testing import ScriptedUpstream


class Clock:
    """A clock that moves when it is told to; Unix seconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def embedder() -> Any:
    """The bundled model, loaded once for all tests."""
    return MiniLM()


@pytest.fixture
def make_cache(
    tmp_path: Path, clock: Clock, embedder: Any
) -> Iterator[Callable[..., SemanticCache]]:
    """Makes caches on this test's directory, and closes them."""
    made: list[SemanticCache] = []

    def make(directory: str | Path = tmp_path / "cache", **settings: Any) -> SemanticCache:
        settings = {"clock": clock, "embedder": embedder, **settings}
        cache = SemanticCache(directory, **settings)
        made.append(cache)
        return cache

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def cache(make_cache: Callable[..., SemanticCache]) -> SemanticCache:
    return make_cache()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """The provider, played by our own server on loopback."""
    with ScriptedUpstream() as server:
        yield server
