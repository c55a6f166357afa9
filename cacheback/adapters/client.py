"""What all cached clients share: their settings, their cache, and how both end."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from cacheback.adapters.install import cached_copy, install, installed, require_cache
from cacheback.adapters.transport import ERROR_EXTENSION, ERROR_HEADER
from cacheback.cache import SemanticCache
from cacheback.config import SettingKeywords
from cacheback.core.screening import HandlerError
from cacheback.drive import in_thread
from cacheback.errors import (
    BlockedError,
    CachebackError,
    ConfigurationError,
    InputError,
    NotCachedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = {kind.__name__: kind for kind in (BlockedError, NotCachedError, InputError)}

_SETTINGS = frozenset(SettingKeywords.__annotations__)


class CachedClient:
    """Stands before an SDK's client class among the bases of a cached client.

    Args:
        cache: a `SemanticCache` to share; it stays open when this client is closed. Without one
            the client makes its own from the settings, and closes it.
        **options: every setting of `cacheback.Settings`, and every argument of the SDK's client.

    Raises:
        ConfigurationError: a setting cannot work, `cache` is no SemanticCache, or settings were
            given beside a cache or an `http_client` that asks one already.
    """

    cache: SemanticCache

    def __init__(self, *, cache: SemanticCache | None = None, **options: Any) -> None:
        require_cache(cache)
        settings = {name: options.pop(name) for name in _SETTINGS & options.keys()}
        self._theirs = options.get("http_client")
        given = "a cache" if cache is not None else "an http_client that asks a cache already"
        cache = installed(self._theirs) if cache is None else cache
        if cache is not None and settings:
            raise ConfigurationError(
                f"both {given} and {', '.join(sorted(settings))} were given; give the settings to"
                " the SemanticCache"
            )
        self._own_cache = SemanticCache(**settings) if cache is None else None
        self.cache = cache or self._own_cache  # type: ignore[assignment]  # one of them is there
        try:
            if self._theirs is not None:
                options["http_client"] = cached_copy(self._theirs, self.cache)
            super().__init__(**options)
        except BaseException:
            self._end()
            raise
        if self._theirs is None:
            install(self._client, self.cache)  # type: ignore[attr-defined]  # the SDK's attribute

    def copy(self, *, _extra_kwargs: Mapping[str, Any] | None = None, **options: Any) -> Self:
        """As the SDK's own `copy`; the copy shares this client's cache."""
        extra = {"cache": self.cache, **(_extra_kwargs or {})}
        return super().copy(**options, _extra_kwargs=extra)  # type: ignore[misc,no-any-return]  # the SDK's method

    with_options = copy

    def _make_status_error(self, err_msg: str, *, body: object, response: Any) -> Exception:
        """The SDK's exception for an error response; if it tells of ours, an exception of both.

        What the user's own `on_negative_hit` raised is raised as it is.
        """
        error: Exception = super()._make_status_error(  # type: ignore[misc]  # the SDK's method
            err_msg, body=body, response=response
        )
        kind = response.headers.get(ERROR_HEADER, "")
        raised: Exception | None = response.extensions.get(ERROR_EXTENSION)
        if kind == HandlerError.__name__ and raised is not None:
            return raised
        ours = _OURS.get(kind)
        if ours is None:
            return error
        both = _both(type(error), ours)  # type: ignore[arg-type]  # a class can be hashed
        told: Exception = both(err_msg, response=response, body=body)
        if isinstance(told, BlockedError) and isinstance(raised, BlockedError):
            told.match = raised.match
        return told

    def _end(self) -> None:
        if self._own_cache is not None:
            self._own_cache.close()


@lru_cache(maxsize=16)  # there are few errors of ours, and of each SDK
def _both(theirs: Any, ours: type[CachebackError]) -> Any:
    """An exception class that is caught as either; the SDK's comes first, as it is made by it."""
    return type(ours.__name__, (theirs, ours), {"__module__": ours.__module__})


class SyncClient(CachedClient):
    """A cached client that is closed by `close()`."""

    def close(self) -> None:
        """Close the client, and its cache unless that is shared."""
        super().close()  # type: ignore[misc]  # the SDK's method
        if self._theirs is not None:
            self._theirs.close()
        self._end()


class AsyncClient(CachedClient):
    """A cached client that is closed by `await close()`."""

    async def close(self) -> None:
        """Close the client, and its cache unless that is shared."""
        await super().close()  # type: ignore[misc]  # the SDK's method
        if self._theirs is not None:
            await self._theirs.aclose()
        await in_thread(self._end)
