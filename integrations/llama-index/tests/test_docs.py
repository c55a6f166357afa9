"""What README and documentation show runs as it stands, and leaves nothing out."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.llms.cacheback import CachebackLLM

from cacheback.testing import ScriptedUpstream

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "integrations/llama-index/README.md"]
GUIDE = (ROOT / "docs/llamaindex.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=["cacheback", "llama-index"])
def test_the_example_runs(page: Path, tmp_path: Path, upstream: ScriptedUpstream) -> None:
    snippets = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    (snippet,) = [one for one in snippets if "llama_index" in one]
    assert len([line for line in snippet.splitlines() if line]) <= 10
    env = {
        "HOME": str(tmp_path),
        "OPENAI_API_KEY": "x",
        "OPENAI_API_BASE": upstream.openai_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("{'semantic': 1}\n")
    assert upstream.calls == 1


def test_every_argument_is_told() -> None:
    given = inspect.signature(CachebackLLM.__new__).parameters
    named = [name for name in given if name not in ("cls", "settings")]
    assert re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE) == named
