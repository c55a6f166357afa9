"""Anthropic's messages: what counts as scope, what may be stored, what a hit looks like."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON, Answer, Reason, ToolCall, Usage
from cacheback.wire import anthropic_messages as codec
from cacheback.wire.codec import Parsed

PNG = base64.b64encode(b"\x89PNG one").decode()
OTHER_PNG = base64.b64encode(b"\x89PNG two").decode()
WEATHER = {"name": "weather", "input_schema": {"type": "object"}}
EPHEMERAL: dict[str, JSON] = {"cache_control": {"type": "ephemeral"}}


def body(*messages: JSON, **fields: JSON) -> dict[str, JSON]:
    return {
        "model": "claude",
        "max_tokens": 100,
        "messages": list(messages) or [user("hi")],
        **fields,
    }


def user(content: JSON, **fields: JSON) -> dict[str, JSON]:
    return {"role": "user", "content": content, **fields}


def assistant(content: JSON) -> dict[str, JSON]:
    return {"role": "assistant", "content": content}


def text(value: str, **fields: JSON) -> dict[str, JSON]:
    return {"type": "text", "text": value, **fields}


def image(data: str = PNG, **fields: JSON) -> dict[str, JSON]:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    return {"type": "image", "source": source, **fields}


def document(data: str, kind: str = "base64", **fields: JSON) -> dict[str, JSON]:
    return {"type": "document", "source": {"type": kind, "data": data}, **fields}


def use(name: str, given: JSON = None) -> dict[str, JSON]:
    given = {"city": "Rome"} if given is None else given
    return assistant([{"type": "tool_use", "id": name, "name": "weather", "input": given}])


def result(name: str, content: JSON = "sunny", **fields: JSON) -> dict[str, JSON]:
    return {"type": "tool_result", "tool_use_id": name, "content": content, **fields}


def parse(request: JSON) -> Parsed:
    parsed = codec.parse(request)
    assert parsed is not None
    return parsed


COUNTS = {
    "model": (body(), body(model="claude-2"), "model"),
    "question": (body(), body(user("ho")), "question"),
    "system prompt": (body(system="Be brief."), body(system="Be long."), "system"),
    "no system prompt": (body(), body(system="Be brief."), "system"),
    "a second system block": (
        body(system="Be brief."),
        body(system=[text("Be brief."), text("Be kind.")]),
        "system",
    ),
    "earlier turns": (
        body(user("one"), assistant("two"), user("hi")),
        body(user("one"), assistant("three"), user("hi")),
        "history",
    ),
    "who said an earlier turn": (
        body(user("one"), user("two"), user("hi")),
        body(user("one"), assistant("two"), user("hi")),
        "history",
    ),
    "order of earlier turns": (
        body(user("one"), user("two"), user("hi")),
        body(user("two"), user("one"), user("hi")),
        "history",
    ),
    "thoughts sent back": (
        body(user("one"), assistant([{"type": "thinking", "thinking": "a"}]), user("hi")),
        body(user("one"), assistant([{"type": "thinking", "thinking": "b"}]), user("hi")),
        "history",
    ),
    "a tool's input": (
        body(use("a", {"city": None}), user([result("a")]), user("hi")),
        body(use("a", {"city": []}), user([result("a")]), user("hi")),
        "history",
    ),
    "data in a tool's input": (
        body(use("a", {"data": "QQ=="}), user([result("a")]), user("hi")),
        body(use("a", {"data": "QR=="}), user([result("a")]), user("hi")),
        "history",
    ),
    "an earlier tool's result": (
        body(use("a"), user([result("a", "sunny")]), user("hi")),
        body(use("a"), user([result("a", "rainy")]), user("hi")),
        "history",
    ),
    "a picture in a tool's result": (
        body(use("a"), user([result("a", [image()])]), user("hi")),
        body(use("a"), user([result("a", [image(OTHER_PNG)])]), user("hi")),
        "history",
    ),
    "a tool's failure": (
        body(use("a"), user([result("a")]), user("hi")),
        body(use("a"), user([result("a", is_error=True)]), user("hi")),
        "history",
    ),
    "which call a result is of": (
        body(use("a"), use("b"), user([result("a", "x"), result("b", "y")]), user("hi")),
        body(use("a"), use("b"), user([result("b", "x"), result("a", "y")]), user("hi")),
        "history",
    ),
    "a tool's result in the last turn": (
        body(use("a"), user([result("a", "sunny"), text("hi")])),
        body(use("a"), user([result("a", "rainy"), text("hi")])),
        "attachments",
    ),
    "an earlier picture": (
        body(user([text("one"), image()]), assistant("two"), user("hi")),
        body(user([text("one"), image(OTHER_PNG)]), assistant("two"), user("hi")),
        "history",
    ),
    "what an asking message says beside": (
        body(user("hi")),
        body(user("hi", brand_new="thing")),
        "history",
    ),
    "tools": (body(), body(tools=[WEATHER]), "tools"),
    "a tool's schema": (
        body(tools=[WEATHER]),
        body(tools=[{**WEATHER, "description": "The weather."}]),
        "tools",
    ),
    "servers of tools": (body(), body(mcp_servers=[{"url": "https://a"}]), "tools"),
    "tools or servers": (
        body(tools=[WEATHER]),
        body(mcp_servers=[WEATHER]),
        "tools",
    ),
    "tool choice": (
        body(tools=[WEATHER]),
        body(tools=[WEATHER], tool_choice={"type": "any"}),
        "tool_choice",
    ),
    "format": (
        body(),
        body(output_config={"format": {"type": "json_schema", "schema": {}}}),
        "response_format",
    ),
    "effort": (body(), body(output_config={"effort": "low"}), "parameters"),
    "thinking": (
        body(thinking={"type": "enabled", "budget_tokens": 1024}),
        body(thinking={"type": "enabled", "budget_tokens": 2048}),
        "parameters",
    ),
    "no thinking": (body(), body(thinking={"type": "disabled"}), "parameters"),
    "max tokens": (body(max_tokens=5), body(max_tokens=6), "parameters"),
    "temperature": (body(temperature=0.1), body(temperature=0.2), "parameters"),
    "temperature's absence": (body(), body(temperature=1), "parameters"),
    "top_k": (body(), body(top_k=5), "parameters"),
    "stop sequences": (body(), body(stop_sequences=["END"]), "parameters"),
    "service tier": (body(), body(service_tier="standard_only"), "parameters"),
    "a field nobody knows yet": (body(), body(brand_new="thing"), "parameters"),
    "picture": (
        body(user([text("hi"), image()])),
        body(user([text("hi"), image(OTHER_PNG)])),
        "attachments",
    ),
    "picture before or after the text": (
        body(user([text("hi"), image()])),
        body(user([image(), text("hi")])),
        "attachments",
    ),
    "address of a picture": (
        body(user([text("hi"), {"type": "image", "source": {"type": "url", "url": "https://a"}}])),
        body(user([text("hi"), {"type": "image", "source": {"type": "url", "url": "https://b"}}])),
        "attachments",
    ),
    "document": (
        body(user([document(PNG), text("hi")])),
        body(user([document(OTHER_PNG), text("hi")])),
        "attachments",
    ),
    "a document's plain text": (
        body(user([document("QQ==", "text"), text("hi")])),
        body(user([document("QR==", "text"), text("hi")])),
        "attachments",
    ),
    "a document's title": (
        body(user([document(PNG, title="a"), text("hi")])),
        body(user([document(PNG, title="b"), text("hi")])),
        "attachments",
    ),
    "wanted citations": (
        body(user([document(PNG), text("hi")])),
        body(user([document(PNG, citations={"enabled": True}), text("hi")])),
        "attachments",
    ),
}


@pytest.mark.parametrize("case", COUNTS)
def test_what_can_change_the_answer_is_in_its_part(case: str, differing: Any) -> None:
    one, other, part = COUNTS[case]
    assert differing(codec, one, other) == {part}


DOES_NOT_COUNT = {
    "metadata": (body(), body(metadata={"user_id": "u-1"})),
    "stream": (body(), body(stream=True)),
    "upstream's own cache": (
        body(user([text("hi")]), system="Be brief.", tools=[WEATHER]),
        body(
            user([text("hi", **EPHEMERAL)]),
            system=[text("Be brief.", **EPHEMERAL)],
            tools=[{**WEATHER, **EPHEMERAL}],
            **EPHEMERAL,
        ),
    ),
    "a cached result": (
        body(use("a"), user([result("a")]), user("hi")),
        body(use("a"), user([result("a", [text("sunny", **EPHEMERAL)], **EPHEMERAL)]), user("hi")),
    ),
    "a cached picture": (
        body(user([text("hi"), image()])),
        body(user([text("hi"), image(**EPHEMERAL)])),
    ),
    "defaults": (body(), body(service_tier="auto", stop_sequences=[], tools=[], mcp_servers=[])),
    "null": (body(), body(system=None, temperature=None, tool_choice=None)),
    "a number's form": (body(temperature=0), body(temperature=0.0)),
    "one text block": (body(), body(user([text("hi")]))),
    "one system block": (body(system="Be brief."), body(system=[text("Be brief.")])),
    "citations that are none": (
        body(user("one"), assistant([text("two")]), user("hi")),
        body(user("one"), assistant([text("two", citations=None)]), user("hi")),
    ),
    "either place for a format": (
        body(output_format={"type": "json_schema"}),
        body(output_config={"format": {"type": "json_schema"}}),
    ),
    "ids of earlier calls": (
        body(use("x"), user([result("x")]), use("y"), user([result("y"), text("hi")])),
        body(use("p"), user([result("p")]), use("q"), user([result("q"), text("hi")])),
    ),
    "a result that is no failure": (
        body(use("a"), user([result("a")]), user("hi")),
        body(use("a"), user([result("a", is_error=False)]), user("hi")),
    ),
    "key order": (body(), dict(reversed(body().items()))),
}


@pytest.mark.parametrize("case", DOES_NOT_COUNT)
def test_what_cannot_change_the_answer_is_in_no_part(case: str, differing: Any) -> None:
    one, other = DOES_NOT_COUNT[case]
    assert differing(codec, one, other) == set()


def test_a_plain_question_has_a_model_a_limit_and_nothing_else() -> None:
    parts = {"model": "claude", "parameters": {"max_tokens": 100}}
    assert parse(body()) == Parsed("hi", parts, (), False, None)


def test_another_question_about_the_same_picture_has_the_same_scope(differing: Any) -> None:
    one = body(user([image(), text("what is this?")]))
    other = body(user([image(), text("tell me what\nthis is")]))
    assert differing(codec, one, other) == {"question"}


LIMITS = {
    "nothing": (body(), ()),
    "a container": (body(container="container_1"), (Reason.STATEFUL,)),
    "tools": (body(tools=[WEATHER]), (Reason.TOOLS_EXACT_ONLY,)),
    "servers of tools": (body(mcp_servers=[{"url": "u"}]), (Reason.TOOLS_EXACT_ONLY,)),
    "tools that must not be called": (body(tools=[WEATHER], tool_choice={"type": "none"}), ()),
    "a tool was called before": (
        body(use("a"), user([result("a")]), user("hi")),
        (Reason.TOOLS_EXACT_ONLY,),
    ),
    "a question beside a tool's result": (
        body(user([result("a"), text("hi")])),
        (Reason.TOOLS_EXACT_ONLY,),
    ),
    "the last turn is a tool's": (
        body(user("hi"), use("a"), user([result("a")])),
        (Reason.NO_QUESTION, Reason.TOOLS_EXACT_ONLY),
    ),
    "format": (
        body(output_config={"format": {"type": "json_schema"}}),
        (Reason.STRUCTURED_EXACT_ONLY,),
    ),
    "effort": (body(output_config={"effort": "low"}), ()),
    "the answer is begun": (body(user("hi"), assistant("Well")), (Reason.NO_QUESTION,)),
    "only a picture": (body(user([image()])), (Reason.NO_QUESTION,)),
    "only white space": (body(user(" \n")), (Reason.NO_QUESTION,)),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limits(case: str) -> None:
    request, limits = LIMITS[case]
    assert parse(request).limits == limits


def test_stream_and_temperature_are_told() -> None:
    parsed = parse(body(stream=True, temperature=0.7))
    assert (parsed.stream, parsed.temperature) == (True, 0.7)


NOT_OURS = {
    "not an object": ["a", "list"],
    "no messages": {"model": "claude"},
    "no message": {"messages": []},
    "message not an object": {"messages": ["hi"]},
    "message without a role": {"messages": [{"content": "hi"}]},
    "content not text": body(user(7)),
    "block not an object": body(user(["hi"])),
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_a_body_that_asks_for_no_message_is_not_ours(case: str) -> None:
    assert codec.parse(NOT_OURS[case]) is None


# --- properties ---------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
names = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "id",
        "tool_use_id",
        "name",
        "input",
        "source",
        "data",
        "citations",
        "thinking",
        "signature",
        "is_error",
        "cache_control",
        "stop_reason",
    ]
)
words = st.sampled_from(
    "message user assistant text thinking tool_use tool_result image end_turn".split()  # noqa: SIM905
)
likely = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)
blocks = st.dictionaries(names, likely, max_size=6)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": st.text() | st.lists(blocks)}
)
fields = st.sampled_from(
    [
        "model",
        "system",
        "tools",
        "tool_choice",
        "mcp_servers",
        "output_config",
        "output_format",
        "container",
        "stream",
        "temperature",
        "metadata",
        "unheard_of",
    ]
)
requests = st.builds(
    lambda turns, rest: {**rest, "messages": turns},
    st.lists(messages, min_size=1, max_size=4),
    st.dictionaries(fields, likely, max_size=5),
)


@given(likely | requests | st.fixed_dictionaries({"messages": likely}))
def test_parse_never_raises(value: Any) -> None:
    parsed = codec.parse(value)
    if parsed is not None:
        json.dumps(parsed.parts)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


@given(given_body=requests)
def test_key_order_does_not_matter(differing: Any, given_body: Mapping[str, Any]) -> None:
    assert differing(codec, given_body, shuffled(given_body)) == set()


payloads = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "stop_reason": st.just("end_turn"),
        "content": st.lists(blocks | st.builds(text, st.text()), max_size=4),
    },
    optional={"usage": likely, "model": likely, "container": likely},
)


@given(likely | payloads)
def test_answer_never_raises_and_what_is_kept_can_be_streamed(value: Any) -> None:
    answer = codec.answer(value)
    if answer is not None:
        assert codec.render(answer, id="msg_9", created=9, marks={})["content"] == value["content"]
        assert list(codec.render_stream(answer, {}, id="msg_9", created=9, marks={}))


# --- answers ------------------------------------------------------------------------------------


def message(*content: JSON, **fields: JSON) -> dict[str, JSON]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-20260101",
        "content": list(content) or [text("Rome.")],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 2},
        **fields,
    }


def test_an_answer_is_kept_whole() -> None:
    assert codec.answer(message()) == Answer(
        text="Rome.",
        finish_reason="end_turn",
        usage=Usage(5, 2),
        model="claude-20260101",
        provider="anthropic",
        format="anthropic.messages",
        raw=message(),
    )


def test_calls_and_thoughts_are_read() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    call = {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rom\u00e9"}}
    answer = codec.answer(message(thinking, text("One"), text(" two"), call))
    assert answer is not None
    assert (answer.text, answer.reasoning) == ("One two", "Hm.")
    assert answer.tool_calls == (ToolCall("a", "weather", '{"city": "Rom\u00e9"}'),)


def test_tokens_that_a_cache_upstream_held_count() -> None:
    usage = {"input_tokens": 1, "cache_read_input_tokens": 20, "output_tokens": 3}
    answer = codec.answer(message(usage={**usage, "cache_creation_input_tokens": 100}))
    assert answer is not None
    assert answer.usage == Usage(121, 3)


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence", "tool_use"])
def test_endings_that_are_whole(reason: str) -> None:
    assert codec.answer(message(stop_reason=reason)) is not None


NOT_STORED = {
    "an error": {"type": "error", "error": {"type": "overloaded_error"}},
    "cut by length": message(stop_reason="max_tokens"),
    "cut by the window": message(stop_reason="model_context_window_exceeded"),
    "refused": message(stop_reason="refusal"),
    "paused": message(stop_reason="pause_turn"),
    "no end": message(stop_reason=None),
    "an end we do not know": message(stop_reason="who_knows"),
    "nothing said": message(text("")),
    "only thoughts": message({"type": "thinking", "thinking": "Hm."}),
    "no content": message(content="Rome."),
    "a block we do not know": message(text("Rome."), {"type": "hologram"}),
    "text that is none": message({"type": "text", "text": 7}),
    "a call without a name": message({"type": "tool_use", "id": "a", "input": {}}),
    "a container": message(container={"id": "container_1"}),
    "a file in a container": message(text("x"), {"type": "container_upload", "file_id": "f"}),
    "not an object": "Rome.",
}


@pytest.mark.parametrize("case", NOT_STORED)
def test_what_is_not_whole_is_not_stored(case: str) -> None:
    assert codec.answer(NOT_STORED[case]) is None


# --- hits ---------------------------------------------------------------------------------------


def test_a_hit_is_the_providers_body_with_a_fresh_id_and_marks() -> None:
    answer = codec.answer(message())
    assert answer is not None
    rendered = codec.render(answer, id="msg_2", created=2, marks={"cacheback_hit": True})
    assert rendered == {**message(), "id": "msg_2", "cacheback_hit": True}


def test_an_answer_that_came_otherwise_is_dressed() -> None:
    calls = (ToolCall("a", "f", '{"x": 1}'), ToolCall("", "g", "not JSON"))
    answer = Answer("Rome.", calls, usage=Usage(3, 4))
    rendered = codec.render(answer, id="msg_2", created=2, marks={}, model="claude")
    again = codec.answer(rendered)
    assert again is not None
    assert (again.text, again.usage, again.model) == ("Rome.", Usage(3, 4), "claude")
    assert again.tool_calls[0] == calls[0]
    assert again.tool_calls[1] == ToolCall("toolu_2_1", "g", '{"input": "not JSON"}')
    assert again.finish_reason == "tool_use"


def test_rendered_bodies_are_the_sdks_own_type() -> None:
    types = pytest.importorskip("anthropic.types")
    for calls in ((), (ToolCall("a", "f", "{}"),)):
        answer = Answer("Rome.", calls)
        rendered = codec.render(answer, id="msg_2", created=2, marks={}, model="claude")
        types.Message.model_validate(rendered, strict=True)


def test_a_miss_is_marked_and_otherwise_as_it_was() -> None:
    assert codec.mark(message(), {"hit": False}) == {**message(), "hit": False}
