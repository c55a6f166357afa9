"""Streams of every dialect: recorded they are the JSON answer, and the JSON answer becomes one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON, Answer, ToolCall, Usage
from cacheback.testing import (
    Reply,
    anthropic_messages,
    openai_chat,
    openai_completions,
    openai_responses,
)
from cacheback.testing.upstream import Dialect
from cacheback.wire import anthropic_messages as messages_codec
from cacheback.wire import openai_chat as chat_codec
from cacheback.wire import openai_completions as completions_codec
from cacheback.wire import openai_responses as responses_codec
from cacheback.wire.codec import Codec
from cacheback.wire.sse import Event, Parser, encode

MARKS = {"cacheback_hit": True, "cacheback": {"tier": "exact"}}


@dataclass(frozen=True)
class Case:
    """A codec, the scripted provider's view of the same dialect, and a request."""

    codec: Codec
    dialect: Dialect
    body: dict[str, JSON]


HI: list[JSON] = [{"role": "user", "content": "hi"}]
CASES = {
    "chat": Case(
        chat_codec,
        openai_chat,
        {"model": "m", "messages": HI, "stream_options": {"include_usage": True}},
    ),
    "completions": Case(
        completions_codec,
        openai_completions,
        {"model": "m", "prompt": "hi", "stream_options": {"include_usage": True}},
    ),
    "responses": Case(responses_codec, openai_responses, {"model": "m", "input": "hi"}),
    "messages": Case(
        messages_codec, anthropic_messages, {"model": "m", "max_tokens": 9, "messages": HI}
    ),
}
TALKS = ["chat", "responses", "messages"]  # those that have more to say than a text


def case_of(name: str) -> Case:
    return CASES[name]


def recorded(case: Case, *chunks: bytes) -> Answer | None:
    recorder = case.codec.recorder(case.body)
    for chunk in chunks:
        recorder.feed(chunk)
    return recorder.answer()


def streamed(case: Case, answer: Answer, **more: Any) -> list[bytes]:
    body = {**case.body, **more}
    return list(
        case.codec.render_stream(answer, body, id="id_1", created=7, marks=MARKS, model="m")
    )


def told(events: list[bytes]) -> list[Event]:
    parser = Parser()
    return [event for data in events for event in parser.feed(data)]


def chunks_of(events: list[bytes]) -> Iterator[Any]:
    return (json.loads(event.data) for event in told(events) if event.data != "[DONE]")


def steady(value: JSON) -> JSON:
    """JSON without ids and times that differ from call to call."""
    if isinstance(value, dict):
        fresh = ("id", "created", "created_at", "completed_at")
        return {name: steady(inner) for name, inner in value.items() if name not in fresh}
    return [steady(one) for one in value] if isinstance(value, list) else value


# --- what passes is recorded --------------------------------------------------------------------

REPLIES = {
    "text": Reply("One two,\nthree. \u2028 Ünïcode \U0001f600"),
    "calls": Reply(
        tool_calls=(ToolCall("a", "f", '{"x": [1, {"y": 2}]}'), ToolCall("b", "g", "{}"))
    ),
    "text and calls": Reply("Let me see.", tool_calls=(ToolCall("a", "f", '{"x": 1}'),)),
    "thoughts": Reply("Rome.", extra={"reasoning_content": "Let me think of it."}),
    "refusal": Reply(extra={"refusal": "I will not do that."}),
    "citations": Reply("Rome.", extra={"annotations": [{"type": "url_citation", "url": "a"}]}),
    "usage": Reply("Rome.", usage=Usage(123, 45)),
}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("name", TALKS)
def test_a_recorded_stream_is_the_json_answer(name: str, reply: str) -> None:
    case = case_of(name)
    whole = case.codec.answer(case.dialect.completion(case.body, REPLIES[reply]))
    assert whole is not None
    answer = recorded(case, *case.dialect.events(case.body, REPLIES[reply]))
    assert answer is not None
    assert steady(answer.raw) == steady(whole.raw)
    assert (answer.text, answer.reasoning, answer.usage) == (
        whole.text,
        whole.reasoning,
        whole.usage,
    )


def test_a_recorded_completion_is_the_json_answer() -> None:
    case = case_of("completions")
    whole = case.codec.answer(case.dialect.completion(case.body, REPLIES["text"]))
    answer = recorded(case, *case.dialect.events(case.body, REPLIES["text"]))
    assert whole is not None
    assert answer is not None
    assert steady(answer.raw) == steady(whole.raw)


@pytest.mark.parametrize("name", CASES)
def test_the_end_is_known_at_the_last_event_and_not_before(name: str) -> None:
    case = case_of(name)
    *events, last = case.dialect.events(case.body, Reply("One two"))
    recorder = case.codec.recorder(case.body)
    for event in events:
        recorder.feed(event)
        assert not recorder.ended
        assert recorder.answer() is None
    recorder.feed(last)
    assert recorder.ended
    assert recorder.answer() is not None
    assert recorder.answer() == recorder.answer()


@pytest.mark.parametrize("name", CASES)
def test_what_comes_after_the_end_does_not_count(name: str) -> None:
    case = case_of(name)
    events = case.dialect.events(case.body, Reply("One two"))
    again = case.dialect.events(case.body, Reply("and more"))
    answer = recorded(case, *events, *again, case.dialect.failure("no"))
    assert answer is not None
    assert answer.text == "One two"


@pytest.mark.parametrize("name", CASES)
def test_a_stream_that_breaks_off_with_an_error_is_not_kept(name: str) -> None:
    case = case_of(name)
    events = case.dialect.events(case.body, Reply("One two"))
    for place in range(len(events)):
        broken = [*events[:place], case.dialect.failure("no"), *events[place:]]
        assert recorded(case, *broken) is None


@pytest.mark.parametrize("reason", ["length", "content_filter"])
@pytest.mark.parametrize("name", CASES)
def test_a_stream_that_was_cut_by_the_provider_is_not_kept(name: str, reason: str) -> None:
    case = case_of(name)
    events = case.dialect.events(case.body, Reply("One two", finish_reason=reason))
    recorder = case.codec.recorder(case.body)
    for event in events:
        recorder.feed(event)
    assert recorder.ended
    assert recorder.answer() is None


@pytest.mark.parametrize("name", CASES)
def test_an_event_that_is_no_json_spoils_it(name: str) -> None:
    case = case_of(name)
    events = case.dialect.events(case.body, Reply("One two"))
    for foreign in (b"data: {\n\n", b"data: 7\n\n", b"data: " + b"[" * 99_999 + b"\n\n"):
        assert recorded(case, events[0], foreign, *events[1:]) is None


@pytest.mark.parametrize("name", CASES)
def test_comments_and_pings_do_not(name: str) -> None:
    case = case_of(name)
    events = case.dialect.events(case.body, Reply("One two"))
    comment = b": still here\n\n"
    assert recorded(case, *(data for event in events for data in (comment, event))) is not None


@given(st.sampled_from([*CASES]), st.data())
def test_chunks_do_not_matter(name: str, data: st.DataObject) -> None:
    case = case_of(name)
    stream = b"".join(case.dialect.events(case.body, Reply("One two, three")))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(sorted))
    edges = [0, *cuts, len(stream)]
    answer = recorded(case, *(stream[start:end] for start, end in pairwise(edges)))
    assert answer is not None
    assert answer.text == "One two, three"


@given(st.sampled_from([*CASES]), st.data())
def test_any_loss_of_bytes_before_the_end_is_no_other_answer(
    name: str, data: st.DataObject
) -> None:
    case = case_of(name)
    stream = b"".join(case.dialect.events(case.body, Reply("One two, three")))
    cut = data.draw(st.integers(0, len(stream) - 2))
    assert recorded(case, stream[:cut]) is None


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NAMES = (
    *("type", "index", "delta", "choices", "message", "content_block", "content", "tool_calls"),
    *("usage", "response", "output", "item", "output_index", "finish_reason", "text", "error"),
    *("partial_json", "citation", "citations", "signature", "function", "logprobs", "role"),
)
WORDS = (
    *("message_start", "content_block_start", "content_block_delta", "message_delta", "stop"),
    *("message_stop", "text_delta", "input_json_delta", "citations_delta", "signature_delta"),
    *("response.completed", "response.output_item.done", "end_turn", "text"),
)
names, words = st.sampled_from(NAMES), st.sampled_from(WORDS)
likely = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=15,
)
kinds = st.sampled_from(["", "error", "response.completed", "message_delta", "unheard.of"])
foreign = st.lists(
    st.binary()
    | st.builds(lambda kind, data: encode(kind, json.dumps(data)), kinds, likely)
    | st.just(b"data: [DONE]\n\n")
)


@given(st.sampled_from([*CASES]), foreign)
def test_foreign_bytes_never_raise(name: str, chunks: list[bytes]) -> None:
    recorded(case_of(name), *chunks)


# --- chat: what only it has ---------------------------------------------------------------------


def chunk(delta: JSON = None, reason: JSON = None, index: int = 0, **more: JSON) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": reason}
    envelope = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return encode("", json.dumps({**envelope, "choices": [choice], **more}))


DONE = b"data: [DONE]\n\n"


def chat(*chunks: bytes, **body: JSON) -> dict[str, Any]:
    recorder = chat_codec.recorder({"messages": HI, **body})
    for data in (*chunks, DONE):
        recorder.feed(data)
    answer = recorder.answer()
    assert answer is not None
    assert answer.raw is not None
    return dict(answer.raw)


def test_every_choice_that_was_asked_for_must_have_come() -> None:
    one = [chunk({"content": "a"}), chunk(reason="stop")]
    other = [chunk({"content": "b"}, index=1), chunk(reason="stop", index=1)]
    raw = chat(*other, *one, n=2)
    assert [choice["message"]["content"] for choice in raw["choices"]] == ["a", "b"]
    for chunks in (one, [*one, other[0]]):
        recorder = chat_codec.recorder({"messages": HI, "n": 2})
        for data in (*chunks, DONE):
            recorder.feed(data)
        assert recorder.answer() is None


def test_every_prompts_completion_must_have_come() -> None:
    asked = {"model": "m", "prompt": ["a", "b"], "n": 2}
    case = Case(completions_codec, openai_completions, asked)
    events = case.dialect.events(asked, Reply("Rome."))
    answer = recorded(case, *events)
    assert answer is not None
    assert answer.raw is not None
    assert [choice["index"] for choice in answer.raw["choices"]] == [0, 1, 2, 3]
    assert recorded(case, *(event for event in events if b'"index": 3' not in event)) is None


def test_calls_are_put_together_by_their_index() -> None:
    def call(index: int, arguments: str, **more: JSON) -> bytes:
        part = {"index": index, "function": {"arguments": arguments, **more.pop("f", {})}, **more}
        return chunk({"tool_calls": [part]})

    raw = chat(
        chunk({"role": "assistant", "content": None}),
        call(0, "", id="a", type="function", f={"name": "f"}),
        call(1, '{"y"', id="b", type="function", f={"name": "g"}),
        call(0, '{"x": 1}'),
        call(1, ": 2}"),
        chunk(reason="tool_calls"),
    )
    assert raw["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"y": 2}'}},
    ]


def test_an_older_call_custom_calls_and_unknown_fields_are_put_together() -> None:
    older = chat(
        chunk({"role": "assistant", "content": None, "function_call": {"name": "f"}}),
        chunk({"function_call": {"arguments": '{"x"'}}),
        chunk({"function_call": {"arguments": ": 1}"}}),
        chunk(reason="function_call"),
    )
    call = {"name": "f", "arguments": '{"x": 1}'}
    assert older["choices"][0]["message"]["function_call"] == call
    unknown = chat(
        chunk({"content": "a", "mood": "so", "reasoning_details": [{"index": 0, "text": "x"}]}),
        chunk({"content": "b", "mood": "so", "reasoning_details": [{"index": 0, "text": "y"}]}),
        chunk(reason="stop", x_groq={"id": "g"}, obfuscation="zzz"),
    )
    message = unknown["choices"][0]["message"]
    assert message["content"] == "ab"
    assert (message["mood"], message["reasoning_details"]) == ("soso", [{"index": 0, "text": "xy"}])
    assert unknown["x_groq"] == {"id": "g"}
    assert "obfuscation" not in unknown


def test_logprobs_are_put_together_and_told_again() -> None:
    tokens: list[JSON] = [
        {"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": []} for word in "abc"
    ]

    def spoken(token: JSON) -> bytes:
        choice = {
            "index": 0,
            "delta": {"content": token["token"]},
            "logprobs": {"content": [token], "refusal": None},
            "finish_reason": None,
        }
        return encode("", json.dumps({"choices": [choice]}))

    raw = chat(*map(spoken, tokens), chunk(reason="stop"))
    assert raw["choices"][0]["logprobs"] == {"content": tokens, "refusal": None}
    answer = chat_codec.answer(raw)
    assert answer is not None
    again = recorded(CASES["chat"], *streamed(CASES["chat"], answer))
    assert again is not None
    assert again.raw is not None
    assert again.raw["choices"] == raw["choices"]


def test_a_stream_without_usage_answers_json_with_zeros() -> None:
    case = case_of("chat")
    recorder = case.codec.recorder(case.body)
    for event in case.dialect.events({"model": "m", "messages": HI}, Reply("Rome.")):
        recorder.feed(event)
    answer = recorder.answer()
    assert answer is not None
    assert answer.usage is None
    rendered = case.codec.render(answer, id="x", created=1, marks={})
    assert rendered["usage"]["total_tokens"] == 0


def test_an_error_beside_what_is_said_spoils_it() -> None:
    recorder = chat_codec.recorder({"messages": HI})
    for data in (chunk({"content": "a"}, error={"code": 502}), chunk(reason="stop"), DONE):
        recorder.feed(data)
    assert recorder.answer() is None


def test_a_text_that_was_begun_and_never_said_is_none() -> None:
    raw = chat(
        chunk({"role": "assistant", "content": ""}), chunk({"refusal": "No."}), chunk(reason="stop")
    )
    message = raw["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "No.")


def test_azure_opens_with_a_chunk_of_its_own() -> None:
    opening = {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": [1]}
    raw = chat(encode("", json.dumps(opening)), chunk({"content": "a"}), chunk(reason="stop"))
    assert (raw["id"], raw["object"], raw["prompt_filter_results"]) == ("x", "chat.completion", [1])


# --- responses and messages: what only they have ------------------------------------------------


def test_a_response_without_output_is_put_together_of_its_items() -> None:
    case = case_of("responses")
    *events, last = case.dialect.events(case.body, Reply("Rome."))
    (ended,) = told([last])
    data = json.loads(ended.data)
    data["response"]["output"] = None
    answer = recorded(case, *events, encode(ended.event, json.dumps(data)))
    assert answer is not None
    assert answer.text == "Rome."


def test_events_without_their_names_are_understood() -> None:
    for name in ("responses", "messages"):
        case = case_of(name)
        events = told(case.dialect.events(case.body, Reply("Rome.")))
        answer = recorded(case, *(encode("", event.data) for event in events))
        assert answer is not None
        assert answer.text == "Rome."


def test_a_tools_input_that_is_no_json_is_not_kept() -> None:
    case = case_of("messages")
    call = ToolCall("a", "f", '{"x": 1}')
    events = case.dialect.events(case.body, Reply(tool_calls=(call,)))
    assert recorded(case, *events) is not None
    assert recorded(case, *(event.replace(b"1}", b"1") for event in events)) is None


def test_an_event_of_messages_that_nobody_knows_spoils_it() -> None:
    case = case_of("messages")
    first, *rest = case.dialect.events(case.body, Reply("Rome."))
    assert recorded(case, first, encode("hm", '{"type": "hm"}'), *rest) is None


# --- what is kept is streamed -------------------------------------------------------------------

PAYLOADS: dict[str, list[dict[str, JSON]]] = {
    name: [
        case.dialect.completion(case.body, reply)
        for reply in (REPLIES.values() if name in TALKS else [REPLIES["text"]])
    ]
    for name, case in CASES.items()
}
PAYLOADS["chat"] += [
    {
        **PAYLOADS["chat"][0],
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "tool_calls": [
                        {"id": "c", "type": "custom", "custom": {"name": "g", "input": "x = 1; y"}}
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
                "content_filter_results": {"hate": {"filtered": False}},
            },
            {
                "index": 1,
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "function_call": {"name": "f", "arguments": '{"some": "words to say"}'},
                },
                "logprobs": None,
                "finish_reason": "function_call",
            },
        ],
    }
]
PAYLOADS["messages"] += [
    {
        **PAYLOADS["messages"][0],
        "content": [
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "thinking", "thinking": "", "signature": "sig"},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]},
            {"type": "text", "text": "Rome.", "citations": [{"url": "u"}, {"url": "v"}]},
            {"type": "text", "text": "", "citations": None},
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        ],
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
    }
]
PAYLOADS["responses"] += [
    {
        **PAYLOADS["responses"][0],
        "output": [
            {
                "id": "rs_1",
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "One."}],
                "content": [{"type": "reasoning_text", "text": "A long thought of many words."}],
                "encrypted_content": "xyz",
            },
            {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {}},
            {
                "id": "ct_1",
                "type": "custom_tool_call",
                "call_id": "c",
                "name": "g",
                "input": "some words of input",
            },
            {
                "id": "ig_1",
                "type": "image_generation_call",
                "status": "completed",
                "result": "aGk=",
            },
        ],
    }
]
KEPT = [(name, index) for name, given in PAYLOADS.items() for index in range(len(given))]


def kept(name: str, index: int) -> Answer:
    answer = CASES[name].codec.answer(PAYLOADS[name][index])
    assert answer is not None
    return answer


@pytest.mark.parametrize(("name", "index"), KEPT)
def test_a_hits_stream_tells_the_whole_answer(name: str, index: int) -> None:
    case, answer = case_of(name), kept(name, index)
    again = recorded(case, *streamed(case, answer))
    assert again is not None
    assert again.raw == case.codec.render(answer, id="id_1", created=7, marks=MARKS)


@given(st.sampled_from([*CASES]), st.text(min_size=1), st.booleans())
def test_any_text_is_told_whole(name: str, text: str, calling: bool) -> None:
    calls = (ToolCall("a", "f", json.dumps({"text": text})),) if calling and name in TALKS else ()
    case, answer = case_of(name), Answer(text, calls, usage=Usage(3, 4))
    again = recorded(case, *streamed(case, answer))
    assert again is not None
    assert (again.text, again.usage, again.model) == (text, Usage(3, 4), "m")
    assert [json.loads(call.arguments) for call in again.tool_calls] == [
        json.loads(call.arguments) for call in calls
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_hit_is_streamed_in_several_pieces(name: str) -> None:
    case = case_of(name)
    answer = Answer("It is a long story, and I do not know how to begin with it, so I shall not.")
    assert len(streamed(case, answer)) == 4 + len(streamed(case, Answer("It")))


@pytest.mark.parametrize("name", CASES)
def test_every_byte_of_a_hit_is_ascii(name: str) -> None:
    case = case_of(name)
    assert b"".join(streamed(case, Answer("\u2028\x85\ud800 é"))).isascii()


@pytest.mark.parametrize("name", ["chat", "completions"])
def test_usage_is_told_exactly_when_asked_for(name: str) -> None:
    case, answer = case_of(name), Answer("Rome.", usage=Usage(3, 4))
    *chunks, last = chunks_of(streamed(case, answer))
    assert all(one["usage"] is None and one["choices"] for one in chunks)
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 7)
    for options in (None, {}, {"include_usage": False}):
        unasked = list(chunks_of(streamed(case, answer, stream_options=options)))
        assert all("usage" not in one and one["choices"] for one in unasked)


@pytest.mark.parametrize("name", ["chat", "completions"])
def test_every_chunk_has_id_time_model_and_marks_at_its_top(name: str) -> None:
    case = case_of(name)
    for one in chunks_of(streamed(case, Answer("Rome is eternal."))):
        assert (one["id"], one["created"], one["model"]) == ("id_1", 7, "m")
        assert one["cacheback_hit"] is True
        assert "cacheback" not in json.dumps(one["choices"])


def test_a_responses_events_are_numbered_and_in_order() -> None:
    events = list(chunks_of(streamed(CASES["responses"], Answer("Rome."))))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[0]["response"]["output"] == []
    assert events[0]["response"]["cacheback_hit"] is True
    assert events[-1]["response"]["cacheback_hit"] is True
    assert "cacheback" not in json.dumps(events[1:-1][1:])


def test_a_messages_events_are_in_order() -> None:
    events = streamed(CASES["messages"], Answer("Rome.", usage=Usage(3, 4)))
    assert [event.event for event in told(events)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    first, *rest = chunks_of(events)
    assert first["message"]["cacheback_hit"] is True
    assert (first["message"]["content"], first["message"]["stop_reason"]) == ([], None)
    assert "cacheback" not in json.dumps(rest)
    assert rest[-2]["usage"] == {"input_tokens": 3, "output_tokens": 4}
