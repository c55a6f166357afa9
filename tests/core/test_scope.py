from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.core.scope import (
    PARTS,
    ScopeRules,
    canonical,
    credential_digest,
    differences,
    question_digest,
)
from cacheback.errors import ConfigurationError, InputError
from cacheback.models import Scope

DAY = "2026-11-23"
QUESTION = "How do I reset my password?"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def place(parts: dict[str, Any], question: str = QUESTION, day: str = DAY, **rules: Any) -> Scope:
    return ScopeRules(rules).place(question, parts, day=lambda: day)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_makes_another_scope(part: str) -> None:
    assert place({part: "one"}).digest != place({part: "other"}).digest
    assert place({part: "one"}).digest != place({}).digest


def test_a_digest_is_a_whole_sha256() -> None:
    assert len(place({}).digest) == 64
    assert len(question_digest("x")) == 64


def test_parts_cannot_be_mistaken_for_one_another() -> None:
    assert place({"system": "a"}).digest != place({"model": "a"}).digest
    assert (
        place({"system": "a", "model": "b"}).digest != place({"system": "b", "model": "a"}).digest
    )


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_an_empty_part_is_no_part(nothing: object) -> None:
    assert place({"system": nothing}) == place({})


@pytest.mark.parametrize("something", [0, False, 0.0])
def test_zero_and_false_are_something(something: object) -> None:
    assert place({"parameters": something}) != place({})


def test_key_order_does_not_count() -> None:
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert place({"tools": one}) == place({"tools": other})


@given(JSON_VALUES)
def test_canonical_json_is_json_of_the_same_value(value: Any) -> None:
    assert json.loads(canonical(value)) == value


def test_half_a_surrogate_pair_can_be_hashed() -> None:
    assert place({"system": "\ud800"}).digest != place({"system": "\ud801"}).digest


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(InputError, match="not JSON"):
        place({"system": object()})


class TestRules:
    def test_an_ignored_part_does_not_count(self) -> None:
        assert place({"system": "a"}, system="ignore") == place({"system": "b"}, system="ignore")

    def test_a_function_says_what_counts(self) -> None:
        def lowered(text: str) -> Scope:
            return place({"system": text}, system=str.lower)

        assert lowered("Be KIND") == lowered("be kind")
        assert lowered("be kind") != lowered("be rude")

    def test_an_unknown_part_is_named_with_the_known_ones(self) -> None:
        with pytest.raises(ConfigurationError, match=r"sytem.*system"):
            ScopeRules({"sytem": "ignore"})

    def test_an_impossible_rule_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="'exact', 'ignore' or a function"):
            ScopeRules({"system": "sometimes"})  # type: ignore[dict-item]


BERLIN = {"history": [{"role": "user", "content": "Tell me about Berlin"}]}
PARIS = {"history": [{"role": "user", "content": "Tell me about Paris"}]}


class TestLeaningQuestions:
    def test_keep_their_history_where_it_is_ignored(self) -> None:
        leaning = "How old is it?"
        one = place(BERLIN, leaning, history="ignore")
        other = place(PARIS, leaning, history="ignore")
        assert one.digest != other.digest

    def test_keep_it_as_it_is_where_it_is_normalised(self) -> None:
        def nothing(_: Any) -> str:
            return "history"

        one = place(BERLIN, "And how old is he?", history=nothing)
        assert one.digest != place(PARIS, "And how old is he?", history=nothing).digest

    def test_others_do_not(self) -> None:
        one = place(BERLIN, QUESTION, history="ignore")
        assert one == place(PARIS, QUESTION, history="ignore")


class TestQuestionsAboutNow:
    NOW = "What is the weather in Berlin today?"

    def test_carry_the_day(self) -> None:
        assert place({}, self.NOW, "2026-11-23") != place({}, self.NOW, "2026-11-24")

    def test_others_do_not(self) -> None:
        assert place({}, QUESTION, "2026-11-23") == place({}, QUESTION, "2026-11-24")

    def test_the_day_can_be_ignored(self) -> None:
        rules = ScopeRules({"day": "ignore"})
        one = rules.place(self.NOW, {}, day=lambda: "2026-11-23")
        assert one == rules.place(self.NOW, {}, day=lambda: "2026-11-24")

    def test_a_day_that_is_given_stays(self) -> None:
        assert place({"day": "2020-01-01"}, self.NOW).parts["day"] == "2020-01-01"


class TestQuestionDigest:
    def test_outer_space_and_composition_do_not_count(self) -> None:
        assert question_digest(" caf\u00e9?\n") == question_digest("cafe\u0301?")

    @pytest.mark.parametrize("other", ["what is python?", "What is  Python?", "What is Python"])
    def test_everything_else_counts(self, other: str) -> None:
        assert question_digest("What is Python?") != question_digest(other)


def test_a_credential_cannot_be_read_from_its_digest() -> None:
    digest = credential_digest("Bearer sk-secret")
    assert "secret" not in digest
    assert digest != credential_digest("Bearer sk-other")


class TestDifferences:
    def test_show_where_two_system_prompts_part_ways(self) -> None:
        shared = "You are the assistant of a bank, and today is "
        (one,) = differences({"system": f"{shared}Monday."}, {"system": f"{shared}Friday."})
        assert one.part == "system"
        assert one.here.endswith("today is Monday.")
        assert one.there.endswith("today is Friday.")
        assert one.here.startswith("…")

    @pytest.mark.parametrize("other", [{"seed": False}, {"seed": 0.0}])
    def test_show_what_python_holds_for_equal(self, other: dict[str, Any]) -> None:
        (difference,) = differences({"parameters": {"seed": 0}}, {"parameters": other})
        assert difference.part == "parameters"

    def test_show_a_part_that_only_one_side_has(self) -> None:
        (one,) = differences({}, {"tools": [{"name": "search"}]})
        assert (one.here, one.there) == ("", '[{"name":"search"}]')

    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(PARTS, JSON_VALUES)))
    def test_there_are_none_between_equals(self, parts: dict[str, Any]) -> None:
        assert differences(parts, dict(parts)) == ()
