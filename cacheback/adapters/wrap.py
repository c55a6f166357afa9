"""A memory for a client that exists already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from cacheback.adapters.install import cached_copy, require_cache
from cacheback.cache import SemanticCache
from cacheback.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from cacheback.config import SettingKeywords

C = TypeVar("C")


def wrap(
    client: C, *, cache: SemanticCache | None = None, **settings: Unpack[SettingKeywords]
) -> C:
    """A copy of an SDK's client that asks the cache first, of the same class.

    The client itself, and whoever shares its connections, stay as they are: nothing is patched.

    Args:
        client: of the openai or anthropic SDK, sync or async, with any options.
        cache: the cache to ask; without one, a new one is made from the settings. It is the
            copy's attribute `cache`, and stays open when the client is closed.
        **settings: see `cacheback.Settings`.

    Raises:
        ConfigurationError: a setting cannot work, `cache` is no SemanticCache, or both a cache and
            settings were given.
        InputError: it is not a client of these SDKs.
    """
    require_cache(cache)
    if cache is not None and settings:
        raise ConfigurationError(
            f"both a cache and {', '.join(sorted(settings))} were given; give the settings to the"
            " SemanticCache"
        )
    sdk_client: Any = client
    http_client = getattr(sdk_client, "_client", None)
    if http_client is None or not hasattr(sdk_client, "copy"):
        raise InputError(
            f"{type(client).__qualname__} is not a client of the openai or anthropic SDK"
        )
    cache = cache or SemanticCache(**settings)
    twin: Any = sdk_client.copy(http_client=cached_copy(http_client, cache))
    twin.cache = cache
    typed: C = twin
    return typed
