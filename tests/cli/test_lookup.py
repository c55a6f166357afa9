from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cacheback import Reason, SemanticCache
from cacheback.cli.words import REASONS

RESET = "How do I reset my password?"
pytestmark = pytest.mark.usefixtures("filled")


def test_a_paraphrase_would_be_served_with_its_figures(run: Callable[..., Any]) -> None:
    ran = run("lookup", "capital of France?")
    assert ran.code == 0
    assert "✓ would be served by the semantic tier" in ran.out
    assert "the same meaning" in ran.out
    assert "Paris." in ran.out


def test_a_near_miss_names_its_reason_and_ends_with_1(run: Callable[..., Any]) -> None:
    ran = run("lookup", "What is the capital of Spain?", "--threshold", "0.3")
    assert ran.code == 1
    assert "✗ would not be served without a scope: a name differs" in ran.out
    assert "[name_differs]" in ran.out


def test_json(run: Callable[..., Any]) -> None:
    ran = run("lookup", "capital of France?", "--json")
    told = ran.json
    assert ran.err == ""
    assert told["served"] is True
    assert (told["tier"], told["reason"]) == ("semantic", "above_threshold")
    assert told["words"] == REASONS[Reason.ABOVE_THRESHOLD]
    assert told["scope"]["parts"] == {}
    nearest = told["candidates"][0]
    assert (nearest["id"], nearest["serve"], nearest["same_scope"]) == (1, True, True)
    assert nearest["similarity"] == pytest.approx(0.95, abs=0.05)


def test_candidates_come_from_everywhere_but_count_only_in_their_scope(
    run: Callable[..., Any],
) -> None:
    ran = run("lookup", "how can I reset my password", "--json")
    told = ran.json
    assert (ran.code, told["served"]) == (1, False)
    assert {one["id"] for one in told["candidates"]} == {1, 2, 3, 4}
    assert [one["serve"] for one in told["candidates"]][:2] == [True, True]
    shown = run("lookup", "how can I reset my password").out
    assert "in its own scope, entry 2 would" in shown
    assert "add --like 2" in shown


def test_the_same_question_elsewhere_is_explained(run: Callable[..., Any]) -> None:
    scope = ("--scope", "model=m", "--scope", "system=You are Acme's assistant.")
    ran = run("lookup", RESET, *scope)
    assert ran.code == 1
    assert "The same question was answered in another scope" in ran.out
    told = run("lookup", RESET, *scope, "--json").json
    assert [one["id"] for one in told["elsewhere"]] == [2, 3]
    (difference,) = told["elsewhere"][1]["differences"]
    assert difference["part"] == "system"
    assert "Today is" in difference["there"]


def test_like_asks_in_the_scope_of_an_entry(run: Callable[..., Any]) -> None:
    ran = run("lookup", RESET, "--like", "3", "--json")
    assert (ran.code, ran.json["tier"]) == (0, "exact")
    assert [one["id"] for one in ran.json["candidates"]] == [3]
    ran = run("lookup", RESET, "--like", "3", "--scope", "model=n", "--json")
    assert ran.code == 1
    assert ran.json["scope"]["parts"]["model"] == "n"


def test_like_leaves_out_the_day(run: Callable[..., Any], filled: SemanticCache) -> None:
    entry = filled.populate("What is the weather today?", "Fine.", scope={"model": "m"})
    filled.populate("Who wrote Faust?", "Goethe.", scope={"model": "m"})
    assert run("lookup", "Who wrote Faust?", "--like", str(entry.id)).code == 0


def test_like_of_an_entry_that_is_not_there_is_2(run: Callable[..., Any]) -> None:
    ran = run("lookup", RESET, "--like", "99")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no entry 99" in ran.err


def test_a_namespace_and_k(run: Callable[..., Any]) -> None:
    assert run("lookup", "How do I close my account?", "--namespace", "acme").code == 0
    assert len(run("lookup", RESET, "-k", "2", "--json").json["candidates"]) == 2


def test_a_part_as_json(run: Callable[..., Any]) -> None:
    ran = run("lookup", "x", "--scope", 'parameters={"top_p": 0.5}', "--json")
    assert ran.json["scope"]["parts"] == {"parameters": {"top_p": 0.5}}


@pytest.mark.parametrize("part", ["model", 'parameters={"top_p"', "modle=m"])
def test_a_part_that_is_none_is_2(run: Callable[..., Any], part: str) -> None:
    ran = run("lookup", "x", "--scope", part)
    assert (ran.code, ran.out) == (2, "")


def test_it_counts_nothing(run: Callable[..., Any]) -> None:
    run("lookup", "capital of France?")
    assert run("stats", "--json").json["lookups"] == 0


def test_a_threshold_from_the_environment(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEBACK_SIMILARITY_THRESHOLD", "0.99")
    assert run("lookup", "capital of France?").code == 1
    assert run("lookup", "capital of France?", "--threshold", "0.9").code == 0


def test_what_could_steer_a_terminal_is_not_printed(
    run: Callable[..., Any], filled: SemanticCache
) -> None:
    filled.populate("Is \x1b[31mthis [bold]red[/]?\r\n\u202e", "\x1b]0;title\x07yes")
    ran = run("entries", "--text", "this")
    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(ran.out)
    assert "[bold]red[/]" in ran.out


def test_output_of_a_process_is_pure_json(
    process: Callable[..., Any], filled: SemanticCache
) -> None:
    filled.populate("Wie heißt das? \ud800", "So.")
    done = process("lookup", "Wie heißt das?", "--json", PYTHONIOENCODING="ascii")
    assert done.stderr == b""
    assert json.loads(done.stdout)["question"] == "Wie heißt das?"


def test_the_sources_of_a_synthesis_are_named_and_no_model_is_asked(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ("lookup", "What is the capital of Spain?")
    monkeypatch.setenv("CACHEBACK_SYNTHESIS_THRESHOLD", "0.5")
    assert run(*question, "--json").json["synthesis"] == []
    monkeypatch.setenv("CACHEBACK_SYNTHESIS_MODE", "auto")
    ran = run(*question, "--json")
    assert ran.code == 1
    assert ran.json["synthesis"] == [1]
    assert "Synthesis would be tried, from entry 1" in run(*question).out


def test_shadow_mode_is_told_and_what_would_be_served_without_it(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ("lookup", "What is the capital of France?")
    assert run(*question, "--json").json["mode"] == "default"
    assert "shadow" not in run(*question).out
    monkeypatch.setenv("CACHEBACK_MODE", "shadow")
    ran = run(*question)
    assert ran.code == 0
    told = " ".join(ran.out.split())
    assert "In shadow mode (CACHEBACK_MODE=shadow) nothing is served" in told
    assert "✓ would be served by the exact tier" in told
    told = run(*question, "--json").json
    assert (told["mode"], told["served"], told["tier"]) == ("shadow", True, "exact")
    missed = run("lookup", "Who wrote Faust?")
    assert missed.code == 1
    assert "nothing is served" in missed.out


@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question_is_2_and_says_how_to_ask(run: Callable[..., Any], question: str) -> None:
    ran = run("lookup", question, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "the question is empty" in ran.err
    assert 'cacheback lookup "How do I reset my password?"' in ran.err
