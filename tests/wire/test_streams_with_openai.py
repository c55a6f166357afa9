"""The OpenAI SDK's own helpers, on the scripted provider's streams and on those of hits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from cacheback.models import JSON, Answer, ToolCall, Usage
from cacheback.testing import Reply, ScriptedUpstream
from cacheback.wire import openai_chat, openai_completions, openai_embeddings, openai_responses
from cacheback.wire.codec import Codec

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

MARKS = {"cacheback_hit": True, "cacheback": {"tier": "exact", "reason": "same_text"}}
TEXT = "The capital of Italy is Rome, and it has been for quite a while now."
CALL = ToolCall("call_1", "weather", '{"city": "Rome", "days": [1, 2, 3]}')
HI: Any = [{"role": "user", "content": "hi"}]
CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": HI}
USAGE: Any = {"stream_options": {"include_usage": True}}
RESPONSE: dict[str, Any] = {"model": "gpt-4o", "input": "hi"}

REPLIES = {
    "text": Reply(TEXT),
    "calls": Reply(tool_calls=(CALL, ToolCall("call_2", "g", "{}"))),
    "thoughts": Reply(TEXT, extra={"reasoning_content": "Let me think of it for a while."}),
    "refusal": Reply(extra={"refusal": "I will not do that for you."}),
}


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream: ScriptedUpstream) -> Iterator[Any]:
    url = upstream.openai_url
    with openai.OpenAI(base_url=url, api_key="test", max_retries=0) as client:
        yield client


def as_hit(codec: Codec, answer: Answer, body: JSON) -> Reply:
    """A reply that is the stream of a hit, byte by byte."""
    events = codec.render_stream(answer, body, id="fresh_1", created=7, marks=MARKS, model="m")
    return Reply(body=b"".join(events), headers={"content-type": "text/event-stream"})


def recorded(codec: Codec, reply: Reply, body: JSON, path: str) -> Answer:
    """An answer as it is kept, of what the scripted provider says in JSON."""
    answer = codec.answer(said(reply, body, path))
    assert answer is not None
    return answer


def said(reply: Reply, body: JSON, path: str) -> JSON:
    with (
        ScriptedUpstream(lambda _: reply) as upstream,
        openai.OpenAI(base_url=upstream.openai_url, api_key="test", max_retries=0) as client,
    ):
        return client.post(path, body=body, cast_to=object)


def same(one: Any, other: Any) -> None:
    """Two SDK objects are the same, but for ids, times and our marks."""
    assert steady(one.to_dict()) == steady(other.to_dict())


def steady(value: JSON) -> JSON:
    fresh = ("id", "created", "created_at", "completed_at", "cacheback", "cacheback_hit")
    if isinstance(value, dict):
        return {name: steady(inner) for name, inner in value.items() if name not in fresh}
    return [steady(one) for one in value] if isinstance(value, list) else value


def bare(message: Any) -> JSON:
    """A message without nulls, and without what the helpers add to it."""
    said = message.to_dict(exclude_none=True)
    for call in said.get("tool_calls", []):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return said


# --- chat ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPLIES)
def test_a_chats_final_completion_is_the_json_answer(
    upstream: ScriptedUpstream, client: Any, name: str
) -> None:
    answer = recorded(openai_chat, REPLIES[name], CHAT, "/chat/completions")
    assert answer.raw is not None
    whole = openai.types.chat.ChatCompletion.model_validate(dict(answer.raw))
    for reply in (REPLIES[name], as_hit(openai_chat, answer, {**CHAT, **USAGE})):
        upstream.script(reply)
        with client.chat.completions.stream(**CHAT, **USAGE) as stream:
            final = stream.get_final_completion()
        assert bare(final.choices[0].message) == bare(whole.choices[0].message)
        assert final.choices[0].finish_reason == whole.choices[0].finish_reason
        assert final.usage == whole.usage


def test_a_chats_hit_has_marks_on_every_chunk_and_on_the_final_snapshot(
    upstream: ScriptedUpstream, client: Any
) -> None:
    hit = as_hit(openai_chat, Answer(TEXT), CHAT)
    upstream.script(hit, hit)
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    assert all(chunk.cacheback_hit for chunk in chunks)
    assert {chunk.id for chunk in chunks} == {"fresh_1"}
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    with client.chat.completions.stream(**CHAT) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert kinds == {"chunk", "content.delta", "content.done"}
    assert (final.cacheback_hit, final.cacheback["tier"]) == (True, "exact")
    assert not hasattr(final.choices[0].message, "cacheback_hit")


def test_a_chats_usage_comes_when_asked_for(upstream: ScriptedUpstream, client: Any) -> None:
    answer = Answer(TEXT, usage=Usage(3, 4))
    upstream.script(as_hit(openai_chat, answer, {**CHAT, **USAGE}))
    *chunks, last = client.chat.completions.create(**CHAT, stream=True)
    assert all(chunk.usage is None for chunk in chunks)
    assert (last.choices, last.usage.total_tokens) == ([], 7)


def test_structured_output_is_parsed_from_a_hit(upstream: ScriptedUpstream, client: Any) -> None:
    class City(pydantic.BaseModel):  # type: ignore[misc,name-defined,unused-ignore]
        name: str

    answer = Answer('{"name": "Rome"}')
    upstream.script(as_hit(openai_chat, answer, CHAT), as_hit(openai_responses, answer, RESPONSE))
    with client.chat.completions.stream(**CHAT, response_format=City) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == City(name="Rome")
    with client.responses.stream(**RESPONSE, text_format=City) as responses:
        assert responses.get_final_response().output_parsed == City(name="Rome")


def test_two_choices_and_logprobs_of_a_hit(upstream: ScriptedUpstream, client: Any) -> None:
    tokens: list[JSON] = [
        {"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": []} for word in ("a", " b")
    ]
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "a b", "refusal": None},
            "logprobs": {"content": tokens, "refusal": None},
            "finish_reason": "stop",
        }
        for index in range(2)
    ]
    answer = openai_chat.answer({"choices": choices, "model": "m"})
    assert answer is not None
    upstream.script(as_hit(openai_chat, answer, CHAT))
    with client.chat.completions.stream(**CHAT, n=2) as stream:
        final = stream.get_final_completion()
    assert [choice.message.content for choice in final.choices] == ["a b", "a b"]
    assert [token.token for token in final.choices[1].logprobs.content] == ["a", " b"]


# --- responses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPLIES)
def test_a_final_response_is_the_json_answer(
    upstream: ScriptedUpstream, client: Any, name: str
) -> None:
    answer = recorded(openai_responses, REPLIES[name], RESPONSE, "/responses")
    assert answer.raw is not None
    whole = openai.types.responses.Response.model_validate(dict(answer.raw))
    for reply in (REPLIES[name], as_hit(openai_responses, answer, RESPONSE)):
        upstream.script(reply, reply)
        with client.responses.stream(**RESPONSE) as stream:
            final = stream.get_final_response()
        assert final.output_text == whole.output_text
        assert [item.type for item in final.output] == [item.type for item in whole.output]
        assert final.usage == whole.usage
        same(list(client.responses.create(**RESPONSE, stream=True))[-1].response, whole)


def test_a_responses_hit_tells_text_and_marks(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(as_hit(openai_responses, Answer(TEXT), RESPONSE))
    with client.responses.stream(**RESPONSE) as stream:
        deltas = [event for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) > 3
    assert deltas[-1].snapshot == TEXT
    assert (final.id, final.cacheback_hit, final.cacheback["tier"]) == ("fresh_1", True, "exact")


def test_a_responses_hit_tells_arguments(upstream: ScriptedUpstream, client: Any) -> None:
    answer = Answer("", (CALL,))
    upstream.script(as_hit(openai_responses, answer, RESPONSE))
    with client.responses.stream(**RESPONSE) as stream:
        kind = "response.function_call_arguments.delta"
        deltas = [event for event in stream if event.type == kind]
        (call,) = stream.get_final_response().output
    assert deltas[-1].snapshot == CALL.arguments
    assert (call.name, call.arguments, call.call_id) == (CALL.name, CALL.arguments, CALL.id)


@pytest.mark.parametrize("name", REPLIES)
def test_every_event_of_a_response_is_of_the_sdks_own_type(name: str) -> None:
    adapter = pydantic.TypeAdapter(openai.types.responses.ResponseStreamEvent)
    answer = recorded(openai_responses, REPLIES[name], RESPONSE, "/responses")
    for answered in (answer, Answer(TEXT, (CALL,), usage=Usage(1, 2))):
        events = openai_responses.render_stream(
            answered, RESPONSE, id="resp_1", created=7, marks=MARKS, model="m"
        )
        for event in events:
            data = json.loads(event.partition(b"data: ")[2])
            adapter.validate_python(data)


# --- completions, embeddings, errors ------------------------------------------------------------


def texts(chunks: Iterable[Any]) -> str:
    return "".join(chunk.choices[0].text for chunk in chunks)


def test_a_legacy_completion(upstream: ScriptedUpstream, client: Any) -> None:
    ask: dict[str, Any] = {"model": "davinci-002", "prompt": "hi"}
    upstream.script(TEXT, TEXT, as_hit(openai_completions, Answer(TEXT), ask))
    assert client.completions.create(**ask).choices[0].text == TEXT
    assert texts(client.completions.create(**ask, stream=True)) == TEXT
    chunks = list(client.completions.create(**ask, stream=True))
    assert texts(chunks) == TEXT
    assert all(chunk.cacheback_hit for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "wanted", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}]
)
def test_embeddings_of_a_hit_are_those_of_the_provider(
    upstream: ScriptedUpstream, client: Any, wanted: Any
) -> None:
    ask: dict[str, Any] = {"model": "e", "input": ["one", "two"], "dimensions": 4}
    batch = openai_embeddings.split(ask)
    assert batch is not None
    for came in ("float", "base64"):
        payload = said(Reply(), {**ask, "encoding_format": came}, "/embeddings")
        answers = openai_embeddings.read(payload, batch.inputs)
        assert answers is not None
        real = client.embeddings.create(**ask, **wanted)
        asked = upstream.requests[-1].json
        upstream.script(openai_embeddings.render(answers, asked, marks=MARKS))
        hit = client.embeddings.create(**ask, **wanted)
        assert hit.data == real.data
        assert hit.usage == real.usage
        assert hit.cacheback_hit is True


@pytest.mark.parametrize("create", ["chat", "responses"])
def test_an_error_event_is_raised(upstream: ScriptedUpstream, client: Any, create: str) -> None:
    upstream.script(Reply(TEXT, fail_after=3))
    chat = create == "chat"
    call = client.chat.completions.create if chat else client.responses.create
    stream = call(**(CHAT if chat else RESPONSE), stream=True)
    if chat:
        with pytest.raises(openai.APIError, match="had an error"):
            list(stream)
    else:  # told as an event
        *_, last = stream
        assert (last.type, last.code) == ("error", "server_error")


def test_a_length_finish_is_told(upstream: ScriptedUpstream, client: Any) -> None:
    upstream.script(*[Reply(TEXT, finish_reason="length")] * 3)
    response = client.responses.create(**RESPONSE)
    assert (response.status, response.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )
    *_, last = client.responses.create(**RESPONSE, stream=True)
    assert (last.type, last.response.status) == ("response.incomplete", "incomplete")
    *_, chunk = client.chat.completions.create(**CHAT, stream=True)
    assert chunk.choices[0].finish_reason == "length"
