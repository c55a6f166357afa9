"""The seam: a transport between an SDK and the network, for httpx and for httpx2.

Both libraries have the same interface and no common base classes, and an SDK insists on its own.
So the classes are built per library, from one body.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cacheback.adapters import exchange
from cacheback.adapters.exchange import OF_THE_BYTES, Exchange
from cacheback.core.plan import Send
from cacheback.drive import run
from cacheback.errors import InputError, NotCachedError
from cacheback.models import Outcome, Reason, Reply, Request
from cacheback.wire import marks
from cacheback.wire.controls import PREFIX, controls
from cacheback.wire.registry import codec_for

if TYPE_CHECKING:
    from types import ModuleType

    from cacheback.cache import SemanticCache


@dataclass(frozen=True, slots=True)
class Payload:
    """What `Send` needs: the HTTP request, and the codec that reads the response."""

    request: Any
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Native:
    """An HTTP response from upstream, and its JSON where it was read and is an object."""

    response: Any
    payload: dict[str, Any] | None


class CachingTransport:
    """What transports of both libraries share; `sync_transport` makes the real classes.

    `inner` is the transport that reaches the network; `cache` answers what it can.
    """

    http: ModuleType
    inner: Any
    cache: SemanticCache

    @staticmethod
    def ours(request: Any) -> bool:
        """Whether the body must be read at all; an upload, say, is passed on as a stream."""
        return codec_for(request.method, request.url.path) is not None

    def read(self, request: Any) -> tuple[Exchange, Request] | None:
        """The engine's view of a request whose body was read; None passes it on untouched.

        Raises:
            InputError: a control header cannot be read.
        """
        headers = list(request.headers.items())
        asked = controls(headers)
        for name in [name for name, _ in headers if name.lower().startswith(PREFIX)]:
            del request.headers[name]
        if not self.ours(request):
            return None
        try:
            found = exchange.read(
                self.cache,
                exchange.Sent(
                    method=request.method,
                    host=request.url.netloc.decode("ascii"),
                    target=request.url.raw_path.decode("ascii"),
                    headers=headers,
                    body=request.content,
                ),
                asked,
            )
        except Exception as error:  # noqa: BLE001 - a request that we cannot read passes untouched
            self.cache.engine.parts.faults.report(Reason.SCOPE_FAILED, error)
            return None
        if found is None:
            return None
        one, parsed = found
        timeouts = request.extensions.get("timeout", {})
        return one, replace(parsed, payload=Payload(request, one), patience=timeouts.get("read"))

    def respond(self, one: Exchange, outcome: Outcome) -> Any:
        """The response for the SDK."""
        told = marks.headers(outcome)
        if outcome.reply is None:
            return self._response(200, [_JSON, *told], one.render(outcome))
        native: Native = outcome.reply.native  # type: ignore[assignment]  # `receive` made it
        response = native.response
        if native.payload is None:
            response.headers.update(told)
            return response
        kept = [item for item in response.headers.multi_items() if item[0] not in OF_THE_BYTES]
        body = one.mark(outcome, native.payload)
        return self._response(
            response.status_code, [*kept, *told], body, extensions=response.extensions
        )

    def refuse(self, status: int, kind: str, error: Exception) -> Any:
        """An error response in the providers' form, which no SDK retries.

        An exception would be wrapped as a connection error by some SDKs, and tried three times.
        """
        body = {"error": {"message": str(error), "type": kind, "code": kind, "param": None}}
        headers = [_JSON, ("x-should-retry", "false")]
        return self._response(status, headers, json.dumps(body).encode())

    def _response(
        self, status: int, headers: list[tuple[str, str]], body: bytes, **rest: Any
    ) -> Any:
        # A stream, not `content`: only then does the client set `.elapsed`.
        stream = self.http.ByteStream(body)
        headers = [*headers, ("content-length", str(len(body)))]
        return self.http.Response(status, headers=headers, stream=stream, **rest)


_JSON = ("content-type", "application/json")


def _readable(response: Any) -> bool:
    """Whether a response is a whole JSON answer to be: all else is passed on unread."""
    kind = response.headers.get("content-type", "")
    return 200 <= response.status_code < 300 and "json" in kind  # noqa: PLR2004 - a 2xx


def _reply(payload: Payload, response: Any, seconds: float) -> Reply:
    """What a response that was read says."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):  # not JSON, or nested deeper than Python reads
        body = None
    if not isinstance(body, dict):
        return Reply(Native(response, None), None, seconds=seconds)
    return Reply(Native(response, body), payload.exchange.codec.answer(body), seconds=seconds)


@lru_cache(maxsize=4)
def sync_transport(http: Any) -> Any:
    """The caching transport class for an HTTP library (the module httpx or httpx2)."""

    class SyncCachingTransport(CachingTransport, http.BaseTransport):  # type: ignore[misc]  # per library
        def __init__(self, inner: Any, cache: SemanticCache) -> None:
            self.http = http
            self.inner = inner
            self.cache = cache

        def handle_request(self, request: Any) -> Any:
            if self.ours(request):
                request.read()
            try:
                found = self.read(request)
            except InputError as error:
                return self.refuse(400, "invalid_cacheback_header", error)
            if found is None:
                return self.inner.handle_request(request)
            one, parsed = found
            try:
                outcome = run(self.cache.ready().answer(parsed), self._send)
            except NotCachedError as error:
                return self.refuse(504, "not_cached", error)
            return self.respond(one, outcome)

        def _send(self, step: Send) -> Reply:
            payload: Payload = step.payload
            begun = time.perf_counter()
            response = self.inner.handle_request(payload.request)
            if not _readable(response):
                return Reply(Native(response, None), None, failed=not response.is_success)
            response.read()
            return _reply(payload, response, time.perf_counter() - begun)

        def close(self) -> None:
            self.inner.close()

    return SyncCachingTransport
