"""The engine: the order in which a request is answered, on one screen, for sync and async.

What may live here: plans (see `plan.py`), and the order of the tiers. What it may not know: how
a tier works (`recall.py`, `memory.py`), HTTP, SDKs, threads. Nothing of ours fails an answer.
"""

from __future__ import annotations

from functools import partial

from cacheback.core.flight import Flights, Landed, NoEntry
from cacheback.core.memory import Memo, Memory
from cacheback.core.parts import Asked, Limits, Parts, place
from cacheback.core.plan import Local, Plan, Send, Wait
from cacheback.core.recall import Recall
from cacheback.errors import NotCachedError
from cacheback.models import Entry, Explanation, Outcome, Reason, Reply, Request


class Engine:
    """Answers requests from memory where that is safe, and remembers what upstream said."""

    def __init__(self, parts: Parts, limits: Limits, flights: Flights) -> None:
        self.parts = parts
        self.limits = limits
        self.flights = flights
        self.memory = Memory(parts, limits)
        self._recalling = Recall(parts, limits, self.memory)

    def answer(self, request: Request) -> Plan[Outcome]:
        """exact → semantic → upstream.

        Raises:
            NotCachedError: the request allows memory only, and nothing in it may answer.
        """
        asked = place(request, self.parts, self.limits)
        recalled = yield from self._recall(asked)
        if recalled.answer is not None:
            return recalled
        if not asked.ruling.call:
            raise NotCachedError(
                f"nothing in memory may answer ({recalled.verdict.reason}), and only memory was"
                " asked; leave out the mode 'only-if-cached' to let upstream answer"
            )
        return (yield from self._upstream(asked, recalled))

    def recall(self, request: Request) -> Plan[Outcome]:
        """exact → semantic, and no further; the outcome's answer is None on a miss."""
        return (yield from self._recall(place(request, self.parts, self.limits)))

    def remember(self, memo: Memo) -> Plan[Entry]:
        """Store an answer; raises what `Memory.remember` raises."""
        entries: list[Entry] = yield Local(partial(self.memory.remember, [memo]))
        return entries[0]

    def explain(self, request: Request, k: int, *, everywhere: bool = False) -> Plan[Explanation]:
        """Why the request would be served or not, with the k nearest entries."""
        asked = place(request, self.parts, self.limits)
        explain = partial(self._recalling.explain, asked, k, everywhere=everywhere)
        explanation: Explanation = yield Local(explain)
        return explanation

    def _recall(self, asked: Asked) -> Plan[Outcome]:
        if not asked.ruling.recall:
            return self._recalling.missed(asked.ruling.reason or Reason.EMPTY)
        hit = self._recalling.hot(asked)
        return hit or (yield Local(partial(self._recalling.search, asked)))

    def _upstream(self, asked: Asked, missed: Outcome) -> Plan[Outcome]:
        if not asked.ruling.keep:
            return _upstreams(missed, (yield Send(asked.request.payload)))
        # A refresh neither serves nor follows those who would have been content with memory.
        key = (asked.scope.digest, asked.digest, asked.request.controls.mode)
        flight, leading = self.flights.join(key)
        while not leading:
            landed = yield Wait(flight, asked.request.patience)
            if landed is NoEntry.ALONE:
                return _upstreams(missed, (yield Send(asked.request.payload)))
            if isinstance(landed, Entry):
                return self._recalling.from_flight(asked, landed)
            flight, leading = self.flights.join(key)
        landing: Landed = NoEntry.FAILED
        try:
            reply: Reply = yield Send(asked.request.payload)
            if not reply.failed:
                landing = (yield Local(partial(self._keep, asked, reply))) or NoEntry.ALONE
            return _upstreams(missed, reply)
        finally:
            self.flights.land(flight, landing)

    def _keep(self, asked: Asked, reply: Reply) -> Entry | None:
        """Store upstream's answer if it is whole; a failure is counted: the caller has it."""
        if reply.answer is None:
            return None
        memo = Memo(asked.request, reply.answer, "upstream", reply.seconds)
        try:
            (entry,) = self.memory.remember([memo], needs_vectors=False)
        except Exception as error:  # noqa: BLE001 - a cache that fails must not fail the call
            self.parts.faults.report(Reason.STORE_FAILED, error)
            return None
        return entry


def _upstreams(missed: Outcome, reply: Reply) -> Outcome:
    """The outcome of a call, with what memory had said to it."""
    return Outcome(reply.answer, missed.tier, missed.verdict, missed.similarity, reply=reply)
