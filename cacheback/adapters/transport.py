"""The seam: a transport between an SDK and the network, for httpx and for httpx2.

Both libraries have the same interface and no common base classes, and an SDK insists on its own.
So the classes are built per library, from one body.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from cacheback.adapters.embeddings import BatchExchange, read_batch
from cacheback.adapters.exchange import OF_THE_BYTES, Exchange, Readable, Sent, read
from cacheback.adapters.origin import signature
from cacheback.core.plan import Send
from cacheback.core.screening import HandlerError
from cacheback.drive import arun, run
from cacheback.errors import (
    BlockedError,
    ClosedError,
    ConfigurationError,
    InputError,
    NotCachedError,
)
from cacheback.models import Controls, Outcome, Reply, Tier
from cacheback.relay import AsyncRelay, AsyncView, SyncRelay, SyncView
from cacheback.wire import marks
from cacheback.wire.controls import PREFIX, controls
from cacheback.wire.registry import codec_for, is_embeddings

if TYPE_CHECKING:
    from types import ModuleType

    from cacheback.cache import SemanticCache
    from cacheback.core.plan import Plan
    from cacheback.wire.codec import Recorder

ERROR_HEADER = "x-cacheback-error"
"""Names the class of our own error that a response tells of."""
ERROR_EXTENSION = "cacheback_error"
"""Holds, among the extensions of such a response, the exception itself where it has more to say."""

REFUSED = (BlockedError, HandlerError, NotCachedError)
"""What the engine raises instead of an answer."""

_STATUS = {BlockedError: 403, HandlerError: 403, NotCachedError: 504, InputError: 400}

# A request that came before, byte for byte, is not read again: that takes 45 µs for a short one, a
# third of an exact hit. Requests of at most so many bytes, and so many of them, are remembered.
_SHORT = 16_384
_READ_BEFORE = 1_024

_NO_CONTROLS = Controls()
_PREFIX = PREFIX.encode()

DISCREET = "cacheback_discreet"
"""Extension of a request whose response shall not tell similarity and reason."""

_JSON = ("content-type", "application/json")
_EVENTS = ("content-type", "text/event-stream; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Payload:
    """What `Send` needs: the HTTP request, and who reads the response."""

    request: Any
    reader: Readable


@dataclass(frozen=True, slots=True)
class Native:
    """An HTTP response from upstream, and its JSON where it was read and is an object."""

    response: Any
    payload: dict[str, Any] | None = None


class CachingTransport:
    """What the transports of both libraries and colours share.

    `inner` is the transport that reaches the network; `cache` answers what it can. Closing closes
    `inner` if it is `owned`.
    """

    library: ModuleType
    asynchronous: bool
    pieces: Any

    def __init__(self, inner: Any, cache: SemanticCache, *, owned: bool) -> None:
        self.inner = inner
        self.cache = cache
        self.owned = owned
        self._read = partial(_read, cache, self.library.Headers)
        self._read_before = lru_cache(_READ_BEFORE)(self._read)

    @staticmethod
    def ours(request: Any) -> bool:
        """Whether the body must be read at all; an upload, say, is passed on as a stream."""
        method, path = request.method, request.url.path
        return is_embeddings(method, path) or codec_for(method, path) is not None

    def read(self, request: Any) -> Exchange | BatchExchange | None:
        """The engine's view of a request whose body was read; None passes it on untouched.

        With a cache that is switched off or closed everything passes: the client is a plain one.

        Raises:
            InputError: a control header cannot be read.
        """
        asked = self._controls(request.headers)
        if not (self.cache.settings.cache_enabled and self.ours(request)):
            return None
        try:
            self.cache.ready()
        except ClosedError:
            return None
        url, headers, body = request.url, tuple(request.headers.raw), request.content
        reading = self._read_before if len(body) <= _SHORT else self._read
        try:
            found = reading(request.method, url.netloc, url.raw_path, headers, body, asked)
        except Exception as error:  # noqa: BLE001 - a request that we cannot read passes untouched
            self.cache.report_error(error)
            return None
        if found is None or not request.extensions.get(DISCREET, False):
            return found
        return replace(found, discreet=True)

    @staticmethod
    def _controls(headers: Any) -> Controls:
        """What a request asks of the cache; the headers that say so are taken out."""
        if not any(name.lower().startswith(_PREFIX) for name, _ in headers.raw):
            return _NO_CONTROLS
        if PREFIX in signature(headers.multi_items()):
            raise InputError(
                f"the request's signature covers its {PREFIX}* headers; leave them out: signed"
                " requests pass to the provider as they are"
            )
        asked = controls(headers.items())
        for name in [name for name in headers if name.startswith(PREFIX)]:
            del headers[name]
        return asked

    def plan(self, one: Exchange | BatchExchange, request: Any) -> Plan[Any]:
        """How to answer what a request asks."""

        def pack(reader: Readable, body: bytes | None) -> Payload:
            return Payload(request if body is None else self._with(request, body), reader)

        patience = request.extensions.get("timeout", {}).get("read")
        return one.plan(self.cache.engine, pack, patience=patience, asynchronous=self.asynchronous)

    def _with(self, request: Any, body: bytes) -> Any:
        """The same request with another body."""
        headers = [one for one in request.headers.multi_items() if one[0] != "content-length"]
        return self.library.Request(
            request.method,
            request.url,
            headers=headers,
            content=body,
            extensions=request.extensions,
        )

    def about(self, response: Any, begun: float) -> dict[str, Any]:
        """What a relay must know of the response whose body it reads."""
        return {"begun": begun, "report": self.cache.report_error, "head": response}

    def respond(self, one: Exchange | BatchExchange, result: Any) -> Any:
        """The response for the SDK; None, and counted, where what memory has cannot be told."""
        try:
            outcome, body = one.told(result)
        except Exception as error:  # noqa: BLE001 - whatever somebody has put into the memory
            return self._untold(result, error)
        told = marks.headers(outcome, discreet=one.discreet)
        native = outcome.reply.native if outcome.reply else None
        if native is None:
            return self._answer(one, told, body or [])
        if isinstance(native, SyncView | AsyncView):
            if native.relay.head is None:  # not upstream's: a synthesis
                return self._response(200, [_EVENTS, *told], native)
            return self._pass(native.relay.head, told, native)
        if not isinstance(native, Native):
            raise TypeError("what upstream sent is a view or one of ours")
        if native.payload is None:
            native.response.headers.update(told)
            return native.response
        return self._pass(native.response, told, body or [one.mark(outcome, native.payload)])

    def _untold(self, result: Any, error: Exception) -> Any:
        """As `respond`, but a blocked question does not go upstream for that: it is refused."""
        self.cache.report_error(error)
        if not (isinstance(result, Outcome) and result.tier is Tier.NEGATIVE):
            return None
        wrong = ConfigurationError(
            "the answer that on_negative_hit returned cannot be told as a response; return text, or"
            " an Answer with nothing but text"
        )
        wrong.__cause__ = error
        return self.refuse(HandlerError(wrong))

    def _answer(
        self, one: Exchange | BatchExchange, told: list[tuple[str, str]], body: list[bytes]
    ) -> Any:
        headers = [_EVENTS] if one.streams else [_JSON, _length(body)]
        return self._response(200, [*headers, *told], body)

    def _pass(self, response: Any, told: list[tuple[str, str]], body: Any) -> Any:
        """Upstream's response with another body: decoded, and marked or shared."""
        kept = [item for item in response.headers.multi_items() if item[0] not in OF_THE_BYTES]
        if isinstance(body, list):
            kept.append(_length(body))
        return self._response(
            response.status_code, [*kept, *told], body, extensions=response.extensions
        )

    def refuse(self, error: BlockedError | HandlerError | InputError | NotCachedError) -> Any:
        """An error of ours as a response in the providers' form, which no SDK retries.

        An exception would be wrapped as a connection error by some SDKs, and tried three times.
        Our own clients turn it into an exception that is ours and the SDK's (`client.py`).
        """
        kind = type(error).__name__
        told = {"message": str(error), "type": kind, "code": kind, "param": None}
        body = [json.dumps({"type": "error", "error": told}).encode()]
        headers = [_JSON, _length(body), ("x-should-retry", "false"), (ERROR_HEADER, kind)]
        extensions = {}
        if isinstance(error, BlockedError | HandlerError):
            headers += [*marks.BLOCKED]
            itself = error.error if isinstance(error, HandlerError) else error
            extensions = {ERROR_EXTENSION: itself}
        return self._response(_STATUS[type(error)], headers, body, extensions=extensions)

    def _response(self, status: int, headers: list[tuple[str, str]], body: Any, **rest: Any) -> Any:
        # A stream, not `content`: only then does the client set `.elapsed`.
        return self.library.Response(status, headers=headers, stream=self.pieces(body), **rest)


def _read(  # noqa: PLR0917 - remembered by these, and called in one place
    cache: SemanticCache,
    joined: Any,
    method: str,
    host: bytes,
    target: bytes,
    headers: tuple[tuple[bytes, bytes], ...],
    body: bytes,
    asked: Controls,
) -> Exchange | BatchExchange | None:
    """The engine's view of a request; `joined` is the library's class for headers."""
    told = tuple(joined(headers).items())
    if signature(told):
        return None
    sent = Sent(method, host.decode("ascii"), target.decode("ascii"), told, body)
    reads = read_batch if is_embeddings(sent.method, sent.target) else read
    return reads(cache, sent, asked)


def _length(body: list[bytes]) -> tuple[str, str]:
    return ("content-length", str(sum(map(len, body))))


def _is(response: Any, kind: str) -> bool:
    """Whether a response is a success of this kind: all else is passed on unread."""
    return bool(response.is_success) and kind in response.headers.get("content-type", "")


def _untouched(response: Any) -> Reply:
    return Reply(Native(response), failed=not response.is_success)


def _reply(payload: Payload, response: Any, seconds: float) -> Reply:
    """What a response that was read says."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):  # not JSON, or nested deeper than Python reads
        body = None
    if not isinstance(body, dict):
        return Reply(Native(response), seconds=seconds)
    return Reply(Native(response, body), seconds=seconds, **payload.reader.understand(body))


@lru_cache(maxsize=2)  # there are two libraries
def sync_transport(http: Any) -> Any:  # noqa: C901 - it holds two small classes
    """The caching transport class for clients of a library (the module httpx or httpx2).

    It takes the transport to be wrapped, the cache to be asked, and whether it owns the first.
    """

    class Pieces(http.SyncByteStream):  # type: ignore[misc]  # per library
        """A body: a view of a relay, or pieces that are at hand."""

        def __init__(self, body: Any) -> None:
            self._body = body

        def __iter__(self) -> Iterator[bytes]:
            yield from self._body

        def close(self) -> None:
            if isinstance(self._body, SyncView):
                self._body.close()

    class SyncCaching(CachingTransport, http.BaseTransport):  # type: ignore[misc]  # per library
        library = http
        pieces = Pieces
        asynchronous = False

        def handle_request(self, request: Any) -> Any:
            if self.ours(request):
                request.read()
            try:
                found = self.read(request)
            except InputError as error:
                return self.refuse(error)
            if found is None:
                return self.inner.handle_request(request)
            try:
                result = run(self.plan(found, request), self._send)
            except REFUSED as error:
                return self.refuse(error)
            response = self.respond(found, result)
            return self.inner.handle_request(request) if response is None else response

        def _send(self, step: Send) -> Reply:
            payload: Payload = step.payload
            begun = time.perf_counter()
            response = self.inner.handle_request(payload.request)
            recorder = _recorder(step, response)
            if recorder is not None:
                pieces, about = response.iter_bytes(), self.about(response, begun)
                return SyncRelay(pieces, recorder, close=response.close, **about).reply()
            if not _is(response, "json"):
                if step.unseen:
                    response.close()
                return _untouched(response)
            try:
                response.read()
            except BaseException:
                response.close()  # the client cannot: it never gets to see the response
                raise
            return _reply(payload, response, time.perf_counter() - begun)

        def close(self) -> None:
            if self.owned:
                self.inner.close()

    return SyncCaching


@lru_cache(maxsize=2)  # as above
def async_transport(http: Any) -> Any:  # noqa: C901 - as above
    """`sync_transport` for asynchronous clients."""

    class AsyncPieces(http.AsyncByteStream):  # type: ignore[misc]  # per library
        """A body: a view of a relay, or pieces that are at hand."""

        def __init__(self, body: Any) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            if isinstance(self._body, AsyncView):
                async for piece in self._body:
                    yield piece
            else:
                for piece in self._body:
                    yield piece

        async def aclose(self) -> None:
            if isinstance(self._body, AsyncView):
                await self._body.aclose()

    class AsyncCaching(CachingTransport, http.AsyncBaseTransport):  # type: ignore[misc]  # per library
        library = http
        pieces = AsyncPieces
        asynchronous = True

        async def handle_async_request(self, request: Any) -> Any:
            if self.ours(request):
                await request.aread()
            try:
                found = self.read(request)
            except InputError as error:
                return self.refuse(error)
            if found is None or not _on_asyncio():
                return await self.inner.handle_async_request(request)
            try:
                result = await arun(self.plan(found, request), self._send)
            except REFUSED as error:
                return self.refuse(error)
            response = self.respond(found, result)
            if response is None:
                return await self.inner.handle_async_request(request)
            return response

        async def _send(self, step: Send) -> Reply:
            payload: Payload = step.payload
            begun = time.perf_counter()
            response = await self.inner.handle_async_request(payload.request)
            recorder = _recorder(step, response)
            if recorder is not None:
                pieces, about = response.aiter_bytes(), self.about(response, begun)
                return AsyncRelay(pieces, recorder, close=response.aclose, **about).reply()
            if not _is(response, "json"):
                if step.unseen:
                    await response.aclose()
                return _untouched(response)
            try:
                await response.aread()
            except BaseException:
                await response.aclose()  # as above
                raise
            return _reply(payload, response, time.perf_counter() - begun)

        async def aclose(self) -> None:
            if self.owned:
                await self.inner.aclose()

    return AsyncCaching


def _recorder(step: Send, response: Any) -> Recorder | None:
    if not (step.keep and _is(response, "text/event-stream")):
        return None
    payload: Payload = step.payload
    return payload.reader.recorder()


def _on_asyncio() -> bool:
    """Plans are driven on asyncio; on another event loop (trio) calls pass untouched."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
