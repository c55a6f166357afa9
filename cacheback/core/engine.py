"""The engine: the order in which a request is answered, on one screen, for sync and async.

What may live here: plans (see `plan.py`), and the order of the tiers. What it may not know: how
a tier works (`recall.py`, `memory.py`), HTTP, SDKs, threads. Nothing of ours fails an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from weakref import ref

from cacheback.core.composing import Composing
from cacheback.core.evidence import Evidence
from cacheback.core.feedback import Teaching
from cacheback.core.flight import Flight, Flights, Landed, Landing, NoEntry
from cacheback.core.memory import Memo, Memory
from cacheback.core.observing import Observers
from cacheback.core.parts import Asked, Limits, Parts, place
from cacheback.core.plan import Aside, Drain, Local, Plan, Send, Wait
from cacheback.core.recall import Recall
from cacheback.core.screening import Screening
from cacheback.errors import NotCachedError
from cacheback.models import (
    Candidate,
    Entry,
    Explanation,
    Outcome,
    Reason,
    Reply,
    Request,
    Tier,
    Usage,
)

# How often a caller waits for, or takes over, a flight before it calls by itself. One leader may
# fail for a reason of its own; when the next fails, too, upstream does, and a queue of callers
# that fail one after the other would make each wait for all before it.
_HANDOVERS = 2


class Engine:
    """Answers requests from memory where that is safe, and remembers what upstream said."""

    def __init__(self, parts: Parts, limits: Limits, flights: Flights) -> None:
        self.parts = parts
        self.limits = limits
        self.flights = flights
        self.memory = Memory(parts, limits)
        self.recalling = Recall(parts, limits, self.memory)
        self.screening = Screening(parts, limits, self.memory.blocks)
        self.composing = Composing(parts, limits, self.recalling)
        self.learning = self.memory.learning
        self.evidence = Evidence(parts, self.memory, self.recalling)
        self.teaching = Teaching(parts, limits, self.memory, self.recalling)
        self.observers = Observers(parts)

    def answer(self, request: Request) -> Plan[Outcome]:
        """negative → exact → semantic → synthesis → upstream.

        Raises:
            BlockedError, HandlerError: the question matches a blocked pattern.
            NotCachedError: the request allows memory only, and nothing in it may answer.
        """
        return self.observers.watch(request, self._answer(request), _itself)

    def _answer(self, request: Request) -> Plan[Outcome]:
        if request.controls.feedback is not None:
            request = yield from self.teaching.heed(request)
        asked = place(request, self.parts, self.limits)
        asked, recalled = yield from self._recall(asked, writing=True)
        if recalled.answer is not None:
            if recalled.candidate is not None:
                yield from self._noted(asked, recalled, recalled.candidate)
            return recalled
        if not asked.ruling.call:
            self.count_miss(asked, recalled)
            if recalled.candidate is not None:
                yield from self._noted(asked, recalled, recalled.candidate)
            raise NotCachedError(
                f"nothing in memory may answer ({recalled.verdict.reason}), and only memory was"
                " asked; leave out the mode 'only-if-cached' to let upstream answer"
            )
        return (yield from self._upstream(asked, recalled))

    def recall(self, request: Request) -> Plan[Outcome]:
        """negative → exact → semantic, and no further; the outcome's answer is None on a miss.

        Raises what `answer` raises where a pattern matches.
        """
        if request.controls.feedback is not None:
            request = yield from self.teaching.heed(request)
        asked, outcome = yield from self._recall(place(request, self.parts, self.limits))
        if outcome.answer is None:
            self.count_miss(asked, outcome)
        if outcome.candidate is not None:
            yield from self._noted(asked, outcome, outcome.candidate)
        return outcome

    def remember(self, memo: Memo) -> Plan[Entry]:
        """Store an answer; raises what `Memory.remember` raises."""
        entries: list[Entry] = yield Local(partial(self.memory.remember, [memo]))
        return entries[0]

    def record(self, request: Request, reply: Reply) -> Plan[None]:
        """Keep what upstream answered to a request, where it may be kept; nothing is raised."""
        asked = place(request, self.parts, self.limits)
        if reply.answer is None or not asked.ruling.keep:
            return
        if (yield from self.screening.bars(asked)):
            return
        if (yield from self.evidence.recorded(asked, reply.answer)):
            yield Local(partial(self._keep, asked, (), reply))

    def explain(self, request: Request, k: int, *, everywhere: bool = False) -> Plan[Explanation]:
        """Why the request would be served or not, with the k nearest entries."""
        asked = place(request, self.parts, self.limits)
        explain = partial(self.recalling.explain, asked, k, everywhere=everywhere)
        explanation: Explanation = yield Local(explain)
        if explanation.tier is not None or explanation.verdict.reason is Reason.BLOCKED:
            return explanation
        sources: tuple[Candidate, ...] = yield Local(partial(self.composing.explain, asked))
        return replace(explanation, sources=sources)

    def _recall(self, asked: Asked, *, writing: bool = False) -> Plan[tuple[Asked, Outcome]]:
        """What memory says, and the request with what may still happen to it.

        `writing` tells that what memory does not serve may be written.
        """
        recalling = self.recalling
        if not self.limits.enabled:
            return asked, recalling.missed(Reason.DISABLED)
        # Following what others wrote may take a while; seeing that nothing was written does not.
        followed = True
        if recalling.behind():
            followed = yield Local(recalling.follow)
            if self.learning.stale:
                yield Aside(self.evidence.weigh())
        if not self.memory.blocks.empty:
            screened = yield from self.screening.screen(asked)
            if isinstance(screened, Outcome):
                return asked, screened
            asked = screened
        if not asked.ruling.recall:
            return asked, recalling.missed(asked.ruling.reason or Reason.EMPTY)
        if not followed:
            return asked, recalling.missed(Reason.STORE_FAILED)
        verbatim = not (writing and self.composing.instead(asked))
        search = partial(recalling.search, asked, verbatim=verbatim)
        found = recalling.hot(asked) or (yield Local(search))
        return asked, found

    def _noted(self, asked: Asked, outcome: Outcome, candidate: Candidate) -> Plan[None]:
        """What was served by meaning, or would have been, is noted, and perhaps checked."""
        if outcome.tier is Tier.SEMANTIC:
            yield from self.evidence.served(asked, candidate, outcome.saved)
        elif outcome.verdict.reason is Reason.SHADOW:
            self.evidence.withheld(asked, candidate)

    def _upstream(self, asked: Asked, missed: Outcome) -> Plan[Outcome]:
        if missed.verdict.reason is Reason.SHADOW and missed.candidate is not None:
            return (yield from self.evidence.shadowed(asked, missed, missed.candidate))
        if not asked.ruling.keep:
            return (yield from self._call(asked, missed))
        shared = None
        if not asked.shadow:  # who follows is served
            shared = yield from self._together(asked, missed)
        return shared or (yield from self._alone(asked, missed))

    def _together(self, asked: Asked, missed: Outcome) -> Plan[Outcome | None]:
        """Lead the flight or follow it; None where the caller has to call by itself."""
        # A refresh neither serves nor follows those who would have been content with memory.
        key = (asked.scope.digest, asked.digest, asked.request.controls.mode)
        for _ in range(_HANDOVERS):
            flight, leading = self.flights.join(key, asked.request.manner)
            if leading:
                return (yield from self._lead(asked, missed, flight))
            landed = yield from self._wait(asked, flight)
            if isinstance(landed, Entry):
                return self.recalling.from_flight(asked, landed)
            if isinstance(landed, Outcome):
                return replace(landed, similarity=missed.similarity)
            if landed is NoEntry.ALONE:
                break
            self.flights.end(flight)
        return None

    def _wait(self, asked: Asked, flight: Flight) -> Plan[Entry | NoEntry | Outcome]:
        """What somebody else's call brings: an entry, a stream to read along, or nothing."""
        landed: Landed = yield Wait(flight.landing, self._patience(asked))
        if isinstance(landed, Entry | NoEntry):
            return landed
        recording = landed()
        if recording is None:
            return NoEntry.FAILED
        sources, view = recording.sources, recording.join(asynchronous=asked.request.asynchronous)
        if view is None:  # it is over, and just being stored
            end, recording = recording.end, None
            stored: Entry | NoEntry = yield Wait(end, self._patience(asked))
            return stored
        if view is NoEntry.ALONE:
            return NoEntry.ALONE
        if asked.request.stream and asked.request.manner == flight.manner:
            return self.recalling.from_recording(sources, None, view)
        return (yield from self._drain(sources, view))

    def _drain(self, sources: tuple[int, ...], view: object) -> Plan[NoEntry | Outcome]:
        """Somebody else's stream, for a caller that does not stream, or in another form."""
        try:
            brought: Reply = yield Drain(view)
        except Exception:  # noqa: BLE001 - the stream of another failed: not this call
            return NoEntry.FAILED
        if brought.answer is None:
            return NoEntry.FAILED if brought.failed else NoEntry.ALONE
        return self.recalling.from_recording(sources, brought.answer)

    def _patience(self, asked: Asked) -> float | None:
        """What is left of the seconds that the caller would wait; for all waits together."""
        patience = asked.request.patience
        return None if patience is None else max(0.0, asked.now + patience - self.parts.clock())

    def _lead(self, asked: Asked, missed: Outcome, flight: Flight) -> Plan[Outcome]:
        landing: Landed = NoEntry.FAILED
        shared = False
        try:
            # Another flight may have landed between our look at memory and this one's beginning.
            late: Outcome | None = None
            if missed.verdict.reason is not Reason.STORE_FAILED:  # it would fail once more
                late = yield Local(partial(self.recalling.again, asked))
            if late is not None and late.entry is not None:
                landing = late.entry
                return late
            landed_at = None if asked.request.stream else flight.landing
            outcome = yield from self._call(asked, missed, landed_at)
            reply = outcome.reply
            if reply is not None and reply.recording is not None:
                over = partial(self._over, asked, _said(outcome), flight)
                reply.recording.when_over(over, partial(self.flights.end, flight))
                self.flights.share(flight, ref(reply.recording))
                shared = True
            elif reply is not None:
                landing = yield from self._landing(asked, outcome, reply)
                outcome = _settled(outcome, landing)
            return outcome
        finally:
            if not shared:
                self.flights.land(flight, landing)

    def _over(self, asked: Asked, said: Outcome, flight: Flight, reply: Reply) -> Plan[Landed]:
        """The stream that this flight's leader began is over."""
        try:
            return (yield from self._landing(asked, said, reply))
        finally:
            self.flights.end(flight)

    def _alone(self, asked: Asked, missed: Outcome) -> Plan[Outcome]:
        """A call that nobody follows; its answer is kept all the same."""
        outcome = yield from self._call(asked, missed)
        reply = outcome.reply
        if reply is not None and reply.recording is not None:
            reply.recording.when_over(partial(self._landing, asked, _said(outcome)), _nothing)
        elif reply is not None:
            landing = yield from self._landing(asked, outcome, reply)
            outcome = _settled(outcome, landing)
        return outcome

    def _landing(self, asked: Asked, said: Outcome, reply: Reply) -> Plan[Landed]:
        if reply.failed:
            return NoEntry.FAILED
        if reply.answer is None:
            return NoEntry.ALONE
        kept: Entry | None = yield Local(partial(self._keep, asked, said.sources, reply))
        # Of a synthesis there is no candidate.
        yield from self.evidence.brought(asked, said.candidate, reply.answer)
        return kept or NoEntry.ALONE

    def _call(self, asked: Asked, missed: Outcome, landing: Landing | None = None) -> Plan[Outcome]:
        """A synthesis; else upstream's own outcome, with what memory had said to the request."""
        composed = yield from self.composing.compose(asked, missed)
        if composed is not None:
            return composed
        self.count_miss(asked, missed)
        reply: Reply = yield Send(asked.request.payload, asked.ruling.keep, landing)
        return replace(missed, answer=reply.answer, reply=reply)

    def count_miss(self, asked: Asked, missed: Outcome) -> None:
        """Count a request that memory did not answer; what it would have is counted already."""
        if not asked.shadow:
            self.parts.tally.count(f"misses.{missed.verdict.reason}")
        elif missed.verdict.reason is not Reason.SHADOW:
            self.parts.tally.count("shadow.misses")

    def _keep(self, asked: Asked, sources: tuple[int, ...], reply: Reply) -> Entry | None:
        if reply.answer is None:
            return None
        memo = Memo(asked.request, reply.answer, "upstream", reply.seconds, asked=asked)
        if sources:
            return self._keep_written(memo, sources)
        return next(iter(self.keep([memo])), None)

    def _keep_written(self, memo: Memo, sources: tuple[int, ...]) -> Entry | None:
        """Store a synthesis, unless a source was forgotten meanwhile: it dies with it."""
        try:
            found = self.parts.store.get(sources)
            if len(found) < len(sources):
                return None
            ends = [entry.expires_at for entry in found if entry.expires_at is not None]
            until = min(ends, default=None)
            memo = replace(memo, provenance="synthesis", sources=sources, not_after=until)
            return self.memory.remember([memo])[0]
        except Exception as error:  # noqa: BLE001 - as in `keep`
            self.parts.faults.report(Reason.STORE_FAILED, error)
            return None

    def keep(self, memos: Sequence[Memo]) -> list[Entry]:
        """Store upstream's answers; a failure is counted, no more: the caller has the answers."""
        try:
            entries = self.memory.remember(memos, needs_vectors=False)
        except Exception as error:  # noqa: BLE001 - a cache that fails must not fail the call
            self.parts.faults.report(Reason.STORE_FAILED, error)
            return []
        for entry in entries:
            usage = entry.answer.usage or Usage()
            self.parts.tally.count(f"calls.{Tier.UPSTREAM}")
            self.parts.tally.count(f"tokens.{Tier.UPSTREAM}", usage.total)
            self.parts.tally.count(f"cost.{Tier.UPSTREAM}", usage.cost or 0.0)
        return entries


def _settled(outcome: Outcome, landing: Landed) -> Outcome:
    """The outcome of a call that is over: upstream's as it is, a synthesis as an answer of ours."""
    if outcome.tier is not Tier.SYNTHESIS or outcome.reply is None:
        return outcome
    entry = landing if isinstance(landing, Entry) else None
    return replace(outcome, answer=outcome.reply.answer, entry=entry, reply=None)


def _said(outcome: Outcome) -> Outcome:
    """What is known before the answer is: without the reply, whose stream nobody else may hold."""
    return replace(outcome, answer=None, reply=None)


def _nothing() -> None:
    pass


def _itself(outcome: Outcome) -> Outcome:
    return outcome
