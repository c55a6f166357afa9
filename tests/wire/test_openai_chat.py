"""Chat completions: what counts as scope, what may be stored, what a hit looks like."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON, Answer, Reason, ToolCall, Usage
from cacheback.wire import openai_chat
from cacheback.wire.codec import Parsed

PNG = base64.b64encode(b"\x89PNG one").decode()
OTHER_PNG = base64.b64encode(b"\x89PNG two").decode()
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def body(*messages: JSON, **fields: JSON) -> dict[str, JSON]:
    return {
        "model": "gpt-4o",
        "messages": list(messages) or [{"role": "user", "content": "hi"}],
        **fields,
    }


def user(content: JSON, **fields: JSON) -> dict[str, JSON]:
    return {"role": "user", "content": content, **fields}


def said(role: str, content: JSON, **fields: JSON) -> dict[str, JSON]:
    return {"role": role, "content": content, **fields}


def text(value: str, **fields: JSON) -> dict[str, JSON]:
    return {"type": "text", "text": value, **fields}


def image(url: str, **fields: JSON) -> dict[str, JSON]:
    return {"type": "image_url", "image_url": {"url": url, **fields}}


def png(data: str = PNG) -> str:
    return f"data:image/png;base64,{data}"


def parse(request: JSON) -> Parsed:
    parsed = openai_chat.parse(request)
    assert parsed is not None
    return parsed


def differing(one: JSON, other: JSON) -> set[str]:
    """The names of the parts in which two requests differ, as canonical JSON would see it."""
    here, there = parse(one), parse(other)
    parts = {**here.parts, **there.parts}
    changed = {name for name in parts if _bytes(here, name) != _bytes(there, name)}
    return changed | ({"question"} if here.question != there.question else set())


def _bytes(parsed: Parsed, name: str) -> str:
    return json.dumps(parsed.parts.get(name), sort_keys=True)


def asks(call_id: str) -> dict[str, JSON]:
    call = {
        "id": call_id,
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
    }
    return said("assistant", None, tool_calls=[call])


def gets(call_id: str, content: str = "sunny") -> dict[str, JSON]:
    return said("tool", content, tool_call_id=call_id)


COUNTS = {
    "model": (body(), body(model="gpt-4o-mini"), "model"),
    "question": (body(), body(user("ho")), "question"),
    "system prompt": (
        body(said("system", "Be brief."), user("hi")),
        body(said("system", "Be long."), user("hi")),
        "system",
    ),
    "system or developer": (
        body(said("system", "Be brief."), user("hi")),
        body(said("developer", "Be brief."), user("hi")),
        "system",
    ),
    "no system prompt": (body(), body(said("system", "Be brief."), user("hi")), "system"),
    "a second system prompt": (
        body(said("system", "Be brief."), user("hi")),
        body(said("system", "Be brief."), said("system", "Be kind."), user("hi")),
        "system",
    ),
    "earlier turns": (
        body(user("one"), said("assistant", "two"), user("hi")),
        body(user("one"), said("assistant", "three"), user("hi")),
        "history",
    ),
    "who said an earlier turn": (
        body(user("one"), user("two"), user("hi")),
        body(user("one"), said("assistant", "two"), user("hi")),
        "history",
    ),
    "order of earlier turns": (
        body(user("one"), user("two"), user("hi")),
        body(user("two"), user("one"), user("hi")),
        "history",
    ),
    "a system prompt in the middle": (
        body(user("one"), said("system", "Be brief."), user("hi")),
        body(user("one"), said("system", "Be long."), user("hi")),
        "history",
    ),
    "a name in an earlier turn": (
        body(user("one", name="ann"), user("hi")),
        body(user("one", name="bob"), user("hi")),
        "history",
    ),
    "the asker's name": (body(user("hi", name="ann")), body(user("hi", name="bob")), "history"),
    "a tool's result": (
        body(asks("a"), gets("a", "sunny"), user("hi")),
        body(asks("a"), gets("a", "rainy"), user("hi")),
        "history",
    ),
    "which call a result is of": (
        body(asks("a"), asks("b"), gets("a", "x"), gets("b", "y"), user("hi")),
        body(asks("a"), asks("b"), gets("b", "x"), gets("a", "y"), user("hi")),
        "history",
    ),
    "a picture in an earlier turn": (
        body(user([text("one"), image(png())]), user("hi")),
        body(user([text("one"), image(png(OTHER_PNG))]), user("hi")),
        "history",
    ),
    "tools": (body(), body(tools=[WEATHER]), "tools"),
    "a tool's schema": (
        body(tools=[WEATHER]),
        body(tools=[{"type": "function", "function": {"name": "weather"}}]),
        "tools",
    ),
    "functions": (body(), body(functions=[WEATHER["function"]]), "tools"),
    "functions or tools": (
        body(tools=[WEATHER["function"]]),
        body(functions=[WEATHER["function"]]),
        "tools",
    ),
    "web search": (body(), body(web_search_options={"user_location": None}), "tools"),
    "tool choice": (
        body(tools=[WEATHER]),
        body(tools=[WEATHER], tool_choice="required"),
        "tool_choice",
    ),
    "function call": (
        body(functions=[WEATHER["function"]]),
        body(functions=[WEATHER["function"]], function_call="none"),
        "tool_choice",
    ),
    "response format": (
        body(),
        body(response_format={"type": "json_object"}),
        "response_format",
    ),
    "schema": (
        body(response_format={"type": "json_schema", "json_schema": {"name": "a"}}),
        body(response_format={"type": "json_schema", "json_schema": {"name": "b"}}),
        "response_format",
    ),
    "choices": (body(), body(n=2), "response_format"),
    "logprobs": (body(), body(logprobs=True), "response_format"),
    "top logprobs": (
        body(logprobs=True, top_logprobs=2),
        body(logprobs=True, top_logprobs=3),
        "response_format",
    ),
    "modalities": (body(), body(modalities=["text", "audio"]), "response_format"),
    "voice": (body(audio={"voice": "ash"}), body(audio={"voice": "coral"}), "response_format"),
    "temperature": (body(temperature=0.1), body(temperature=0.2), "parameters"),
    "temperature's absence": (body(), body(temperature=1), "parameters"),
    "top_p": (body(), body(top_p=0.5), "parameters"),
    "seed": (body(seed=1), body(seed=2), "parameters"),
    "stop": (body(), body(stop=["END"]), "parameters"),
    "max tokens": (body(max_tokens=5), body(max_tokens=6), "parameters"),
    "max completion tokens": (body(), body(max_completion_tokens=6), "parameters"),
    "penalties": (body(), body(presence_penalty=0.5, frequency_penalty=0.5), "parameters"),
    "logit bias": (body(), body(logit_bias={"50256": -100}), "parameters"),
    "reasoning effort": (
        body(reasoning_effort="low"),
        body(reasoning_effort="high"),
        "parameters",
    ),
    "verbosity": (body(), body(verbosity="low"), "parameters"),
    "prediction": (body(), body(prediction={"type": "content", "content": "x"}), "parameters"),
    "parallel tool calls": (body(), body(parallel_tool_calls=False), "parameters"),
    "service tier": (body(), body(service_tier="flex"), "parameters"),
    "a field nobody knows yet": (body(), body(brand_new="thing"), "parameters"),
    "picture": (
        body(user([text("hi"), image(png())])),
        body(user([text("hi"), image(png(OTHER_PNG))])),
        "attachments",
    ),
    "no picture": (body(), body(user([text("hi"), image(png())])), "attachments"),
    "order of pictures": (
        body(user([text("hi"), image(png()), image(png(OTHER_PNG))])),
        body(user([text("hi"), image(png(OTHER_PNG)), image(png())])),
        "attachments",
    ),
    "picture before or after the text": (
        body(user([text("hi"), image(png())])),
        body(user([image(png()), text("hi")])),
        "attachments",
    ),
    "where a picture stands between texts": (
        body(user([text("a\nb"), image(png()), text("c")])),
        body(user([text("a"), image(png()), text("b\nc")])),
        "attachments",
    ),
    "detail": (
        body(user([text("hi"), image(png(), detail="low")])),
        body(user([text("hi"), image(png(), detail="high")])),
        "attachments",
    ),
    "address of a picture": (
        body(user([text("hi"), image("https://a.example/1.png")])),
        body(user([text("hi"), image("https://a.example/2.png")])),
        "attachments",
    ),
    "sound": (
        body(user([text("hi"), {"type": "input_audio", "input_audio": {"data": PNG}}])),
        body(user([text("hi"), {"type": "input_audio", "input_audio": {"data": OTHER_PNG}}])),
        "attachments",
    ),
    "file": (
        body(user([text("hi"), {"type": "file", "file": {"file_data": png()}}])),
        body(user([text("hi"), {"type": "file", "file": {"file_data": png(OTHER_PNG)}}])),
        "attachments",
    ),
    "data that is not base64": (
        body(user([text("hi"), image("data:image/png;base64,é")])),
        body(user([text("hi"), image("data:image/png;base64,è")])),
        "attachments",
    ),
    "a file kept by the provider": (
        body(user([text("hi"), {"type": "file", "file": {"file_id": "file-1"}}])),
        body(user([text("hi"), {"type": "file", "file": {"file_id": "file-2"}}])),
        "attachments",
    ),
    "a field of a text part that nobody knows yet": (
        body(user([text("hi")])),
        body(user([text("hi", tone="stern")])),
        "attachments",
    ),
}


@pytest.mark.parametrize("case", COUNTS)
def test_what_can_change_the_answer_is_in_its_part(case: str) -> None:
    one, other, part = COUNTS[case]
    assert differing(one, other) == {part}


DOES_NOT_COUNT = {
    "user": (body(), body(user="u-1")),
    "metadata": (body(), body(metadata={"run": "7"})),
    "stream": (body(), body(stream=True, stream_options={"include_usage": True})),
    "no stream": (body(), body(stream=False)),
    "safety identifier": (body(), body(safety_identifier="s")),
    "upstream's own cache": (
        body(),
        body(prompt_cache_key="k", prompt_cache_retention="24h"),
    ),
    "not kept upstream": (body(), body(store=False)),
    "service tier auto": (body(), body(service_tier="auto")),
    "one choice": (body(), body(n=1)),
    "no logprobs": (body(), body(logprobs=False)),
    "text format": (body(), body(response_format={"type": "text"})),
    "null": (body(), body(temperature=None, stop=None, tools=None)),
    "no tools": (body(), body(tools=[])),
    "a number's form": (body(temperature=0), body(temperature=0.0)),
    "key order": (
        body(seed=1, stop="x"),
        {"stop": "x", "seed": 1, "messages": [user("hi")], "model": "gpt-4o"},
    ),
    "key order in a message": (body(), body({"content": "hi", "role": "user"})),
    "key order in a tool": (
        body(tools=[WEATHER]),
        body(tools=[dict(reversed(WEATHER.items()))]),
    ),
    "ids of earlier calls": (
        body(asks("call_x"), gets("call_x"), asks("call_y"), gets("call_y"), user("hi")),
        body(asks("call_p"), gets("call_p"), asks("call_q"), gets("call_q"), user("hi")),
    ),
    "nulls in an earlier turn": (
        body(said("assistant", "one"), user("hi")),
        body(said("assistant", "one", refusal=None, audio=None, annotations=[]), user("hi")),
    ),
    "a null name": (body(), body(user("hi", name=None))),
    "content null or absent": (
        body({"role": "assistant", "function_call": {"name": "f"}}, user("hi")),
        body({"role": "assistant", "function_call": {"name": "f"}, "content": None}, user("hi")),
    ),
    "one text part in the question": (body(), body(user([text("hi")]))),
    "one text part in the system prompt": (
        body(said("system", "Be brief."), user("hi")),
        body(said("system", [text("Be brief.")]), user("hi")),
    ),
    "one text part in an earlier turn": (
        body(said("assistant", "one"), user("hi")),
        body(said("assistant", [text("one")]), user("hi")),
    ),
    "hint for upstream's own cache": (
        body(said("system", "Be brief."), user("hi")),
        body(
            said("system", [text("Be brief.", cache_control={"type": "ephemeral"})]),
            user([text("hi", cache_control={"type": "ephemeral"})]),
        ),
    ),
    "detail auto": (
        body(user([text("hi"), image(png())])),
        body(user([text("hi"), image(png(), detail="auto")])),
    ),
}


@pytest.mark.parametrize("case", DOES_NOT_COUNT)
def test_what_cannot_change_the_answer_is_in_no_part(case: str) -> None:
    one, other = DOES_NOT_COUNT[case]
    assert differing(one, other) == set()


def test_a_plain_question_has_a_model_and_nothing_else() -> None:
    assert parse(body(user("hi"))) == Parsed("hi", {"model": "gpt-4o"}, (), False, None)


def test_a_plain_system_prompt_is_its_text() -> None:
    assert parse(body(said("system", "Be brief."), user("hi"))).parts["system"] == "Be brief."


def test_other_system_prompts_keep_their_roles() -> None:
    system = [said("system", "Be brief."), said("developer", "Be kind.")]
    assert parse(body(*system, user("hi"))).parts["system"] == system


def test_the_question_is_the_last_users_text_parts() -> None:
    parsed = parse(body(user("before"), user([text("what is"), image(png()), text("this?")])))
    assert parsed.question == "what is\nthis?"
    assert parsed.parts["history"] == [user("before")]


def test_an_attachment_is_a_digest_of_its_bytes() -> None:
    digest = hashlib.sha256(base64.b64decode(PNG)).hexdigest()
    parsed = parse(body(user([text("hi"), image(png())])))
    assert parsed.parts["attachments"] == [
        {"type": "text", "text": None},
        image(f"data:image/png,sha256:{digest}"),
    ]


def test_half_a_surrogate_pair_is_no_error() -> None:
    parsed = parse(body(user([text("\ud800"), image("data:,\ud800")])))
    assert parsed.question == "\ud800"


def test_another_question_about_the_same_picture_has_the_same_scope() -> None:
    one = body(user([text("what is this?"), image(png())]))
    other = body(user([text("tell me what\nthis is"), image(png())]))
    assert differing(one, other) == {"question"}


LIMITS = {
    "nothing": (body(), ()),
    "stored upstream": (body(store=True), (Reason.STATEFUL,)),
    "tools": (body(tools=[WEATHER]), (Reason.TOOLS_EXACT_ONLY,)),
    "functions": (body(functions=[{"name": "f"}]), (Reason.TOOLS_EXACT_ONLY,)),
    "web search": (body(web_search_options={}), (Reason.TOOLS_EXACT_ONLY,)),
    "tools that must not be called": (body(tools=[WEATHER], tool_choice="none"), ()),
    "a tool was called before": (
        body(asks("a"), gets("a"), user("hi")),
        (Reason.TOOLS_EXACT_ONLY,),
    ),
    "a function was called before": (
        body(said("function", "sunny", name="f"), user("hi")),
        (Reason.TOOLS_EXACT_ONLY,),
    ),
    "json": (body(response_format={"type": "json_object"}), (Reason.STRUCTURED_EXACT_ONLY,)),
    "schema": (body(response_format={"type": "json_schema"}), (Reason.STRUCTURED_EXACT_ONLY,)),
    "two choices": (body(n=2), (Reason.CHOICES_EXACT_ONLY,)),
    "logprobs": (body(logprobs=True), (Reason.LOGPROBS_EXACT_ONLY,)),
    "the last turn is a tool's": (
        body(user("hi"), asks("a"), gets("a")),
        (Reason.NO_QUESTION, Reason.TOOLS_EXACT_ONLY),
    ),
    "the last turn is the assistant's": (
        body(user("hi"), said("assistant", "Well")),
        (Reason.NO_QUESTION,),
    ),
    "only a system prompt": (body(said("system", "Say hi.")), (Reason.NO_QUESTION,)),
    "only a picture": (body(user([image(png())])), (Reason.NO_QUESTION,)),
    "only white space": (body(user(" \n")), (Reason.NO_QUESTION,)),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limits(case: str) -> None:
    request, limits = LIMITS[case]
    assert parse(request).limits == limits


def test_a_turn_without_question_is_all_scope() -> None:
    one = body(user("hi"), asks("a"), gets("a", "sunny"))
    assert parse(one).question == ""
    assert differing(one, body(user("hi"), asks("a"), gets("a", "rainy"))) == {"history"}
    assert differing(one, body(user("ho"), asks("a"), gets("a", "sunny"))) == {"history"}


def test_stream_and_temperature_are_told() -> None:
    parsed = parse(body(stream=True, temperature=0.7))
    assert (parsed.stream, parsed.temperature) == (True, 0.7)
    assert parse(body(temperature=True)).temperature is None


NOT_OURS = {
    "not an object": ["a", "list"],
    "no messages": {"model": "gpt-4o"},
    "messages not a list": {"messages": "hi"},
    "no message": {"messages": []},
    "message not an object": {"messages": ["hi"]},
    "message without a role": {"messages": [{"content": "hi"}]},
    "content not text": {"messages": [user(7)]},
    "part not an object": {"messages": [user(["hi"])]},
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_a_body_that_is_no_chat_is_not_ours(case: str) -> None:
    assert openai_chat.parse(NOT_OURS[case]) is None


# --- properties ---------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
names = st.sampled_from(
    [
        "type",
        "text",
        "image_url",
        "input_audio",
        "file",
        "url",
        "detail",
        "data",
        "file_data",
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "id",
        "function",
        "custom",
        "arguments",
        "input",
        "finish_reason",
        "message",
        "audio",
        "refusal",
        "index",
    ]
)
words = st.sampled_from(["user", "system", "tool", "text", "image_url", png(), "data:,x", "stop"])
likely = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool"])},
    optional={
        "content": st.text() | st.lists(st.dictionaries(names, likely, max_size=4), max_size=3),
        "tool_calls": likely,
        "tool_call_id": likely,
        "function_call": likely,
        "name": likely,
    },
)
fields = st.sampled_from(
    [
        "model",
        "tools",
        "functions",
        "tool_choice",
        "response_format",
        "n",
        "logprobs",
        "store",
        "stream",
        "temperature",
        "user",
        "metadata",
        "service_tier",
        "web_search_options",
        "function_call",
        "unheard_of",
    ]
)
requests = st.builds(
    lambda turns, rest: {**rest, "messages": turns},
    st.lists(messages, min_size=1, max_size=4),
    st.dictionaries(fields, likely, max_size=5),
)


@given(anything | st.fixed_dictionaries({"messages": likely}))
def test_parse_never_raises(value: Any) -> None:
    parsed = openai_chat.parse(value)
    assert parsed is None or isinstance(parsed.question, str)


@given(requests)
def test_every_chat_is_parsed_into_json(request: Mapping[str, Any]) -> None:
    json.dumps(parse(request).parts)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


@given(requests)
def test_key_order_does_not_matter(request: Mapping[str, Any]) -> None:
    assert differing(request, shuffled(request)) == set()
    assert parse(request).limits == parse(shuffled(request)).limits


@given(anything | st.fixed_dictionaries({"choices": likely, "usage": likely}))
def test_answer_never_raises(value: Any) -> None:
    openai_chat.answer(value)


choices = st.fixed_dictionaries(
    {
        "finish_reason": words,
        "message": st.dictionaries(names, likely, max_size=5),
    }
)


@given(st.fixed_dictionaries({"choices": st.lists(choices), "usage": likely}))
def test_what_may_be_stored_is_rendered_as_it_was(payload: Mapping[str, Any]) -> None:
    answer = openai_chat.answer(payload)
    if answer is not None:
        rendered = openai_chat.render(answer, id="chatcmpl-9", created=9, marks={})
        assert rendered["choices"] == payload["choices"]


# --- answers ------------------------------------------------------------------------------------


def completion(message: JSON = None, finish_reason: JSON = "stop", **more: JSON) -> dict[str, JSON]:
    message = {"role": "assistant", "content": "Rome."} if message is None else message
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        **more,
    }


def calling(*calls: JSON) -> dict[str, JSON]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def test_an_answer_is_kept_whole() -> None:
    payload = completion(system_fingerprint="fp_1")
    assert openai_chat.answer(payload) == Answer(
        text="Rome.",
        finish_reason="stop",
        usage=Usage(5, 2),
        model="gpt-4o-2024-08-06",
        provider="openai",
        format="openai.chat",
        raw=payload,
    )


def test_tool_calls_are_read() -> None:
    function = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    custom = {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x = 1"}}
    answer = openai_chat.answer(completion(calling(function, custom), "tool_calls"))
    assert answer is not None
    assert answer.tool_calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "x = 1"))


def test_an_older_function_call_is_read() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    answer = openai_chat.answer(completion(message, "function_call"))
    assert answer is not None
    assert answer.tool_calls == (ToolCall("", "f", "{}"),)


def test_a_refusal_and_reasoning_are_read() -> None:
    message = {"content": None, "refusal": "I can't.", "reasoning_content": "Hm."}
    answer = openai_chat.answer(completion(message))
    assert answer is not None
    assert (answer.text, answer.reasoning) == ("I can't.", "Hm.")


NOT_STORED = {
    "an error": {"error": {"message": "no"}},
    "an error beside an answer": completion(error={"message": "no"}),
    "no choices": completion(choices=[]),
    "choices missing": {"id": "chatcmpl-1"},
    "cut by length": completion(finish_reason="length"),
    "filtered": completion(finish_reason="content_filter"),
    "no end": completion(finish_reason=None),
    "an end we do not know": completion(finish_reason="who_knows"),
    "a second choice cut off": completion(
        choices=[completion()["choices"][0], completion(finish_reason="length")["choices"][0]]
    ),
    "no message": completion(message="Rome."),
    "nothing said": completion({"role": "assistant", "content": ""}),
    "content in an unknown form": completion({"role": "assistant", "content": [text("Rome.")]}),
    "a call without a name": completion(calling({"id": "a", "function": {"arguments": "{}"}})),
    "calls not a list": completion({"content": "x", "tool_calls": {"id": "a"}}),
    "speech that expires": completion({"content": None, "audio": {"id": "audio_1"}}),
    "not an object": "Rome.",
}


@pytest.mark.parametrize("case", NOT_STORED)
def test_what_is_not_whole_is_not_stored(case: str) -> None:
    assert openai_chat.answer(NOT_STORED[case]) is None


def test_an_answer_without_usage_is_stored() -> None:
    answer = openai_chat.answer(completion(usage=None))
    assert answer is not None
    assert answer.usage is None


# --- hits ---------------------------------------------------------------------------------------

MARKS = {"cacheback_hit": True, "cacheback": {"tier": "exact"}}


def test_a_hit_is_the_providers_body_with_fresh_id_time_and_marks() -> None:
    payload = completion(service_tier="default")
    answer = openai_chat.answer(payload)
    assert answer is not None
    assert openai_chat.render(answer, id="chatcmpl-2", created=2, marks=MARKS) == {
        **payload,
        "id": "chatcmpl-2",
        "created": 2,
        **MARKS,
    }
    assert payload["id"] == "chatcmpl-1"


def test_plain_text_becomes_a_valid_completion() -> None:
    rendered = openai_chat.render(
        Answer("Rome."), id="chatcmpl-2", created=2, marks=MARKS, model="gpt-4o"
    )
    assert rendered == {
        "id": "chatcmpl-2",
        "object": "chat.completion",
        "created": 2,
        "model": "gpt-4o",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Rome.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        **MARKS,
    }


def test_an_answer_of_another_dialect_is_dressed_anew() -> None:
    answer = Answer(
        text="",
        tool_calls=(ToolCall("a", "f", "{}"),),
        finish_reason="tool_use",
        usage=Usage(3, 4),
        model="claude",
        format="anthropic.messages",
        raw={"content": []},
    )
    rendered = openai_chat.render(answer, id="chatcmpl-2", created=2, marks={}, model="gpt-4o")
    again = openai_chat.answer(rendered)
    assert again is not None
    assert (again.tool_calls, again.finish_reason) == (answer.tool_calls, "tool_calls")
    assert (again.usage, again.model) == (Usage(3, 4), "claude")


def test_rendered_bodies_are_the_sdks_own_type() -> None:
    chat = pytest.importorskip("openai.types.chat")
    call = ToolCall("a", "f", "{}")
    for answer in (Answer("Rome."), Answer("", tool_calls=(call,))):
        rendered = openai_chat.render(answer, id="chatcmpl-2", created=2, marks={}, model="m")
        chat.ChatCompletion.model_validate(rendered, strict=True)


def test_a_miss_is_marked_and_otherwise_as_it_was() -> None:
    payload = completion()
    assert openai_chat.mark(payload, {"cacheback_hit": False}) == {
        **payload,
        "cacheback_hit": False,
    }
