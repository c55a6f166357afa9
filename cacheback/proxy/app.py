"""The ASGI app: our own pages, and the gateway for everything else."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cacheback._version import __version__
from cacheback.cache import SemanticCache
from cacheback.config import Settings
from cacheback.core.observing import Event
from cacheback.drive import in_thread
from cacheback.embedders.registry import make_embedder
from cacheback.errors import MissingExtraError, StoreError
from cacheback.proxy.client import Message, Receive, Send
from cacheback.proxy.gateway import Gateway
from cacheback.proxy.metrics import MULTIPROCESS, Metrics, Timed
from cacheback.proxy.network import Network
from cacheback.proxy.recent import Recent, decided
from cacheback.proxy.settings import ProxySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

try:
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
except ImportError as error:
    raise MissingExtraError("fastapi", "proxy") from error

from cacheback.proxy.admin import guard, routes, tell_errors

PAGES = frozenset({"/healthz", "/readyz", "/metrics", "/dashboard"})
"""Paths that are answered here, and by no provider; and so is what is below `ADMIN`."""
ADMIN = "/admin/"

_METRICS = "text/plain; version=1.0.0; charset=utf-8"


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
        self._metrics = Metrics(shared=MULTIPROCESS in os.environ)
        self._recent = Recent(settings.recent)
        self._pages = self._make_pages()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        # Not through the pages' router, which takes longer than a hit.
        if scope["type"] != "http" or _ours(scope["path"]):
            await self._pages(scope, receive, send)
        else:
            await self._gateway(scope, receive, send)

    @property
    def pages(self) -> FastAPI:
        """The app of our own pages; its `openapi()` describes them."""
        return self._pages

    @asynccontextmanager
    async def _life(self, _: FastAPI) -> AsyncIterator[None]:
        self.cache = open_cache(self._cache_settings, self._metrics)
        self.cache.observe(self._note)
        traces = send_traces(self.cache) if self._settings.traces else None
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
            if traces is not None:
                await in_thread(traces.shutdown)

    def _note(self, event: Event) -> None:
        decision = decided(event)
        self._metrics.count(decision)
        self._recent.add(decision)

    def _make_pages(self) -> FastAPI:
        # Swagger's pages load scripts from elsewhere; the document itself is behind the token.
        app = FastAPI(
            title="cacheback",
            version=__version__,
            lifespan=self._life,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
        )
        token = self._settings.admin_token
        admitted = Depends(guard(token))
        app.include_router(routes(token, lambda: self.cache, self._recent))
        tell_errors(app)

        @app.get("/admin/openapi.json", dependencies=[admitted], include_in_schema=False)
        def openapi() -> dict[str, Any]:
            return app.openapi()

        @app.get("/healthz")
        async def healthz() -> dict[str, str]:
            """The process serves."""
            return {"status": "ok"}

        @app.get("/readyz", responses={503: {"description": "The cache cannot be read."}})
        def readyz() -> JSONResponse:
            """The cache can be read."""
            try:
                self.cache.store.meta("embedder")
            except StoreError as error:
                told = {"status": "failing", "store": type(error).__name__}
                return JSONResponse(told, status_code=503)
            return JSONResponse({"status": "ok"})

        @app.get(
            "/metrics",
            dependencies=[] if self._settings.open_metrics else [admitted],
            response_class=PlainTextResponse,
        )
        def metrics() -> PlainTextResponse:
            """Metrics for Prometheus."""
            return PlainTextResponse(self._metrics.show(self.cache), media_type=_METRICS)

        page, policy = dashboard()

        @app.get("/dashboard", response_class=HTMLResponse)
        async def show() -> HTMLResponse:
            """The page; it asks for the token, and gets its data from the admin API."""
            return HTMLResponse(
                page,
                headers={
                    "content-security-policy": policy,
                    "referrer-policy": "no-referrer",
                    "x-content-type-options": "nosniff",
                    "cache-control": "no-store",
                },
            )

        return app


def _ours(path: str) -> bool:
    return path in PAGES or path.startswith(ADMIN)


def open_cache(settings: Settings, metrics: Metrics | None = None) -> SemanticCache:
    """The cache of these settings, its encoding timed."""
    given = {one.name: getattr(settings, one.name) for one in fields(settings)}
    if metrics is not None:
        given["embedder"] = Timed(make_embedder(settings.embedder), metrics)
    return SemanticCache(**given)


def send_traces(cache: SemanticCache) -> TracerProvider:
    """Send spans by OTLP over HTTP; the `OTEL_*` variables say to whom. Shut it down at the end.

    Raises:
        MissingExtraError: OpenTelemetry is not installed.
    """
    try:  # only who asks for traces needs the extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("opentelemetry-sdk", "otel") from error
    from cacheback.telemetry import trace  # noqa: PLC0415 - needs it, too

    # OTEL_SERVICE_NAME wins over this name.
    provider = TracerProvider(resource=Resource.create({"service.name": "cacheback"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace(cache, provider)
    return provider


def dashboard() -> tuple[str, str]:
    """The page, and the policy under which browsers run its own script and style, and no other."""
    page = files("cacheback.proxy").joinpath("dashboard.html").read_text("utf-8")
    script, style = (_hashes(page, tag) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _hashes(page: str, tag: str) -> str:
    found = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = (hashlib.sha256(one.encode()).digest() for one in found)
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)
