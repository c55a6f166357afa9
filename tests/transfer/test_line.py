from __future__ import annotations

import contextlib
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import Answer, Entry, ToolCall, Usage
from cacheback.transfer.line import MAX_LINE, BadLineError, dump_line, parse_line, read_lines


def line(**fields: Any) -> str:
    return json.dumps({"question": "q", "answer": "a", **fields})


def entry(answer: Answer, **fields: Any) -> Entry:
    times = {"created_at": 10.5, "expires_at": 20.25, "last_used_at": 11.0}
    return Entry(7, "Why?", "digest", "scope", answer, **{**times, **fields})


class TestParsing:
    def test_question_and_answer_are_enough(self) -> None:
        parsed = parse_line('{"question": "Why?", "answer": "Because."}')
        assert (parsed.question, parsed.answer) == ("Why?", Answer("Because."))
        assert parsed.scope is None
        assert parsed.expires_at is None

    def test_null_is_never_for_an_expiry_and_not_given_elsewhere(self) -> None:
        parsed = parse_line(line(expires_at=None, tags=None, seconds=None))
        assert parsed.expires_at == math.inf
        assert parsed.tags is None
        assert parsed.seconds is None

    def test_a_byte_order_mark_is_passed_over(self) -> None:
        assert parse_line(b"\xef\xbb\xbf" + line().encode()).question == "q"

    def test_unknown_fields_are_named(self) -> None:
        assert parse_line(line(color="red", tag="x")).unknown == ("color", "tag")

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("nonsense", "not JSON: Expecting value at character 1"),
            ("", "not JSON"),
            ('{"question": "q", "answer": "a", "seconds": NaN}', "NaN is no JSON number"),
            ("[1]", "must be an object, not a list"),
            (b'{"question": "\xff"}', "not UTF-8"),
            ("[" * 100_000, "not JSON"),
            ('{"answer": "a"}', "question is missing"),
            ('{"question": "q"}', "answer is missing"),
            ('{"question": null, "answer": "a"}', "question is missing"),
            (line(question=5), "question must be text, not a number"),
            (line(question="  "), "question is empty"),
            (line(answer=["a"]), "answer must be text or an object, not a list"),
            (line(answer={}), "answer must have a text"),
            (line(answer={"text": "a", "txet": "b"}), "unknown fields (txet)"),
            (line(answer={"text": "a", "usage": {"input_tokens": 1.5}}), "input_tokens that must"),
            (line(answer={"text": "a", "tool_calls": [{"id": "1"}]}), "must have id, name"),
            (line(scope={"modle": "x"}), "unknown parts (modle)"),
            (line(scope="x"), "scope must be an object, not text"),
            (line(tags="faq"), "tags must be a list, not text"),
            (line(tags=[1]), "each item must be text"),
            (line(provenance="guess"), "provenance must be one of upstream, synthesis"),
            (line(provenance=["import"]), "provenance must be one of"),
            (line(created_at=True), "created_at must be a number, not true or false"),
            (line(created_at=-1), "from 0 to"),
            (line(created_at=10**400), "from 0 to"),
            (line().replace('"a"', '"a", "expires_at": 1e999'), "from 0 to"),
            (line(exact_only=1), "exact_only must be true or false"),
            (line(sources=[1]), "sources belong to provenance 'synthesis'"),
            (line(provenance="synthesis"), "sources belong to provenance 'synthesis'"),
            (" " * (MAX_LINE + 1), "longer than 16 MiB"),
        ],
    )
    def test_a_bad_line_says_what_is_wrong(self, text: str | bytes, told: str) -> None:
        with pytest.raises(BadLineError) as raised:
            parse_line(text)
        assert told in str(raised.value)

    @given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
    def test_foreign_json_never_raises_anything_else(self, value: Any) -> None:
        for text in (json.dumps(value), line(answer=value), line(scope=value, sources=value)):
            with contextlib.suppress(BadLineError):
                parse_line(text)


class TestRoundTrip:
    def test_a_plain_answer_is_written_as_text(self) -> None:
        written = json.loads(dump_line(entry(Answer("Because.")), {}, exact_only=False))
        assert written == {
            "id": 7,
            "question": "Why?",
            "answer": "Because.",
            "scope": {},
            "tags": [],
            "provenance": "manual",
            "created_at": 10.5,
            "expires_at": 20.25,
        }

    def test_everything_comes_back(self) -> None:
        answer = Answer(
            text="",
            tool_calls=(ToolCall("1", "find", '{"a": 1}'),),
            reasoning="Hm.",
            finish_reason="tool_calls",
            usage=Usage(10, 2, 0.001),
            model="m",
            provider="p",
            format="openai.chat",
            raw={"choices": [{"x": None}]},
        )
        stored = entry(answer, seconds=1.25, tags=("a", "b"), expires_at=None)
        parsed = parse_line(dump_line(stored, {"model": "m"}, exact_only=True))
        assert parsed.answer == answer
        assert (parsed.id, parsed.tags, parsed.seconds) == (7, ("a", "b"), 1.25)
        assert parsed.scope == {"model": "m"}
        assert (parsed.created_at, parsed.expires_at) == (10.5, math.inf)
        assert parsed.exact_only
        assert parsed.unknown == ()

    @given(st.text(st.characters(), min_size=1), st.text(st.characters()))
    def test_any_text_comes_back_on_one_line(self, question: str, text: str) -> None:
        stored = Entry(1, f"q{question}", "", "", Answer(text), 1.0, None, 1.0)
        written = dump_line(stored, {}, exact_only=False)
        assert written.count(b"\n") == 1
        parsed = parse_line(written)
        assert (parsed.question, parsed.answer.text) == (f"q{question}", text)

    def test_a_lone_surrogate_comes_back(self) -> None:
        written = dump_line(entry(Answer("\ud800")), {}, exact_only=False)
        assert parse_line(written).answer.text == "\ud800"


class TestReadingLines:
    def test_lines_come_with_their_ends(self) -> None:
        assert list(read_lines(io.BytesIO(b"a\n\nb"))) == [b"a\n", b"\n", b"b"]

    def test_of_a_line_that_is_too_long_only_the_beginning_is_read(self) -> None:
        long = b"x" * (2 * MAX_LINE + 5)
        lines = list(read_lines(io.BytesIO(b"a\n" + long + b"\nb\n")))
        assert [len(one) for one in lines] == [2, MAX_LINE + 1, 2]
        with pytest.raises(BadLineError):
            parse_line(lines[1])
