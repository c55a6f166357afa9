"""Everything an answer of OpenAI's can hold comes back from memory as the SDK's own types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from cacheback import AsyncCachedOpenAI, CachedOpenAI, SemanticCache, ToolCall
from cacheback.testing import Reply, ScriptedUpstream

openai = pytest.importorskip("openai")

QUESTION = "What is the capital of France?"
CHAT: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": QUESTION}],
}
RESPONSE: dict[str, Any] = {"model": "gpt-4o-mini", "input": QUESTION}
TEXT = "The capital of France is Paris, which lies on the Seine."
CITED = {
    "type": "url_citation",
    "start_index": 0,
    "end_index": 3,
    "title": "Paris",
    "url": "https://example.org/paris",
}
CALLS = (ToolCall("call_1", "search", '{"q": "Paris"}'), ToolCall("call_2", "clock", "{}"))
TOKEN = {"token": "Paris", "logprob": -0.1, "bytes": [80], "top_logprobs": []}
IMAGE = {
    "id": "ig_1",
    "type": "image_generation_call",
    "status": "completed",
    "result": "aGVsbG8=",
}
NEW = ("id", "created", "created_at", "completed_at", "cacheback", "cacheback_hit", "item_id")


def steady(value: Any) -> Any:
    """JSON without what is new in every answer, and without nulls."""
    if isinstance(value, dict):
        kept = {name: steady(inner) for name, inner in value.items() if inner is not None}
        return {k: v for k, v in kept.items() if k not in (*NEW, "cacheback_synthesized")}
    return [steady(one) for one in value] if isinstance(value, list) else value


def said(reply: Any) -> Any:
    return steady(reply.to_dict())


def completion(**message: Any) -> Reply:
    """A chat completion with this message, as the provider would send it."""
    choice = {"index": 0, "finish_reason": "stop", "logprobs": message.pop("logprobs", None)}
    whole = {"role": "assistant", "content": TEXT, "refusal": None, **message}
    return Reply(
        payload={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini-2024-07-18",
            "service_tier": "default",
            "system_fingerprint": "fp_1",
            "choices": [{**choice, "message": whole}],
            "usage": {
                "prompt_tokens": 3,
                "completion_tokens": 5,
                "total_tokens": 8,
                "completion_tokens_details": {"reasoning_tokens": 2},
                "prompt_tokens_details": {"cached_tokens": 1},
            },
        }
    )


MESSAGES = {
    "a text": Reply(TEXT),
    "a refusal": Reply(extra={"refusal": "I will not say."}),
    "calls": Reply(tool_calls=CALLS),
    "a text and calls": Reply(TEXT, tool_calls=CALLS),
    "reasoning": Reply(TEXT, extra={"reasoning_content": "Let me think."}),
    "citations": completion(annotations=[{"type": "url_citation", "url_citation": CITED}]),
    "logprobs": completion(logprobs={"content": [TOKEN], "refusal": None}),
    "details of its usage": completion(),
    "pictures": completion(images=[{"type": "image_url", "image_url": {"url": "data:,x"}}]),
    "a field that nobody knows": completion(verdict={"safe": [True, 1.5, "é"]}),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_chat_completion(client: CachedOpenAI, upstream: ScriptedUpstream, name: str) -> None:
    upstream.script(MESSAGES[name])
    miss, hit = (client.chat.completions.create(**CHAT) for _ in range(2))
    assert hit.cacheback_hit
    assert upstream.calls == 1
    assert said(hit) == said(miss)
    assert type(hit.choices[0].message) is type(miss.choices[0].message)
    assert "cacheback" not in json.dumps(hit.to_dict()["choices"])
    assert hit.id != miss.id


@pytest.mark.parametrize("name", MESSAGES)
def test_a_chat_completion_as_a_stream(
    client: CachedOpenAI, upstream: ScriptedUpstream, name: str
) -> None:
    upstream.script(MESSAGES[name])
    miss = client.chat.completions.create(**CHAT)
    with client.chat.completions.stream(**CHAT) as events:
        final = events.get_final_completion()
    assert upstream.calls == 1
    one, other = final.choices[0], miss.choices[0]
    assert one.message.content == other.message.content
    assert one.message.refusal == other.message.refusal
    assert one.finish_reason == other.finish_reason
    assert one.logprobs == other.logprobs
    assert arguments(one.message) == arguments(other.message)


def arguments(message: Any) -> list[str]:
    return [call.function.arguments for call in message.tool_calls or ()]


def test_a_spoken_answer_is_not_kept(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    """Later turns name it by an id, which the provider forgets within the hour."""
    spoken = {"id": "audio_1", "data": "aGk=", "expires_at": 9, "transcript": "Hi."}
    upstream.script(completion(content=None, audio=spoken))
    client.chat.completions.create(**CHAT)
    assert not client.cache.entries()


STREAMED = [name for name, reply in MESSAGES.items() if reply.payload is None]


@pytest.mark.parametrize("name", STREAMED)
def test_a_stream_as_a_chat_completion(
    client: CachedOpenAI, upstream: ScriptedUpstream, name: str
) -> None:
    upstream.script(MESSAGES[name], MESSAGES[name])
    list(client.chat.completions.create(**CHAT, stream=True))
    hit = client.chat.completions.create(**CHAT)
    asked_anew = client.chat.completions.create(
        **CHAT, extra_headers={"X-Cacheback-Mode": "bypass"}
    )
    assert hit.cacheback_hit
    assert said(hit)["choices"] == said(asked_anew)["choices"]


def response(*output: Any) -> Reply:
    """A response with these items, as the provider would send it."""
    return Reply(
        payload={
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": "gpt-4o-mini",
            "output": list(output),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 3,
                "input_tokens_details": {"cached_tokens": 1},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 2},
                "total_tokens": 8,
            },
        }
    )


def message(*content: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": list(content),
    }


THOUGHT = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Let me think."}],
    "encrypted_content": "gAAAA==",
}
RESPONSES = {
    "a text": Reply(TEXT),
    "a refusal": Reply(extra={"refusal": "I will not say."}),
    "calls": Reply(tool_calls=CALLS),
    "reasoning": Reply(TEXT, extra={"reasoning_content": "Let me think."}),
    "citations": Reply(TEXT, extra={"annotations": [CITED]}),
    "encrypted reasoning": response(
        THOUGHT, message({"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []})
    ),
    "logprobs": response(
        message({"type": "output_text", "text": TEXT, "annotations": [], "logprobs": [TOKEN]})
    ),
    "a picture": response(IMAGE),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response(client: CachedOpenAI, upstream: ScriptedUpstream, name: str) -> None:
    upstream.script(RESPONSES[name])
    miss, hit = (client.responses.create(**RESPONSE) for _ in range(2))
    assert hit.cacheback_hit
    assert upstream.calls == 1
    assert said(hit) == said(miss)
    assert [type(one) for one in hit.output] == [type(one) for one in miss.output]
    with client.responses.stream(**RESPONSE) as events:
        final = events.get_final_response()
    assert steady(final.to_dict())["usage"] == said(miss)["usage"]
    assert [one.type for one in final.output] == [one.type for one in miss.output]
    assert final.output_text == miss.output_text
    assert upstream.calls == 1


# --- answers that the SDK parses ------------------------------------------------------------------


class City(BaseModel):
    name: str
    river: str


PARIS = City(name="Paris", river="Seine")
SHAPED = Reply(PARIS.model_dump_json())
LOOK_UP = Reply(tool_calls=(ToolCall("call_1", "City", PARIS.model_dump_json()),))


def parse_chat(client: Any) -> Any:
    return client.chat.completions.parse(**CHAT, response_format=City)


def parse_beta_chat(client: Any) -> Any:
    if not hasattr(client.beta, "chat"):
        pytest.skip(f"openai {openai.__version__} has no beta chat")
    return client.beta.chat.completions.parse(**CHAT, response_format=City)


def stream_chat(client: Any) -> Any:
    with client.chat.completions.stream(**CHAT, response_format=City) as events:
        return events.get_final_completion()


@pytest.mark.parametrize("parse", [parse_chat, parse_beta_chat, stream_chat])
def test_a_parsed_completion(
    client: CachedOpenAI, upstream: ScriptedUpstream, parse: Callable[[Any], Any]
) -> None:
    upstream.script(SHAPED)
    miss, hit = parse(client), parse(client)
    assert upstream.calls == 1
    assert hit.cacheback_hit
    assert type(hit) is type(miss)
    assert type(hit.choices[0].message) is type(miss.choices[0].message)
    assert hit.choices[0].message.parsed == miss.choices[0].message.parsed == PARIS
    assert hit.choices == miss.choices


def test_parsed_calls(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(LOOK_UP)
    tools = [openai.pydantic_function_tool(City)]
    miss, hit = (client.chat.completions.parse(**CHAT, tools=tools) for _ in range(2))
    assert upstream.calls == 1
    assert hit.choices == miss.choices
    calls = hit.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.parsed_arguments == PARIS


def parse_response(client: Any) -> Any:
    return client.responses.parse(**RESPONSE, text_format=City)


def stream_response(client: Any) -> Any:
    with client.responses.stream(**RESPONSE, text_format=City) as events:
        return events.get_final_response()


@pytest.mark.parametrize("parse", [parse_response, stream_response])
def test_a_parsed_response(
    client: CachedOpenAI, upstream: ScriptedUpstream, parse: Callable[[Any], Any]
) -> None:
    upstream.script(SHAPED)
    miss, hit = parse(client), parse(client)
    assert upstream.calls == 1
    assert hit.cacheback_hit
    assert type(hit) is type(miss)
    assert hit.output_parsed == miss.output_parsed == PARIS


async def test_parsed_asynchronously(upstream: ScriptedUpstream, cache: SemanticCache) -> None:
    upstream.script(SHAPED, SHAPED)
    async with AsyncCachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="sk") as client:
        for _ in range(2):
            completion = await client.chat.completions.parse(**CHAT, response_format=City)
            assert completion.choices[0].message.parsed == PARIS
            answered = await client.responses.parse(**RESPONSE, text_format=City)
            assert answered.output_parsed == PARIS
    assert upstream.calls == 2


def test_another_model_of_the_same_name_is_another_question(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    other = create_model("City", name=(str, ...), mayor=(str, "?"))
    upstream.script(SHAPED, Reply('{"name": "Paris", "mayor": "Anne"}'))
    parse_chat(client)
    parsed = client.chat.completions.parse(**CHAT, response_format=other)
    assert upstream.calls == 2
    assert type(parsed.choices[0].message.parsed) is other
