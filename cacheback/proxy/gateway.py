"""The gateway: from a client's HTTP request to upstream's or the cache's answer, and back.

It adds no rule of caching: what it builds goes through the caching transport, which decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import httpx2

from cacheback.adapters.transport import DISCREET
from cacheback.proxy.client import Client, ClientGoneError, Message, Receive, RefusedError, Send
from cacheback.proxy.headers import to_client, to_upstream, value_of
from cacheback.proxy.keys import API_KEY, CREDENTIALS, OWN_HEADER, Keys, bearer
from cacheback.proxy.network import SWAP, Network
from cacheback.proxy.settings import ProxySettings
from cacheback.proxy.upstreams import Routes, Upstream
from cacheback.wire.registry import codec_for, is_embeddings

# What a proxy must not pass on: a tunnel, and an echo of all headers.
_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})
# What is read on the way must be in an encoding that we can read.
_READABLE = (b"accept-encoding", b"gzip, deflate")
# Statuses that an HTTP server can tell.
_STATUSES = range(200, 600)

_log = logging.getLogger("cacheback.proxy")
_requests = logging.getLogger("cacheback.proxy.requests")


class BrokenOffError(Exception):
    """Upstream broke off in the middle of a body."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A client's headers for upstream, and which of them holds a client key, if any."""

    headers: list[tuple[bytes, bytes]]
    held_in: bytes | None


class Gateway:
    """The ASGI app for everything that is not a page of our own."""

    def __init__(self, settings: ProxySettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._keys = Keys(settings.client_keys)
        self._routes = Routes(settings.defaults, settings.upstreams)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        client = Client(scope, receive, send, self._settings.client_timeout)
        try:
            await self._exchange(scope, client)
        except ClientGoneError:
            return
        except RefusedError as refused:
            if client.status is None:
                await client.refuse(refused)
        except BrokenOffError as error:
            # An unfinished body is how HTTP tells that something is missing: the server, finding
            # it so, closes the connection.
            _log.warning("%s", error)
        except asyncio.CancelledError:
            if not client.gone:
                raise
        finally:
            client.leave()
            if self._settings.log_requests:
                _requests.info("%s %s %s", scope["method"], scope["path"], client.status)

    async def _exchange(self, scope: Message, client: Client) -> None:
        method, path = scope["method"], scope["raw_path"].decode("ascii")
        if method in _REFUSED_METHODS or not path.startswith("/"):
            raise RefusedError(405, f"{method} is not passed on", "method_not_allowed")
        admitted = self._admit(client)
        ours = codec_for(method, path) is not None or is_embeddings(method, path)
        if ours:
            content: Any = await client.read(self._settings.max_body)
            client.watch()
        else:
            content = self._body(client)
        upstream = self._routes.choose(path, client.headers, content if ours else None)
        response = await self._send(upstream, scope, admitted, content, ours=ours)
        try:
            await _pass_on(response, client, ours=ours)
        finally:
            await response.aclose()

    def _admit(self, client: Client) -> Admitted:
        headers = to_upstream(client.headers)
        if not self._keys:
            return Admitted(headers, None)
        held_in = self._keys.held_in(client.headers)
        if held_in is None:
            raise RefusedError(
                401,
                "this proxy wants one of its own client keys, as Authorization: Bearer, x-api-key"
                f" or {OWN_HEADER.decode()}",
                "invalid_client_key",
                connection="close",
            )
        if held_in != OWN_HEADER:
            return Admitted(headers, held_in)
        if any(name in CREDENTIALS for name, _ in headers):
            return Admitted(headers, None)  # it brings a provider's key, too
        # Told as a credential, or the entries of all who come so would be one tenant's.
        key = next(bearer(*one) for one in client.headers if one[0] == OWN_HEADER)
        return Admitted([*headers, (API_KEY, key)], API_KEY)

    def _discreet(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether similarity and reason would tell this client what others have asked."""
        settings = self._settings
        if settings.shared or not settings.details:
            return True
        return settings.public and not any(name in CREDENTIALS for name, _ in headers)

    def _body(self, client: Client) -> AsyncIterator[bytes] | bytes:
        names = {name for name, _ in client.headers}
        if names & {b"content-length", b"transfer-encoding"}:
            return client.stream(self._settings.max_upload)
        client.watch()
        return b""

    async def _send(
        self, upstream: Upstream, scope: Message, admitted: Admitted, content: Any, *, ours: bool
    ) -> httpx2.Response:
        headers = admitted.headers
        if ours:
            kept = [one for one in headers if one[0] not in {b"accept-encoding", b"content-length"}]
            headers = [*kept, _READABLE]
        extensions: dict[str, Any] = {DISCREET: self._discreet(headers)}
        if admitted.held_in is not None:
            extensions[SWAP] = (admitted.held_in.decode(), upstream.credential(admitted.held_in))
        url = _url(upstream, scope["raw_path"], scope["query_string"])
        try:
            return await self._network.send(scope["method"], url, headers, content, **extensions)
        except httpx2.TimeoutException as error:
            raise RefusedError(504, _said(upstream, error), "upstream_timeout") from error
        except httpx2.TransportError as error:
            raise RefusedError(502, _said(upstream, error), "upstream_unreachable") from error


async def _pass_on(response: httpx2.Response, client: Client, *, ours: bool) -> None:
    if response.status_code not in _STATUSES:
        raise RefusedError(502, "upstream answered with no HTTP status", "upstream_broken")
    # The client's own words on encodings were not passed on.
    decoded = ours and "content-encoding" in response.headers
    headers = to_client(response.headers.raw, decoded=decoded)
    await client.begin(response.status_code, headers)
    left = int(value_of(headers, b"content-length") or -1)  # never 0 where it is not known
    try:
        async for piece in _pieces(response, decoded=decoded):
            left -= len(piece)
            await client.tell(piece, last=left == 0)
            if left == 0:
                return
    except httpx2.HTTPError as error:
        raise BrokenOffError(f"upstream broke off: {type(error).__name__}") from error
    await client.tell(b"", last=True)


def _pieces(response: httpx2.Response, *, decoded: bool) -> AsyncIterator[bytes]:
    if response.is_stream_consumed:  # it was to be read as JSON, and is none
        return _once(response.content)
    if decoded:
        return response.aiter_bytes()
    # Not through the response, which would count and cut what passes.
    return cast("httpx2.AsyncByteStream", response.stream).__aiter__()


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


@lru_cache(maxsize=256)  # clients ask few different ones, and parsing takes longer than a lookup
def _url(upstream: Upstream, path: bytes, query: bytes) -> httpx2.URL:
    target = upstream.target(path.decode("ascii"))
    return httpx2.URL(f"{target}?{query.decode('ascii')}" if query else target)


def _said(upstream: Upstream, error: Exception) -> str:
    return f"upstream {upstream.name} failed: {type(error).__name__}"
