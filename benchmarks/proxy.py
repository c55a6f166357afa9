"""The proxy under load: exact hits beside a bare handler in the same server, and many streams.

The server is a process of its own; who asks is another, over sockets of loopback: on two cores,
each has one. Asking costs about as much as being asked, so the figures are of the pair.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figure import Figure, Goal
from benchmarks.setting import Setting
from cacheback.testing import ScriptedUpstream

_CONNECTIONS = 64
_STREAMS = 1_000
_PATH = "/v1/chat/completions"
_BARE = "/bare"
_MESSAGES = [{"role": "user", "content": "How do I reset my password?"}]


def figures(setting: Setting) -> Iterator[Figure]:
    if importlib.util.find_spec("fastapi") is None:
        return
    # A model at 5 tokens a second: all streams are open at once.
    with (
        ScriptedUpstream(gap=setting.size(2, 0) / 10) as upstream,
        _serving(upstream.openai_url, setting.scratch / "proxy") as (port, pid),
    ):
        yield from _hits(port, setting.size(10_000, 100))
        yield _streams(port, pid, setting.size(_STREAMS, 10))


def _hits(port: int, calls: int) -> Iterator[Figure]:
    asyncio.run(_ask(port, _PATH, 1, _CONNECTIONS))
    rounds = []
    for _ in range(3):
        pair = [asyncio.run(_ask(port, path, calls, _CONNECTIONS)) for path in (_PATH, _BARE)]
        rounds.append(pair)
    rounds.sort(key=lambda pair: pair[0][0] / pair[1][0])
    (hits, waits), (bare, floors) = rounds[1]
    yield Figure(
        f"proxy: exact hits, {_CONNECTIONS} connections",
        hits,
        "a second",
        floor=bare,
        floor_is="a bare ASGI handler in the same server that answers as many bytes",
        ratio=hits / bare,
        goal=Goal("≥", 0.5, of="ratio"),
    )
    last = -(calls // 100) - 1
    yield Figure(
        f"proxy: exact hit, p99 at {_CONNECTIONS} connections",
        sorted(waits)[last] * 1e3,
        "ms",
        floor=sorted(floors)[last] * 1e3,
        floor_is="as above",
        ratio=sorted(waits)[last] / sorted(floors)[last],
    )


def _streams(port: int, pid: int, count: int) -> Figure:
    process = psutil.Process(pid)
    before = process.memory_info().rss
    whole, peak, seconds = asyncio.run(_stream_all(port, count, process))
    if whole != count:
        raise AssertionError(f"{count - whole} of {count} streams were not whole")
    return Figure(
        f"proxy: {count:,} concurrent streams on one worker, memory for each",
        (peak - before) / count / 1_024,
        "KB",
        note=f"all whole, in {seconds:.1f} s",
    )


# Asking ------------------------------------------------------------------------------------------


async def _ask(port: int, path: str, calls: int, connections: int) -> tuple[float, list[float]]:
    """Calls a second, and the seconds that each waited, over connections that stay open."""
    request = _request(path, _MESSAGES, stream=False)
    waits: list[float] = []

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(max(1, calls // connections)):
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
            waits.append(time.perf_counter() - begun)
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head.decode())
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return len(waits) / (time.perf_counter() - begun), waits


async def _stream_all(port: int, count: int, process: Any) -> tuple[int, int, float]:
    """How many streams came whole, the most memory the server took, and the seconds it took."""
    peak = process.memory_info().rss
    begun = time.perf_counter()

    async def stream(number: int) -> bool:
        question = [{"role": "user", "content": f"Question number {number}?"}]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request(_PATH, question, stream=True))
        told = await reader.readuntil(b"data: [DONE]")
        writer.close()
        return told.startswith(b"HTTP/1.1 200")

    streams = asyncio.gather(*(stream(number) for number in range(count)))
    while not streams.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait([streams], timeout=0.2)
    return sum(await streams), peak, time.perf_counter() - begun


def _request(path: str, messages: list[dict[str, str]], *, stream: bool) -> bytes:
    body = json.dumps({"model": "gpt-4o-mini", "messages": messages, "stream": stream}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-benchmark\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# The server --------------------------------------------------------------------------------------


@contextmanager
def _serving(upstream: str, directory: Path) -> Iterator[tuple[int, int]]:
    """The proxy in a process of its own: its port and its process id."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(there, upstream, directory), daemon=True)
    process.start()
    try:
        yield here.recv(), process.pid or 0
    finally:
        process.terminate()
        process.join()


def _serve(told: Connection, upstream: str, directory: Path) -> None:
    import uvicorn  # noqa: PLC0415 - an extra, as all of these

    from cacheback.config import Settings  # noqa: PLC0415
    from cacheback.proxy.app import Proxy  # noqa: PLC0415
    from cacheback.proxy.server import listen, uvicorn_config  # noqa: PLC0415
    from cacheback.proxy.settings import Configuration, ProxySettings  # noqa: PLC0415

    settings = ProxySettings(openai_url=upstream, max_connections=10_000)
    configuration = Configuration(settings, Settings(cache_dir=directory))
    config = uvicorn_config(configuration)
    config.app = _WithBare(Proxy(configuration.proxy, configuration.cache))
    config.factory = False
    listener = listen("127.0.0.1", 0)
    told.send(listener.getsockname()[1])
    uvicorn.Server(config).run(sockets=[listener])


class _WithBare:
    """The proxy, and beside it a handler that reads the body and answers as many bytes."""

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy
        body = b"x" * 900  # as long as an exact hit
        self._body = {"type": "http.response.body", "body": body}
        headers = [(b"content-type", b"application/json"), (b"content-length", b"900")]
        self._head = {"type": "http.response.start", "status": 200, "headers": headers}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != _BARE:
            await self._proxy(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        await send(self._head)
        await send(self._body)
