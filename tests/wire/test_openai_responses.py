"""Responses: what counts as scope, what may be stored, what a hit looks like."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON, Answer, Reason, ToolCall, Usage
from cacheback.wire import openai_responses as codec
from cacheback.wire.codec import Parsed

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG one").decode()
OTHER_PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG two").decode()
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


def body(given: JSON = "hi", **fields: JSON) -> dict[str, JSON]:
    return {"model": "gpt-4o", "input": given, **fields}


def said(role: str, content: JSON, **fields: JSON) -> dict[str, JSON]:
    return {"role": role, "content": content, **fields}


def user(content: JSON, **fields: JSON) -> dict[str, JSON]:
    return said("user", content, **fields)


def text(value: str) -> dict[str, JSON]:
    return {"type": "input_text", "text": value}


def image(url: str, **fields: JSON) -> dict[str, JSON]:
    return {"type": "input_image", "image_url": url, **fields}


def call(name: str, **fields: JSON) -> dict[str, JSON]:
    return {
        "type": "function_call",
        "call_id": name,
        "name": "weather",
        "arguments": '{"city": "Rome"}',
        **fields,
    }


def result(name: str, output: JSON = "sunny") -> dict[str, JSON]:
    return {"type": "function_call_output", "call_id": name, "output": output}


def parse(request: JSON) -> Parsed:
    parsed = codec.parse(request)
    assert parsed is not None
    return parsed


COUNTS = {
    "model": (body(), body(model="gpt-5"), "model"),
    "question": (body(), body("ho"), "question"),
    "instructions": (body(instructions="Be brief."), body(instructions="Be long."), "system"),
    "no instructions": (body(), body(instructions="Be brief."), "system"),
    "a system message": (
        body([said("system", "Be brief."), user("hi")]),
        body([said("system", "Be long."), user("hi")]),
        "system",
    ),
    "system or developer": (
        body([said("system", "Be brief."), user("hi")]),
        body([said("developer", "Be brief."), user("hi")]),
        "system",
    ),
    "instructions or a system message": (
        body(instructions="Be brief."),
        body([said("system", "Be brief."), user("hi")]),
        "system",
    ),
    "instructions beside a system message": (
        body([said("system", "Be brief."), user("hi")]),
        body([said("system", "Be brief."), user("hi")], instructions="Be kind."),
        "system",
    ),
    "earlier turns": (
        body([user("one"), said("assistant", "two"), user("hi")]),
        body([user("one"), said("assistant", "three"), user("hi")]),
        "history",
    ),
    "who said an earlier turn": (
        body([user("one"), user("two"), user("hi")]),
        body([user("one"), said("assistant", "two"), user("hi")]),
        "history",
    ),
    "order of earlier turns": (
        body([user("one"), user("two"), user("hi")]),
        body([user("two"), user("one"), user("hi")]),
        "history",
    ),
    "a tool's result": (
        body([call("a"), result("a", "sunny"), user("hi")]),
        body([call("a"), result("a", "rainy"), user("hi")]),
        "history",
    ),
    "which call a result is of": (
        body([call("a"), call("b"), result("a", "x"), result("b", "y"), user("hi")]),
        body([call("a"), call("b"), result("b", "x"), result("a", "y"), user("hi")]),
        "history",
    ),
    "a picture in a tool's result": (
        body([call("a"), result("a", [image(PNG)]), user("hi")]),
        body([call("a"), result("a", [image(OTHER_PNG)]), user("hi")]),
        "history",
    ),
    "thoughts sent back": (
        body([{"type": "reasoning", "summary": [], "encrypted_content": "x"}, user("hi")]),
        body([{"type": "reasoning", "summary": [], "encrypted_content": "y"}, user("hi")]),
        "history",
    ),
    "thoughts kept by the provider": (
        body([{"type": "reasoning", "id": "rs_1", "summary": []}, user("hi")]),
        body([{"type": "reasoning", "id": "rs_2", "summary": []}, user("hi")]),
        "history",
    ),
    "a reference": (
        body([{"type": "item_reference", "id": "msg_1"}, user("hi")]),
        body([{"type": "item_reference", "id": "msg_2"}, user("hi")]),
        "history",
    ),
    "an earlier picture": (
        body([user([text("one"), image(PNG)]), user("hi")]),
        body([user([text("one"), image(OTHER_PNG)]), user("hi")]),
        "history",
    ),
    "what an asking message says beside": (
        body([user("hi")]),
        body([user("hi", brand_new="thing")]),
        "history",
    ),
    "tools": (body(), body(tools=[WEATHER]), "tools"),
    "a tool's schema": (
        body(tools=[WEATHER]),
        body(tools=[{**WEATHER, "strict": True}]),
        "tools",
    ),
    "tool choice": (
        body(tools=[WEATHER]),
        body(tools=[WEATHER], tool_choice="required"),
        "tool_choice",
    ),
    "text format": (
        body(),
        body(text={"format": {"type": "json_object"}}),
        "response_format",
    ),
    "schema": (
        body(text={"format": {"type": "json_schema", "name": "a"}}),
        body(text={"format": {"type": "json_schema", "name": "b"}}),
        "response_format",
    ),
    "what is included": (
        body(),
        body(include=["reasoning.encrypted_content"]),
        "response_format",
    ),
    "top logprobs": (body(), body(top_logprobs=2), "response_format"),
    "verbosity": (body(), body(text={"verbosity": "low"}), "parameters"),
    "reasoning effort": (
        body(reasoning={"effort": "low"}),
        body(reasoning={"effort": "high"}),
        "parameters",
    ),
    "temperature": (body(temperature=0.1), body(temperature=0.2), "parameters"),
    "temperature's absence": (body(), body(temperature=1), "parameters"),
    "top_p": (body(), body(top_p=0.5), "parameters"),
    "max output tokens": (body(), body(max_output_tokens=6), "parameters"),
    "max tool calls": (body(), body(max_tool_calls=6), "parameters"),
    "parallel tool calls": (body(), body(parallel_tool_calls=False), "parameters"),
    "truncation": (body(), body(truncation="auto"), "parameters"),
    "service tier": (body(), body(service_tier="flex"), "parameters"),
    "a prompt kept by the provider": (
        body(prompt={"id": "pmpt_1", "version": "1"}),
        body(prompt={"id": "pmpt_1", "version": "2"}),
        "parameters",
    ),
    "a field nobody knows yet": (body(), body(brand_new="thing"), "parameters"),
    "picture": (
        body([user([text("hi"), image(PNG)])]),
        body([user([text("hi"), image(OTHER_PNG)])]),
        "attachments",
    ),
    "detail": (
        body([user([text("hi"), image(PNG, detail="low")])]),
        body([user([text("hi"), image(PNG, detail="high")])]),
        "attachments",
    ),
    "file": (
        body([user([text("hi"), {"type": "input_file", "file_data": PNG}])]),
        body([user([text("hi"), {"type": "input_file", "file_data": OTHER_PNG}])]),
        "attachments",
    ),
    "a file kept by the provider": (
        body([user([text("hi"), {"type": "input_file", "file_id": "file-1"}])]),
        body([user([text("hi"), {"type": "input_file", "file_id": "file-2"}])]),
        "attachments",
    ),
    "not kept upstream": (body(), body(store=False), "parameters"),
    "sound": (
        body([user([text("hi"), {"type": "input_audio", "input_audio": {"data": PNG}}])]),
        body([user([text("hi"), {"type": "input_audio", "input_audio": {"data": OTHER_PNG}}])]),
        "attachments",
    ),
}


@pytest.mark.parametrize("case", COUNTS)
def test_what_can_change_the_answer_is_in_its_part(case: str, differing: Any) -> None:
    one, other, part = COUNTS[case]
    assert differing(codec, one, other) == {part}


OUTPUT = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "two", "annotations": [], "logprobs": None}],
}

DOES_NOT_COUNT = {
    "user": (body(), body(user="u-1")),
    "metadata": (body(), body(metadata={"run": "7"})),
    "safety identifier": (body(), body(safety_identifier="s")),
    "stream": (body(), body(stream=True, stream_options={"include_obfuscation": False})),
    "upstream's own cache": (
        body(),
        body(
            prompt_cache_key="k", prompt_cache_retention="24h", prompt_cache_options={"ttl": "12h"}
        ),
    ),
    "not in the background": (body(), body(background=False)),
    "defaults": (body(), body(service_tier="auto", truncation="disabled", include=[], tools=[])),
    "text format": (body(), body(text={"format": {"type": "text"}, "verbosity": None})),
    "null": (body(), body(temperature=None, tools=None, instructions=None)),
    "a number's form": (body(temperature=0), body(temperature=0.0)),
    "a text or a message": (body(), body([user("hi")])),
    "a message's type": (body([user("hi")]), body([user("hi", type="message")])),
    "a message's id and status": (
        body([user("hi")]),
        body([user("hi", id="msg_1", status="completed")]),
    ),
    "one text part": (body(), body([user([text("hi")])])),
    "an output sent back": (
        body([user("one"), said("assistant", "two"), user("hi")]),
        body([user("one"), OUTPUT, user("hi")]),
    ),
    "ids of earlier calls": (
        body([call("x", id="fc_1"), result("x"), call("y"), result("y"), user("hi")]),
        body([call("p", status="completed"), result("p"), call("q"), result("q"), user("hi")]),
    ),
    "detail auto": (
        body([user([text("hi"), image(PNG)])]),
        body([user([text("hi"), image(PNG, detail="auto")])]),
    ),
    "key order": (body(seed=1), {"seed": 1, "input": "hi", "model": "gpt-4o"}),
}


@pytest.mark.parametrize("case", DOES_NOT_COUNT)
def test_what_cannot_change_the_answer_is_in_no_part(case: str, differing: Any) -> None:
    one, other = DOES_NOT_COUNT[case]
    assert differing(codec, one, other) == set()


def test_a_plain_question_has_a_model_and_nothing_else() -> None:
    assert parse(body()) == Parsed("hi", {"model": "gpt-4o"}, (), False, None)


def test_plain_instructions_are_their_text() -> None:
    assert parse(body(instructions="Be brief.")).parts["system"] == "Be brief."


def test_another_question_about_the_same_picture_has_the_same_scope(differing: Any) -> None:
    one = body([user([text("what is this?"), image(PNG)])])
    other = body([user([text("tell me what\nthis is"), image(PNG)])])
    assert differing(codec, one, other) == {"question"}


LIMITS = {
    "nothing": (body(), ()),
    "store unsaid is not stateful": (body(store=None), ()),
    "kept upstream": (body(store=True), (Reason.STATEFUL,)),
    "after another response": (body(previous_response_id="resp_1"), (Reason.STATEFUL,)),
    "a conversation": (body(conversation={"id": "conv_1"}), (Reason.STATEFUL,)),
    "in the background": (body(background=True), (Reason.STATEFUL,)),
    "a reference": (body([{"id": "msg_1"}, user("hi")]), (Reason.STATEFUL,)),
    "tools": (body(tools=[WEATHER]), (Reason.TOOLS_EXACT_ONLY,)),
    "web search": (body(tools=[{"type": "web_search"}]), (Reason.TOOLS_EXACT_ONLY,)),
    "tools that must not be called": (body(tools=[WEATHER], tool_choice="none"), ()),
    "a tool was called before": (
        body([call("a"), result("a"), user("hi")]),
        (Reason.TOOLS_EXACT_ONLY,),
    ),
    "json": (
        body(text={"format": {"type": "json_object"}}),
        (Reason.STRUCTURED_EXACT_ONLY,),
    ),
    "verbosity": (body(text={"verbosity": "low"}), ()),
    "thoughts included": (body(include=["reasoning.encrypted_content"]), ()),
    "logprobs": (
        body(include=["message.output_text.logprobs"]),
        (Reason.LOGPROBS_EXACT_ONLY,),
    ),
    "top logprobs": (body(top_logprobs=2), (Reason.LOGPROBS_EXACT_ONLY,)),
    "the last turn is a tool's": (
        body([user("hi"), call("a"), result("a")]),
        (Reason.NO_QUESTION, Reason.TOOLS_EXACT_ONLY),
    ),
    "the last turn is the assistant's": (
        body([user("hi"), said("assistant", "Well")]),
        (Reason.NO_QUESTION,),
    ),
    "only a picture": (body([user([image(PNG)])]), (Reason.NO_QUESTION,)),
    "only white space": (body(" \n"), (Reason.NO_QUESTION,)),
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
    "no input": {"model": "gpt-4o"},
    "no items": body([]),
    "item not an object": body(["hi"]),
    "content not text": body([user(7)]),
    "part not an object": body([user(["hi"])]),
    "a type that is no text": body([{"type": 7}]),
    "a message without a role": body([{"type": "message", "content": "hi"}]),
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_a_body_that_asks_for_no_response_is_not_ours(case: str) -> None:
    assert codec.parse(NOT_OURS[case]) is None


# --- properties ---------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
names = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "id",
        "call_id",
        "name",
        "arguments",
        "input",
        "output",
        "image_url",
        "status",
        "summary",
        "refusal",
        "annotations",
        "detail",
        "file_data",
        "format",
    ]
)
words = st.sampled_from(
    [
        "message",
        "user",
        "system",
        "input_text",
        "output_text",
        "function_call",
        "reasoning",
        "completed",
        "refusal",
        "item_reference",
        "image_generation_call",
        "data:,x",
    ]
)
likely = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)
fields = st.sampled_from(
    [
        "model",
        "instructions",
        "tools",
        "tool_choice",
        "text",
        "include",
        "top_logprobs",
        "store",
        "conversation",
        "background",
        "stream",
        "temperature",
        "user",
        "unheard_of",
    ]
)
items = st.dictionaries(names, likely, max_size=6)
requests = st.builds(
    lambda given, rest: {**rest, "input": given},
    st.text() | st.lists(items, min_size=1, max_size=4),
    st.dictionaries(fields, likely, max_size=5),
)


@given(anything | requests)
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
    if codec.parse(given_body) is not None:
        assert differing(codec, given_body, shuffled(given_body)) == set()


payloads = st.fixed_dictionaries(
    {"status": st.just("completed"), "output": likely | st.lists(items, max_size=4)},
    optional={"usage": likely, "error": likely, "user": likely, "model": likely},
)


@given(anything | payloads)
def test_answer_never_raises_and_what_is_kept_can_be_streamed(value: Any) -> None:
    answer = codec.answer(value)
    if answer is not None:
        assert list(codec.render_stream(answer, {}, id="resp_9", created=9, marks={}))


# --- answers ------------------------------------------------------------------------------------


def message(*parts: JSON, **fields: JSON) -> dict[str, JSON]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": list(parts), **fields}


def spoken(value: str = "Rome.", **fields: JSON) -> dict[str, JSON]:
    return {"type": "output_text", "text": value, "annotations": [], **fields}


def response(*output: JSON, **fields: JSON) -> dict[str, JSON]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "completed_at": 2,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-4o-2024-08-06",
        "output": list(output) or [message(spoken())],
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        **fields,
    }


def test_an_answer_is_kept_whole() -> None:
    assert codec.answer(response()) == Answer(
        text="Rome.",
        finish_reason="completed",
        usage=Usage(5, 2),
        model="gpt-4o-2024-08-06",
        provider="openai",
        format="openai.responses",
        raw=response(),
    )


def test_calls_thoughts_and_refusals_are_read() -> None:
    thoughts = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    custom = {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x = 1"}
    answer = codec.answer(response(thoughts, call("a"), custom))
    assert answer is not None
    assert answer.reasoning == "Hm."
    assert answer.tool_calls == (
        ToolCall("a", "weather", '{"city": "Rome"}'),
        ToolCall("b", "g", "x = 1"),
    )
    refused = codec.answer(response(message({"type": "refusal", "refusal": "I can't."})))
    assert refused is not None
    assert refused.text == "I can't."


def test_a_picture_is_an_answer() -> None:
    picture = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "x"}
    assert codec.answer(response(picture)) is not None


def test_who_asked_first_is_not_told_to_the_next() -> None:
    asked = {"user": "ann", "metadata": {"case": "7"}, "safety_identifier": "s"}
    answer = codec.answer(response(**asked, prompt_cache_key="k"))
    assert answer is not None
    rendered = codec.render(answer, id="resp_2", created=2, marks={})
    assert (rendered["user"], rendered["metadata"]) == (None, {})
    assert (rendered["safety_identifier"], rendered["prompt_cache_key"]) == (None, None)


NOT_STORED = {
    "an error": {"error": {"message": "no"}},
    "an error beside an answer": response(error={"message": "no"}),
    "cut by length": response(
        status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    ),
    "failed": response(status="failed"),
    "queued": response(status="queued"),
    "no output": response(output=[]),
    "output not a list": response(output="Rome."),
    "an item that is not complete": response(message(spoken(), status="incomplete")),
    "nothing said": response(message(spoken(""))),
    "only thoughts": response({"type": "reasoning", "summary": []}),
    "a part we do not know": response(message({"type": "hologram"})),
    "an item we do not know": response(message(spoken()), {"type": "teleport_call"}),
    "an action for the caller": response({"type": "computer_call", "call_id": "a"}),
    "an approval that is waited for": response({"type": "mcp_approval_request", "id": "a"}),
    "a file in a container": response(
        message(spoken(annotations=[{"type": "container_file_citation", "file_id": "f"}]))
    ),
    "a call without a name": response({"type": "function_call", "call_id": "a", "arguments": ""}),
    "not an object": "Rome.",
}


@pytest.mark.parametrize("case", NOT_STORED)
def test_what_is_not_whole_is_not_stored(case: str) -> None:
    assert codec.answer(NOT_STORED[case]) is None


# --- hits ---------------------------------------------------------------------------------------

MARKS = {"cacheback_hit": True, "cacheback": {"tier": "exact"}}


def test_a_hit_is_the_providers_body_with_fresh_times_and_marks() -> None:
    answer = codec.answer(response(service_tier="default"))
    assert answer is not None
    assert codec.render(answer, id="resp_2", created=9, marks=MARKS) == {
        **response(service_tier="default"),
        "created_at": 9,
        "completed_at": 9,
        **MARKS,
    }


def test_an_answer_that_came_otherwise_is_dressed() -> None:
    answer = Answer("Rome.", (ToolCall("a", "f", "{}"),), usage=Usage(3, 4))
    rendered = codec.render(answer, id="resp_2", created=2, marks=MARKS, model="gpt-4o")
    again = codec.answer(rendered)
    assert again is not None
    assert (again.text, again.tool_calls) == (answer.text, answer.tool_calls)
    assert (again.usage, again.model) == (Usage(3, 4), "gpt-4o")
    assert rendered["cacheback_hit"] is True


def test_rendered_bodies_are_the_sdks_own_type() -> None:
    responses = pytest.importorskip("openai.types.responses")
    answer = Answer("Rome.", (ToolCall("a", "f", "{}"),))
    rendered = codec.render(answer, id="resp_2", created=2, marks={}, model="m")
    responses.Response.model_validate(rendered, strict=True)


def test_a_miss_is_marked_and_otherwise_as_it_was() -> None:
    marked = codec.mark(response(), {"cacheback_hit": False})
    assert marked == {**response(), "cacheback_hit": False}
