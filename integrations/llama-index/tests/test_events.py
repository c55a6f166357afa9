"""Observers see every answer once: from the LLM itself on a miss, from us on a hit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    EventPayload,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI
from pydantic import BaseModel

from cacheback import Controls, NotCachedError, SemanticCache, info
from cacheback.testing import Reply, ScriptedUpstream

QUESTION = "How long do refunds take?"
MESSAGES = [ChatMessage(role="user", content=QUESTION)]
ENDPOINTS = [
    ("chat", MESSAGES, "LLMChat"),
    ("complete", QUESTION, "LLMCompletion"),
    ("stream_chat", MESSAGES, "LLMChat"),
    ("stream_complete", QUESTION, "LLMCompletion"),
    ("achat", MESSAGES, "LLMChat"),
    ("acomplete", QUESTION, "LLMCompletion"),
    ("astream_chat", MESSAGES, "LLMChat"),
    ("astream_complete", QUESTION, "LLMCompletion"),
]


class Events(BaseEventHandler):
    """Keeps every event."""

    seen: list[Any] = []  # noqa: RUF012 - pydantic copies it

    def handle(self, event: BaseEvent, **_: Any) -> None:
        self.seen.append(event)

    def taken(self) -> Counter[str]:
        """How many of each were seen, without progress; and forgets them."""
        names = Counter(event.class_name() for event in self.seen)
        self.seen.clear()
        return Counter({name: n for name, n in names.items() if "InProgress" not in name})


class Spans(BaseSpanHandler[Any]):
    """Keeps the name of every span."""

    seen: list[str] = []  # noqa: RUF012 - as above

    def new_span(self, id_: str, *_: Any, **__: Any) -> None:
        self.seen.append(id_.split("-", maxsplit=1)[0])

    def prepare_to_exit_span(self, id_: str, *_: Any, **__: Any) -> None:
        self.seen.append(f"/{id_.split('-', maxsplit=1)[0]}")

    def prepare_to_drop_span(self, *_: Any, **__: Any) -> None: ...


@pytest.fixture
def events() -> Iterator[Events]:
    root, handler = get_dispatcher(), Events()
    before = list(root.event_handlers)
    root.add_event_handler(handler)
    yield handler
    root.event_handlers = before


@pytest.fixture
def spans() -> Iterator[Spans]:
    root, handler = get_dispatcher(), Spans()
    before = list(root.span_handlers)
    root.add_span_handler(handler)
    yield handler
    root.span_handlers = before


async def call(llm: Any, method: str, prompt: Any) -> Any:
    """Call any endpoint, and read what it streams."""
    if not method.startswith("a"):
        reply = getattr(llm, method)(prompt)
        return list(reply) if "stream" in method else reply
    reply = await getattr(llm, method)(prompt)
    return [one async for one in reply] if "stream" in method else reply


@pytest.mark.parametrize(("method", "prompt", "name"), ENDPOINTS)
@pytest.mark.parametrize("model", ["openai", "anthropic"])
class TestOnce:
    async def test_events(  # noqa: PLR0917 - fixtures
        self,
        request: Any,
        cache: Any,
        events: Events,
        model: str,
        method: str,
        prompt: Any,
        name: str,
    ) -> None:
        bare: LLM = request.getfixturevalue(model)
        await call(bare, method, prompt)
        expected = events.taken()
        cached = CachebackLLM(bare, cache)
        await call(cached, method, prompt)
        assert events.taken() == expected  # a miss: as if we were not there
        await call(cached, method, prompt)
        assert events.taken() == {f"{name}StartEvent": 1, f"{name}EndEvent": 1}

    async def test_callbacks(  # noqa: PLR0917 - as above
        self, request: Any, cache: Any, model: str, method: str, prompt: Any, name: str
    ) -> None:
        debug = LlamaDebugHandler(print_trace_on_end=False)
        cached = CachebackLLM(request.getfixturevalue(model), cache)
        cached.callback_manager = CallbackManager([debug])
        await call(cached, method, prompt)
        cold = len(debug.get_event_pairs(CBEventType.LLM))
        debug.flush_event_logs()
        reply = await call(cached, method, prompt)
        ((start, end),) = debug.get_event_pairs(CBEventType.LLM)
        # The integration of Anthropic makes `complete` of its own `chat`, and tells of both.
        assert cold == (2 if model == "anthropic" and name == "LLMCompletion" else 1)
        key = EventPayload.RESPONSE if name == "LLMChat" else EventPayload.COMPLETION
        last = reply[-1] if "stream" in method else reply
        assert (end.payload or {})[key] == last
        assert (start.payload or {})[EventPayload.SERIALIZED]


@pytest.mark.parametrize(("method", "prompt"), [one[:2] for one in ENDPOINTS])
@pytest.mark.parametrize("model", ["openai", "anthropic"])
async def test_spans(  # noqa: PLR0917 - fixtures
    request: Any, cache: SemanticCache, spans: Spans, model: str, method: str, prompt: Any
) -> None:
    bare: LLM = request.getfixturevalue(model)
    cached = CachebackLLM(bare, cache)
    await call(bare, method, prompt)
    expected = list(spans.seen)
    spans.seen.clear()
    await call(cached, method, prompt)
    assert spans.seen == expected  # a miss: as if we were not there
    spans.seen.clear()
    await call(cached, method, prompt)
    own = f"Cacheback{type(bare).__name__}.{method}"
    assert spans.seen == [own, f"/{own}"]


class TestTokens:
    async def test_a_hit_takes_none(self, openai: OpenAI, cache: SemanticCache) -> None:
        counter = TokenCountingHandler(tokenizer=str.split)
        cached = CachebackLLM(openai, cache)
        cached.callback_manager = CallbackManager([counter])
        for method, prompt, _ in ENDPOINTS[:4]:
            await call(cached, method, prompt)
        taken = counter.total_llm_token_count
        assert taken > 0
        for method, prompt, _ in ENDPOINTS:
            await call(cached, method, prompt)
        assert counter.total_llm_token_count == taken

    def test_the_answer_still_tells_what_it_took(
        self, openai: OpenAI, cache: SemanticCache
    ) -> None:
        cached = CachebackLLM(openai, cache)
        cold, warm = cached.chat(MESSAGES), cached.chat(MESSAGES)
        assert warm.raw["usage"]["total_tokens"] == cold.raw.usage.total_tokens
        counts = ("prompt_tokens", "completion_tokens", "total_tokens")
        assert [warm.additional_kwargs[one] for one in counts] == [
            cold.additional_kwargs[one] for one in counts
        ]
        told = info(warm.additional_kwargs)
        assert told is not None
        assert told.saved.tokens == cold.raw.usage.total_tokens


class TestManager:
    def test_it_is_forwarded(self, openai: OpenAI, cache: SemanticCache) -> None:
        cached = CachebackLLM(openai, cache)
        debug = LlamaDebugHandler(print_trace_on_end=False)
        before = Settings._llm, Settings._callback_manager
        try:
            Settings.llm = cached
            Settings.callback_manager = CallbackManager([debug])
            assert Settings.llm is cached
            assert openai.callback_manager is Settings.callback_manager
            for _ in range(2):
                Settings.llm.chat(MESSAGES)
            assert len(debug.get_event_pairs(CBEventType.LLM)) == 2
        finally:
            Settings._llm, Settings._callback_manager = before

    def test_a_limit_of_the_rate_is_not_for_answers_from_memory(
        self, openai: OpenAI, cache: SemanticCache
    ) -> None:
        class Limiter:
            acquired = 0

            def acquire(self) -> None:
                self.acquired += 1

        cached, limiter = CachebackLLM(openai, cache), Limiter()
        cached.rate_limiter = limiter
        for _ in range(3):
            cached.chat(MESSAGES)
        assert limiter.acquired == 1


class TestFailures:
    def test_an_error_of_the_llm_is_told_as_ever(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream, events: Events
    ) -> None:
        cached = CachebackLLM(openai, cache)
        expected = []
        for llm in (openai, cached):
            upstream.script(Reply(status=400, text="no"))
            with pytest.raises(Exception, match="no"):
                llm.chat(MESSAGES)
            expected.append(events.taken())
        assert expected[0] == expected[1]

    def test_a_stream_that_is_left_is_told_as_ever(
        self, openai: OpenAI, cache: SemanticCache, events: Events
    ) -> None:
        cached = CachebackLLM(openai, cache)
        taken = []
        for llm in (openai, cached, cached):
            stream = llm.stream_chat(MESSAGES)
            next(stream)
            stream.close()
            taken.append(events.taken())
        assert taken[0] == taken[1] == taken[2] == {"LLMChatStartEvent": 1, "ExceptionEvent": 1}
        list(cached.stream_chat(MESSAGES))
        events.taken()
        stream = cached.stream_chat(MESSAGES)
        next(stream)
        stream.close()
        assert events.taken() == taken[0]  # a hit that is left

    def test_nothing_is_told_where_nothing_happened(
        self, openai: OpenAI, cache: SemanticCache, events: Events
    ) -> None:
        cached = CachebackLLM(openai, cache, controls=Controls(mode="only-if-cached"))
        with pytest.raises(NotCachedError):
            cached.chat(MESSAGES)
        assert not events.taken()


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@pytest.mark.parametrize("model", ["openai", "anthropic"])
def test_structured_output_is_told_once(
    request: Any, cache: SemanticCache, events: Events, upstream: ScriptedUpstream, model: str
) -> None:
    bare: OpenAI | Anthropic = request.getfixturevalue(model)
    cached, prompt = CachebackLLM(bare, cache), PromptTemplate("Make up a person.")
    bare.structured_predict(Person, prompt)
    expected = events.taken()
    cached.structured_predict(Person, prompt)
    assert events.taken() == expected
    calls = upstream.calls
    cached.structured_predict(Person, prompt)
    assert events.taken() == expected
    assert upstream.calls == calls
