"""What the pages show of LangChain runs as it stands, against the scripted provider."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cacheback.testing import ScriptedUpstream

ROOT = Path(__file__).parents[4]
PAGES = ("README.md", "docs/langchain.md", "integrations/langchain/README.md")
SNIPPETS = [
    pytest.param(snippet, id=f"{page}-{number}")
    for page in PAGES
    for number, snippet in enumerate(
        re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    )
    if "langchain" in snippet
]


def test_every_page_shows_one() -> None:
    shown = " ".join(str(one.id) for one in SNIPPETS)
    assert all(page in shown for page in PAGES)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs(snippet: str, tmp_path: Path, upstream: ScriptedUpstream) -> None:
    env = {
        "HOME": str(tmp_path),
        "OPENAI_API_KEY": "x",
        "OPENAI_BASE_URL": upstream.openai_url,
        "OPENAI_API_BASE": upstream.openai_url,
        "ANTHROPIC_API_KEY": "x",
        "ANTHROPIC_BASE_URL": upstream.anthropic_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    for line in re.findall(r"#> (.+)", snippet):  # what it says that it prints
        assert line in done.stdout
