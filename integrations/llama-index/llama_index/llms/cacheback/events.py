"""What LlamaIndex's observers are told of an answer from memory.

The LLM itself tells of its own calls; of an answer that came without one, this does: the same
events, once, in the same order, within a span of its own. Only the payload with which a callback
ends leaves the prompt out: `TokenCountingHandler` counts what it finds there, or estimates it,
and an answer from memory took no tokens.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import MethodType
from typing import TYPE_CHECKING, Any

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.span import active_span_id
from llama_index.llms.cacheback.kinds import CHAT, Response
from llama_index_instrumentation import get_dispatcher

if TYPE_CHECKING:
    from llama_index.core.llms import LLM
    from llama_index.llms.cacheback.asking import Call

# Where the LLMs' own events come from, so that the same handlers see them.
_dispatcher = get_dispatcher("llama_index.core.llms.callbacks")


class Telling:
    """Tells of one answer from memory."""

    def __init__(self, call: Call, llm: LLM) -> None:
        self._kind = call.kind
        self._asked = call.kind.prompt(call.prompt)
        self._manager = llm.callback_manager
        self._span = active_span_id.get()
        told = llm.to_payload()
        self._tell(call.kind.started, additional_kwargs=dict(call.kwargs), model_dict=told)
        payload: dict[str, Any] = {
            call.kind.asked_key: call.prompt,
            EventPayload.ADDITIONAL_KWARGS: dict(call.kwargs),
            EventPayload.SERIALIZED: told,
        }
        self._id = self._manager.on_event_start(CBEventType.LLM, payload=payload)

    def item(self, response: Response) -> Response:
        """One item of a stream."""
        self._tell(self._kind.in_progress, response=response)
        return response

    def end(self, response: Response) -> None:
        """The answer, or the last item of the stream."""
        self._end({self._kind.answered_key: response})
        self._tell(self._kind.ended, response=response)

    def fail(self, error: BaseException) -> None:
        """The stream was broken off."""
        self._end({EventPayload.EXCEPTION: error})
        _dispatcher.event(ExceptionEvent(exception=error, span_id=self._span))

    def _end(self, payload: dict[str, Any]) -> None:
        self._manager.on_event_end(CBEventType.LLM, payload=payload, event_id=self._id)

    def _tell(self, event: Any, **fields: Any) -> None:
        _dispatcher.event(event(**self._asked, **fields, span_id=self._span))


def told(call: Call, llm: LLM, response: Response) -> Response:
    """Tell of an answer, and give it back."""

    def tell() -> Response:
        Telling(call, llm).end(response)
        return response

    answered: Response = within_span(call, llm, tell)
    return answered


def told_stream(call: Call, llm: LLM, items: Iterator[Response]) -> Generator[Response, None, None]:
    """Tell of a stream as it is read."""
    telling: Telling = within_span(call, llm, lambda: Telling(call, llm))

    def passing() -> Generator[Response, None, None]:
        last: Response | None = None
        try:
            for last in items:
                yield telling.item(last)
        except BaseException as error:
            telling.fail(error)
            raise
        if last is not None:
            telling.end(last)

    return passing()


def told_astream(
    call: Call, llm: LLM, items: AsyncIterator[Response]
) -> AsyncGenerator[Response, None]:
    """`told_stream` for an asynchronous stream."""
    telling: Telling = within_span(call, llm, lambda: Telling(call, llm))

    async def passing() -> AsyncGenerator[Response, None]:
        last: Response | None = None
        try:
            async for last in items:
                yield telling.item(last)
        except BaseException as error:
            telling.fail(error)
            raise
        if last is not None:
            telling.end(last)

    return passing()


def within_span(call: Call, llm: LLM, tell: Callable[[], Any]) -> Any:
    """Run `tell` within a span, and a trace, as the LLM's own method would be."""

    def chat(self: LLM, messages: Any, **_: Any) -> Any:  # noqa: ARG001 - spans show arguments
        with self.callback_manager.as_trace(call.kind.trace):
            return tell()

    def complete(self: LLM, prompt: Any, **_: Any) -> Any:  # noqa: ARG001 - as above
        with self.callback_manager.as_trace(call.kind.trace):
            return tell()

    method = chat if call.kind is CHAT else complete
    method.__name__ = call.method
    spanned = get_dispatcher(type(llm).__module__).span(MethodType(method, llm))
    return spanned(call.prompt, **call.kwargs)
