"""Between one HTTP exchange and the engine, whatever the HTTP library.

A transport hands over what it sees of a request, and gets back a `Request` for the engine, or
None: then it passes the exchange on untouched. Nothing here does I/O.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from cacheback.adapters.origin import endpoint, parameters, tenant
from cacheback.models import JSON, Answer, Controls, Outcome, Request
from cacheback.wire import marks
from cacheback.wire.registry import codec_for

if TYPE_CHECKING:
    from cacheback.cache import SemanticCache
    from cacheback.core.engine import Engine
    from cacheback.core.plan import Plan
    from cacheback.wire.codec import Codec, Recorder, Voice

# Response headers that were true of the bytes upstream sent, and are not of ours.
OF_THE_BYTES = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Readable(Protocol):
    """What knows how to read the answer to what was sent upstream."""

    def understand(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The `answer` or `answers` that a reply's JSON holds, as fields of a `Reply`."""
        ...

    def recorder(self) -> Recorder | None:
        """Listens to a reply that is a stream; None where there is no such reply."""
        ...


# Makes the payload of a `Send` from who reads the reply and, for a part of a batch, its body.
Pack = Callable[[Readable, bytes | None], object]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a client that the engine may answer; `body` is its JSON.

    With `discreet` the response does not tell why memory answered, or did not.
    """

    cache: SemanticCache
    codec: Codec
    body: Mapping[str, JSON]
    request: Request
    discreet: bool = False

    @property
    def streams(self) -> bool:
        """Whether the caller reads the events of a stream."""
        return self.request.stream

    def plan(self, engine: Engine, pack: Pack, **caller: Any) -> Plan[Outcome]:
        """How to answer it; `caller` are fields of the request that only a transport knows."""
        payload = pack(self, None)
        request = replace(self.request, payload=payload, voice=self.voice, **caller)
        return engine.answer(request)

    def told(self, outcome: Outcome) -> tuple[Outcome, list[bytes] | None]:
        """The outcome, and our own body in pieces, or None where upstream's is passed on."""
        if outcome.reply is not None:
            return outcome, None
        return outcome, self.render_stream(outcome) if self.streams else [self.render(outcome)]

    def voice(self, outcome: Outcome) -> Voice:
        """What tells the caller an answer that is still being written."""
        fresh = {**self._fresh(outcome), "model": outcome.writer or ""}
        return self.codec.voice(self.body, **fresh)

    def understand(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        return {"answer": self.codec.answer(payload)}

    def render(self, outcome: Outcome) -> bytes:
        """The body of a hit: the caller's own dialect, a fresh id and time, and our marks."""
        return encode(self.codec.render(self._answer(outcome), **self._fresh(outcome)))

    def render_stream(self, outcome: Outcome) -> list[bytes]:
        """The same as the events of a stream."""
        codec = self.codec
        return list(codec.render_stream(self._answer(outcome), self.body, **self._fresh(outcome)))

    def mark(self, outcome: Outcome, payload: Mapping[str, JSON]) -> bytes:
        """The body of a miss: upstream's own, and our marks."""
        return encode(self.codec.mark(payload, marks.marks(outcome, discreet=self.discreet)))

    def recorder(self) -> Recorder:
        """Reads the events of a miss as they pass."""
        return self.codec.recorder(self.body)

    def _answer(self, outcome: Outcome) -> Answer:
        """What to tell: the neutral form of an answer in another dialect."""
        answer = outcome.answer
        if answer is None:
            raise AssertionError("a hit has an answer")
        return answer if answer.format == self.codec.FORMAT else replace(answer, raw=None)

    def _fresh(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "id": f"{self.codec.ID_PREFIX}{uuid.uuid4().hex}",
            "created": int(self.cache.engine.parts.clock()),
            "marks": marks.marks(outcome, discreet=self.discreet),
            "model": str(self.body.get("model", "")),
        }


@dataclass(frozen=True, slots=True)
class Sent:
    """An HTTP request; `host` with a port that is not the default, `target` path and query."""

    method: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def read(cache: SemanticCache, sent: Sent, controls: Controls) -> Exchange | None:
    """The engine's view of a request to this cache, or None when it is not ours to answer."""
    codec = codec_for(sent.method, sent.target)
    if codec is None:
        return None
    try:
        payload = json.loads(sent.body)
    except ValueError:
        return None
    parsed = codec.parse(payload)
    if parsed is None:
        return None
    request = cache.request(
        parsed.question,
        {**parsed.parts, **where(cache, sent, parsed.parts)},
        controls,
        limits=parsed.limits,
        temperature=parsed.temperature,
        stream=parsed.stream,
        # Such as whether an event tells the usage: no part of the scope, as no answer differs.
        manner=payload.get("stream_options") if parsed.stream else None,
        repeatable=True,
    )
    return Exchange(cache, codec, payload, request)


def where(cache: SemanticCache, sent: Sent, parts: Mapping[str, JSON]) -> dict[str, JSON]:
    """The parts of the scope that a request's body does not tell: whose it is, and where it goes.

    Parameters that travel as headers are added to those among `parts`.
    """
    found: dict[str, JSON] = {"provider": sent.host, "endpoint": endpoint(sent.target)}
    asking = tenant(sent.headers)
    if asking is not None:
        found["tenant"] = asking
    telling = parameters(sent.headers, tenant_named=cache.settings.tenant is not None)
    if telling:
        found["parameters"] = {**parts.get("parameters", {}), "headers": telling}
    return found


# Made once, not at every call as `json.dumps` does with this argument: 1 µs.
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def encode(payload: JSON) -> bytes:
    """JSON as the bytes of a body."""
    return _ENCODER.encode(payload).encode("utf-8", "surrogatepass")
