"""CachebackMiddleware: an agent whose model calls are answered from memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
except ModuleNotFoundError as error:
    raise ImportError(
        "langchain is not installed; install it with: pip install 'langchain-cacheback[agents]'"
    ) from error

from cacheback import Controls, SemanticCache
from langchain_cacheback.memory import Memory
from langchain_cacheback.model import remembering
from langchain_cacheback.opening import opened


class CachebackMiddleware(AgentMiddleware[Any, Any]):
    """Answers an agent's model calls from memory where that is safe.

        >>> agent = create_agent(model, tools, middleware=[CachebackMiddleware()])

    Each call is made through `cached(model)`, whichever model it is for; so hits stream, and
    callbacks fire. A turn that may call tools is answered for the same conversation only. What the
    tools do is not cached: they run as ever.

    Args:
        cache: a `cacheback.SemanticCache` to share; None makes one of `settings`.
        controls: mode, time to live, threshold, namespace and tags of all calls.
        **settings: as for `cacheback.SemanticCache`.

    Raises:
        ConfigurationError: a setting cannot work, or is given beside a cache.
    """

    def __init__(
        self,
        cache: SemanticCache | None = None,
        *,
        controls: Controls | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.cache = opened(cache, settings)
        self._memory = Memory(self.cache, controls or Controls())

    def wrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]
    ) -> ModelResponse:
        """Let the call be made by the same model with a memory."""
        return handler(request.override(model=remembering(request.model, self._memory)))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        """The same on the running event loop."""
        return await handler(request.override(model=remembering(request.model, self._memory)))
