"""What passes through, as it came, and what does not."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import httpx2
import pytest

from cacheback.testing import ScriptedUpstream
from cacheback.testing.script import Reply

BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "How do I reset my password?"}],
}
CHAT = "/v1/chat/completions"


def raw(proxy: Any, request: bytes, *, until_closed: bool = True) -> bytes:
    """What comes back for bytes on a socket."""
    host, port = proxy.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        told = b""
        while piece := connection.recv(65_536):
            told += piece
            if not until_closed:
                break
        return told


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        threading.Event().wait(0.005)


class TestPassThrough:
    @pytest.fixture
    def echoing(self, make_proxy: Callable[..., Any]) -> Iterator[Any]:
        with ScriptedUpstream(echo=True) as upstream:
            proxy = make_proxy(openai_url=upstream.openai_url)
            yield proxy, upstream

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST", "OPTIONS"])
    def test_any_method_and_path(self, echoing: Any, method: str) -> None:
        proxy, _ = echoing
        answer = httpx2.request(method, f"{proxy.url}/v1/a%2Fb/c?d=1&e=%20", content=b"x")
        assert answer.headers["x-echo-method"] == method
        assert answer.headers["x-echo-path"] == "/v1/a%2Fb/c?d=1&e=%20"
        assert answer.content == b"x"

    def test_headers_of_the_way_stay_behind(self, echoing: Any) -> None:
        proxy, upstream = echoing
        told = {
            "connection": "keep-alive, x-mine",
            "x-mine": "1",
            "x-forwarded-for": "10.0.0.1",
            "forwarded": "for=10.0.0.1",
            "via": "1.1 somebody",
            "te": "trailers",
            "upgrade": "h2c",
            "proxy-authorization": "Basic x",
            "x-kept": "2",
            "x-cacheback-mode": "refresh",
        }
        httpx2.get(f"{proxy.url}/v1/models", headers=told)
        sent = upstream.requests[0].headers
        assert not (told.keys() - {"x-kept", "connection"}) & sent.keys()
        assert sent["x-kept"] == "2"
        assert sent["host"] == upstream.url.removeprefix("http://")

    def test_bodies_stream_both_ways(self, make_proxy: Callable[..., Any]) -> None:
        """Upstream sees the first piece before the client sends the second."""
        with _Talking() as upstream:
            proxy = make_proxy(openai_url=upstream.url)

            def pieces() -> Iterator[bytes]:
                yield b"first"
                upstream.await_bytes(b"first")
                yield b"second"

            with httpx2.stream("POST", f"{proxy.url}/v1/uploads", content=pieces()) as answer:
                told = answer.iter_raw()
                assert next(told) == b"one"
                upstream.go_on.set()
                assert b"".join(told) == b"two"

    def test_compressed_answers_stay_so_where_nobody_reads_them(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        answer = httpx2.get(f"{make_proxy().url}/v1/models", headers={"accept-encoding": "br"})
        assert answer.status_code == 404
        assert upstream.requests[0].headers["accept-encoding"] == "br"

    def test_curl_that_reads_no_gzip_gets_none(
        self, proxy: Any, upstream: ScriptedUpstream
    ) -> None:
        for status in (200, 400):
            upstream.script(Reply(text="Plain.", status=status, gzip=True))
            identity = {"accept-encoding": "identity", "x-cacheback-mode": "refresh"}
            answer = httpx2.post(f"{proxy.url}{CHAT}", json=BODY, headers=identity)
            assert answer.status_code == status
            assert "content-encoding" not in answer.headers
            assert "Plain." in answer.text

    def test_an_answer_that_is_no_json_passes(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        for packed in (False, True):
            upstream.script(Reply(body=b"{broken", gzip=packed))
            answer = httpx2.post(f"{proxy.url}{CHAT}", json=BODY)
            assert answer.content == b"{broken"
            assert answer.headers["x-cacheback-hit"] == "false"
        assert proxy.cache.stats().entries == 0

    def test_redirects_and_cookies_are_the_clients(
        self, proxy: Any, upstream: ScriptedUpstream
    ) -> None:
        headers = {"location": "https://elsewhere.example/", "set-cookie": "a=b"}
        upstream.script(Reply(status=307, text="Elsewhere.", headers=headers))
        answer = httpx2.post(f"{proxy.url}{CHAT}", json=BODY)
        assert answer.status_code == 307
        assert answer.headers["location"] == "https://elsewhere.example/"
        httpx2.post(f"{proxy.url}{CHAT}", json=BODY)
        assert "cookie" not in upstream.requests[1].headers

    @pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
    def test_curl(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        told = []
        for _ in range(2):
            done = subprocess.run(
                ["curl", "-sN", f"{proxy.url}{CHAT}", "-d", json.dumps({**BODY, "stream": True})],
                capture_output=True,
                check=True,
            )
            told.append(done.stdout)
        assert all(one.endswith(b"data: [DONE]\n\n") for one in told)
        assert upstream.calls == 1


class TestErrors:
    @pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503, 529])
    def test_upstreams_are_passed_on_and_never_stored(
        self, proxy: Any, upstream: ScriptedUpstream, status: int
    ) -> None:
        upstream.script(Reply(status=status, text="No.", headers={"retry-after": "7"}))
        answer = httpx2.post(f"{proxy.url}{CHAT}", json=BODY)
        assert answer.status_code == status
        assert answer.headers["retry-after"] == "7"
        assert answer.json()["error"]["message"] == "No."
        assert proxy.cache.stats().entries == 0

    def test_an_upstream_that_is_not_there_is_a_502(self, make_proxy: Callable[..., Any]) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            proxy = make_proxy(openai_url=f"http://127.0.0.1:{nobody.getsockname()[1]}/v1")
            for path in (CHAT, "/v1/models"):
                answer = httpx2.post(f"{proxy.url}{path}", json=BODY)
                assert answer.status_code == 502
                assert answer.json()["error"]["code"] == "upstream_unreachable"

    def test_an_upstream_that_is_silent_is_a_504(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        upstream.hold()
        answer = httpx2.post(f"{make_proxy(upstream_timeout=0.05).url}{CHAT}", json=BODY)
        assert answer.status_code == 504
        assert answer.json()["error"]["code"] == "upstream_timeout"

    def test_a_stream_that_is_cut_ends_unfinished_and_is_not_stored(
        self, proxy: Any, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(text="A long answer. " * 9, cut_after=300))
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.post(f"{proxy.url}{CHAT}", json={**BODY, "stream": True})
        assert proxy.cache.stats().entries == 0

    @pytest.mark.parametrize(
        "events",
        [
            b"data: {broken\n\ndata: [DONE]\n\n",
            b"data: \xff\xfe\n\n",
            b"no event at all",
            b"data: " + b"[" * 100_000 + b"\n\ndata: [DONE]\n\n",
        ],
    )
    def test_events_that_nobody_can_read_pass_as_they_are_and_are_not_stored(
        self, proxy: Any, upstream: ScriptedUpstream, events: bytes
    ) -> None:
        upstream.script(Reply(body=events, headers={"content-type": "text/event-stream"}))
        answer = httpx2.post(f"{proxy.url}{CHAT}", json={**BODY, "stream": True})
        assert answer.status_code == 200
        assert answer.content == events
        assert proxy.cache.stats().entries == 0

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xff", b"[" * 100_000, b'"\\ud800"'])
    def test_what_is_no_request_is_upstreams_to_refuse(
        self, proxy: Any, upstream: ScriptedUpstream, body: bytes
    ) -> None:
        assert httpx2.post(f"{proxy.url}{CHAT}", content=body).status_code == 400
        assert upstream.requests[0].body == body


class TestLimits:
    def test_a_body_that_is_too_large_is_a_413(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        proxy = make_proxy(max_body=1_000, max_upload=2_000)
        large = b"x" * 4_000
        for path in (CHAT, "/v1/files"):
            assert httpx2.post(f"{proxy.url}{path}", content=large).status_code == 413
        chunked = httpx2.post(f"{proxy.url}{CHAT}", content=iter([large]))
        assert chunked.status_code == 413
        assert upstream.calls == 0
        assert httpx2.post(f"{proxy.url}/v1/files", content=b"x" * 1_500).status_code == 404

    def test_headers_that_are_too_large_are_refused(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        proxy = make_proxy(max_header=2_048)
        told = raw(proxy, b"GET / HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 5_000)
        assert told.startswith(b"HTTP/1.1 400")
        assert upstream.calls == 0

    def test_headers_that_do_not_come_end_the_connection(
        self, make_proxy: Callable[..., Any]
    ) -> None:
        proxy = make_proxy(header_timeout=0.05)
        assert raw(proxy, b"GET /v1/models HTTP/1.1\r\nhost:") == b""
        # Also those of a second request on a connection that served one.
        whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        assert raw(proxy, whole + b"GET /v1/m").startswith(b"HTTP/1.1 200")

    def test_a_body_that_does_not_come_is_a_408(self, make_proxy: Callable[..., Any]) -> None:
        proxy = make_proxy(client_timeout=0.05)
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n".encode()
        assert raw(proxy, head + b"{").startswith(b"HTTP/1.1 408")

    @pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
    def test_tunnels_and_echoes_are_not_for_us(self, proxy: Any, method: str) -> None:
        told = raw(
            proxy, f"{method} /v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
        )
        assert told.startswith(b"HTTP/1.1 405")

    def test_another_address_in_the_request_line_leads_nowhere(
        self, proxy: Any, upstream: ScriptedUpstream
    ) -> None:
        line = f"GET {upstream.url}/v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        assert raw(proxy, line.encode()).startswith(b"HTTP/1.1 405")
        assert upstream.calls == 0


class TestGoingAway:
    def test_it_cancels_upstream(self, proxy: Any, upstream: ScriptedUpstream) -> None:
        upstream.hold()
        host, port = proxy.url.removeprefix("http://").split(":")
        body = json.dumps(BODY).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head + body)
            upstream.wait_for(1)
        until(lambda: not proxy.cache.engine.flights._open)
        upstream.release()
        assert httpx2.post(f"{proxy.url}{CHAT}", json=BODY).status_code == 200
        assert upstream.calls == 2

    def test_a_stream_that_others_follow_goes_on(
        self, proxy: Any, upstream: ScriptedUpstream
    ) -> None:
        asking = {**BODY, "stream": True}
        with httpx2.stream("POST", f"{proxy.url}{CHAT}", json=asking) as first:
            telling = first.iter_raw()
            next(telling)
            with httpx2.stream("POST", f"{proxy.url}{CHAT}", json=asking) as second:
                first.close()
                assert second.read().endswith(b"[DONE]\n\n")
        assert upstream.calls == 1


class _Talking:
    """An upstream that answers while it is still being asked."""

    def __enter__(self) -> Self:
        self.go_on = threading.Event()
        self._got = b""
        self._more = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def await_bytes(self, wanted: bytes) -> None:
        with self._more:
            assert self._more.wait_for(lambda: wanted in self._got, 30)

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while b"0\r\n\r\n" not in self._got:
                piece = connection.recv(65_536)
                with self._more:
                    self._got += piece
                    self._more.notify_all()
            connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            assert self.go_on.wait(30)
            connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
