"""The harness of the benchmarks runs from end to end. No time is asserted: machines differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a quick run of every group writes."""
    pytest.importorskip("psutil")
    file = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def test_every_promised_figure_is_measured_beside_its_floor(told: Any) -> None:
    figures = told["figures"]
    for promised in (
        "exact lookup, hot",
        "semantic lookup among",
        "one pair judged",
        "what was learned of a pair",
        "judging in a lookup that needs it",
        "semantic lookup that the judge decides",
        "populate",
        "import",
        "import cacheback",
        "first exact lookup",
        "first semantic lookup",
        "open",
        "memory per entry",
        "8 threads, mixed",
    ):
        found = [figure for figure in figures if figure["name"].startswith(promised)]
        assert found, promised
        for figure in found:
            assert figure["value"] > 0
            assert figure["floor"] > 0
            assert figure["ratio"] > 0
            assert figure["floor_is"]


def test_threads_made_no_errors(told: Any) -> None:
    (errors,) = [figure for figure in told["figures"] if figure["name"].endswith("errors")]
    assert errors["met"], errors["note"]


def test_the_machine_is_described(told: Any) -> None:
    facts = told["facts"]
    assert {"date", "CPU", "cores", "memory", "system", "Python", "onnxruntime"} <= facts.keys()


def test_a_quick_run_leaves_the_results_alone(told: Any) -> None:
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    assert told["facts"]["date"] not in results
