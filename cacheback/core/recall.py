"""Recalling: what memory says to a request, and why.

What may live here: the exact and the semantic tier, the explanation of a miss. What it may not
know: how vectors are searched, how entries are stored, what the judge looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cacheback.core.blocking import namespace_of
from cacheback.core.memory import Memory
from cacheback.core.parts import Asked, FailingAs, Limits, PartFailedError, Parts
from cacheback.core.ports import Pair, Selection
from cacheback.core.scope import differences
from cacheback.models import (
    Answer,
    Candidate,
    Elsewhere,
    Entry,
    Explanation,
    Outcome,
    Reason,
    Reply,
    Saved,
    Tier,
    Verdict,
)

# Other scopes that are shown for the same question: enough to see what keeps changing.
_ELSEWHERE = 5
# Scopes that an explanation looks through: each may have to be loaded first.
_EVERYWHERE = 100

_SAME_TEXT = Verdict(True, Reason.SAME_TEXT)


class Recall:
    """The tiers that answer from memory. A failing part is a miss, named after the part."""

    def __init__(self, parts: Parts, limits: Limits, memory: Memory) -> None:
        self._parts = parts
        self._limits = limits
        self._memory = memory
        self._learning = memory.learning

    def behind(self) -> bool:
        """Whether others have written since the last look: one cheap question to the store."""
        try:
            return self._memory.behind()
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            self._parts.faults.report(Reason.STORE_FAILED, error)
            return True

    def follow(self) -> bool:
        """Follow what others wrote; False when the store failed, and nothing may be served."""
        try:
            self._memory.catch_up(force=True)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            self._parts.faults.report(Reason.STORE_FAILED, error)
            return False
        return True

    def hot(self, asked: Asked) -> Outcome | None:
        """An exact hit from the hot map alone, after `follow`: no thread, no query, microseconds.

        None means that `search` may know more.
        """
        return self._verbatim(asked, self._parts.hot.get(asked.scope.digest, asked.digest))

    def again(self, asked: Asked) -> Outcome | None:
        """An exact hit that was stored since memory was searched.

        It asks the store: whoever follows what another thread wrote drops that from the hot map.
        A query takes a hundredth of the call that it may spare.
        """
        if not asked.ruling.recall:
            return None
        try:
            return self.hot(asked) or self._verbatim(asked, self._stored(asked))
        except PartFailedError:
            return None

    def search(self, asked: Asked, *, verbatim: bool = True) -> Outcome:
        """The store's exact entry, then the nearest ones: all that may take a while, at once.

        Without `verbatim` nothing is served by meaning: an answer is to be written instead.
        """
        try:
            entry = self._stored(asked)
            found = self._verbatim(asked, entry)
            if found is not None:
                return found
            if not asked.ruling.semantic:
                expired = Reason.EXPIRED if entry is not None else None
                return self.missed(expired or asked.ruling.reason or Reason.EMPTY)
            return self._semantic(asked, verbatim=verbatim)
        except PartFailedError as failed:
            return self.missed(failed.part)

    def explain(self, asked: Asked, k: int, *, everywhere: bool = False) -> Explanation:
        """What `search` would say and why, with the k nearest; serves and counts nothing.

        With `everywhere` the candidates come from all scopes (of many, the largest), which shows
        what is near at all; they can only be served inside their own.

        Raises:
            StoreError, EmbedderError: whoever asks why wants to know that, too.
        """
        self._memory.catch_up()
        blind = self._parts.embedder.blind_to(asked.request.question)
        candidates = [] if blind else self._nearest(asked, k, everywhere=everywhere)
        tier, verdict = self._would(asked, blind, candidates)
        return Explanation(
            question=asked.request.question,
            scope=asked.scope,
            tier=tier,
            verdict=verdict,
            candidates=tuple(candidates),
            elsewhere=self._elsewhere(asked),
        )

    def _would(
        self, asked: Asked, blind: Reason | None, candidates: Sequence[Candidate]
    ) -> tuple[Tier | None, Verdict]:
        ruling = asked.ruling
        request = asked.request
        blocked = self._memory.blocks.check(request.question, namespace_of(request.parts))
        if blocked is not None:
            return None, Verdict(False, Reason.BLOCKED, blocked.reason)
        exact = self._parts.store.find(asked.scope.digest, asked.digest)
        if ruling.recall and exact is not None and not exact.expired(asked.now):
            return Tier.EXACT, _SAME_TEXT
        if not (ruling.recall and ruling.semantic):
            return None, Verdict(False, ruling.reason or Reason.EMPTY)
        if blind is not None:
            return None, Verdict(False, blind)
        here = [one for one in candidates if one.entry.scope == asked.scope.digest]
        served = next((one for one in here if one.verdict.serve), None)
        if served is not None:
            return Tier.SEMANTIC, served.verdict
        return None, here[0].verdict if here else Verdict(False, Reason.EMPTY)

    def _nearest(self, asked: Asked, k: int, *, everywhere: bool) -> list[Candidate]:
        scopes = self._parts.store.scopes(_EVERYWHERE) if everywhere else [asked.scope.digest]
        vector = self._parts.embedder.encode(asked.request.question)
        near = [one for scope in scopes for one in self._parts.catalog.nearest(scope, vector, k)]
        near.sort(key=lambda one: one[1], reverse=True)
        return list(self._judged(asked, near[:k]))

    def _stored(self, asked: Asked) -> Entry | None:
        """The store's entry for exactly this question, expired or not."""
        with FailingAs(Reason.STORE_FAILED, self._parts.faults):
            return self._memory.find(asked.scope.digest, asked.digest)

    def _verbatim(self, asked: Asked, entry: Entry | None) -> Outcome | None:
        """An exact hit, if there is an entry and it has not expired."""
        return None if entry is None or entry.expired(asked.now) else self._exact(asked, entry)

    # The semantic tier --------------------------------------------------------------------

    def _semantic(self, asked: Asked, *, verbatim: bool) -> Outcome:
        blind = self._blind(asked)
        if blind is not None:
            return self.missed(blind)
        near = self.near(asked, self._limits.candidates, [asked.scope.digest])
        best = self._best(asked, near)
        if best is not None and best.verdict.serve and best.entry.scope == asked.scope.digest:
            if not verbatim:
                return self.missed(Reason.SYNTHESIS_ALWAYS, best.similarity, candidate=best)
            entry = self._memory.sound(best.entry)
            if entry is not best.entry:
                best = replace(best, entry=entry)
            return self._serve(asked, entry, Tier.SEMANTIC, best.verdict, best.similarity, best)
        if best is not None:
            verdict = best.verdict
            return self.missed(verdict.reason, best.similarity, verdict.detail, best)
        if near:
            detail = f"{near[0][1]:.3f} < {asked.threshold:g}"
            return self.missed(Reason.BELOW_THRESHOLD, near[0][1], detail)
        return self.missed(Reason.EMPTY)

    def _blind(self, asked: Asked) -> Reason | None:
        with FailingAs(Reason.EMBEDDER_FAILED, self._parts.faults):
            return self._parts.embedder.blind_to(asked.request.question)

    def _best(
        self, asked: Asked, near: Sequence[tuple[int, float]], *, other: bool = False
    ) -> Candidate | None:
        """The nearest that may be served; else the nearest of all above the threshold.

        With `other` the same question's own entry does not count.
        """
        nearest = None
        for one in self._judged(asked, [one for one in near if one[1] >= asked.threshold]):
            if other and one.entry.question_digest == asked.digest:
                continue
            # The catalog ranks inside the scope already. What must never go wrong is checked once
            # more on what is about to be served.
            if one.verdict.serve and one.entry.scope == asked.scope.digest:
                return one
            nearest = nearest or one
        return self._vouched(asked, near) or nearest

    def _vouched(self, asked: Asked, near: Sequence[tuple[int, float]]) -> Candidate | None:
        """The nearest below the threshold that a person has called right: it needs none."""
        if not self._learning.vouched(asked.scope.digest):
            return None
        below = [one for one in near if one[1] < asked.threshold]
        found = (one for one in self._judged(asked, below) if one.entry.scope == asked.scope.digest)
        said = Reason.REPORTED_RIGHT
        return next((one for one in found if one.verdict.reason is said), None)

    def foresee(self, asked: Asked, *, exactly: bool = True) -> Candidate | None:
        """The entry that would be served, else the nearest with why not; nothing is counted.

        Without `exactly` only other questions' entries are looked at.
        """
        try:
            if exactly:
                entry = self._stored(asked)
                if entry is not None and not entry.expired(asked.now):
                    return Candidate(entry, 1.0, _SAME_TEXT)
            if not asked.ruling.semantic or self._blind(asked) is not None:
                return None
            near = self.near(asked, self._limits.candidates, [asked.scope.digest])
            return self._best(asked, near, other=True)
        except PartFailedError:
            return None

    def near(self, asked: Asked, k: int, scopes: Sequence[str]) -> list[tuple[int, float]]:
        """At most k (entry id, cosine) of these scopes, nearest first.

        Raises:
            PartFailedError: the embedder or the catalog failed.
        """
        with FailingAs(Reason.EMBEDDER_FAILED, self._parts.faults):
            vector = self._parts.embedder.encode(asked.request.question)
        with FailingAs(Reason.INDEX_FAILED, self._parts.faults):
            nearest = self._parts.catalog.nearest
            if len(scopes) == 1:
                return nearest(scopes[0], vector, k)
            found = [one for scope in scopes for one in nearest(scope, vector, k)]
        return sorted(found, key=lambda one: one[1], reverse=True)[:k]

    def _judged(self, asked: Asked, near: Sequence[tuple[int, float]]) -> Iterator[Candidate]:
        """Near entries with a verdict on each, nearest first, as they are asked for.

        Mostly the nearest is served or none: the others are read from the store after it. Each
        text that the judge has not seen yet takes it 100 µs.
        """
        for some in filter(None, (near[:1], near[1:])):
            with FailingAs(Reason.STORE_FAILED, self._parts.faults):
                entries = {one.id: one for one in self._parts.store.get([id_ for id_, _ in some])}
            for id_, similarity in some:
                entry = entries.get(id_)
                if entry is not None:
                    yield self.candidate(asked, entry, similarity)

    def candidate(self, asked: Asked, entry: Entry, similarity: float) -> Candidate:
        """A near entry with the judge's verdict on it."""
        return Candidate(entry, similarity, self._judge(asked, entry, similarity))

    def _judge(self, asked: Asked, entry: Entry, similarity: float) -> Verdict:
        if entry.expired(asked.now):
            return Verdict(False, Reason.EXPIRED)
        learning = self._learning
        told = learning.told(asked, entry)
        if told is not None:
            return told
        question, at_least = asked.request.question, learning.at_least
        pair = Pair(question, entry.question, similarity, asked.threshold, at_least)
        with FailingAs(Reason.JUDGE_FAILED, self._parts.faults):
            verdict = self._parts.judge.judge(pair)
        return learning.review(entry, similarity, verdict)

    # Outcomes -----------------------------------------------------------------------------

    def missed(
        self,
        reason: Reason,
        similarity: float | None = None,
        detail: str = "",
        candidate: Candidate | None = None,
    ) -> Outcome:
        """Memory has nothing to say. Counted by the engine, once it is known who answers."""
        verdict = Verdict(False, reason, detail)
        return Outcome(None, Tier.UPSTREAM, verdict, similarity, candidate=candidate)

    def from_flight(self, asked: Asked, entry: Entry) -> Outcome:
        """An answer that another caller's call has just brought."""
        verdict = Verdict(True, Reason.SAME_FLIGHT)
        return self._serve(asked, entry, Tier.EXACT, verdict, 1.0)

    def from_recording(
        self, sources: tuple[int, ...], answer: Answer | None, view: object = None
    ) -> Outcome:
        """What another caller's call brings as a stream: its answer, or a view of it."""
        self._parts.tally.count(f"hits.{Tier.EXACT}")
        reply = Reply(view) if answer is None else None
        verdict = Verdict(True, Reason.SAME_FLIGHT)
        return Outcome(answer, Tier.EXACT, verdict, reply=reply, sources=sources)

    def _exact(self, asked: Asked, entry: Entry) -> Outcome:
        return self._serve(asked, entry, Tier.EXACT, _SAME_TEXT, 1.0)

    def _serve(  # noqa: PLR0917 - what is served, by whom and why
        self,
        asked: Asked,
        entry: Entry,
        tier: Tier,
        verdict: Verdict,
        similarity: float,
        candidate: Candidate | None = None,
    ) -> Outcome:
        if asked.shadow:
            return self._shadow(tier, candidate or Candidate(entry, similarity, verdict))
        saved = saved_by(entry)
        self._parts.tally.hit(entry.id, tier, saved, asked.now)
        return Outcome(
            entry.answer,
            tier,
            verdict,
            similarity,
            entry,
            age=max(0.0, asked.now - entry.created_at),
            saved=saved,
            sources=entry.sources,
            candidate=candidate,
        )

    def _shadow(self, tier: Tier, found: Candidate) -> Outcome:
        """What would have been served, counted apart, and not as a use of the entry."""
        saved, count = saved_by(found.entry), self._parts.tally.count
        count(f"shadow.hits.{tier}")
        count("shadow.saved.tokens", saved.tokens)
        count("shadow.saved.money", saved.money or 0.0)
        count("shadow.saved.seconds", saved.seconds)
        detail = f"{tier} hit of entry {found.entry.id}"
        return self.missed(Reason.SHADOW, found.similarity, detail, found)

    def _elsewhere(self, asked: Asked) -> tuple[Elsewhere, ...]:
        store = self._parts.store
        same = store.select(Selection(question_digest=asked.digest))
        others = [entry for entry in same if entry.scope != asked.scope.digest]
        return tuple(
            Elsewhere(entry, differences(asked.scope.parts, store.scope_parts(entry.scope) or {}))
            for entry in others[-_ELSEWHERE:]
        )


def saved_by(entry: Entry) -> Saved:
    """What a hit of this entry spares the caller."""
    usage = entry.answer.usage
    return Saved(
        tokens=usage.total if usage else 0,
        money=usage.cost if usage else None,
        seconds=entry.seconds or 0.0,
    )
