"""Rate limits: only calls count, though LangChain asks before it is known what will be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.rate_limiters import BaseRateLimiter

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class Deferred(BaseRateLimiter):
    """Lets everything pass; `wait` and `await_` are called where a call is made."""

    def __init__(self, limiter: BaseRateLimiter) -> None:
        self._limiter = limiter

    def acquire(self, *, blocking: bool = True) -> bool:  # noqa: ARG002 - the interface's
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:  # noqa: ARG002 - the interface's
        return True

    def wait(self) -> None:
        """Wait until a call may be made."""
        self._limiter.acquire(blocking=True)

    async def await_(self) -> None:
        """The same on the running event loop."""
        await self._limiter.aacquire(blocking=True)


def deferred(model: BaseChatModel) -> BaseRateLimiter | None:
    """The model's limiter, as one that lets hits pass."""
    limiter = model.rate_limiter
    return limiter if limiter is None or isinstance(limiter, Deferred) else Deferred(limiter)


def limit(model: BaseChatModel) -> None:
    """Wait until this model may be called."""
    if isinstance(model.rate_limiter, Deferred):
        model.rate_limiter.wait()


async def alimit(model: BaseChatModel) -> None:
    """The same on the running event loop."""
    if isinstance(model.rate_limiter, Deferred):
        await model.rate_limiter.await_()
