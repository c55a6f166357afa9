"""The OpenAI SDK's clients, answered from memory where that is safe."""

from __future__ import annotations

from cacheback.adapters.client import AsyncClient, SyncClient
from cacheback.errors import MissingExtraError

try:
    import openai
except ImportError as error:
    raise MissingExtraError("openai", "openai") from error


class CachedOpenAI(SyncClient, openai.OpenAI):  # type: ignore[misc]  # one method is `final` to the checker
    """`openai.OpenAI` with a memory: the same class, calls, types and errors.

    >>> client = CachedOpenAI()
    >>> reply = client.chat.completions.create(model="gpt-4o-mini", messages=[...])
    >>> reply.cacheback_hit
    False

    Takes `cache=`, every setting of `cacheback.Settings`, and every argument of `openai.OpenAI`;
    see `CachedClient`.
    """


class AsyncCachedOpenAI(AsyncClient, openai.AsyncOpenAI):  # type: ignore[misc]  # one method is `final` to the checker
    """`openai.AsyncOpenAI` with a memory; see `CachedOpenAI`."""


class CachedAzureOpenAI(SyncClient, openai.AzureOpenAI):  # type: ignore[misc]  # one method is `final` to the checker
    """`openai.AzureOpenAI` with a memory; see `CachedOpenAI`."""


class AsyncCachedAzureOpenAI(AsyncClient, openai.AsyncAzureOpenAI):  # type: ignore[misc]  # one method is `final` to the checker
    """`openai.AsyncAzureOpenAI` with a memory; see `CachedOpenAI`."""
