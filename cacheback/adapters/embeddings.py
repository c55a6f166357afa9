"""Embeddings: each input of a batch is remembered by itself, and upstream is asked for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from cacheback.adapters.exchange import Sent, encode, where
from cacheback.core.batch import BatchOutcome, answer_batch
from cacheback.models import JSON, Controls, Outcome, Request
from cacheback.wire import marks, openai_embeddings
from cacheback.wire.openai_embeddings import Batch, Input

if TYPE_CHECKING:
    from cacheback.adapters.exchange import Pack
    from cacheback.cache import SemanticCache
    from cacheback.core.engine import Engine
    from cacheback.core.plan import Plan


@dataclass(frozen=True, slots=True)
class BatchExchange:
    """A client's request for embeddings; `body` is its JSON, `discreet` as an `Exchange`'s."""

    batch: Batch
    body: Mapping[str, JSON]
    requests: tuple[Request, ...]
    discreet: bool = False
    streams: ClassVar[bool] = False

    def plan(self, engine: Engine, pack: Pack, **caller: Any) -> Plan[BatchOutcome]:
        """How to answer it; `caller` are fields of the requests that only a transport knows."""

        def ask(positions: Sequence[int]) -> object:
            inputs = tuple(self.batch.inputs[at] for at in positions)
            if len(inputs) == len(self.batch.inputs):
                return pack(Part(inputs), None)
            return pack(Part(inputs), encode(openai_embeddings.upstream_body(self.body, inputs)))

        requests = [replace(one, **caller) for one in self.requests]
        return answer_batch(engine, requests, ask)

    def told(self, whole: BatchOutcome) -> tuple[Outcome, list[bytes] | None]:
        """The outcome, and our own body, or None where upstream's is passed on."""
        if not whole.answers:
            return whole.outcome, None
        body = openai_embeddings.render(
            whole.answers,
            self.body,
            marks=marks.marks(whole.outcome, discreet=self.discreet),
            model=str(self.body.get("model", "")),
        )
        return whole.outcome, [encode(body)]

    def mark(self, outcome: Outcome, payload: Mapping[str, JSON]) -> bytes:
        """Upstream's own body, which could not be taken apart, and our marks."""
        return encode({**payload, **marks.marks(outcome, discreet=self.discreet)})


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a batch that upstream is asked for."""

    inputs: tuple[Input, ...]

    def understand(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """An answer to each input; none where the reply cannot be taken apart."""
        return {"answers": openai_embeddings.read(payload, self.inputs) or ()}

    def recorder(self) -> None:
        """Embeddings do not come as a stream."""


def read_batch(cache: SemanticCache, sent: Sent, controls: Controls) -> BatchExchange | None:
    """The engine's view of a request for embeddings, or None when it is not one as we know it."""
    try:
        body = json.loads(sent.body)
    except ValueError:
        return None
    batch = openai_embeddings.split(body)
    if batch is None:
        return None
    shared = {**batch.parts, **where(cache, sent, batch.parts)}
    requests = tuple(
        cache.request(
            one.question, {**shared, **one.parts}, controls, limits=openai_embeddings.LIMITS
        )
        for one in batch.inputs
    )
    return BatchExchange(batch, body, requests)
