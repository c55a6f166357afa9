"""`cacheback bench cas`, and the questions it asks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import ConfigurationError, InputError
from cacheback.cli.cas.cases import load
from cacheback.cli.cas.scoring import coverage, grading, mark, ratio
from cacheback.synthesizers.endpoint import KEYS
from cacheback.testing import Reply, ScriptedUpstream

pytest.importorskip("matplotlib", reason="the chart needs the extra `bench`")
pytest.importorskip("openai", reason="either SDK brings an HTTP library")


class TestQuestions:
    def test_five_domains_of_twenty_with_a_quarter_to_refuse(self) -> None:
        cases = load()
        domains = Counter(case.domain for case in cases)
        assert sorted(domains.values()) == [20] * 5
        assert Counter(case.suffices for case in cases) == {True: 75, False: 25}
        assert len({case.question for case in cases}) == 100
        assert all(case.facts and all(case.facts) and case.neighbours for case in cases)

    @pytest.mark.parametrize("case", load(), ids=lambda case: case.question)
    def test_neighbours_that_do_not_suffice_do_not_hold_the_facts(self, case: Any) -> None:
        told = " ".join(one.answer for one in case.neighbours)
        if not case.suffices:
            assert coverage(told, case.facts) < 1
        assert case.question not in {one.question for one in case.neighbours}

    def test_none_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="--questions"):
            load(tmp_path)

    @pytest.mark.parametrize("text", ["{", "[{}]", '[{"question": "a"}]', "[7]"])
    def test_a_file_that_is_none(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InputError, match="holds no questions"):
            load(tmp_path)


class TestScores:
    @pytest.mark.parametrize(
        ("text", "facts", "share"),
        [
            ("It is 384,400 km away.", [["384400"]], 1.0),
            ("It is 384\u202f400 km away.", [["384400"]], 1.0),
            ("Bras\u00edlia, of course.", [["brasilia"]], 1.0),
            ("It is **immutable**.", [["mutable"]], 0.0),
            ("Use `reset --soft`\n now", [["reset --soft now"]], 1.0),
            ("json.loads", [["json.load"]], 0.0),
            ("1.28 s", [["1.3", "1.28"], ["2"]], 0.5),
            ("a | b", [["|"]], 1.0),
            ("O(n log n)", [["O(n)"]], 0.0),
        ],
    )
    def test_facts_are_found_as_whole_words(self, text: str, facts: Any, share: float) -> None:
        assert coverage(text, facts) == share

    @pytest.mark.parametrize(
        ("reply", "expected"),
        [
            ("SCORE: 7", 7),
            ("**Score: 10**", 10),
            ("SCORE: 11", None),
            ("SCORE: 0", None),
            ("", None),
        ],
    )
    def test_a_mark(self, reply: str, expected: int | None) -> None:
        assert mark(reply) == expected

    def test_what_a_judge_reads_is_quoted(self) -> None:
        prompt = grading("Q?", [["a", "b"], ["c"]], "x\nSCORE: 10")
        assert prompt.user == "Q| Q?\nFACT| a / b\nFACT| c\nA| x\nA| SCORE: 10"

    def test_a_ratio_and_its_interval(self) -> None:
        found = ratio([(0.5, 1.0), (1.0, 1.0)] * 20)
        assert found is not None
        assert found.value == 0.75
        assert 0.6 < found.low < 0.75 < found.high < 0.9
        assert ratio([(0.5, 1.0), (1.0, 1.0)] * 20) == found
        same = ratio([(1.0, 1.0)] * 9)
        assert same is not None
        assert (same.low, same.high) == (1.0, 1.0)

    @pytest.mark.parametrize("pairs", [[], [(1.0, 0.0)]])
    def test_no_ratio(self, pairs: Any) -> None:
        assert ratio(pairs) is None


class TestCommand:
    @pytest.fixture(autouse=True)
    def _no_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in KEYS:
            monkeypatch.delenv(name, raising=False)

    def test_without_a_key_the_harness_is_proved_and_says_so(
        self, run: Callable[..., Any], tmp_path: Path
    ) -> None:
        folder = tmp_path / "report"
        ran = run("bench", "cas", "--limit", "20", "--out", str(folder), "--json")
        assert ran.code == 0
        assert ran.json["scripted"] is True
        everything, *domains = ran.json["figures"]
        assert everything["questions"] == 100
        assert [one["questions"] for one in domains] == [20] * 5
        # What the script does on purpose: 3 of 25 that it should refuse are answered, 6 of 75
        # that it should answer are refused.
        assert everything["reasons"] == {"synthesized": 72, "synthesis_refused": 28}
        assert everything["recall"] == pytest.approx(22 / 25)
        assert everything["precision"] == pytest.approx(22 / 28)
        assert everything["answered"] == pytest.approx(69 / 75)
        assert 0.5 < everything["facts"]["value"] < 1.2
        assert everything["quality"] is not None
        page = (folder / "report.md").read_text("utf-8")
        assert "No model was asked." in page
        assert "proves the harness only" in (folder / "report.svg").read_text("utf-8")
        assert page.count("\n- ") == 3

    def test_the_summary(self, run: Callable[..., Any], tmp_path: Path) -> None:
        ran = run("bench", "cas", "--limit", "1", "--out", str(tmp_path))
        assert "prove the harness only" in ran.out
        assert "written to" in ran.out

    def test_models_of_one_s_own(
        self, run: Callable[..., Any], tmp_path: Path, upstream: ScriptedUpstream
    ) -> None:
        upstream.script("Large.", "SOURCES: 1\nSmall.", "Large.", "INSUFFICIENT")
        asking = ("--model", "local/small", "--upstream", "large", "--limit", "1")
        (tmp_path / "only.json").write_text(
            json.dumps(
                [
                    {
                        "question": "How high is it?",
                        "suffices": True,
                        "facts": [["small"]],
                        "neighbours": [{"question": "How high is that?", "answer": "Small."}],
                    }
                ]
            )
        )
        given = ("--base-url", upstream.openai_url, "--questions", str(tmp_path), "--json")
        ran = run("bench", "cas", *asking, *given, "--out", str(tmp_path / "out"))
        assert ran.json["scripted"] is False
        assert ran.json["judge"] is None
        figures = ran.json["figures"][0]
        assert (figures["facts_direct"], figures["facts_written"]) == (0.0, 1.0)
        assert figures["facts"] is None
        page = (tmp_path / "out" / "report.md").read_text("utf-8")
        assert "without a judge" in page
        assert "No model was asked" not in page
        large, small = upstream.requests
        assert (large.json["model"], small.json["model"]) == ("large", "small")
        assert "1 A| Small." in small.json["messages"][1]["content"]

    def test_a_model_that_cannot_be_asked_ends_it(
        self, run: Callable[..., Any], tmp_path: Path, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(status=401))
        ran = run("bench", "cas", "--base-url", upstream.openai_url, "--out", str(tmp_path))
        assert ran.code == 3
        assert "answered 401" in ran.err
