"""Deltas put together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.models import JSON
from cacheback.wire.merging import merge


def merged(*deltas: JSON) -> dict[str, JSON]:
    whole: dict[str, JSON] = {}
    for delta in deltas:
        merge(whole, delta)
    return whole


CASES: dict[str, tuple[list[JSON], JSON]] = {
    "texts": ([{"a": "x"}, {"a": "y"}], {"a": "xy"}),
    "null, then text": ([{"a": None}, {"a": "x"}], {"a": "x"}),
    "text, then null": ([{"a": "x"}, {"a": None}], {"a": "x"}),
    "null alone": ([{"a": None}], {"a": None}),
    "empty, then text": ([{"a": ""}, {"a": "x"}, {"a": ""}], {"a": "x"}),
    "role and id are said once": (
        [{"role": "assistant", "id": "c"}, {"role": "assistant", "id": "c"}],
        {"role": "assistant", "id": "c"},
    ),
    "objects": ([{"o": {"a": "x"}}, {"o": {"a": "y", "b": 1}}], {"o": {"a": "xy", "b": 1}}),
    "plain lists": ([{"l": [1]}, {"l": [2]}], {"l": [1, 2]}),
    "lists with an index": (
        [
            {"l": [{"index": 0, "f": {"a": "x"}}]},
            {"l": [{"index": 1, "f": {"a": "p"}}]},
            {"l": [{"index": 0, "f": {"a": "y"}}]},
        ],
        {"l": [{"index": 0, "f": {"a": "xy"}}, {"index": 1, "f": {"a": "p"}}]},
    ),
    "an index twice in one delta": (
        [{"l": [{"index": 0, "a": "x"}, {"index": 0, "a": "y"}]}],
        {"l": [{"index": 0, "a": "xy"}]},
    ),
    "numbers": ([{"n": 1}, {"n": 2}], {"n": 2}),
    "another type": ([{"a": "x"}, {"a": [1]}, {"a": {"b": 1}}], {"a": {"b": 1}}),
}


@pytest.mark.parametrize("case", CASES)
def test_deltas_add_up(case: str) -> None:
    deltas, whole = CASES[case]
    assert merged(*deltas) == whole


def test_what_is_nested_too_deeply_is_taken_as_it_is() -> None:
    deep: JSON = "x"
    for _ in range(5000):
        deep = {"a": deep}
    whole: JSON = merged(deep, deep)
    for _ in range(5000):
        whole = whole["a"]
    assert whole == "x"


scalars = st.none() | st.booleans() | st.integers() | st.text()
names = st.sampled_from(["index", "id", "a", "b"])
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(names, v), max_leaves=20)


@given(st.lists(st.dictionaries(names, values)))
def test_merging_never_raises(deltas: Any) -> None:
    merged(*deltas)
