"""The command: it starts, serves, says what is wrong, and stops when it has finished."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cacheback.testing import ScriptedUpstream

BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "How do I reset my password?"}],
}
Start = Callable[..., "Served"]


class Served:
    """A proxy in a process of its own."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cacheback", "serve", "--port", "0", *arguments],
            env={**os.environ, **environ},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        found = re.search(r"http://[\d.:]+", self.said)
        self.url = found[0] if found else ""

    def ask(self, **more: Any) -> httpx2.Response:
        return httpx2.post(
            f"{self.url}/v1/chat/completions", json={**BODY, **more}, timeout=60, trust_env=False
        )

    def stop(self) -> str:
        """Stop it, and return what it said until then."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        return self.said + self.process.stderr.read()


@pytest.fixture
def start(upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[Start]:
    started: list[Served] = []

    def starting(*arguments: str, **environ: str) -> Served:
        told = {
            "CACHEBACK_OPENAI_URL": upstream.openai_url,
            "CACHEBACK_CACHE_DIR": str(tmp_path / "cache"),
            **environ,
        }
        served = Served(told, *arguments)
        started.append(served)
        return served

    yield starting
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
        if one.process.stderr is not None:
            one.process.stderr.close()


def test_it_serves_and_keeps_what_it_learnt(start: Start, upstream: ScriptedUpstream) -> None:
    first = start()
    assert first.ask().headers["x-cacheback-hit"] == "false"
    first.stop()
    assert start().ask().headers["x-cacheback-hit"] == "true"
    assert upstream.calls == 1


def test_health(start: Start) -> None:
    served = start()
    assert httpx2.get(f"{served.url}/healthz").json() == {"status": "ok"}
    assert httpx2.get(f"{served.url}/readyz").json() == {"status": "ok"}


def test_workers_share_what_they_learnt(start: Start, upstream: ScriptedUpstream) -> None:
    served = start("--workers", "2")
    served.ask()
    # Each request on a connection of its own: whichever worker takes it has the answer.
    assert {served.ask().headers["x-cacheback-hit"] for _ in range(20)} == {"true"}
    assert upstream.calls == 1


def test_a_stream_is_finished_before_it_stops(start: Start, upstream: ScriptedUpstream) -> None:
    served = start()
    upstream.hold()
    told: list[httpx2.Response] = []
    asking = threading.Thread(target=lambda: told.append(served.ask(stream=True)))
    asking.start()
    upstream.wait_for(1)
    served.process.send_signal(signal.SIGTERM)
    upstream.release()
    asking.join()
    assert told[0].content.endswith(b"data: [DONE]\n\n")
    served.stop()


def test_logs_hold_neither_keys_nor_questions(start: Start) -> None:
    served = start(CACHEBACK_LOG_REQUESTS="true")
    httpx2.post(
        f"{served.url}/v1/chat/completions?key=sk-query",
        json=BODY,
        headers={"authorization": "Bearer sk-client"},
    )
    said = served.stop()
    assert "POST /v1/chat/completions 200" in said
    assert not any(secret in said for secret in ("sk-client", "sk-query", "password"))


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"CACHEBACK_PORT": "x"}, "CACHEBACK_PORT='x' cannot be read"),
        ({"CACHEBACK_HOST": "0.0.0.0", "OPENAI_API_KEY": "sk-x"}, "CACHEBACK_CLIENT_KEYS"),
        ({"CACHEBACK_CACHE_DIR": ":memory:", "CACHEBACK_WORKERS": "2"}, "several workers cannot"),
        ({"CACHEBACK_EMBEDDER": "nobodys"}, "nobodys"),
    ],
)
def test_a_bad_setting_stops_the_start_with_a_sentence(
    start: Start, environ: dict[str, str], complaint: str
) -> None:
    served = start(**environ)
    assert served.process.wait(60) == 2
    assert served.said.startswith("Error: ")
    assert complaint in served.said
    assert "sk-x" not in served.said


def test_a_port_that_is_taken_is_a_sentence(start: Start) -> None:
    first = start()
    second = start("--port", first.url.rpartition(":")[2])
    assert second.process.wait(60) == 3
    assert "in use" in second.said


def test_server_keys_without_client_keys_are_used_for_nobody_and_it_says_so(start: Start) -> None:
    served = start(OPENAI_API_KEY="sk-x")
    assert "CACHEBACK_CLIENT_KEYS" in served.stop()


def test_help_lists_every_setting_with_its_source() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cacheback", "serve", "--help"],
        env={**os.environ, "CACHEBACK_TTL": "7", "OPENAI_API_KEY": "sk-x", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = re.sub(r"\s+", " ", done.stdout)
    assert "[7.0; CACHEBACK_TTL]" in told
    assert "[set; OPENAI_API_KEY]" in told
    assert "[8080; default]" in told
    assert "sk-x" not in told
