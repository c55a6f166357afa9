"""What every test of a command uses: a filled directory, and two ways to run a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cacheback import SemanticCache
from cacheback.cli import console
from cacheback.cli.main import main
from cacheback.embedders import BaseEmbedder

SYSTEM = "You are Acme's assistant. Today is 2026-11-%02d."


class Ran:
    """What a command printed, and how it ended."""

    def __init__(self, result: Result) -> None:
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings and no home of the machine, and a terminal of a known width."""
    for name in list(os.environ):
        if name.startswith("CACHEBACK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    # Read once, when it was made: processes that run tests side by side have another one then.
    for one in (console.out, console.err):
        monkeypatch.setattr(one, "_width", 100)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the commands of a test work; it does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def run(directory: Path) -> Callable[..., Ran]:
    """Runs a command in this process, on the test's directory."""

    def run(*arguments: str, stdin: str | bytes | None = None) -> Ran:
        given = ["--cache-dir", str(directory), *arguments]
        return Ran(CliRunner().invoke(main, given, input=stdin))

    return run


@pytest.fixture
def process(directory: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs a command as users do, in a process of its own."""

    def process(
        *arguments: str, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "cacheback.cli", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            env={**os.environ, "CACHEBACK_CACHE_DIR": str(directory), **environment},
        )

    return process


@pytest.fixture
def filled(directory: Path, embedder: BaseEmbedder) -> Iterator[SemanticCache]:
    """Four entries: 1 in the empty scope, 2 and 3 the same question on two days, 4 with tags."""
    with SemanticCache(directory, embedder=embedder) as cache:
        cache.populate("What is the capital of France?", "Paris.")
        question = "How do I reset my password?"
        for day in (1, 2):
            scope = {"model": "m", "system": SYSTEM % day}
            cache.populate(question, f"Press 'Forgotten' ({day}).", scope=scope)
        cache.populate("How do I close my account?", "Write.", tags=["faq"], namespace="acme")
        yield cache
