"""The Anthropic SDK's clients, answered from memory where that is safe."""

from __future__ import annotations

from cacheback.adapters.client import AsyncClient, SyncClient
from cacheback.errors import MissingExtraError

try:
    import anthropic
except ImportError as error:
    raise MissingExtraError("anthropic", "anthropic") from error


class CachedAnthropic(SyncClient, anthropic.Anthropic):  # type: ignore[misc]  # one method is `final` to the checker
    """`anthropic.Anthropic` with a memory: the same class, calls, types and errors.

    Takes `cache=`, every setting of `cacheback.Settings`, and every argument of
    `anthropic.Anthropic`; see `CachedClient`.
    """


class AsyncCachedAnthropic(AsyncClient, anthropic.AsyncAnthropic):  # type: ignore[misc]  # one method is `final` to the checker
    """`anthropic.AsyncAnthropic` with a memory; see `CachedAnthropic`."""
