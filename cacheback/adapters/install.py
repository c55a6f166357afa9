"""Putting the caching transport into an HTTP client, without changing anything else of it."""

from __future__ import annotations

import copy
import sys
from typing import Any

from cacheback.adapters.transport import CachingTransport, async_transport, sync_transport
from cacheback.cache import SemanticCache
from cacheback.errors import ConfigurationError


def require_cache(cache: object) -> None:
    """Check what was given as `cache`: None passes.

    Raises:
        ConfigurationError: it is no SemanticCache.
    """
    if cache is not None and not isinstance(cache, SemanticCache):
        raise ConfigurationError(
            f"cache is {cache!r}; it must be a SemanticCache; a directory is given as cache_dir"
        )


def installed(client: Any) -> SemanticCache | None:
    """The cache that an HTTP client already asks, or None."""
    transport = getattr(client, "_transport", None)
    return transport.cache if isinstance(transport, CachingTransport) else None


def install(client: Any, cache: SemanticCache, *, owned: bool = True) -> None:
    """Let an HTTP client (of httpx or httpx2, sync or async) ask the cache first.

    Also through its mounts: proxies from the environment live there, and win. With `owned` false
    the end of this client leaves its connections open, as another client uses them, too.

    Raises:
        ConfigurationError: it is no such client.
    """
    transport = _transport_for(client)

    def wrap(inner: Any) -> Any:
        # A client that asked another cache so far asks only this one from now on.
        bare = inner.inner if isinstance(inner, CachingTransport) else inner
        return bare and transport(bare, cache, owned=owned)

    client._transport = wrap(client._transport)  # noqa: SLF001 - the seam; there is no public one
    mounts = client._mounts.items()  # noqa: SLF001 - as above
    client._mounts = {pattern: wrap(inner) for pattern, inner in mounts}  # noqa: SLF001 - as above


def cached_copy(client: Any, cache: SemanticCache) -> Any:
    """A copy of somebody's HTTP client that asks the cache; the client itself stays as it is.

    Both share one connection pool. The copy keeps the original alive, whose end would close it.
    """
    if installed(client) is cache:
        return client
    twin = copy.copy(client)
    install(twin, cache, owned=False)
    twin._cacheback_original = client  # noqa: SLF001 - our own attribute
    return twin


def _transport_for(client: Any) -> Any:
    """The transport class for a client: by what it is, not by the SDK's version."""
    for name in ("httpx2", "httpx"):
        library = sys.modules.get(name)
        if library is None:
            continue
        if isinstance(client, library.Client):
            return sync_transport(library)
        if isinstance(client, library.AsyncClient):
            return async_transport(library)
    raise ConfigurationError(
        f"http_client is a {type(client).__module__}.{type(client).__qualname__};"
        " it must be a client of httpx or httpx2"
    )
