from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cacheback import ConfigurationError, EmbedderError, SemanticCache, Tier
from cacheback.core.memory import Memo
from cacheback.embedders import BaseEmbedder
from cacheback.models import Answer, Entry, Reason, Request, ToolCall, Usage
from cacheback.transfer import ImportReport, export_entries, import_entries

DAY = 86_400


def line(question: str = "Why?", answer: Any = "Because.", **fields: Any) -> str:
    return json.dumps({"question": question, "answer": answer, **fields})


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return (report.imported, report.unchanged, report.expired, len(report.bad))


class Counting(BaseEmbedder):
    """Letters as dimensions; counts what it encodes and fails on request."""

    name = "letters"
    dim = 26

    def __init__(self) -> None:
        self.encoded: list[str] = []
        self.fails_on = ""

    def encode(self, text: str) -> list[float]:
        if text == self.fails_on:
            raise RuntimeError("out of order")
        self.encoded.append(text)
        return [1.0 + text.lower().count(chr(97 + i)) for i in range(26)]


@pytest.fixture
def letters() -> Counting:
    return Counting()


@pytest.fixture
def counted(make_cache: Callable[..., SemanticCache], letters: Counting) -> SemanticCache:
    return make_cache(embedder=letters)


class TestWhatIsStored:
    def test_a_minimal_line_is_served_by_its_meaning(self, cache: SemanticCache) -> None:
        report = import_entries(cache, [line("What is the capital of France?", "Paris.")])
        assert counts(report) == (1, 0, 0, 0)
        hit = cache.lookup("capital of France?")
        assert hit is not None
        assert hit.entry is not None
        assert (str(hit), hit.tier, hit.entry.provenance) == ("Paris.", Tier.SEMANTIC, "import")

    def test_times_are_kept(self, cache: SemanticCache, clock: Any) -> None:
        created, expires = clock.now - 50.5, clock.now + 5.25
        import_entries(cache, [line(created_at=created, expires_at=expires, seconds=2.5)])
        (entry,) = cache.entries()
        assert (entry.created_at, entry.expires_at, entry.seconds) == (created, expires, 2.5)

    def test_the_caches_own_ttl_counts_from_the_creation(
        self, cache: SemanticCache, clock: Any
    ) -> None:
        import_entries(cache, [line(created_at=clock.now - 100)])
        assert cache.entries()[0].expires_at == clock.now - 100 + DAY

    def test_null_never_expires(self, cache: SemanticCache) -> None:
        import_entries(cache, [line(expires_at=None)])
        assert cache.entries()[0].expires_at is None

    def test_a_ttl_for_lines_that_name_no_expiry(self, cache: SemanticCache, clock: Any) -> None:
        lines = [line("a"), line("b", expires_at=clock.now + 9)]
        import_entries(cache, lines, ttl=math.inf)
        assert [one.expires_at for one in cache.entries()] == [None, clock.now + 9]

    def test_lines_without_a_scope_go_where_they_are_told(self, cache: SemanticCache) -> None:
        lines = [line("a"), line("b", scope={"model": "n"}), line("c", scope={})]
        import_entries(cache, lines, scope={"model": "m"}, namespace="faq", tags=["t"])
        parts = [cache.store.scope_parts(one.scope) for one in cache.entries()]
        assert parts == [{"model": "m", "namespace": "faq"}, {"model": "n"}, {}]
        assert all(one.tags == ("t",) for one in cache.entries())

    def test_own_tags_come_first(self, cache: SemanticCache) -> None:
        import_entries(cache, [line(tags=["a", "t"])], tags=["t", "u"])
        assert cache.entries()[0].tags == ("a", "t", "u")

    def test_the_settings_place_a_line_without_a_scope(
        self, make_cache: Callable[..., SemanticCache]
    ) -> None:
        cache = make_cache(tenant="t", namespace="n")
        import_entries(cache, [line("a"), line("b", scope={"tenant": "other"})])
        parts = [cache.store.scope_parts(one.scope) for one in cache.entries()]
        assert parts == [{"tenant": "t", "namespace": "n"}, {"tenant": "other"}]

    @pytest.mark.parametrize(
        "fields",
        [
            {"exact_only": True},
            {"scope": {"tools": [{"name": "f"}]}},
            {"scope": {"response_format": {"type": "json_object"}}},
            {"answer": {"text": "", "tool_calls": [{"id": "1", "name": "f", "arguments": "{}"}]}},
        ],
    )
    def test_what_meaning_must_not_serve_gets_no_vector(
        self, cache: SemanticCache, fields: dict[str, Any]
    ) -> None:
        import_entries(cache, [line(**fields)])
        (entry,) = cache.entries()
        assert cache.store.vector_count(entry.scope) == 0

    def test_a_question_may_be_empty_where_only_the_same_request_is_served(
        self, cache: SemanticCache
    ) -> None:
        report = import_entries(cache, [line("", exact_only=True, scope={"history": ["x"]})])
        assert counts(report) == (1, 0, 0, 0)

    def test_an_unreadable_question_is_stored_for_the_exact_tier(
        self, cache: SemanticCache
    ) -> None:
        report = import_entries(cache, [line("\ud800 why?"), line("ok then")])
        assert counts(report) == (2, 0, 0, 0)
        assert cache.lookup("\ud800 why?") is not None

    def test_another_answer_replaces_the_first(self, cache: SemanticCache) -> None:
        lines = [line(answer="one"), line(answer="two")]
        assert counts(import_entries(cache, lines)) == (2, 0, 0, 0)
        assert [one.answer.text for one in cache.entries()] == ["two"]

    def test_an_unknown_part_of_the_given_scope_is_refused(self, cache: SemanticCache) -> None:
        with pytest.raises(ConfigurationError):
            import_entries(cache, [line()], scope={"modle": "m"})


class TestWhatIsPassedOver:
    def test_bad_lines_are_told_by_number(self, cache: SemanticCache) -> None:
        report = import_entries(cache, [line("a"), "", "nonsense", " \n", line("b"), '{"q": 1}'])
        assert counts(report) == (2, 0, 0, 2)
        assert [number for number, _ in report.bad] == [3, 6]
        assert "not JSON" in report.bad[0][1]

    def test_ignored_fields_are_named(self, cache: SemanticCache) -> None:
        assert import_entries(cache, [line(color=1), line(shape=2)]).ignored == ("color", "shape")

    def test_expired_lines_are_counted(self, cache: SemanticCache, clock: Any) -> None:
        lines = [line(expires_at=clock.now), line(created_at=clock.now - DAY)]
        assert counts(import_entries(cache, lines)) == (0, 0, 2, 0)
        assert cache.entries() == []

    def test_a_rule_that_fails_is_a_bad_line(
        self, make_cache: Callable[..., SemanticCache]
    ) -> None:
        cache = make_cache(scope={"system": lambda value: value["x"]})
        report = import_entries(cache, [line("a", scope={"system": "s"}), line("b")])
        assert counts(report) == (1, 0, 0, 1)

    def test_what_is_there_is_not_encoded_again(
        self, counted: SemanticCache, letters: Counting
    ) -> None:
        lines = [line("a"), line("b", tags=["x"]), line("c", scope={"model": "m"})]
        import_entries(counted, lines)
        letters.encoded.clear()
        assert counts(import_entries(counted, lines)) == (0, 3, 0, 0)
        assert letters.encoded == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"answer": "other"},
            {"tags": ["x"]},
            {"provenance": "manual"},
            {"seconds": 1.0},
            {"expires_at": None},
        ],
    )
    def test_what_a_line_names_otherwise_is_stored(
        self, cache: SemanticCache, fields: dict[str, Any]
    ) -> None:
        import_entries(cache, [line()])
        assert counts(import_entries(cache, [line(**fields)])) == (1, 0, 0, 0)
        assert counts(import_entries(cache, [line(**fields)])) == (0, 1, 0, 0)

    def test_what_has_expired_is_stored_anew(self, cache: SemanticCache, clock: Any) -> None:
        import_entries(cache, [line()])
        clock.advance(DAY + 1)
        assert counts(import_entries(cache, [line()])) == (1, 0, 0, 0)

    def test_a_cost_that_was_added_is_no_difference(self, cache: SemanticCache) -> None:
        usage = {"input_tokens": 1000, "output_tokens": 1000}
        priced = line(
            answer={"text": "a", "usage": usage, "model": "gpt-4o-mini", "provider": "openai"}
        )
        import_entries(cache, [priced])
        assert counts(import_entries(cache, [priced])) == (0, 1, 0, 0)

    def test_twice_in_one_batch_is_once(self, cache: SemanticCache) -> None:
        assert counts(import_entries(cache, [line(), line()])) == (1, 1, 0, 0)


class TestBatches:
    def test_progress_is_told_after_each(self, counted: SemanticCache) -> None:
        told: list[int] = []
        lines = [line(f"q {i}") for i in range(5)]
        import_entries(counted, lines, batch=2, on_progress=told.append)
        assert told == [2, 4, 5]

    def test_an_interrupted_import_goes_on(self, counted: SemanticCache, letters: Counting) -> None:
        lines = [line(f"question {i}") for i in range(10)]
        letters.fails_on = "question 7"
        with pytest.raises(EmbedderError):
            import_entries(counted, lines, batch=3)
        assert len(counted.entries()) == 6
        letters.fails_on = ""
        letters.encoded.clear()
        assert counts(import_entries(counted, lines, batch=3)) == (4, 6, 0, 0)
        assert letters.encoded == [f"question {i}" for i in range(6, 10)]

    def test_lines_are_read_as_they_come(self, counted: SemanticCache) -> None:
        def lines() -> Iterator[str]:
            for i in range(4):
                stored = len(counted.entries())
                assert stored == i - i % 2
                yield line(f"q {i}")

        import_entries(counted, lines(), batch=2)


class TestSyntheses:
    def test_sources_are_found_again_and_take_it_with_them(self, cache: SemanticCache) -> None:
        lines = [
            line("a", id=70),
            line("b", id=71),
            line("c", id=72, provenance="synthesis", sources=[70, 71]),
        ]
        assert counts(import_entries(cache, lines)) == (3, 0, 0, 0)
        one, other, synthesis = cache.entries()
        assert synthesis.sources == (one.id, other.id)
        assert counts(import_entries(cache, lines)) == (0, 3, 0, 0)
        assert cache.delete(one.id) == 2

    @pytest.mark.parametrize("source", [99, 72])
    def test_one_without_its_sources_is_bad(self, cache: SemanticCache, source: int) -> None:
        lines = [
            line("a", id=70),
            line("b", id=72, provenance="synthesis", sources=[70]),
            line("c", id=73, provenance="synthesis", sources=[source]),
        ]
        report = import_entries(cache, lines)
        assert report.bad == ((3, f"its source {source} is not the id of an entry above it"),)


def test_an_export_into_an_empty_directory_gives_equal_entries(
    make_cache: Callable[..., SemanticCache], tmp_path: Path
) -> None:
    here, there = make_cache(tmp_path / "here"), make_cache(tmp_path / "there")
    _fill(here)
    file = io.BytesIO()
    export_entries(here, file)
    report = import_entries(there, file.getvalue().splitlines())
    assert counts(report) == (6, 0, 0, 0)
    assert _contents(there) == _contents(here)
    again = io.BytesIO()
    export_entries(there, again)
    assert again.getvalue() == file.getvalue()


def _fill(cache: SemanticCache) -> None:
    whole = Answer(
        "Paris.",
        tool_calls=(ToolCall("1", "find", "{}"),),
        reasoning="Easy.",
        finish_reason="stop",
        usage=Usage(3, 4, 0.5),
        model="m",
        provider="p",
        format="openai.chat",
        raw={"choices": []},
    )
    first = cache.populate("What is the capital of France?", "Paris.", tags=["x", "y"])
    second = cache.populate("Что такое Python?", "A \u2028 snake.", ttl=math.inf)
    cache.populate("What is the weather today?", "Fine.", scope={"model": "m"}, seconds=2.5)
    tools = Request("Where?", {"tools": [1]}, limits=(Reason.TOOLS_EXACT_ONLY,))
    written = Request("Which capital?", {"model": "m"})
    lost = Request("", {"history": [{"role": "tool"}]}, limits=(Reason.NO_QUESTION,))
    cache.engine.memory.remember(
        [
            Memo(tools, whole, "upstream", seconds=0.25),
            Memo(written, Answer("Both."), "synthesis", sources=(first.id, second.id)),
            Memo(lost, Answer("Yes."), "upstream"),
        ]
    )


def _contents(cache: SemanticCache) -> list[tuple[Entry, Any, bool]]:
    """Entries with their scope's parts and whether they have a vector; without figures."""
    return [
        (
            replace(entry, last_used_at=0.0, hits=0),
            cache.store.scope_parts(entry.scope),
            cache.store.vectors(entry.scope, [entry.id])[0] == [entry.id],
        )
        for entry in cache.entries()
    ]
