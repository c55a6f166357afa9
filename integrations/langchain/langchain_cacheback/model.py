"""cached: a chat model with a memory, which is still of its own class.

What may live here: the methods that a model's subclass overrides. All that is public stays
LangChain's own (callbacks, streams of events, batches, structured output) and ends in these four;
so a hit fires what a miss does.
"""

from __future__ import annotations

import inspect
import time
import types
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from langchain_core.language_models import BaseChatModel

from cacheback import (
    AsyncRelay,
    CachebackError,
    Controls,
    InputError,
    Reply,
    SemanticCache,
    Send,
    SyncRelay,
)
from langchain_cacheback.limiting import alimit, deferred, limit
from langchain_cacheback.memory import Memory, Recorder
from langchain_cacheback.opening import opened
from langchain_cacheback.synthesis import BrokenOff

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

Model = TypeVar("Model", bound=BaseChatModel)


def cached(
    model: Model,
    cache: SemanticCache | None = None,
    *,
    controls: Controls | None = None,
    **settings: Any,
) -> Model:
    """A copy of a chat model that is answered from memory where that is safe.

        >>> model = cached(ChatOpenAI(model="gpt-5-mini"))

    It is an instance of the model's own class: `bind_tools`, `with_structured_output`, `batch` and
    all else work as ever, and so do callbacks and streams, which a hit replays. Equal calls at the
    same time share one. Turns that may call tools and structured output are answered for the same
    text only, and by equal schemas, not by equal names. The API key's digest tells tenants apart,
    unless the cache's setting `tenant` names one. No other LangChain cache is asked.

    Args:
        model: any chat model. One that is cached already gets this cache instead.
        cache: a `cacheback.SemanticCache` to share; None makes one of `settings`.
        controls: mode, time to live, threshold, namespace and tags of all calls.
        **settings: as for `cacheback.SemanticCache`.

    Raises:
        InputError: it is no chat model; bind tools and arguments to what `cached` returns.
        ConfigurationError: a setting cannot work, or is given beside a cache.
    """
    if not isinstance(model, BaseChatModel):
        raise InputError(
            f"cached() takes a chat model, not {type(model).__name__}: wrap the model first, then"
            " bind tools or arguments to it; for models that complete text use CachebackCache"
        )
    memory = Memory(opened(cache, settings), controls or Controls())
    return remembering(model, memory)


def remembering(model: Model, memory: Memory) -> Model:
    """A copy of a chat model that uses this memory."""
    base = getattr(model, "_cacheback_base", type(model))
    if base not in memory.classes:
        memory.classes[base] = _subclass(base, memory)
    copied = model.model_copy(update={"cache": False, "rate_limiter": deferred(model)})
    object.__setattr__(copied, "__class__", memory.classes[base])
    return copied


class _Remembering:
    """What every cached model is; `_Streaming` adds streams where the model's class has them."""

    __slots__ = ()
    _cacheback_memory: ClassVar[Memory]
    _cacheback_base: ClassVar[type[BaseChatModel]]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        memory, model = self._cacheback_memory, _plain(self)

        def call() -> ChatResult:
            limit(model)
            given = _accepted(model._generate, run_manager)
            result: ChatResult = model._generate(messages, stop=stop, **given, **kwargs)
            return result

        def send(step: Send) -> Reply:
            begun = time.perf_counter()
            return memory.reply(step, call(), begun)

        request = memory.request(model, messages, {**kwargs, "stop": stop})
        if request is None:
            return call()
        outcome = memory.cache.answer(request, send)
        return memory.result(outcome, kwargs.get("response_format")) or call()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        memory, model = self._cacheback_memory, _plain(self)

        async def call() -> ChatResult:
            await alimit(model)
            given = _accepted(model._agenerate, run_manager)
            result: ChatResult = await model._agenerate(messages, stop=stop, **given, **kwargs)
            return result

        async def send(step: Send) -> Reply:
            begun = time.perf_counter()
            return memory.reply(step, await call(), begun)

        request = memory.request(model, messages, {**kwargs, "stop": stop})
        if request is None:
            return await call()
        outcome = await memory.cache.aanswer(request, send)
        return memory.result(outcome, kwargs.get("response_format")) or await call()


class _Streaming(_Remembering):
    """A cached model whose class has streams of its own."""

    __slots__ = ()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        memory, model = self._cacheback_memory, _plain(self)

        def call() -> Generator[ChatGenerationChunk]:
            limit(model)
            yield from model._stream(messages, stop=stop, **kwargs)

        def send(_: Send) -> Reply:
            recorder = Recorder()
            passing = recorder.passing(call())
            relay = SyncRelay(
                passing, recorder, close=passing.close, report=memory.cache.report_error
            )
            return relay.reply()

        def answered() -> Generator[ChatGenerationChunk]:
            request = memory.request(model, messages, {**kwargs, "stop": stop}, stream=True)
            if request is None:
                return call()
            outcome = memory.cache.answer(request, send)
            if outcome.reply is not None:
                return _view(outcome.reply.native)
            replayed = memory.replay(outcome, kwargs.get("response_format"))
            return call() if replayed is None else _iter(replayed)

        # Told here alone, as a stream of somebody else's call has another run's manager.
        with closing(answered()) as stream:
            for chunk in stream:
                if run_manager is not None:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk


class _AsyncStreaming(_Remembering):
    """A cached model whose class has streams, of either colour: the one is made of the other."""

    __slots__ = ()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        memory, model = self._cacheback_memory, _plain(self)

        async def call() -> AsyncGenerator[ChatGenerationChunk]:
            await alimit(model)
            async for chunk in model._astream(messages, stop=stop, **kwargs):
                yield chunk

        async def send(_: Send) -> Reply:
            recorder = Recorder()
            passing = recorder.apassing(call())
            relay = AsyncRelay(
                passing, recorder, close=passing.aclose, report=memory.cache.report_error
            )
            return relay.reply()

        async def answered() -> AsyncGenerator[ChatGenerationChunk]:
            request = memory.request(model, messages, {**kwargs, "stop": stop}, stream=True)
            if request is None:
                return call()
            outcome = await memory.cache.aanswer(request, send)
            if outcome.reply is not None:
                return _aview(outcome.reply.native)
            replayed = memory.replay(outcome, kwargs.get("response_format"))
            return call() if replayed is None else _aiter(replayed)

        async with aclosing(await answered()) as stream:
            async for chunk in stream:
                if run_manager is not None:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk


def _view(view: Any) -> Generator[ChatGenerationChunk]:
    """A view of a stream, in copies: LangChain writes into chunks, and others read the same."""
    try:
        for chunk in view:
            yield _copied(chunk)
    finally:
        view.close()


async def _aview(view: Any) -> AsyncGenerator[ChatGenerationChunk]:
    try:
        async for chunk in view:
            yield _copied(chunk)
    finally:
        await view.aclose()


def _copied(chunk: ChatGenerationChunk | BrokenOff) -> ChatGenerationChunk:
    if isinstance(chunk, BrokenOff):
        raise CachebackError(f"{chunk.message}: the model that wrote it from near ones broke off")
    return chunk.model_copy(deep=True)


def _iter(chunks: list[ChatGenerationChunk]) -> Generator[ChatGenerationChunk]:
    yield from chunks


async def _aiter(chunks: list[ChatGenerationChunk]) -> AsyncGenerator[ChatGenerationChunk]:
    for chunk in chunks:
        yield chunk


def _subclass(base: type[BaseChatModel], memory: Memory) -> type[BaseChatModel]:
    """The class of a model with this memory; by its name, it is the model's own.

    The memory stands in the class, as LangChain makes new models of one's class and fields.
    """
    streams = base._stream is not BaseChatModel._stream
    astreams = streams or base._astream is not BaseChatModel._astream
    kinds: tuple[type, ...] = (_Streaming,) * streams + (_AsyncStreaming,) * astreams
    names = {name: getattr(base, name) for name in ("__module__", "__qualname__", "__doc__")}
    cls: Any = types.new_class(
        base.__name__, (*(kinds or (_Remembering,)), base), exec_body=lambda own: own.update(names)
    )
    cls._cacheback_memory, cls._cacheback_base = memory, base
    # What streams events of its own is asked for chunks all the same.
    for name in ("_stream_chat_model_events", "_astream_chat_model_events"):
        if getattr(base, name, None) is not None:
            setattr(cls, name, None)
    return cast("type[BaseChatModel]", cls)


def _plain(model: Any) -> Any:
    """The model under its own class, with the same state: what it asks itself passes us by."""
    plain = object.__new__(model._cacheback_base)
    for name in _STATE:
        object.__setattr__(plain, name, getattr(model, name))
    return plain


# All that makes up an instance of a Pydantic model.
_STATE = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


def _accepted(method: Any, run_manager: Any) -> dict[str, Any]:
    """The run's manager, for a method that takes one; LangChain asks the same."""
    takes = "run_manager" in inspect.signature(method).parameters
    return {"run_manager": run_manager} if takes else {}
