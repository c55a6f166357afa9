"""A small HTTP/1.1 server on loopback: keep-alive, a thread per connection, only the library.

It reads requests whole and lets `respond` write whatever bytes it likes, broken ones included.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias

from cacheback.models import JSON

Send: TypeAlias = Callable[[bytes], None]

# How long closing waits for threads that are in the middle of an answer, in seconds.
_CLOSING = 10.0
# How often the accepting thread looks whether it shall stop, in seconds.
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Call:
    """A request that arrived.

    `path` carries the query, `headers` have lower-case names, `json` is the parsed body or None
    when it is not JSON, `at` is the time in seconds on the monotonic clock.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    json: JSON
    at: float


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Calls `respond(call, send)` for every request, in the connection's thread.

    When it returns, the next request of the connection is read; when it raises a
    `ConnectionError`, the connection is closed there and then.
    """

    daemon_threads = True  # a program that forgets to close this can still end
    request_queue_size = 256  # a hundred callers may connect at the same moment

    def __init__(self, respond: Callable[[Call, Send], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self._connections: set[Any] = set()
        self._closed_one = threading.Condition()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL,), name="loopback-server", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop listening, cut every connection, and wait until their threads are done."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._closed_one:
            for connection in self._connections:
                _hang_up(connection)
            self._closed_one.wait_for(lambda: not self._connections, _CLOSING)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        with self._closed_one:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._closed_one:
            self._connections.discard(request)
            self._closed_one.notify_all()


def _hang_up(connection: Any) -> None:
    with suppress(OSError):  # the other side may be faster
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def _serve(self) -> None:
        try:
            self.server.respond(self._call(), self.connection.sendall)
        except ConnectionError:
            self.close_connection = True

    # The base class looks methods up under these names.
    do_GET = do_HEAD = do_POST = _serve  # noqa: N815
    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def handle(self) -> None:
        with suppress(ConnectionError):  # the caller may go away between two requests
            super().handle()

    def _call(self) -> Call:
        headers = {name.lower(): value for name, value in self.headers.items()}
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        size = int(headers.get("content-length", 0))
        body = self._chunks() if chunked else self.rfile.read(size)
        return Call(self.command, self.path, headers, body, _json(body), time.monotonic())

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *args: Any) -> None:
        """Say nothing: requests are kept, not printed."""


def _json(body: bytes) -> JSON:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, or nested deeper than Python reads
        return None
