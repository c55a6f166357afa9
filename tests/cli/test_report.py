"""`cacheback report`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.cli.report import quoted
from cacheback.core.learning import pair_digest
from cacheback.core.ports import JudgementDraft, Lesson
from cacheback.core.scope import question_digest
from cacheback.models import Label, Saved

PASSWORD = "How do I close my account?"


@pytest.fixture
def log(filled: SemanticCache) -> Callable[..., None]:
    """Notes a hit by meaning of entry 4, and what is known of it, as a running cache does."""
    entry = filled.store.get([4])[0]

    def log(question: str, label: Label | None = None, **rest: Any) -> None:
        digest = question_digest(question)
        given: dict[str, Any] = {"probability": 0.9, "served": True, "at": 1e9, **rest}
        draft = JudgementDraft(
            scope=entry.scope,
            entry_id=4,
            question=question,
            question_digest=digest,
            similarity=0.95,
            saved=Saved(100, 0.002, 1.5),
            label=label,
            labelled_by="answers" if label else None,
            **given,
        )
        pair = pair_digest(digest, entry.question_digest)
        lesson = Lesson(given["at"], pair, entry.scope, 4, label == "right", "answers", 0.9)
        filled.store.learned.add([draft], [lesson] if label else [], keep=10_000)

    return log


class TestFigures:
    def test_nothing_yet_says_what_to_do(
        self, run: Callable[..., Any], filled: SemanticCache
    ) -> None:
        ran = run("report")
        assert (ran.code, ran.out) == (0, "")
        assert "CACHEBACK_MODE=shadow" in ran.err.replace("\n", " ")
        assert "in this time" in run("report", "--since", "1h").err
        assert run("report", "--json").json["served"]["hit_rate"] is None
        filled.lookup("What is the capital of France?")
        filled.stats()
        assert "nothing was served by meaning" in run("report").err
        assert run("report", "--json").json["served"]["hit_rate"] == 1

    def test_both_sides(
        self, run: Callable[..., Any], filled: SemanticCache, log: Callable[..., None]
    ) -> None:
        counters = {
            "hits.semantic": 2,
            "misses.empty": 6,
            "saved.tokens": 200,
            "shadow.hits.exact": 1,
            "shadow.hits.semantic": 3,
            "shadow.misses": 4,
            "shadow.saved.tokens": 1_234,
            "shadow.saved.money": 0.5,
            "shadow.saved.seconds": 61,
        }
        filled.store.record({}, counters)
        for number in range(3):
            log(f"shadow {number}", "wrong" if number == 0 else "right", served=False)
        log("served")
        shown = run("report").out
        assert "4 of 8 (50.0% from memory)" in shown
        assert "2 of 8 (25.0% from memory)" in shown
        assert "1 (33.3%), from 0.8% to 90.6%" in shown
        for told in ("Tokens saved", "1,234", "$0.50", "1 min"):
            assert told in shown
        told = run("report", "--json").json
        assert told["shadow"]["hits"] == {"exact": 1, "semantic": 3}
        assert told["shadow"]["errors"]["rate"] == pytest.approx(1 / 3)
        assert told["shadow"]["errors"]["high"] == pytest.approx(0.9057, abs=1e-4)
        assert told["served"]["errors"] == {
            "compared": 0,
            "wrong": 0,
            "low": 0,
            "high": 1,
            "rate": None,
        }
        assert sum(one["right"] + one["wrong"] + one["unknown"] for one in told["bins"]) == 4

    def test_since(
        self, run: Callable[..., Any], filled: SemanticCache, log: Callable[..., None]
    ) -> None:
        now = filled.engine.parts.clock()
        log("old", at=now - 8 * 86_400)
        log("new", at=now - 6 * 86_400)
        told = run("report", "--since", "7d", "--json").json
        assert told["served"]["hits"] == {"semantic": 1}
        assert told["served"]["misses"] is None
        assert told["served"]["saved"] == {"tokens": 100, "money": 0.002, "seconds": 1.5}
        assert [one["question"] for one in told["pairs"]] == ["new"]
        assert "Hits" in run("report", "--since", "7d").out

    def test_reports_of_persons_are_told_apart(
        self, run: Callable[..., Any], filled: SemanticCache, log: Callable[..., None]
    ) -> None:
        log("served")
        filled.feedback(4, "wrong")
        assert run("report", "--json").json["reported"] == {"right": 0, "wrong": 1}
        shown = run("report").out
        assert "Reported by persons: 1 wrong" in shown
        assert "Worth a look" not in shown


class TestPairs:
    def test_each_with_the_command_that_answers(
        self, run: Callable[..., Any], log: Callable[..., None]
    ) -> None:
        log("Can I delete my account?", probability=0.7)
        log("Is it wrong?", "wrong")
        shown = run("report").out
        assert shown.index("Is it wrong?") < shown.index("Can I delete")
        command = "cacheback feedback 4 --wrong --question 'Can I delete my account?'"
        assert command in shown
        assert "served from 4: How do I close my account?" in shown
        told = run("report", "--json", "--pairs", "1").json["pairs"]
        assert [(one["question"], one["doubt"]) for one in told] == [
            ("Is it wrong?", "compared_wrong")
        ]
        assert not run("report", "--json", "--pairs", "0").json["pairs"]

    def test_the_command_is_on_one_line_however_long(
        self, run: Callable[..., Any], log: Callable[..., None]
    ) -> None:
        question = " ".join(["Why?"] * 100)
        log(question)
        assert f"cacheback feedback 4 --wrong --question '{question}'" in run("report").out

    @pytest.mark.parametrize(
        "text",
        ["plain", "it's", "two\nlines\\n", "\x1b[31mred", "Ünïcode \U0001f600\u202e", "$(ls) `ls`"],
    )
    def test_a_shell_reads_what_was_asked(self, text: str) -> None:
        assert quoted(text).isprintable()
        script = f"printf %s {quoted(text)}"
        told = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            check=True,
            env={"LC_ALL": "C.UTF-8"},
        )
        assert told.stdout.decode() == text


class TestChart:
    def test_it_is_drawn(
        self, run: Callable[..., Any], log: Callable[..., None], tmp_path: Path
    ) -> None:
        pytest.importorskip("matplotlib")
        log("a", "right")
        log("b", "wrong", probability=0.5)
        ran = run("report", "--out", str(tmp_path / "hits.png"))
        assert ran.code == 0
        assert (tmp_path / "hits.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert "Compared with" in ran.out

    @pytest.mark.parametrize(
        ("name", "begin"),
        [("hits.PNG", b"\x89PNG"), ("hits.svg", b"<?xml"), ("hits.pdf", b"%PDF")],
    )
    def test_the_suffix_names_the_format(
        self,
        run: Callable[..., Any],
        log: Callable[..., None],
        tmp_path: Path,
        name: str,
        begin: bytes,
    ) -> None:
        pytest.importorskip("matplotlib")
        log("a", "right")
        assert run("report", "--out", str(tmp_path / name)).code == 0
        assert (tmp_path / name).read_bytes().startswith(begin)

    @pytest.mark.usefixtures("filled")
    @pytest.mark.parametrize("name", ["hits.gif", "hits"])
    def test_another_format_is_2(self, run: Callable[..., Any], tmp_path: Path, name: str) -> None:
        ran = run("report", "--out", str(tmp_path / name))
        assert (ran.code, ran.out) == (2, "")
        assert f"{name}' must end in .png, .svg or .pdf" in ran.err
        assert list(tmp_path.glob("hits*")) == []

    @pytest.mark.usefixtures("filled")
    def test_of_nothing_there_is_none(self, run: Callable[..., Any], tmp_path: Path) -> None:
        ran = run("report", "--out", str(tmp_path / "hits.png"))
        assert (ran.code, list(tmp_path.glob("*.png"))) == (0, [])
        assert "no chart" in ran.err

    def test_without_the_extra_there_are_the_figures(
        self,
        run: Callable[..., Any],
        log: Callable[..., None],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        log("a", "right")
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        ran = run("report", "--out", str(tmp_path / "hits.png"))
        assert ran.code == 2
        assert "Compared with" in ran.out
        assert "cacheback-ai[bench]" in ran.err
