from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.core.normalise import blank_volatile

BLANKED = [
    ("Today is Monday, 23 November 2026.", "Today is <date>."),
    ("Nov 23, 2026", "<date>"),
    ("November 23rd, 2026", "<date>"),
    ("the 23rd of November", "<date>"),
    ("on 1st of May we met", "on <date> we met"),
    ("Wednesday 3 June", "<date>"),
    ("since November 2026", "since <date>"),
    ("23.11.2026", "<date>"),
    ("11/23/26", "<date>"),
    ("11/23/2026 is the day", "<date> is the day"),
    ("2026-11-23", "<date>"),
    ("2026/11/23", "<date>"),
    ("Current date: 2026-11-23.", "Current date: <date>."),
    ("Today is Tuesday", "Today is <date>"),
    ("2026-11-23T14:05:00Z", "<time>"),
    ("2026-11-23 14:05:00.123456+02:00 end", "<time> end"),
    ("Mon, 23 Nov 2026 14:05:00 GMT", "<date> <time>"),
    ("It is 14:05 UTC.", "It is <time>."),
    ("at 2:05 pm", "at <time>"),
    ("at 2:05:59 PM EST today", "at <time> today"),
    ("at 5pm sharp", "at <time> sharp"),
    ("10:30 Europe/Paris", "<time>"),
    ("now=1795442700", "now=<time>"),
    ("at 1795442700123 ms", "at <time> ms"),
    ("id 123e4567-e89b-12d3-a456-426614174000.", "id <id>."),
    ("commit da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit <id>"),
    ("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace <id>"),
    ("req_011CSHoEeqs5C35K2UUqR7Fy", "<id>"),
    ("session-4f9a02 began", "<id> began"),
    ("run_abc123XYZ", "<id>"),
    ("request-id-77f31", "<id>"),
    ("chatcmpl-9x8y7z6w", "<id>"),
    ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "<id>"),
    ("23-NOV-2026", "<date>"),
]
LEFT_ALONE = [
    "You are a helpful assistant.",
    "Python 3.12",
    "Use v2.1.0 or 1.2.3",
    "It costs $19.99",
    "a ratio of 16:9",
    "claude-3-5-sonnet-20241022",
    "gpt-4o-2024-08-06",
    "gpt-4.1-mini",
    "192.168.1.10",
    "ISO 8601",
    "1234567890123456",
    "call 1 555 123 4567",
    "at most 300 words",
    "temperature 0.7",
    "user-friendly",
    "task-oriented",
    "call-by-name",
    "session-based login",
    "run-time type",
    "user_12345",
    "tenant-acme1",
    "in March",
    "they may march on",
    "facade, decade, deadbeef",
    "face0ff",
    "open on Sunday",
    "room 1204",
    "the 1990s",
    "in 2026",
    "3/4 of a cup",
    "24/7",
    "+1795442700",
    "$1795442700",
    "RFC 2119",
    "",
]


@pytest.mark.parametrize(("text", "blanked"), BLANKED)
def test_blanks(text: str, blanked: str) -> None:
    assert blank_volatile(text) == blanked


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_leaves_alone(text: str) -> None:
    assert blank_volatile(text) == text


def test_goes_through_lists_and_objects_but_not_keys() -> None:
    value = {"2026-11-23": ["2026-11-23", {"at": "14:05", "n": 3}], "flag": True, "none": None}
    assert blank_volatile(value) == {
        "2026-11-23": ["<date>", {"at": "<time>", "n": 3}],
        "flag": True,
        "none": None,
    }


def test_the_value_passed_in_is_not_changed() -> None:
    value = {"at": ["14:05"]}
    blank_volatile(value)
    assert value == {"at": ["14:05"]}


@pytest.mark.parametrize("number", [1795442700, 1795442700.5, 1795442700123])
def test_unix_times_are_blanked_as_numbers(number: float) -> None:
    assert blank_volatile({"created": number}) == {"created": "<time>"}


@pytest.mark.parametrize("number", [0, 1, 2026, 0.5, 10**9 - 1, 10**15, True, -1795442700])
def test_other_numbers_stay(number: float) -> None:
    assert blank_volatile(number) is number


@pytest.mark.parametrize("number", [float("inf"), float("-inf")])
def test_what_is_no_finite_number_stays(number: float) -> None:
    assert blank_volatile(number) == number


def test_two_days_give_one_prompt() -> None:
    one, other = (
        f"You are Ann. It is {day}, {time}. Session {session}."
        for day, time, session in [
            ("Monday, 23 November 2026", "14:05 UTC", "sess_9f8e7d"),
            ("Tuesday, 1 December 2026", "09:59 UTC", "sess_1a2b3c"),
        ]
    )
    assert blank_volatile(one) == blank_volatile(other)


pieces = st.sampled_from(
    [text for text, _ in BLANKED] + LEFT_ALONE + [" ", "-", ":", ".", "T", "Z", "1", "<time>", "pm"]
)
texts = st.one_of(st.text(), st.lists(pieces, max_size=6).map("".join))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_is_idempotent(value: object) -> None:
    once = blank_volatile(value)
    assert blank_volatile(once) == once
