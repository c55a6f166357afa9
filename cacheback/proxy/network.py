"""The way upstream: one pool of connections, the caching transport before it, keys put in between.

The order matters: the cache sees the key by which a client is known, and so keeps its answers apart
from those of others; only behind it is that key replaced by the server's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cacheback.adapters.install import install
from cacheback.errors import MissingExtraError
from cacheback.proxy.keys import CREDENTIALS

try:
    import httpx2
except ImportError as error:
    raise MissingExtraError("httpx2", "proxy") from error

if TYPE_CHECKING:
    from cacheback.cache import SemanticCache

SWAP = "cacheback_swap"
"""Extension of a request: the header that holds a client key, and the one to send in its stead."""

_NAMES = tuple(name.decode() for name in CREDENTIALS)


class Keyed(httpx2.AsyncBaseTransport):
    """Sends the server's key where a client brought none but the one by which it is let in."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        swap = request.extensions.get(SWAP)
        if swap is not None:
            held_in, own = swap
            request.headers.pop(held_in, None)
            if own is not None and not any(name in request.headers for name in _NAMES):
                request.headers[own[0]] = own[1]
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Network:
    """Sends requests as they are: no redirects, no cookies, no headers of an HTTP client's own.

    Proxies of the environment (`HTTPS_PROXY` and so on) are used, as the SDKs do.

    Args:
        cache: what answers instead of upstream where it can.
        connect: seconds until a connection must stand.
        read: seconds that upstream may be silent.
    """

    def __init__(self, cache: SemanticCache, *, connect: float, read: float) -> None:
        # As many connections as there are calls: who may call is limited at the front.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        self._client = httpx2.AsyncClient(limits=limits)
        self._wrap()
        install(self._client, cache)
        timeout = httpx2.Timeout(read, connect=connect, pool=connect)
        self._extensions: dict[str, Any] = {"timeout": timeout.as_dict()}

    def _wrap(self) -> None:
        client = self._client
        client._transport = Keyed(client._transport)  # noqa: SLF001 - as `install` does
        mounts = client._mounts.items()  # noqa: SLF001 - as above
        client._mounts = {at: inner and Keyed(inner) for at, inner in mounts}  # noqa: SLF001 - as above

    async def send(
        self,
        method: str,
        url: httpx2.URL,
        headers: list[tuple[bytes, bytes]],
        content: Any,
        **extensions: Any,
    ) -> httpx2.Response:
        """The response, its body unread; the caller closes it.

        The client's own `send` would follow, store and add things, and takes longer than a hit.

        Raises:
            httpx2.TransportError: upstream could not be reached, or did not answer in time.
        """
        extensions |= self._extensions
        request = httpx2.Request(
            method, url, headers=headers, content=content, extensions=extensions
        )
        transport = self._client._transport_for_url(url)  # noqa: SLF001 - as above
        response = await transport.handle_async_request(request)
        response.request = request
        return response

    async def close(self) -> None:
        await self._client.aclose()
