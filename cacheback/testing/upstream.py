"""A stand-in for a provider, on loopback: scripted answers, faults on demand, every call recorded.

To teach it another endpoint, write a module with the functions of `Dialect` and name it in
`_DIALECTS`.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

from cacheback.models import JSON
from cacheback.testing import (
    anthropic_messages,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_responses,
    response,
)
from cacheback.testing.loopback import Call, LoopbackServer, Send
from cacheback.testing.script import Answering, Reply, Script, as_reply


class Dialect(Protocol):
    """How one endpoint reads a request's body and writes a reply."""

    def understands(self, body: JSON) -> bool:
        """False for a body that the provider would refuse."""
        ...

    def question(self, body: Mapping[str, JSON]) -> str:
        """What the default script repeats."""
        ...

    def completion(self, body: Mapping[str, JSON], reply: Reply) -> JSON: ...

    def events(self, body: Mapping[str, JSON], reply: Reply) -> list[bytes]: ...

    def failure(self, message: str) -> bytes:
        """The event by which the provider breaks a stream off."""
        ...

    def error(self, status: int, message: str) -> JSON: ...


# By how the path ends; the first that fits counts.
_DIALECTS: dict[str, Dialect] = {
    "/chat/completions": openai_chat,
    "/completions": openai_completions,
    "/responses": openai_responses,
    "/embeddings": openai_embeddings,
    "/v1/messages": anthropic_messages,
}


class ScriptedUpstream:
    """An OpenAI-compatible provider at `openai_url`, for as long as the `with` block lasts.

    At `anthropic_url` it is one that speaks as Anthropic does.

        with ScriptedUpstream(latency=0.3) as upstream:
            client = OpenAI(base_url=upstream.openai_url, api_key="test")

    Without a script it repeats the question. Whatever a script raises becomes a 500 for the
    caller, and is raised again when the block ends.

    Args:
        answer: gives the answer to a call: a text, JSON to be sent as it is, or a `Reply`.
        latency: seconds before the first byte of an answer.
        gap: seconds between two events of a stream.
        echo: give back the body of a call to any other path, as it came, with headers
            `x-echo-method` and `x-echo-path`, instead of a 404.
    """

    def __init__(
        self,
        answer: Script | None = None,
        *,
        latency: float = 0.0,
        gap: float = 0.0,
        echo: bool = False,
    ) -> None:
        self._answer = answer
        self._latency = latency
        self._gap = gap
        self._echo = echo
        self._queue: deque[Answering] = deque()
        self._requests: list[Call] = []
        self._errors: list[Exception] = []
        self._in_flight = 0
        self._peak = 0
        self._changed = threading.Condition()
        self._open = threading.Event()
        self._open.set()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self._respond)
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._open.set()
        self._server.close()
        if self._errors and error is None:
            raise self._errors[0]

    @property
    def url(self) -> str:
        """The server's root, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def openai_url(self) -> str:
        """What `base_url` of an OpenAI client must be."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """What `base_url` of an Anthropic client must be."""
        return self.url

    @property
    def requests(self) -> tuple[Call, ...]:
        """Every request so far, in the order of arrival."""
        with self._changed:
            return tuple(self._requests)

    @property
    def calls(self) -> int:
        """How many requests have arrived."""
        return len(self.requests)

    @property
    def in_flight(self) -> int:
        """How many calls have arrived whose answers are not yet complete."""
        with self._changed:
            return self._in_flight

    @property
    def peak(self) -> int:
        """The most calls that were ever in flight at the same time."""
        with self._changed:
            return self._peak

    def script(self, *answers: Answering) -> None:
        """Queue answers for the next calls; after them the `answer` script goes on."""
        with self._changed:
            self._queue.extend(answers)

    def hold(self) -> None:
        """Hold every answer, and every further event of a stream, back until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let the answers go that `hold` held back."""
        self._open.set()

    def wait_for(self, calls: int, timeout: float = 30.0) -> None:
        """Block until so many requests have arrived, and at most `timeout` seconds.

        Raises:
            TimeoutError: they have not.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= calls, timeout):
                raise TimeoutError(f"{len(self._requests)} of {calls} calls arrived")

    def _respond(self, call: Call, send: Send) -> None:
        with self._flying(call):
            reply, (*pieces, last) = self._answered(call)
            self._closing.wait(self._latency if reply.delay is None else reply.delay)
            for piece in pieces:
                self._open.wait()
                send(piece)
                self._closing.wait(self._gap)
            self._open.wait()
        # After the count went down: whoever has the whole answer no longer sees it in flight.
        send(last)
        if reply.cut_after is not None:
            raise ConnectionAbortedError("cut, as scripted")

    @contextmanager
    def _flying(self, call: Call) -> Iterator[None]:
        with self._changed:
            self._requests.append(call)
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1

    def _answered(self, call: Call) -> tuple[Reply, list[bytes]]:
        try:
            reply, dialect = self._reply(call)
            return reply, _wire(call, reply, dialect)
        except Exception as error:  # noqa: BLE001 - raised again in `__exit__`
            self._errors.append(error)
            headers = {"x-should-retry": "false"}
            reply = Reply(status=500, text=f"the script raised {error!r}", headers=headers)
            return reply, _wire(call, reply, None)

    def _reply(self, call: Call) -> tuple[Reply, Dialect | None]:
        path = call.path.partition("?")[0]
        dialect = next((found for end, found in _DIALECTS.items() if path.endswith(end)), None)
        if dialect is None or call.method != "POST":
            return (_echo(call) if self._echo else _unknown(call)), None
        if not dialect.understands(call.json):
            return Reply(status=400, text="We could not parse the JSON body of your request."), None
        return self._scripted(call, dialect), dialect

    def _scripted(self, call: Call, dialect: Dialect) -> Reply:
        with self._changed:
            queued = self._queue.popleft() if self._queue else None
        if queued is not None:
            return as_reply(queued)
        if self._answer is None:
            return Reply(text=_repeat(dialect.question(call.json)))
        return as_reply(self._answer(call))


def _repeat(question: str) -> str:
    return f"You asked: {question}\n\nThis is what a model that has all day would answer to that."


def _unknown(call: Call) -> Reply:
    return Reply(status=404, text=f"Invalid URL ({call.method} {call.path})")


def _echo(call: Call) -> Reply:
    kind = call.headers.get("content-type", "application/octet-stream")
    headers = {"content-type": kind, "x-echo-method": call.method, "x-echo-path": call.path}
    return Reply(body=call.body, headers=headers)


def _wire(call: Call, reply: Reply, dialect: Dialect | None) -> list[bytes]:
    """Everything that goes over the wire, in pieces with gaps between them."""
    streams = dialect is not None and _is_stream(call, reply)
    events = _events(call, reply, dialect) if dialect and streams else [_body(call, reply, dialect)]
    headers = {
        "content-type": "text/event-stream" if streams else "application/json",
        "x-request-id": f"req_{uuid.uuid4().hex}",
    }
    if reply.gzip:
        events = list(response.gzipped(events))
        headers["content-encoding"] = "gzip"
    headers.update((name.lower(), value) for name, value in reply.headers.items())
    if streams:
        pieces = response.streamed(reply.status, headers, events)
    else:
        pieces = response.whole(reply.status, headers, events[0])
    if call.method == "HEAD":
        return response.head_only(pieces)
    return pieces if reply.cut_after is None else response.cut(pieces, reply.cut_after)


def _events(call: Call, reply: Reply, dialect: Dialect) -> list[bytes]:
    events = dialect.events(call.json, reply)
    if reply.fail_after is None:
        return events
    failure = dialect.failure("The server had an error while processing your request.")
    return [*events[: reply.fail_after], failure]


def _is_stream(call: Call, reply: Reply) -> bool:
    given = reply.status >= 400 or reply.payload is not None or reply.body is not None
    return call.json.get("stream") is True and not given


def _body(call: Call, reply: Reply, dialect: Dialect | None) -> bytes:
    if reply.body is not None:
        return reply.body
    return json.dumps(_payload(call, reply, dialect)).encode()


def _payload(call: Call, reply: Reply, dialect: Dialect | None) -> JSON:
    if reply.payload is not None:
        return reply.payload
    if dialect is None or reply.status >= 400:
        return (dialect or openai_chat).error(reply.status, reply.text)
    return dialect.completion(call.json, reply)
