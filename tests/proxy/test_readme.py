"""The proxy's lines in the README do what they say."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cacheback.testing import ScriptedUpstream

README = Path(__file__).parents[2] / "README.md"
(SNIPPET,) = re.findall(
    r"```\n(pip install 'cacheback-ai\[proxy\].*?)```", README.read_text("utf-8"), re.DOTALL
)


def test_it_takes_five_lines() -> None:
    assert len(SNIPPET.splitlines()) == 5


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_they_run(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    _, *lines = SNIPPET.replace("8080", port).splitlines()
    starts, rest = lines[0], "\n".join(lines[1:])
    asks = rest.replace("curl -i", "curl -is --retry 50 --retry-connrefused --retry-delay 1")
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "OPENAI_API_KEY": "sk-x",
        "CACHEBACK_PORT": port,
        "CACHEBACK_OPENAI_URL": upstream.openai_url,
    }
    told = f"{starts}\n{asks}\n{asks.splitlines()[-2]}\n{asks.splitlines()[-1]}\nkill %1; wait"
    done = subprocess.run(
        ["bash", "-c", told], env=env, capture_output=True, text=True, check=False, timeout=120
    )
    hits = re.findall(r"(?i)x-cacheback-hit: (\w+)", done.stdout)
    assert hits == ["false", "true"], done.stderr
    assert "You asked: Why is the sky blue?" in done.stdout
