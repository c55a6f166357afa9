"""Embeddings: batches taken apart, asked for in part, and put together."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON, Answer, Usage
from cacheback.wire import openai_embeddings as embeddings
from cacheback.wire.openai_embeddings import Batch, Input

ONE, TWO = [0.25, -0.5], [0.75, 1.0]


def packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def body(given: JSON = "hi", **fields: JSON) -> dict[str, JSON]:
    return {"model": "text-embedding-3-small", "input": given, **fields}


def reply(*vectors: JSON, **more: JSON) -> dict[str, JSON]:
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
        **more,
    }


def split(request: JSON) -> Batch:
    batch = embeddings.split(request)
    assert batch is not None
    return batch


def inputs(*values: str) -> tuple[Input, ...]:
    return split(body(list(values))).inputs


def read(payload: JSON, asked: Sequence[Input]) -> tuple[Answer, ...]:
    answers = embeddings.read(payload, asked)
    assert answers is not None
    return answers


def test_one_text_is_a_batch_of_one() -> None:
    assert split(body()) == Batch((Input("hi", "hi"),), {"model": "text-embedding-3-small"})
    assert split(body(["hi"])) == split(body())


def test_every_text_is_an_input_of_its_own() -> None:
    assert [one.question for one in inputs("a", "b", "a")] == ["a", "b", "a"]
    assert len(set(inputs("a", "b", "a"))) == 2


def test_tokens_are_inputs_too() -> None:
    one, two = split(body([[1, 2], [3]])).inputs
    assert (one.value, one.question) == ((1, 2), "[1,2]")
    assert split(body([1, 2])).inputs == (one,)
    assert two.question == "[3]"


def test_tokens_are_not_the_text_that_looks_like_them() -> None:
    assert split(body([1, 2])).inputs[0].parts != split(body("[1,2]")).inputs[0].parts


@pytest.mark.parametrize("other", ["hi ", " hi", "hi\n", "e\u0301"])
def test_a_vector_is_of_every_character(other: str) -> None:
    (one,) = inputs(other)
    assert one.parts not in ({}, inputs("x ")[0].parts)
    assert one.value == other


COUNTS = {
    "model": (body(), {**body(), "model": "ada"}),
    "dimensions": (body(), body(dimensions=256)),
    "a field nobody knows yet": (body(), body(brand_new=1)),
}
DOES_NOT_COUNT = {
    "user": (body(), body(user="u")),
    "how vectors are written": (body(encoding_format="float"), body(encoding_format="base64")),
    "null": (body(), body(dimensions=None)),
}


@pytest.mark.parametrize("case", COUNTS)
def test_what_can_change_a_vector_is_in_the_scope(case: str) -> None:
    one, other = COUNTS[case]
    assert split(one).parts != split(other).parts


@pytest.mark.parametrize("case", DOES_NOT_COUNT)
def test_what_cannot_change_a_vector_is_not(case: str) -> None:
    one, other = DOES_NOT_COUNT[case]
    assert split(one) == split(other)


@pytest.mark.parametrize(
    "value",
    ["hi", {}, body(""), body([]), body(["a", ""]), body(["a", [1]]), body([[]]), body([True])],
)
def test_what_is_no_batch_is_not_ours(value: JSON) -> None:
    assert embeddings.split(value) is None


def test_only_what_is_missing_is_asked_for() -> None:
    request = body(["a", "b", "c"], user="u", encoding_format="base64")
    missing = split(request).inputs[1:]
    assert embeddings.upstream_body(request, missing) == {**request, "input": ["b", "c"]}
    tokens = body([[1], [2, 3]])
    assert embeddings.upstream_body(tokens, split(tokens).inputs[1:])["input"] == [[2, 3]]


def test_an_answer_for_each_input_in_their_order() -> None:
    payload = reply(ONE, TWO)
    payload["data"].reverse()
    first, second = read(payload, inputs("a", "bb"))
    assert (first.raw, second.raw) == ({"embedding": ONE}, {"embedding": TWO})
    assert (first.usage, second.usage) == (Usage(3), Usage(6))
    assert first.model == "text-embedding-3-small"
    assert (first.provider, first.format) == ("openai", "openai.embeddings")


@given(st.integers(0, 10_000), st.lists(st.text(min_size=1), min_size=1))
def test_tokens_are_shared_out_to_the_last_one(tokens: int, texts: list[str]) -> None:
    payload = reply(*[ONE] * len(texts), usage={"prompt_tokens": tokens})
    answers = read(payload, inputs(*texts))
    assert sum(answer.usage.input_tokens for answer in answers if answer.usage) == tokens


NOT_WHOLE = {
    "an error": {"error": {"message": "no"}},
    "one missing": reply(ONE),
    "one too many": reply(ONE, TWO, ONE),
    "one twice": reply(data=[reply(ONE)["data"][0]] * 2),
    "no number": reply(ONE, [0.5, "x"]),
    "not a number": reply(ONE, [0.5, float("nan")]),
    "infinite": reply(ONE, [float("inf")]),
    "more than float32 holds": reply(ONE, [1e300]),
    "more than any float holds": reply(ONE, [10**400]),
    "empty": reply(ONE, []),
    "not base64": reply(ONE, "é"),
    "half a number": reply(ONE, base64.b64encode(b"abc").decode()),
    "base64 of no number": reply(ONE, packed([float("nan")])),
    "no data": {"object": "list"},
    "not an object": "x",
}


@pytest.mark.parametrize("case", NOT_WHOLE)
def test_what_is_not_whole_is_not_read(case: str) -> None:
    assert embeddings.read(NOT_WHOLE[case], inputs("a", "b")) is None


def test_a_batch_is_put_together() -> None:
    answers = read(reply(ONE, TWO), inputs("a", "bb"))
    rendered = embeddings.render(answers[::-1], body(), marks={"cacheback_hit": True})
    assert rendered == {**reply(TWO, ONE), "cacheback_hit": True}


@pytest.mark.parametrize("came", [ONE, packed(ONE)])
@pytest.mark.parametrize(("wanted", "told"), [("float", ONE), ("base64", packed(ONE)), (None, ONE)])
def test_vectors_are_written_as_the_caller_asks(came: JSON, wanted: JSON, told: JSON) -> None:
    answers = read(reply(came), inputs("a"))
    rendered = embeddings.render(answers, body(encoding_format=wanted), marks={})
    assert rendered["data"][0]["embedding"] == told


def test_numbers_that_came_as_text_stay_as_they_came() -> None:
    answers = read(reply([0.1]), inputs("a"))
    assert embeddings.render(answers, body(), marks={})["data"][0]["embedding"] == [0.1]


def test_answers_that_name_no_model_and_tell_no_usage() -> None:
    payload = {"data": reply(ONE)["data"]}
    rendered = embeddings.render(read(payload, inputs("a")), body(), marks={}, model="m")
    assert (rendered["model"], rendered["usage"]["prompt_tokens"]) == ("m", 0)


def test_rendered_batches_are_the_sdks_own_type() -> None:
    types = pytest.importorskip("openai.types")
    rendered = embeddings.render(read(reply(ONE), inputs("a")), body(), marks={})
    types.CreateEmbeddingResponse.model_validate(rendered, strict=True)


def test_a_miss_is_marked_and_otherwise_as_it_was() -> None:
    assert embeddings.mark(reply(ONE), {"hit": False}) == {**reply(ONE), "hit": False}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
names = st.sampled_from(["input", "model", "data", "index", "embedding", "usage", "prompt_tokens"])
likely = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=20
)
data = st.lists(st.fixed_dictionaries({"index": st.integers(0, 1), "embedding": likely}))


@given(likely | st.fixed_dictionaries({"input": likely}))
def test_split_never_raises(value: Any) -> None:
    batch = embeddings.split(value)
    if batch is not None:
        json.dumps([batch.parts, *(one.parts for one in batch.inputs)])


@given(likely | st.fixed_dictionaries({"data": likely | data, "usage": likely}))
def test_what_is_read_can_be_rendered(value: Any) -> None:
    for asked in (inputs("a"), inputs("a", "b")):
        answers = embeddings.read(value, asked)
        if answers is not None:
            for wanted in ("float", "base64"):
                embeddings.render(answers, body(encoding_format=wanted), marks={})
