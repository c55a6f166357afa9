"""The engine: the order in which a request is answered, on one screen, for sync and async.

What may live here: plans (see `plan.py`), and the order of the tiers. What it may not know: how
a tier works (`recall.py`, `memory.py`), HTTP, SDKs, threads. Nothing of ours fails an answer.
"""

from __future__ import annotations

from dataclasses import replace
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
            self._count_miss(recalled)
            raise NotCachedError(
                f"nothing in memory may answer ({recalled.verdict.reason}), and only memory was"
                " asked; leave out the mode 'only-if-cached' to let upstream answer"
            )
        return (yield from self._upstream(asked, recalled))

    def recall(self, request: Request) -> Plan[Outcome]:
        """exact → semantic, and no further; the outcome's answer is None on a miss."""
        outcome = yield from self._recall(place(request, self.parts, self.limits))
        if outcome.answer is None:
            self._count_miss(outcome)
        return outcome

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
            return (yield from self._call(asked, missed))
        # A refresh neither serves nor follows those who would have been content with memory.
        key = (asked.scope.digest, asked.digest, asked.request.controls.mode)
        flight, leading = self.flights.join(key)
        while not leading:
            landed = yield Wait(flight, asked.request.patience)
            if landed is NoEntry.ALONE:
                return (yield from self._call(asked, missed))
            if isinstance(landed, Entry):
                return self._recalling.from_flight(asked, landed)
            flight, leading = self.flights.join(key)
        landing: Landed = NoEntry.FAILED
        try:
            # Another flight may have landed between our look at memory and this one's beginning.
            late = self._recalling.hot(asked) if asked.ruling.recall else None
            if late is not None and late.entry is not None:
                landing = late.entry
                return late
            outcome = yield from self._call(asked, missed)
            if outcome.reply is not None and not outcome.reply.failed:
                keep = partial(self._keep, asked, outcome.reply)
                landing = (yield Local(keep)) or NoEntry.ALONE
            return outcome
        finally:
            self.flights.land(flight, landing)

    def _call(self, asked: Asked, missed: Outcome) -> Plan[Outcome]:
        """Upstream's own outcome, with what memory had said to the request."""
        self._count_miss(missed)
        reply: Reply = yield Send(asked.request.payload)
        return replace(missed, answer=reply.answer, reply=reply)

    def _count_miss(self, missed: Outcome) -> None:
        self.parts.tally.count(f"misses.{missed.verdict.reason}")

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

