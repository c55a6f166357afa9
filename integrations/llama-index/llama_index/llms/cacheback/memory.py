"""The way of a call: asked of the cache, sent to the LLM where it must be, recorded as it passes.

What may live here: one way per colour. Nothing of ours fails a call: what cannot be read is passed
on to the LLM untouched, and counted.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from llama_index.core.llms import LLM
from llama_index.llms.cacheback import events
from llama_index.llms.cacheback.answers import answer_of, response_of, whole
from llama_index.llms.cacheback.asking import Asked, Call, read
from llama_index.llms.cacheback.endings import Ending
from llama_index.llms.cacheback.kinds import Response
from llama_index.llms.cacheback.streams import (
    Following,
    Piece,
    Recorder,
    Words,
    afollowed,
    apieces,
    followed,
    pieces,
    replayed,
)

from cacheback import (
    AsyncRelay,
    ClosedError,
    Controls,
    Outcome,
    Reply,
    Request,
    SemanticCache,
    Send,
    SyncRelay,
    Tier,
    marks,
)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a `CachebackLLM` works with: the LLM itself, the cache, and how it is asked.

    `controls` and `index_version` are what `CachebackLLM` was given.
    """

    inner: LLM
    cache: SemanticCache
    controls: Controls
    index_version: str | Callable[[], str] | None

    def call(self, call: Call, llm: LLM) -> Any:
        """Answer a call of the LLM `llm`, whose memory this is."""
        request = self._request(call)
        if request is None:
            return call.of(self.inner)

        def send(step: Send) -> Reply:
            begun = time.perf_counter()
            native = call.of(self.inner)
            if not call.streams:
                return self._reply(call, step, native, begun)
            recorder = Recorder(call.kind, self.inner)
            return SyncRelay(
                pieces(native),
                recorder,
                close=_closing(native),
                report=self.cache.report_error,
                begun=begun,
            ).reply()

        try:
            outcome = self.cache.answer(request, send)
        except ClosedError:
            return call.of(self.inner)
        if outcome.reply is None or not call.streams:
            return self._told(call, llm, outcome)
        view = outcome.reply.native
        if outcome.tier is Tier.UPSTREAM:
            return _passed(view)
        return events.told_stream(
            call, llm, followed(Following(call.kind, marks(outcome)), _read(view))
        )

    async def acall(self, call: Call, llm: LLM) -> Any:
        """`call` on the running event loop."""
        request = self._request(call)
        if request is None:
            return await call.of(self.inner)

        async def send(step: Send) -> Reply:
            begun = time.perf_counter()
            native = await call.of(self.inner)
            if not call.streams:
                return self._reply(call, step, native, begun)
            recorder = Recorder(call.kind, self.inner)
            return AsyncRelay(
                apieces(native),
                recorder,
                close=_aclosing(native),
                report=self.cache.report_error,
                begun=begun,
            ).reply()

        try:
            outcome = await self.cache.aanswer(request, send)
        except ClosedError:
            return await call.of(self.inner)
        if outcome.reply is None or not call.streams:
            return self._told(call, llm, outcome)
        view = outcome.reply.native
        if outcome.tier is Tier.UPSTREAM:
            return _apassed(view)
        return events.told_astream(
            call, llm, afollowed(Following(call.kind, marks(outcome)), _aread(view))
        )

    def request(self, asked: Asked, *, stream: bool = False) -> Request:
        """What is asked, as a request to the cache."""
        return self.cache.request(
            asked.question,
            asked.parts,
            self.controls,
            limits=asked.limits,
            temperature=asked.temperature,
            patience=asked.patience,
            stream=stream,
            voice=lambda _: Words(),
        )

    def _request(self, call: Call) -> Request | None:
        """What the cache is asked; None, and counted, for a call that cannot be read."""
        try:
            asked = read(call, self.inner, self.index_version)
            return self.request(asked, stream=call.streams)
        except Exception as error:  # noqa: BLE001 - whatever somebody's LLM or message holds
            self.cache.report_error(error)
            return None

    def _reply(self, call: Call, step: Send, native: Response, begun: float) -> Reply:
        seconds = time.perf_counter() - begun
        if not step.keep:
            return Reply(native, seconds=seconds)
        try:
            ending = Ending(native)
            answer = whole(answer_of(call.kind, native, self.inner, ending), ending)
        except Exception as error:  # noqa: BLE001 - as above; the caller has its response
            self.cache.report_error(error)
            answer = None
        return Reply(native, answer, seconds=seconds)

    def _told(self, call: Call, llm: LLM, outcome: Outcome) -> Any:
        """The LLM's own response, marked; or that of memory, in the form that was asked for."""
        if outcome.reply is not None:
            return _marked(outcome.reply.native, outcome)
        if outcome.answer is None:
            raise AssertionError("without a reply there is an answer")
        response = _marked(response_of(call.kind, outcome.answer), outcome)
        if not call.streams:
            return events.told(call, llm, response)
        items = replayed(call.kind, response)
        if call.asynchronous:
            return events.told_astream(call, llm, _later(items))
        return events.told_stream(call, llm, items)


def _marked(response: Any, outcome: Outcome) -> Any:
    """What the cache did, where it is not sent back upstream: beside the message, not in it."""
    response.additional_kwargs = {**response.additional_kwargs, **marks(outcome)}
    return response


def _read(view: Any) -> Iterator[Any]:
    """A view's pieces; closes it when it was read, or is left."""
    try:
        yield from view
    finally:
        view.close()


async def _aread(view: Any) -> AsyncIterator[Any]:
    try:
        async for piece in view:
            yield piece
    finally:
        await view.aclose()


def _passed(view: Any) -> Generator[Response, None, None]:
    """The stream of one's own call: the integration's own items."""
    try:
        for piece in view:
            if isinstance(piece, Piece):
                yield piece.take()
    finally:
        view.close()


async def _apassed(view: Any) -> AsyncGenerator[Response, None]:
    try:
        async for piece in view:
            if isinstance(piece, Piece):
                yield piece.take()
    finally:
        await view.aclose()


async def _later(items: Iterator[Response]) -> AsyncIterator[Response]:
    for one in items:
        yield one


def _closing(stream: Any) -> Callable[[], Any]:
    """What closes an integration's stream, which need not be a generator."""
    return getattr(stream, "close", None) or (lambda: None)


def _aclosing(stream: Any) -> Callable[[], Any]:
    async def nothing() -> None:
        pass

    return getattr(stream, "aclose", None) or nothing
