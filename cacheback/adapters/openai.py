"""CachedOpenAI: the OpenAI SDK's client, answered from memory where that is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from cacheback.adapters.install import cached_copy, install, installed
from cacheback.cache import SemanticCache
from cacheback.config import SettingKeywords
from cacheback.errors import ConfigurationError, MissingExtraError

try:
    import openai
except ImportError as error:
    raise MissingExtraError("openai", "openai") from error

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTINGS = frozenset(SettingKeywords.__annotations__)


class CachedOpenAI(openai.OpenAI):
    """`openai.OpenAI` with a memory: the same class, calls, types and errors.

        >>> client = CachedOpenAI()
        >>> reply = client.chat.completions.create(model="gpt-4o-mini", messages=[...])
        >>> reply.cacheback_hit
        False

    Args:
        cache: a `SemanticCache` to share; it stays open when this client is closed. Without one
            the client makes its own from the settings, and closes it.
        **options: every setting of `cacheback.Settings`, and every argument of `openai.OpenAI`.

    Raises:
        ConfigurationError: a setting cannot work, or both a cache and settings were given.
    """

    cache: SemanticCache

    def __init__(self, *, cache: SemanticCache | None = None, **options: Any) -> None:
        settings = {name: options.pop(name) for name in _SETTINGS & options.keys()}
        if cache is not None and settings:
            raise ConfigurationError(
                f"both a cache and {', '.join(sorted(settings))} were given; give the settings to"
                " the SemanticCache"
            )
        theirs = options.get("http_client")
        cache = cache or installed(theirs)
        self._owns_cache = cache is None
        self.cache = cache or SemanticCache(**settings)
        try:
            if theirs is not None:
                options["http_client"] = cached_copy(theirs, self.cache)
            super().__init__(**options)
        except BaseException:
            self._close_own_cache()
            raise
        if theirs is None:
            install(self._client, self.cache)

    def copy(self, *, _extra_kwargs: Mapping[str, Any] | None = None, **options: Any) -> Self:
        """As `openai.OpenAI.copy`; the copy shares this client's cache."""
        extra = {"cache": self.cache, **(_extra_kwargs or {})}
        return super().copy(**options, _extra_kwargs=extra)

    with_options = copy

    def close(self) -> None:
        super().close()
        self._close_own_cache()

    def _close_own_cache(self) -> None:
        if self._owns_cache:
            self.cache.close()
