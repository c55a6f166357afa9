from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.store.sqlite import SQLiteStore

OWN = """
import os, signal
from cacheback.embedders import BaseEmbedder

class Letters(BaseEmbedder):
    name, dim = "letters", 26
    def encode(self, text):
        if os.environ.get("KILLED_BY") == text:
            os.kill(os.getpid(), signal.SIGKILL)
        return [1.0 + text.lower().count(chr(97 + i)) for i in range(26)]
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An embedder of the user's, in a module where the user is."""
    (tmp_path / "my_embedder.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return "my_embedder:Letters"


def test_there_and_back(process: Callable[..., Any], filled: SemanticCache, own: str) -> None:
    filled.close()
    done = process("reembed", "--embedder", own, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {
        "embedder": own,
        "entries": 4,
        "encoded": 4,
        "exact_only": 0,
        "resumed": False,
    }
    assert process("lookup", "What is the capital of France?").returncode == 2
    with_it = {"CACHEBACK_EMBEDDER": own}
    assert process("lookup", "What is the capital of France?", **with_it).returncode == 0
    assert b"Nothing to do" in process("reembed", **with_it).stdout
    back = process("reembed")
    assert back.stdout.startswith(b"The directory now belongs to the embedder minilm: 4 entries")
    assert process("lookup", "capital of France?").returncode == 0


def test_after_a_kill_it_goes_on_with_what_was_asked(
    process: Callable[..., Any], filled: SemanticCache, directory: Path, own: str
) -> None:
    filled.close()
    killed = process("reembed", "--embedder", own, KILLED_BY="How do I close my account?")
    assert killed.returncode == -signal.SIGKILL
    refused = process("stats")
    assert refused.returncode == 3
    assert b"cacheback reembed" in refused.stderr
    done = process("reembed", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["embedder"] == own
    with closing(SQLiteStore(directory)) as store:
        assert store.check() == []


def test_it_refuses_while_somebody_has_it_open(
    process: Callable[..., Any], filled: SemanticCache, own: str
) -> None:
    done = process("reembed", "--embedder", own)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"open in another process" in done.stderr
    assert len(filled.entries()) == 4


@pytest.mark.parametrize("wanted", ["nope", "nope:Nope", "os:nope", "os:getpid"])
def test_an_embedder_that_is_none_is_2(
    run: Callable[..., Any], filled: SemanticCache, wanted: str
) -> None:
    filled.close()
    ran = run("reembed", "--embedder", wanted)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: ")
