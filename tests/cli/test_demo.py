"""The demo, as a newcomer runs it: the real SDK, a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from cacheback.cli.replay import percentile, sample


def demo(*options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cacheback", "demo", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.fixture(scope="module")
def told() -> Any:
    done = demo("--json", "--questions", "40")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_tier_answers(told: Any) -> None:
    assert told["calls"] == 40
    assert all(tier["calls"] for tier in told["tiers"].values())
    assert sum(tier["calls"] for tier in told["tiers"].values()) == 40


def test_no_answer_from_memory_is_wrong(told: Any) -> None:
    assert [tier["wrong"] for tier in told["tiers"].values()] == [0, 0, 0]


def test_money_and_time_are_saved_by_hits_and_spent_upstream(told: Any) -> None:
    for name in ("exact", "semantic"):
        tier = told["tiers"][name]
        assert tier["money_saved"] > 0
        assert tier["seconds_saved"] > 0.2 * tier["calls"]
        assert tier["cost"] == 0
    assert told["tiers"]["upstream"]["cost"] > 0


def test_a_stream_and_the_anthropic_sdk_are_shown_too(told: Any) -> None:
    assert [one["name"] for one in told["twice"]] == ["CachedOpenAI, streamed", "CachedAnthropic"]
    for one in told["twice"]:
        assert one["same"]
        assert one["again"][0] < one["first"][0]


def test_a_person_reads_a_table_and_why() -> None:
    done = demo("--questions", "40")
    assert done.returncode == 0, done.stderr
    for expected in ("exact", "semantic", "upstream", "same_text", "not served", "because"):
        assert expected in done.stdout


def test_the_real_api_needs_a_key() -> None:
    done = demo("--live", env={})
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr


def test_the_sample_has_repeats_and_one_intent_a_question() -> None:
    rows = sample()
    assert len(rows) > len(set(rows)) > 60
    assert len(dict(rows)) == len(set(rows))


@pytest.mark.parametrize(("share", "expected"), [(0.5, 3), (0.99, 4), (0.0, 1)])
def test_percentiles(share: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], share) == expected
