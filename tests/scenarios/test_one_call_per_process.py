"""Identical calls of several processes on one directory: at most one goes upstream from each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cacheback.testing import ScriptedUpstream

pytest.importorskip("openai")

# Every way in which one process can ask many times at once; `ask(n)` gives the answers' texts.
THREADS = """
from concurrent.futures import ThreadPoolExecutor
client = cacheback.CachedOpenAI(**options)
def once(_):
    return client.chat.completions.create(**asked).choices[0].message.content
def ask(n):
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(once, range(n)))
"""
STREAMS = """
from concurrent.futures import ThreadPoolExecutor
client = cacheback.CachedOpenAI(**options)
def once(_):
    chunks = client.chat.completions.create(**asked, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
def ask(n):
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(once, range(n)))
"""
TASKS = """
import asyncio
async def once(client):
    return (await client.chat.completions.create(**asked)).choices[0].message.content
async def all_at_once(n):
    async with cacheback.AsyncCachedOpenAI(**options) as client:
        return await asyncio.gather(*[once(client) for _ in range(n)])
def ask(n):
    return asyncio.run(all_at_once(n))
"""
WORKER = """
import sys, cacheback
directory, url = sys.argv[1:]
options = {"cache_dir": directory, "base_url": url, "api_key": "sk", "max_retries": 0}
question = {"role": "user", "content": "What is the capital of France?"}
asked = {"model": "gpt-4o-mini", "messages": [question]}
%s
print("ready", flush=True)
for count in sys.stdin:
    print(*set(ask(int(count))), flush=True)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, ScriptedUpstream], Any]]:
    def start(ask: str, upstream: ScriptedUpstream) -> Any:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER % ask, str(tmp_path), upstream.openai_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return running.enter_context(process)

    with ExitStack() as running:  # which closes what they read from, and waits for their end
        yield start


def tell(process: Any, count: int) -> None:
    process.stdin.write(f"{count}\n")
    process.stdin.flush()


def test_and_none_once_it_is_stored(
    start: Callable[[str, ScriptedUpstream], Any], upstream: ScriptedUpstream
) -> None:
    processes = [start(ask, upstream) for ask in (THREADS, STREAMS, TASKS)]
    assert [one.stdout.readline() for one in processes] == ["ready\n"] * 3
    upstream.script(*["Paris."] * 3)
    upstream.hold()  # nothing is stored before each process has asked
    for one in processes:
        tell(one, 30)
    upstream.wait_for(3)
    upstream.release()
    assert [one.stdout.readline() for one in processes] == ["Paris.\n"] * 3
    assert upstream.calls == 3
    for one in processes:
        tell(one, 30)
    assert [one.stdout.readline() for one in processes] == ["Paris.\n"] * 3
    assert upstream.calls == 3
