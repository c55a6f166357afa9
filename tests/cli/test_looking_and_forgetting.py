"""`stats`, `entries`, `check`, and what deletes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cacheback import Answer, SemanticCache, ToolCall, Usage
from cacheback.embedders import BaseEmbedder


class TestStats:
    def test_what_was_served_and_why_not(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        filled.lookup("What is the capital of France?")
        filled.lookup("capital of France?")
        filled.lookup("What is the capital of Spain?", threshold=0.3)
        filled.stats()
        told = run("stats", "--json").json
        assert (told["entries"], told["scopes"], told["lookups"]) == (4, 4, 3)
        assert told["hits"] == {"exact": 1, "semantic": 1}
        assert told["misses"] == {"name_differs": 1}
        assert told["hit_rate"] == pytest.approx(2 / 3)
        assert told["faults"] == {}
        assert set(told["saved"]) == {"tokens", "money", "seconds"}
        shown = run("stats").out
        assert "3, of which 66.7% were served" in shown
        assert "a name differs" in shown
        assert "same meaning" in shown

    def test_a_reason_of_a_newer_version_is_shown_by_name(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        filled.store.record({}, {"misses.moon_differs": 3, "faults.store_failed": 2})
        shown = run("stats").out
        assert "moon_differs" in shown
        assert "the store failed" in shown

    def test_what_syntheses_cost_and_why_they_were_in_vain(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        counters = {"calls.synthesis": 3, "tokens.synthesis": 1_200, "cost.synthesis": 0.0012}
        filled.store.record({}, {**counters, "synthesis.synthesis_refused": 2})
        told = run("stats", "--json").json
        assert told["synthesis"] == {"synthesis_refused": 2}
        assert told["spent"] == {"synthesis": {"calls": 3, "tokens": 1_200, "money": 0.0012}}
        shown = run("stats").out
        assert "3 calls · 1,200 tokens · $0.0012" in shown
        assert "the sources do not suffice" in shown

    def test_what_shadow_mode_would_have_served_is_told_apart(
        self,
        run: Callable[..., Any],
        filled: SemanticCache,
        directory: Path,
        embedder: BaseEmbedder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        filled.populate("Who wrote Faust?", Answer("Goethe.", usage=Usage(10, 2, 0.5)), seconds=61)
        assert "Shadow" not in run("stats").out
        with SemanticCache(directory, embedder=embedder, mode="shadow") as cache:
            assert cache.lookup("Who wrote Faust?") is None
            assert cache.lookup("Is it raining?") is None
            assert cache.lookup("What is a cow?") is None
        filled.lookup("What is the capital of France?")
        filled.stats()
        told = run("stats", "--json").json
        assert (told["mode"], told["lookups"], told["hits"]) == ("default", 1, {"exact": 1})
        assert told["saved"] == {"tokens": 0, "money": None, "seconds": 0}
        assert told["shadow"] == {
            "lookups": 3,
            "hit_rate": pytest.approx(1 / 3),
            "hits": {"exact": 1},
            "misses": 2,
            "saved": {"tokens": 12, "money": 0.5, "seconds": 61},
        }
        shown = run("stats").out
        assert "3, of which 33.3% would have been served" in shown
        assert "12 tokens · $0.50 · 1 min of waiting would have been saved" in shown
        assert "1, of which 100.0% was served" in shown
        assert "Would have been served, in shadow mode" in shown
        assert "nothing is served" not in shown
        monkeypatch.setenv("CACHEBACK_MODE", "shadow")
        assert "nothing is served, upstream answers everything" in run("stats").out
        assert run("stats", "--json").json["mode"] == "shadow"

    def test_one_of_each(self, run: Callable[..., Any], directory: Path) -> None:
        with SemanticCache(directory) as cache:
            cache.populate("What?", "That.")
            cache.negative.add("Which?")
            counters = {"blocked.raised": 1, "calls.synthesis": 1, "tokens.synthesis": 1}
            cache.store.record({}, {**counters, "saved.tokens": 1, "cost.synthesis": 1e-6})
        shown = run("stats").out
        assert "1 entry in 1 scope · " in shown
        assert "1 token · 0 s" in shown
        assert "1 pattern, which 1 question matched" in shown
        assert "1 call · 1 token · less than $0.001" in shown
        assert run("entries").err == "1 of 1 entry\n"
        found = {one["name"]: one for one in run("doctor", "--json").json["findings"]}
        assert found["database"]["found"].startswith("1 entry in 1 scope, 1 blocked pattern, ")

    def test_an_empty_cache(self, run: Callable[..., Any], directory: Path) -> None:
        SemanticCache(directory).close()
        assert run("stats", "--json").json["entries"] == 0
        assert run("stats").code == 0


class TestEntries:
    def test_a_table(self, run: Callable[..., Any], filled: SemanticCache) -> None:
        ran = run("entries")
        assert ran.code == 0
        for text in (
            "Press 'Forgotten' (1).",
            "#faq",
            "manual",
            "in 23 h",
            filled.entries()[0].scope[:8],
        ):
            assert text in ran.out
        assert ran.err == "4 of 4 entries\n"

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            ((), [1, 2, 3, 4]),
            (("--text", "PASSWORD"), [2, 3]),
            (("--text", "password", "--after", "2"), [3]),
            (("--limit", "2"), [1, 2]),
            (("--tag", "faq"), [4]),
            (("--tag", "faq", "--tag", "other"), [4]),
            (("--namespace", "acme"), [4]),
            (("--scope", "model=m"), [2, 3]),
            (("--older-than", "2m"), []),
        ],
    )
    @pytest.mark.usefixtures("filled")
    def test_filters(
        self, run: Callable[..., Any], options: tuple[str, ...], ids: list[int]
    ) -> None:
        ran = run("entries", "--json", *options)
        assert ran.err == ""
        assert [one["id"] for one in ran.json] == ids

    @pytest.mark.usefixtures("filled")
    def test_it_says_how_to_go_on(self, run: Callable[..., Any]) -> None:
        assert run("entries", "--limit", "3").err == "3 of 4 entries; more with --after 3\n"

    def test_what_an_entry_is_as_json(self, run: Callable[..., Any], filled: SemanticCache) -> None:
        answer = Answer("", tool_calls=(ToolCall("1", "find", "{}"),), model="m")
        entry = filled.populate("Where is it?", answer, scope={"model": "m"})
        (told,) = run("entries", "--text", "where is", "--json").json
        assert told == {
            "id": entry.id,
            "question": "Where is it?",
            "answer": "",
            "tool_calls": [{"name": "find", "arguments": "{}"}],
            "model": "m",
            "created_at": entry.created_at,
            "expires_at": entry.expires_at,
            "last_used_at": entry.last_used_at,
            "hits": 0,
            "tags": [],
            "provenance": "manual",
            "sources": [],
            "scope": {"digest": entry.scope, "parts": {"model": "m"}},
        }
        assert "calls find(…)" in run("entries", "--text", "where is").out

    def test_an_expired_entry_is_marked(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        filled.populate("Gone?", "Yes.", ttl=1e-6)
        assert "expired" in run("entries", "--text", "gone").out
        assert run("evict", "--json").json == {"deleted": 1}


class TestForgetting:
    def test_delete(self, run: Callable[..., Any], filled: SemanticCache) -> None:
        ran = run("delete", "1", "3")
        assert (ran.code, ran.out) == (0, "Deleted 2 entries.\n")
        assert [one.id for one in filled.entries()] == [2, 4]
        assert filled.lookup("What is the capital of France?") is None

    @pytest.mark.usefixtures("filled")
    def test_delete_of_what_is_not_there_is_1(self, run: Callable[..., Any]) -> None:
        ran = run("delete", "1", "98", "99", "--json")
        assert (ran.code, ran.json) == (1, {"deleted": 1})
        assert ran.err == "Error: there are no entries 98, 99\n"
        assert run("delete", "99").err == "Error: there is no entry 99\n"

    def test_invalidate(self, run: Callable[..., Any], filled: SemanticCache) -> None:
        assert (
            run("invalidate", "--scope", "model=m", "--dry-run").out == "Would delete 2 entries.\n"
        )
        assert run("invalidate", "--tag", "faq", "--dry-run", "--json").json == {"would_delete": 1}
        assert len(filled.entries()) == 4
        assert run("invalidate", "--scope", "model=m").out == "Deleted 2 entries.\n"
        assert run("invalidate", "--namespace", "acme", "--json").json == {"deleted": 1}
        assert run("invalidate", "--older-than", "1d").out == "Deleted 0 entries.\n"
        assert [one.id for one in filled.entries()] == [1]

    def test_invalidate_needs_a_filter(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        ran = run("invalidate")
        assert (ran.code, ran.out) == (2, "")
        assert len(filled.entries()) == 4

    def test_evict_above_the_limit(
        self,
        run: Callable[..., Any],
        filled: SemanticCache,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        assert run("evict").out == "Deleted 0 entries.\n"
        monkeypatch.setenv("CACHEBACK_CACHE_MAX_ENTRIES", "3")
        assert run("evict").out == "Deleted 1 entry.\n"
        assert len(filled.entries()) == 3

    def test_clear(self, run: Callable[..., Any], filled: SemanticCache) -> None:
        assert run("clear", "--yes").out == "Deleted 4 entries.\n"
        assert run("clear", "-y", "--json").json == {"deleted": 0}
        assert filled.entries() == []

    def test_clear_refuses_where_nobody_can_be_asked(
        self, process: Callable[..., Any], filled: SemanticCache
    ) -> None:
        done = process("clear", stdin=b"y\n")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"--yes" in done.stderr
        assert len(filled.entries()) == 4

    @pytest.mark.usefixtures("terminal")
    @pytest.mark.parametrize(("reply", "code", "left"), [("n\n", 1, 4), ("y\n", 0, 0)])
    def test_clear_asks_and_says_how_many(
        self,
        run: Callable[..., Any],
        filled: SemanticCache,
        *,
        reply: str,
        code: int,
        left: int,
    ) -> None:
        ran = run("clear", stdin=reply)
        assert "Delete 4 entries from" in ran.err
        assert (ran.code, len(filled.entries())) == (code, left)

    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Somebody sits there: the runner's input is not a terminal by itself."""
        monkeypatch.setattr("cacheback.cli.forgetting.is_interactive", lambda: True)


class TestCheck:
    @pytest.mark.usefixtures("filled")
    def test_all_is_well(self, run: Callable[..., Any], directory: Path) -> None:
        ran = run("check")
        assert ran.code == 0
        assert "No damage found" in ran.out
        assert run("check", "--json").json == {
            "ok": True,
            "database": str(directory / "cache.db"),
            "findings": [],
        }

    @pytest.mark.usefixtures("filled")
    def test_damage_is_named_and_ends_it_with_1(
        self, run: Callable[..., Any], directory: Path
    ) -> None:
        with closing(sqlite3.connect(directory / "cache.db")) as db, db:
            db.execute("UPDATE entries SET answer = '{}' WHERE id = 2")
        ran = run("check")
        assert ran.code == 1
        assert "entry 2 is damaged" in ran.out
        assert "cacheback delete" in ran.err
        told = run("check", "--json").json
        assert (told["ok"], len(told["findings"])) == (False, 1)

    def test_it_works_on_what_another_embedder_filled(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        filled.store.set_meta({"reembedding": "{}"})
        assert run("check").code == 0
        assert run("stats").code == 3
