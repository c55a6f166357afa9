"""Everything a message of Anthropic's can hold comes back from memory as the SDK's own types."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from cacheback import AsyncCachedAnthropic, CachedAnthropic, SemanticCache, ToolCall
from cacheback.testing import Reply, ScriptedUpstream

anthropic = pytest.importorskip("anthropic")

ASKED: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
TEXT = "The capital of France is Paris, which lies on the Seine."
CITATION = {
    "type": "char_location",
    "cited_text": "Paris",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 5,
    "file_id": None,
}
NEW = ("id", "cacheback", "cacheback_hit", "cacheback_synthesized")


@pytest.fixture
def client(upstream: ScriptedUpstream, cache: SemanticCache) -> Iterator[Any]:
    with CachedAnthropic(
        cache=cache, base_url=upstream.anthropic_url, api_key="sk-ant", max_retries=0
    ) as client:
        yield client


def message(*content: Any, **rest: Any) -> Reply:
    """A message with these blocks, as the provider would send it."""
    usage = {
        "input_tokens": 3,
        "output_tokens": 5,
        "cache_creation_input_tokens": 1,
        "cache_read_input_tokens": 2,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 1},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
        "service_tier": "standard",
    }
    return Reply(
        payload={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-test",
            "content": list(content),
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": usage,
            **rest,
        }
    )


FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [
        {
            "type": "web_search_result",
            "encrypted_content": "abc",
            "page_age": None,
            "title": "Paris",
            "url": "https://example.org",
        }
    ],
}
SEARCH = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "capital of France"},
}
MESSAGES = {
    "a text": Reply(TEXT),
    "calls": Reply(tool_calls=(ToolCall("toolu_1", "search", '{"q": "Paris"}'),)),
    "a text and calls": Reply(TEXT, tool_calls=(ToolCall("toolu_1", "search", '{"q": 1}'),)),
    "thoughts with a signature": Reply(TEXT, extra={"reasoning_content": "Let me think."}),
    "thoughts that nobody may read": message(
        {"type": "redacted_thinking", "data": "EmwKAhgB"}, {"type": "text", "text": TEXT}
    ),
    "citations": Reply(TEXT, extra={"annotations": [CITATION, CITATION]}),
    "a search": message(SEARCH, FOUND, {"type": "text", "text": TEXT, "citations": [CITATION]}),
    "a stop sequence": message(
        {"type": "text", "text": TEXT}, stop_reason="stop_sequence", stop_sequence="END"
    ),
}


def steady(value: Any) -> Any:
    """JSON without what is new in every answer, and without nulls."""
    if isinstance(value, dict):
        kept = {name: steady(inner) for name, inner in value.items() if inner is not None}
        return {name: inner for name, inner in kept.items() if name not in NEW}
    return [steady(one) for one in value] if isinstance(value, list) else value


def said(reply: Any) -> Any:
    return steady(reply.to_dict())


@pytest.mark.parametrize("api", ["messages", "beta"])
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message(client: Any, upstream: ScriptedUpstream, name: str, api: str) -> None:
    messages = client.messages if api == "messages" else client.beta.messages
    upstream.script(MESSAGES[name])
    miss, hit = (messages.create(**ASKED) for _ in range(2))
    assert hit.cacheback_hit
    assert said(hit) == said(miss)
    assert [type(block) for block in hit.content] == [type(block) for block in miss.content]
    assert "cacheback" not in json.dumps(hit.to_dict()["content"])
    with messages.stream(**ASKED) as events:
        final = events.get_final_message()
    assert said(final) == said(miss)
    assert upstream.calls == 1


@pytest.mark.parametrize("name", [name for name, one in MESSAGES.items() if one.payload is None])
def test_a_stream_as_a_message(client: Any, upstream: ScriptedUpstream, name: str) -> None:
    upstream.script(MESSAGES[name], MESSAGES[name])
    with client.messages.stream(**ASKED) as events:
        final = events.get_final_message()
    hit = client.messages.create(**ASKED)
    anew = client.messages.create(**ASKED, extra_headers={"X-Cacheback-Mode": "bypass"})
    assert hit.cacheback_hit
    assert said(hit) == said(final)
    assert said(hit)["content"] == said(anew)["content"]


# --- answers that the SDK parses ------------------------------------------------------------------


class City(BaseModel):
    name: str
    river: str


PARIS = City(name="Paris", river="Seine")


def parse(client: Any) -> Any:
    return client.messages.parse(**ASKED, output_format=City)


def parse_beta(client: Any) -> Any:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # by 0.125
        return client.beta.messages.parse(**ASKED, output_format=City)


def stream(client: Any) -> Any:
    with client.messages.stream(**ASKED, output_format=City) as events:
        return events.get_final_message()


@pytest.mark.parametrize("parse", [parse, parse_beta, stream])
def test_a_parsed_message(
    client: Any, upstream: ScriptedUpstream, parse: Callable[[Any], Any]
) -> None:
    upstream.script(PARIS.model_dump_json())
    miss, hit = parse(client), parse(client)
    assert upstream.calls == 1
    assert hit.cacheback_hit
    assert type(hit) is type(miss)
    assert hit.parsed_output == miss.parsed_output == PARIS
    assert hit.content == miss.content


async def test_parsed_asynchronously(upstream: ScriptedUpstream, cache: SemanticCache) -> None:
    upstream.script(PARIS.model_dump_json())
    async with AsyncCachedAnthropic(
        cache=cache, base_url=upstream.anthropic_url, api_key="sk"
    ) as client:
        for _ in range(2):
            parsed = await client.messages.parse(**ASKED, output_format=City)
            assert parsed.parsed_output == PARIS
    assert upstream.calls == 1


def test_another_model_of_the_same_name_is_another_question(
    client: Any, upstream: ScriptedUpstream
) -> None:
    other = create_model("City", name=(str, ...), mayor=(str, "?"))
    upstream.script(PARIS.model_dump_json(), '{"name": "Paris", "mayor": "Anne"}')
    parse(client)
    parsed = client.messages.parse(**ASKED, output_format=other)
    assert upstream.calls == 2
    assert type(parsed.parsed_output) is other
