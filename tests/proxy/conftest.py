"""The proxy as its clients meet it: a real server on loopback, before the scripted provider."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cacheback.config import Settings
from cacheback.testing import ScriptedUpstream

if find_spec("fastapi") is None:
    collect_ignore_glob = ["test_*.py"]


@dataclass(frozen=True)
class Running:
    """A proxy that runs in a thread of this process."""

    url: str
    app: Any

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def cache(self) -> Any:
        return self.app.cache


@contextmanager
def running(proxy: dict[str, Any], cache: dict[str, Any]) -> Iterator[Running]:
    import uvicorn

    from cacheback.proxy.app import Proxy
    from cacheback.proxy.server import listen, url_of, uvicorn_config
    from cacheback.proxy.settings import Configuration, ProxySettings

    configuration = Configuration(ProxySettings(**proxy), Settings(**cache), {})
    config = uvicorn_config(configuration)
    app = Proxy(configuration.proxy, configuration.cache)
    config.app, config.factory = app, False
    listener = listen("127.0.0.1", 0)
    up = threading.Event()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            up.set()

    server = Announcing(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="proxy")
    thread.start()
    try:
        assert up.wait(30)
        yield Running(url_of(listener), app)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def make_proxy(
    upstream: ScriptedUpstream, tmp_path: Path, embedder: Any
) -> Iterator[Callable[..., Running]]:
    """Makes proxies of the scripted provider, with settings of theirs and of the cache."""
    with ExitStack() as stack:

        def make(cache: dict[str, Any] | None = None, **proxy: Any) -> Running:
            proxy = {
                "openai_url": upstream.openai_url,
                "anthropic_url": upstream.anthropic_url,
                **proxy,
            }
            kept = {"cache_dir": tmp_path / "cache", "embedder": embedder, **(cache or {})}
            return stack.enter_context(running(proxy, kept))

        yield make


@pytest.fixture
def proxy(make_proxy: Callable[..., Running]) -> Running:
    return make_proxy()
