"""Real processes: each test writes its child as a few lines of Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

_PREAMBLE = """
import os, random, resource, signal, sys, threading
from pathlib import Path
from cacheback.core.ports import Selection, Use
from cacheback.errors import *
from cacheback.models import Answer
from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.store_contract import ALL, CITY, digest_of, draft, vector_of

directory = Path(sys.argv[1])

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # one write: whole lines, at once

def hear():
    return sys.stdin.readline().strip()
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a child that runs some code, in which `say` and `hear` talk to the test."""
    with ExitStack() as children:

        def start(directory: Path, code: str, *arguments: object) -> subprocess.Popen[str]:
            child = subprocess.Popen(
                [sys.executable, "-c", _PREAMBLE + code, str(directory), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
            children.enter_context(child)
            children.callback(child.kill)
            return child

        yield start
