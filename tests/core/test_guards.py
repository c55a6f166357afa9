"""What holds for every guard, whatever it looks at."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheback.core.guards import GUARDS, AnyGuard
from cacheback.core.guards.opposites import OPPOSITES
from cacheback.core.guards.reading import reading, spell_out, stem
from cacheback.core.words import word_list, word_set
from cacheback.models import Reason

each_guard = pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.reason.value)

WORDS = word_list(
    "how do I not enable disable the a card from Paris to London 5 km €5 5pm next week Monday C++ "
    "May may US us who when can't without 2nd twice half twenty-one XIV `x` 'it' --force . ? than "
    "bigger before , : year in one sentence 2026-11-23 1,000 31/12/99 ½ II 4o isn't n't over $5 "
    "and a 1,2,3 half more less at least plus 3 × only all some"  # noqa: RUF001 — as people type it
)
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))


def test_lists_of_words() -> None:
    assert word_list("one two one") == ["one", "two", "one"]
    assert word_set("one two one") == {"one", "two"}


def test_every_kind_of_difference_has_its_guard() -> None:
    assert {guard.reason for guard in GUARDS} == {
        Reason.NUMBER_DIFFERS,
        Reason.NEGATION_DIFFERS,
        Reason.DIRECTION_DIFFERS,
        Reason.COMPARISON_DIFFERS,
        Reason.OPPOSITE,
        Reason.TIME_DIFFERS,
        Reason.NAME_DIFFERS,
        Reason.FORM_DIFFERS,
    }


@each_guard
@given(one=texts, other=texts)
@settings(max_examples=150, deadline=None)
def test_is_symmetric_and_takes_any_text(guard: AnyGuard, one: str, other: str) -> None:
    assert (guard(one, other) is None) == (guard(other, one) is None)


@each_guard
@given(text=texts)
@settings(max_examples=100, deadline=None)
def test_never_objects_to_the_same_text(guard: AnyGuard, text: str) -> None:
    assert guard(text, text) is None
    assert guard(text, f"  {text} ") is None


@each_guard
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "?",
        "\ud800",
        "\x00",
        "9" * 10_000,
        "1/2/3/4",
        "99:99",
        "13/13/13",
        "'" * 50,
        "½½",
        "İ",
    ],
)
def test_odd_texts_are_read(guard: AnyGuard, text: str) -> None:
    guard(text, "How do I enable it?")
    guard("How do I enable it?", text)


def test_a_detail_shows_first_what_is_asked_now() -> None:
    assert OPPOSITES("enable it", "disable it") == "“enable” against “disable”"
    assert OPPOSITES("disable it", "enable it") == "“disable” against “enable”"


def test_a_guard_shows_its_reason() -> None:
    assert repr(OPPOSITES) == "Guard(opposite)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I can\u2019t", ("i", "can", "not")),
        ("It won't, isn't", ("it", "will", "not", ",", "is", "not")),
        ("What's Paris's rank", ("what", "is", "paris", "rank")),
        ("the U.S. at 5 p.m.", ("the", "us", "at", "5", "pm")),
        ("we'll didn`t", ("we", "will", "did", "not")),
        ("C++ or C#?", ("c++", "or", "c#", "?")),
    ],
)
def test_words_are_spelled_out(text: str, words: tuple[str, ...]) -> None:
    assert reading(text).words == words


def test_capitals_of_a_title_say_nothing() -> None:
    assert reading("How To Reset My Password").shouted
    assert reading("HELP ME NOW").shouted
    assert not reading("How to reset my Paypal password").shouted


def test_spelling_out_leaves_odd_words_alone() -> None:
    assert spell_out("o'clock") == ("o'clock",)
    assert spell_out("they're") == ("they", "are")
    assert spell_out("n't") == ("not",)


@pytest.mark.parametrize(
    "family",
    [
        "enable enables enabled enabling",
        "cancel cancels cancelled canceled cancelling",
        "deny denies denied denying",
        "add adds added adding",
        "pass passes passed passing",
        "sell sells selling sold",
        "match matches matched matching",
    ],
)
def test_inflections_share_a_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1
