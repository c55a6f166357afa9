from __future__ import annotations

import io
import json
from typing import Any

import pytest

from cacheback import ClosedError, SemanticCache
from cacheback.core.memory import Memo
from cacheback.models import Answer, Reason, Request
from cacheback.transfer import export_entries
from cacheback.transfer.exporting import PAGE


def exported(cache: SemanticCache, **options: Any) -> list[dict[str, Any]]:
    file = io.BytesIO()
    count = export_entries(cache, file, **options)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert len(lines) == count
    return lines


def test_an_empty_cache_is_an_empty_file(cache: SemanticCache) -> None:
    assert exported(cache) == []


def test_entries_come_in_order_over_several_pages(cache: SemanticCache) -> None:
    memos = [Memo(Request(f"q {i}", limits=(Reason.TOOLS_EXACT_ONLY,)), Answer("a"), "manual")
             for i in range(PAGE + 10)]  # fmt: skip
    cache.engine.memory.remember(memos)
    told: list[int] = []
    lines = exported(cache, on_progress=told.append)
    assert [one["question"] for one in lines] == [f"q {i}" for i in range(PAGE + 10)]
    assert told == [PAGE, PAGE + 10]


def test_an_entry_that_meaning_must_not_serve_says_so(cache: SemanticCache) -> None:
    cache.populate("How old is the universe?", "Old.", scope={"model": "m"})
    exact = Request("How old is the sun?", parts={"model": "m"}, limits=(Reason.NO_QUESTION,))
    cache.engine.memory.remember([Memo(exact, Answer("Old."), "upstream")])
    assert [one.get("exact_only", False) for one in exported(cache)] == [False, True]


def test_a_selection_narrows_it(cache: SemanticCache) -> None:
    cache.populate("one", "1", tags=["x"])
    cache.populate("two", "2")
    found = exported(cache, selection=cache.selection(tags=["x"]))
    assert [one["question"] for one in found] == ["one"]


def test_a_closed_cache_is_refused(cache: SemanticCache) -> None:
    cache.close()
    with pytest.raises(ClosedError):
        export_entries(cache, io.BytesIO())
