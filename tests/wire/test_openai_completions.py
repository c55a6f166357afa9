"""Legacy completions: what counts as scope, what may be stored, what a hit looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON, Answer, Reason, Usage
from cacheback.wire import openai_completions as codec
from cacheback.wire.codec import Parsed


def body(prompt: JSON = "hi", **fields: JSON) -> dict[str, JSON]:
    return {"model": "davinci-002", "prompt": prompt, **fields}


COUNTS = {
    "model": (body(), {**body(), "model": "babbage-002"}, "model"),
    "prompt": (body(), body("ho"), "question"),
    "several prompts": (body(["a", "b"]), body(["b", "a"]), "history"),
    "tokens": (body([1, 2]), body([1, 3]), "history"),
    "suffix": (body(), body(suffix="end"), "parameters"),
    "max tokens": (body(max_tokens=5), body(max_tokens=6), "parameters"),
    "temperature": (body(temperature=0.1), body(temperature=0.2), "parameters"),
    "stop": (body(), body(stop=["END"]), "parameters"),
    "seed": (body(seed=1), body(seed=2), "parameters"),
    "best of": (body(), body(best_of=3), "parameters"),
    "logit bias": (body(), body(logit_bias={"50256": -100}), "parameters"),
    "choices": (body(), body(n=2), "response_format"),
    "logprobs": (body(logprobs=0), body(logprobs=1), "response_format"),
    "no logprobs": (body(), body(logprobs=0), "response_format"),
    "echo": (body(), body(echo=True), "response_format"),
    "a field nobody knows yet": (body(), body(brand_new="thing"), "parameters"),
}


@pytest.mark.parametrize("case", COUNTS)
def test_what_can_change_the_answer_is_in_its_part(case: str, differing: Any) -> None:
    one, other, part = COUNTS[case]
    assert differing(codec, one, other) == {part}


DOES_NOT_COUNT = {
    "user": (body(), body(user="u-1")),
    "stream": (body(), body(stream=True, stream_options={"include_usage": True})),
    "defaults": (body(), body(n=1, best_of=1, echo=False)),
    "null": (body(), body(suffix=None, logprobs=None)),
    "a list of one text": (body(), body(["hi"])),
    "a number's form": (body(temperature=0), body(temperature=0.0)),
    "key order": (body(seed=1), {"seed": 1, "prompt": "hi", "model": "davinci-002"}),
}


@pytest.mark.parametrize("case", DOES_NOT_COUNT)
def test_what_cannot_change_the_answer_is_in_no_part(case: str, differing: Any) -> None:
    one, other = DOES_NOT_COUNT[case]
    assert differing(codec, one, other) == set()


LIMITS = {
    "nothing": (body(), ()),
    "several prompts": (body(["a", "b"]), (Reason.NO_QUESTION,)),
    "tokens": (body([1, 2]), (Reason.NO_QUESTION,)),
    "only white space": (body(" "), (Reason.NO_QUESTION,)),
    "echo": (body(echo=True), (Reason.STRUCTURED_EXACT_ONLY,)),
    "two choices": (body(n=2), (Reason.CHOICES_EXACT_ONLY,)),
    "logprobs": (body(logprobs=0), (Reason.LOGPROBS_EXACT_ONLY,)),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limits(case: str) -> None:
    request, limits = LIMITS[case]
    parsed = codec.parse(request)
    assert parsed is not None
    assert parsed.limits == limits


def test_a_plain_prompt_is_the_question() -> None:
    parsed = codec.parse(body(stream=True, temperature=0.5))
    parts = {"model": "davinci-002", "parameters": {"temperature": 0.5}}
    assert parsed == Parsed("hi", parts, (), True, 0.5)


@pytest.mark.parametrize("value", ["hi", {}, body(None), body([]), body(7)])
def test_a_body_without_a_prompt_is_not_ours(value: JSON) -> None:
    assert codec.parse(value) is None


def completion(text: JSON = "Rome.", reason: JSON = "stop", **more: JSON) -> dict[str, JSON]:
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "davinci-002",
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": reason}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        **more,
    }


def test_an_answer_is_kept_whole() -> None:
    assert codec.answer(completion()) == Answer(
        text="Rome.",
        finish_reason="stop",
        usage=Usage(5, 2),
        model="davinci-002",
        provider="openai",
        format="openai.completions",
        raw=completion(),
    )


NOT_STORED = {
    "an error": {"error": {"message": "no"}},
    "cut by length": completion(reason="length"),
    "filtered": completion(reason="content_filter"),
    "no end": completion(reason=None),
    "nothing said": completion(""),
    "text that is none": completion(7),
    "no choices": completion(choices=[]),
    "a second choice cut off": completion(
        choices=[*completion()["choices"], *completion(reason="length")["choices"]]
    ),
    "not an object": "Rome.",
}


@pytest.mark.parametrize("case", NOT_STORED)
def test_what_is_not_whole_is_not_stored(case: str) -> None:
    assert codec.answer(NOT_STORED[case]) is None


def test_a_hit_is_the_providers_body_with_fresh_id_time_and_marks() -> None:
    answer = codec.answer(completion())
    assert answer is not None
    rendered = codec.render(answer, id="cmpl-2", created=2, marks={"cacheback_hit": True})
    assert rendered == {**completion(), "id": "cmpl-2", "created": 2, "cacheback_hit": True}


def test_an_answer_that_came_otherwise_is_the_sdks_own_type() -> None:
    types = pytest.importorskip("openai.types")
    rendered = codec.render(Answer("Rome."), id="cmpl-2", created=2, marks={}, model="m")
    types.Completion.model_validate(rendered, strict=True)
    assert (rendered["choices"][0]["text"], rendered["model"]) == ("Rome.", "m")


def test_a_miss_is_marked_and_otherwise_as_it_was() -> None:
    assert codec.mark(completion(), {"hit": False}) == {**completion(), "hit": False}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
names = st.sampled_from(
    ["text", "index", "finish_reason", "logprobs", "choices", "error", "usage", "model", "n"]
)
likely = st.recursive(
    scalars | st.just("stop"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)
requests = st.builds(
    lambda prompt, rest: {**rest, "prompt": prompt}, likely, st.dictionaries(names, likely)
)


@given(likely | requests)
def test_parse_never_raises(value: Any) -> None:
    parsed = codec.parse(value)
    if parsed is not None:
        json.dumps(parsed.parts)
    assert codec.recorder(value).answer() is None


choices = st.fixed_dictionaries(
    {"text": st.text(), "finish_reason": st.just("stop")}, optional={"logprobs": likely}
)


@given(likely | st.fixed_dictionaries({"choices": st.lists(choices), "usage": likely}))
def test_what_is_kept_can_be_rendered_and_streamed(value: Any) -> None:
    answer = codec.answer(value)
    if answer is not None:
        rendered = codec.render(answer, id="cmpl-9", created=9, marks={})
        assert rendered["choices"] == value["choices"]
        assert list(codec.render_stream(answer, {}, id="cmpl-9", created=9, marks={}))
