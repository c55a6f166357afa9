"""What the README shows runs as it stands, against the scripted provider."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cacheback.testing import ScriptedUpstream

README = Path(__file__).parent.parent / "README.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
# Those of a framework are run where it is installed: by the tests of its package.
FRAMEWORKS = ("langchain_cacheback", "llama_index")
ELSEWHERE = [one for one in SNIPPETS if any(name in one for name in FRAMEWORKS)]
HERE = [snippet for snippet in SNIPPETS if snippet not in ELSEWHERE]
EXPECTED = [
    "tier=<Tier.SEMANTIC",
    "True\n",
    "{False, True}",
    "True None\nFalse",
    "above_threshold",
    "blocked pattern 1: bridge of death",
    "Yes.",
    "Five working days, too.\n",
]


def test_every_snippet_is_expected_to_say_something() -> None:
    assert len(HERE) == len(EXPECTED)


@pytest.mark.parametrize(("snippet", "expected"), list(zip(HERE, EXPECTED, strict=True)))
def test_a_snippet_runs(
    snippet: str, expected: str, tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    env = {
        "HOME": str(tmp_path),
        "OPENAI_API_KEY": "x",
        "OPENAI_BASE_URL": upstream.openai_url,
        "ANTHROPIC_API_KEY": "x",
        "ANTHROPIC_BASE_URL": upstream.anthropic_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_way_of_use_takes_about_ten_lines(snippet: str) -> None:
    assert len([line for line in snippet.splitlines() if line]) <= 10
