"""Spans by the GenAI conventions."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.testing import ScriptedUpstream

pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel")
openai = pytest.importorskip("openai")

from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: E402
    InMemorySpanExporter,
)
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes  # noqa: E402

from cacheback.telemetry import trace  # noqa: E402

QUESTION = "How do I reset my password?"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def spans(provider: TracerProvider, cache: SemanticCache) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace(cache, provider)
    return exporter


@pytest.fixture
def client(cache: SemanticCache, upstream: ScriptedUpstream) -> Any:
    from cacheback import CachedOpenAI

    with CachedOpenAI(base_url=upstream.openai_url, api_key="sk-x", cache=cache) as client:
        yield client


def told(spans: InMemorySpanExporter) -> list[dict[str, Any]]:
    return [dict(one.attributes or {}) for one in spans.get_finished_spans()]


def test_a_miss_and_a_hit(client: Any, spans: InMemorySpanExporter) -> None:
    for _ in range(2):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, temperature=0.5)
    miss, hit = told(spans)
    assert miss["gen_ai.operation.name"] == "chat"
    assert miss["gen_ai.provider.name"] == "openai"
    assert miss["gen_ai.request.model"] == "gpt-4o"
    assert miss["gen_ai.request.temperature"] == 0.5
    assert miss["gen_ai.response.finish_reasons"] == ("stop",)
    assert miss["gen_ai.usage.output_tokens"] > 0
    assert miss["server.address"] == "127.0.0.1"
    assert (miss["cacheback.tier"], hit["cacheback.tier"]) == ("upstream", "exact")
    assert "gen_ai.usage.output_tokens" not in hit
    assert hit["cacheback.saved.tokens"] > 0
    assert [one.name for one in spans.get_finished_spans()] == ["chat gpt-4o", "chat gpt-4o"]
    assert QUESTION not in str(told(spans))


def test_a_stream_ends_with_its_span(client: Any, spans: InMemorySpanExporter) -> None:
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(
        model="gpt-4o", messages=MESSAGES, stream=True, stream_options=options
    )
    assert not spans.get_finished_spans()
    list(stream)
    stream.close()
    (span,) = told(spans)
    assert span["gen_ai.usage.output_tokens"] > 0


def test_an_error_has_a_type(
    client: Any, cache: SemanticCache, spans: InMemorySpanExporter
) -> None:
    cache.negative.add(QUESTION)
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert told(spans)[0]["error.type"] == "BlockedError"


def test_embeddings_are_told_as_such(client: Any, spans: InMemorySpanExporter) -> None:
    client.embeddings.create(model="text-embedding-3-small", input="a")
    client.completions.create(model="gpt-3.5-turbo-instruct", prompt="a")
    names = [one["gen_ai.operation.name"] for one in told(spans)]
    assert names == ["embeddings", "text_completion"]


def test_names_are_those_of_the_conventions(client: Any, spans: InMemorySpanExporter) -> None:
    client.chat.completions.create(model="gpt-4o", messages=MESSAGES, temperature=0.5)
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI")}
    used = {name for name in told(spans)[0] if name.startswith("gen_ai.")}
    assert used <= known


def test_it_is_a_child_of_the_callers_span(
    client: Any, spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    with provider.get_tracer("mine").start_as_current_span("mine") as mine:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    inner = spans.get_finished_spans()[0]
    assert inner.parent is not None
    assert inner.parent.span_id == mine.get_span_context().span_id
