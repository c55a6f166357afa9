"""The steps of the Dockerfile, without Docker; `nox -s image` also builds and lints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cacheback.testing import ScriptedUpstream

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
BUILT = os.environ.get("CACHEBACK_BUILT")


def check(url: str) -> int:
    """What the image's health check says of a port."""
    command = ["sh", str(ROOT / "docker" / "check.sh"), sys.executable]
    environ = {**os.environ, "CACHEBACK_PORT": url.rpartition(":")[2]}
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode


def test_every_script_is_there_and_in_the_build_context() -> None:
    named = re.findall(r"docker/[\w.]+", DOCKERFILE)
    assert set(named) == {f"docker/{one.name}" for one in (ROOT / "docker").iterdir()}
    assert "!docker" in (ROOT / ".dockerignore").read_text()


def test_it_runs_without_root_and_keeps_its_entries_in_a_volume() -> None:
    *_, last = DOCKERFILE.split("\nFROM ")
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert "CACHEBACK_CACHE_DIR=/data" in last
    assert "VOLUME /data" in last


def test_the_health_check_tells_a_proxy_that_answers(proxy: Any) -> None:
    assert check(proxy.url) == 0


def test_the_health_check_tells_one_that_does_not(upstream: ScriptedUpstream) -> None:
    assert check(upstream.url) != 0


@pytest.mark.skipif(BUILT is None, reason="run by nox -s image")
def test_what_was_built_serves(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    environ = {
        "PATH": f"{BUILT}/bin",
        "CACHEBACK_PORT": "0",
        "CACHEBACK_CACHE_DIR": str(tmp_path / "data"),
        "CACHEBACK_OPENAI_URL": upstream.openai_url,
    }
    with subprocess.Popen(
        [f"{BUILT}/bin/cacheback-proxy"], env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            (url,) = re.findall(r"on (http://[\d.:]+)", process.stderr.readline())
            assert check(url) == 0
        finally:
            process.terminate()
    done = subprocess.run(
        [f"{BUILT}/bin/python3", "-c", "import hnswlib, cacheback.telemetry"], check=False
    )
    assert done.returncode == 0
