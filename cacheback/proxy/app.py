"""The ASGI app: our own pages, and the gateway for everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields

from cacheback.cache import SemanticCache
from cacheback.config import Settings
from cacheback.drive import in_thread
from cacheback.errors import MissingExtraError, StoreError
from cacheback.proxy.client import Message, Receive, Send
from cacheback.proxy.gateway import Gateway
from cacheback.proxy.network import Network
from cacheback.proxy.settings import ProxySettings

try:
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse
except ImportError as error:
    raise MissingExtraError("fastapi", "proxy") from error

OWN = frozenset({"/healthz", "/readyz"})
"""Paths that are answered here, and by no provider."""


class Proxy:
    """The app of one worker process.

    It opens its cache when the server starts (ASGI's lifespan), and closes it when that stops.

    Args:
        settings: the proxy's own.
        cache: those of the cache.
    """

    def __init__(self, settings: ProxySettings, cache: Settings) -> None:
        self._settings = settings
        self._cache_settings = cache
        self._pages = self._make_pages()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        # Not through the pages' router, which takes longer than a hit.
        if scope["type"] == "http" and scope["path"] not in OWN:
            await self._gateway(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    @asynccontextmanager
    async def _life(self, _: FastAPI) -> AsyncIterator[None]:
        self.cache = open_cache(self._cache_settings)
        network = Network(
            self.cache,
            connect=self._settings.connect_timeout,
            read=self._settings.upstream_timeout,
        )
        self._gateway = Gateway(self._settings, network)
        try:
            yield
        finally:
            await network.close()
            await in_thread(self.cache.close)

    def _make_pages(self) -> FastAPI:
        # Swagger's pages load scripts from elsewhere.
        app = FastAPI(lifespan=self._life, docs_url=None, redoc_url=None, openapi_url=None)

        @app.get("/healthz")
        async def healthz() -> dict[str, str]:
            return {"status": "ok"}

        @app.get("/readyz")
        async def readyz() -> JSONResponse:
            try:
                await in_thread(self.cache.store.meta, "embedder")
            except StoreError as error:
                told = {"status": "failing", "store": type(error).__name__}
                return JSONResponse(told, status_code=503)
            return JSONResponse({"status": "ok"})

        return app


def open_cache(settings: Settings) -> SemanticCache:
    """The cache of these settings."""
    return SemanticCache(**{one.name: getattr(settings, one.name) for one in fields(settings)})
