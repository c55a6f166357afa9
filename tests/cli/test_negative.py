"""`cacheback negative`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.embedders import BaseEmbedder

SWALLOW = "What is the airspeed of an unladen swallow?"
SHORT = "airspeed of swallows"


@pytest.fixture
def blocked(directory: Path, embedder: BaseEmbedder) -> Any:
    with SemanticCache(directory, embedder=embedder) as cache:
        cache.negative.add("How do I pick a lock?", ttl=7_200)
        cache.negative.add(SWALLOW, "bridge")
        cache.negative.add("Who goes there?", namespace="acme")
        yield cache


class TestAdd:
    def test_it_makes_the_directory_and_blocks(
        self, run: Callable[..., Any], directory: Path, embedder: BaseEmbedder
    ) -> None:
        ran = run("negative", "add", SWALLOW, "--reason", "bridge", "--ttl", "1h")
        assert (ran.code, ran.out) == (0, f"1: {SWALLOW}\n")
        with SemanticCache(directory, embedder=embedder) as cache:
            match = cache.negative.check(SHORT)
        assert match is not None
        assert match.reason == "bridge"
        assert match.entry.expires_at == pytest.approx(match.entry.created_at + 3600)

    def test_in_a_namespace(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        ran = run("negative", "add", "What?", "--namespace", "acme", "--ttl", "never", "--json")
        ((added),) = ran.json
        assert (added["namespace"], added["expires_at"]) == ("acme", None)
        assert blocked.negative.check("What?") is None

    def test_what_list_prints_is_read_back(
        self, run: Callable[..., Any], blocked: SemanticCache, tmp_path: Path
    ) -> None:
        for text in ("a", "b", "c"):
            blocked.negative.report_false_positive(1, text)
        blocked.negative.add("Are you a bot?", ttl=7_200)
        printed = run("negative", "list", "--json").out
        ran = run(
            "--cache-dir", str(tmp_path / "other"), "negative", "add", "--from", "-", stdin=printed
        )
        assert ran.code == 0
        assert "2 blocked, 1 passed over" in ran.err
        again = run("--cache-dir", str(tmp_path / "other"), "negative", "list", "--json").json
        before = json.loads(printed)
        for one, other in zip(before[:2], again, strict=True):
            for name in ("pattern", "reason", "namespace"):
                assert one[name] == other[name]
            assert one["expires_at"] == pytest.approx(other["expires_at"])

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "not JSON"),
            ("{}", "not a list"),
            ("[" * 100_000, "not JSON"),
            ('[{"pattern": "a"}, {"pattern": " "}]', "item 2 of the file has no pattern"),
            ('[{"pattern": "a"}, {}]', "item 2 of the file has no pattern"),
            ('[{"pattern": "a", "expires_at": "soon"}]', "expires_at of item 1"),
        ],
    )
    def test_a_file_that_is_no_list_adds_nothing(
        self, run: Callable[..., Any], blocked: SemanticCache, text: str, problem: str
    ) -> None:
        ran = run("negative", "add", "--from", "-", stdin=text)
        assert ran.code == 2
        assert problem in ran.err
        assert blocked.stats().negatives == 3

    def test_none_for_no_time_at_all(self, run: Callable[..., Any]) -> None:
        ran = run("negative", "add", "a", "--ttl", "0s")
        assert ran.code == 2
        assert "--ttl 0" in ran.err

    @pytest.mark.parametrize("given", [(), ("a", "--from", "-"), ("",)])
    def test_what_to_add_must_be_said_once(
        self, run: Callable[..., Any], given: tuple[str, ...]
    ) -> None:
        assert run("negative", "add", *given, stdin="[]").code == 2


class TestList:
    def test_newest_first(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        blocked.negative.report_false_positive(2, SHORT)
        ran = run("negative", "list")
        assert ran.code == 0
        for text in (SWALLOW, "bridge", "0.85", "0.901", "active", "in 1 h"):
            assert text in ran.out
        assert "Who goes there?" not in ran.out
        told = run("negative", "list", "--json").json
        assert [one["id"] for one in told] == [2, 1]
        assert (told[0]["reports"], told[0]["state"]) == (1, "active")
        assert [one["id"] for one in run("negative", "list", "--limit", "1", "--json").json] == [2]
        named = run("negative", "list", "--namespace", "acme", "--json").json
        assert [one["pattern"] for one in named] == ["Who goes there?"]

    def test_nothing(self, run: Callable[..., Any], directory: Path) -> None:
        assert run("negative", "list").code == 2
        SemanticCache(directory).close()
        ran = run("negative", "list")
        assert (ran.code, ran.out) == (0, "")
        assert "nothing is blocked" in ran.err


class TestRemove:
    def test_by_id(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        ran = run("negative", "remove", "2", "3")
        assert (ran.code, ran.out) == (0, "Removed 2 of 2.\n")
        assert blocked.negative.check(SHORT) is None

    def test_an_id_that_is_not_there(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        ran = run("negative", "remove", "2", "99", "--json")
        assert (ran.code, ran.json) == (1, {"removed": 1})
        assert ran.err == "Error: there is no blocked pattern 99\n"
        assert blocked.stats().negatives == 2
        ran = run("negative", "remove", "98", "99")
        assert ran.err == "Error: there are no blocked patterns 98, 99\n"


class TestCheck:
    def test_blocked(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        ran = run("negative", "check", SHORT)
        assert ran.code == 0
        for text in ("blocked by pattern 2", "fewer words", "0.79", SWALLOW, "bridge"):
            assert text in ran.out
        told = run("negative", "check", SHORT, "--json").json
        assert (told["question"], told["match"]["rule"]) == (SHORT, "contained")
        assert told["match"]["entry"]["id"] == 2
        assert blocked.stats().blocked == {}

    def test_not_blocked(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        ran = run("negative", "check", "what do swallows eat")
        assert (ran.code, ran.out) == (1, "✓ not blocked\n")
        assert run("negative", "check", SHORT, "--namespace", "acme").code == 1
        assert run("negative", "check", "hm", "--json").json["match"] is None
        assert blocked.negative.check(SHORT)


class TestReport:
    def test_the_question_passes(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        ran = run("negative", "report", "2", SHORT)
        assert ran.code == 0
        assert ran.out.startswith("Pattern 2: 1 report, bar 0.90")
        assert blocked.negative.check(SHORT) is None
        assert blocked.negative.check(SWALLOW)

    def test_without_a_question(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        told = run("negative", "report", "2", "--json").json
        assert told["threshold"] == pytest.approx(0.925)
        assert blocked.negative.list()[0].reports == 1

    def test_a_pattern_that_is_not_there(
        self, run: Callable[..., Any], blocked: SemanticCache
    ) -> None:
        ran = run("negative", "report", "99", "x")
        assert ran.code == 2
        assert "99" in ran.err
        assert blocked.stats().negatives == 3


class TestElsewhere:
    def test_stats_tell(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        with pytest.raises(Exception, match="bridge"):
            blocked.lookup(SHORT)
        blocked.stats()
        told = run("stats", "--json").json
        assert (told["negatives"], told["blocked"]) == (3, {"raised": 1})
        assert "3 patterns" in run("stats").out

    def test_lookup_says_that_it_is_blocked(
        self, run: Callable[..., Any], blocked: SemanticCache
    ) -> None:
        blocked.populate(SHORT, "11 m/s")
        ran = run("lookup", SHORT, "--json")
        assert (ran.code, ran.json["reason"], ran.json["detail"]) == (1, "blocked", "bridge")

    def test_doctor_counts_them(self, run: Callable[..., Any], blocked: SemanticCache) -> None:
        assert blocked.stats().negatives == 3
        findings = {one["name"]: one for one in run("doctor", "--json").json["findings"]}
        assert "3 blocked patterns" in findings["database"]["found"]
