"""Memory: storing answers, forgetting them, and following what others stored and forgot.

What may live here: from an answer to a stored entry, and how store, catalog and hot map are kept
in step through the store's change log. What it may not know: which tier answers what.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from cacheback.core.blocking import BlockList
from cacheback.core.learning import Learning
from cacheback.core.parts import Asked, Limits, Parts, place
from cacheback.core.ports import Changes, Selection
from cacheback.errors import ConfigurationError
from cacheback.models import Answer, Draft, Entry, Provenance, Reason, Request

# The store is asked to evict after this many stored entries, not after each: counting is cheap,
# finding the least recently used is not. A cache may exceed its limit by this many for a moment.
_EVICT_EVERY = 64


@dataclass(frozen=True, slots=True)
class Memo:
    """An answer to remember for a request, where it came from, and how long upstream took.

    `created_at` and `expires_at` are set when an entry is imported with its times. `asked` is set
    when the request was placed before: what is stored belongs where it was asked for, also when
    the day has changed meanwhile. `not_after` is when a source of it expires.
    """

    request: Request
    answer: Answer
    provenance: Provenance
    seconds: float | None = None
    sources: tuple[int, ...] = ()
    created_at: float | None = None
    expires_at: float | None = None
    asked: Asked | None = None
    not_after: float | None = None


class Memory:
    """The entries, wherever copies of them are."""

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self.blocks = BlockList(parts, limits.negative_threshold)
        self.learning = Learning(parts, limits)
        self._seen = parts.store.changes(-1).seq
        self._behind = False
        self._since_evicted = 0

    def remember(self, memos: Sequence[Memo], *, needs_vectors: bool = True) -> list[Entry]:
        """Store answers in one transaction; they are safe when this returns.

        Args:
            memos: what to remember.
            needs_vectors: raise when the embedder fails; otherwise the answers are stored for
                exact hits only, and the failure is counted.

        Raises:
            ConfigurationError: a setting forbids to store one of them.
            StoreError: they could not be stored; none was.
            EmbedderError: the embedder failed.
        """
        asked = [memo.asked or place(memo.request, self._parts, self._limits) for memo in memos]
        for one in asked:
            self._require_keeping(one)
        written = [memo.provenance == "synthesis" for memo in memos]
        vectors = self._vectors(asked, written, needs_vectors=needs_vectors)
        drafts = [
            self._draft(memo, one, vector)
            for memo, one, vector in zip(memos, asked, vectors, strict=True)
        ]
        entries = self._parts.store.put(drafts)
        self._tell(entries)
        self._evict_now_and_then(len(entries))
        return entries

    def find(self, scope: str, question_digest: str) -> Entry | None:
        """The store's entry for exactly this question, expired or not; from now on it is hot."""
        generation = self._parts.hot.generation
        entry = self._parts.store.find(scope, question_digest)
        if entry is not None:
            entry = self.sound(entry)
            self._parts.hot.put(entry, generation)
        return entry

    def sound(self, entry: Entry) -> Entry:
        """The entry with nothing in its answer that an adapter could not tell."""
        answer = self._parts.sound(entry.answer)
        return entry if answer is entry.answer else replace(entry, answer=answer)

    def forget(self, selection: Selection) -> int:
        """Remove the selected entries from every copy; returns how many."""
        return self._remove(partial(self._parts.store.remove, selection))

    def evict(self) -> int:
        """Remove what expired, then the least recently used above the limit."""
        limit, now = self._limits.max_entries, self._parts.clock()
        self._parts.store.negatives.evict(now)
        return self._remove(partial(self._parts.store.evict, limit, now))

    def _remove(self, remove: Callable[[], int]) -> int:
        try:
            removed = remove()
        except BaseException:
            # Large removals are made in parts: those before the failure are gone from the store,
            # which does not tell this thread of them again.
            with suppress(Exception):  # the first error is the one to tell of; tried again later
                self.catch_up(force=True)
            raise
        self.catch_up(force=True)
        return removed

    def behind(self) -> bool:
        """Whether there is something to catch up with; costs microseconds."""
        if self._parts.store.changed():
            # The store tells each thread of a change only once; it must be followed even if this
            # caller goes away before it does.
            self._behind = True
        return self._behind

    def look_again(self) -> None:
        """Something was written that the store does not tell its own writer of."""
        self._behind = True

    def catch_up(self, *, force: bool = False) -> None:
        """Follow what was written since the last look, by anyone; microseconds when nothing was."""
        if force:
            self._behind = True  # also when the look itself fails
        if not self.behind():
            return
        # Before reading: whatever is noticed from now on may not be in what is read.
        self._behind = False
        try:
            self._follow(self._parts.store.changes(self._seen))
        except Exception:
            self._behind = True
            raise

    def _follow(self, news: Changes) -> None:
        self.blocks.follow(news.negatives)
        self.learning.follow(news.lessons)
        if news.changes is None:
            self.start_anew()
        else:
            for change in news.changes:
                self._parts.hot.forget(change.scope, change.question_digest)
            self._parts.catalog.apply(news.changes)
        self._seen = news.seq

    def start_anew(self) -> None:
        """Drop every copy in memory; the store is the truth."""
        self._parts.hot.clear()
        self._parts.catalog.forget()

    # From a memo to a draft -----------------------------------------------------------------

    def _require_keeping(self, asked: Asked) -> None:
        """Raise ConfigurationError where a lookup would never find what is stored."""
        ruling = asked.ruling
        if ruling.keep:
            return
        if ruling.reason is Reason.DISABLED:
            raise ConfigurationError(
                "nothing is stored while the cache is disabled; leave out cache_enabled=False"
            )
        if ruling.reason is Reason.SCOPE_FAILED:
            part, cause = self._failing_rule(asked.request)
            raise ConfigurationError(
                f"the scope rule for {part} failed, so nothing was stored; mend the rule, or use"
                " 'exact' or 'ignore'"
            ) from cause
        raise ConfigurationError(f"such a request is never stored ({ruling.reason})")

    def _failing_rule(self, request: Request) -> tuple[str, Exception | None]:
        """The part whose rule fails, and how."""
        for part, value in request.parts.items():
            try:
                self._parts.rules.place("", {part: value}, day=str)
            except Exception as error:  # noqa: BLE001 - whatever the user's function raises
                return repr(part), error
        return "one of its parts", None

    def _vectors(
        self, asked: Sequence[Asked], written: Sequence[bool], *, needs_vectors: bool
    ) -> list[bytes | None]:
        """The questions' vectors as stored; None where only the exact tier may serve them.

        So it is with what was written from others: it answers the question that it was written for.
        A paraphrase of that would be two steps away from what anybody has said.
        """
        vectors: list[bytes | None] = [None] * len(asked)
        try:
            seen = [i for i, one in enumerate(asked) if not written[i] and self._sees(one)]
            questions = [asked[i].request.question for i in seen]
            for i, vector in zip(seen, self._encode(questions), strict=True):
                vectors[i] = vector
        except Exception as error:
            if needs_vectors:
                raise
            self._parts.faults.report(Reason.EMBEDDER_FAILED, error)
        return vectors

    def _sees(self, asked: Asked) -> bool:
        embedder = self._parts.embedder
        return asked.ruling.semantic and embedder.blind_to(asked.request.question) is None

    def _encode(self, questions: Sequence[str]) -> list[bytes]:
        embedder, pack = self._parts.embedder, self._parts.pack
        if len(questions) == 1:  # most likely looked up a moment ago, and still in its LRU
            return [pack(embedder.encode(questions[0]))]
        return [pack(row) for row in embedder.encode_batch(questions)] if questions else []

    def _draft(self, memo: Memo, asked: Asked, vector: bytes | None) -> Draft:
        created_at = self._parts.clock() if memo.created_at is None else memo.created_at
        return Draft(
            question=asked.request.question,
            question_digest=asked.digest,
            scope=asked.scope,
            answer=self._priced(memo.answer),
            created_at=created_at,
            expires_at=_sooner(memo.expires_at or self._expiry(asked, created_at), memo.not_after),
            provenance=memo.provenance,
            tags=asked.request.controls.tags,
            sources=memo.sources,
            vector=vector,
            seconds=memo.seconds,
        )

    def _expiry(self, asked: Asked, created_at: float) -> float | None:
        ttl = asked.request.controls.ttl
        ttl = self._limits.ttl if ttl is None else ttl
        return None if ttl is None or math.isinf(ttl) else created_at + ttl

    def _priced(self, answer: Answer) -> Answer:
        if answer.usage is None or answer.usage.cost is not None:
            return answer
        return replace(answer, usage=replace(answer.usage, cost=self._parts.price(answer)))

    # Telling the copies ---------------------------------------------------------------------

    def _tell(self, entries: Sequence[Entry]) -> None:
        """Bring catalog and hot map up to date; what is stored stays stored if that fails."""
        try:
            self.catch_up(force=True)
            if len(entries) == 1:  # an import is not about to be asked for
                self.find(entries[0].scope, entries[0].question_digest)
        except Exception as error:  # noqa: BLE001 - the entries are safe, a later look follows
            self._behind = True
            self._parts.faults.report(Reason.INDEX_FAILED, error)

    def _evict_now_and_then(self, stored: int) -> None:
        self._since_evicted += stored
        if self._since_evicted < _EVICT_EVERY:
            return
        self._since_evicted = 0
        try:
            self.evict()
        except Exception as error:  # noqa: BLE001 - what was stored is safe; evicted another time
            self._parts.faults.report(Reason.STORE_FAILED, error)


def _sooner(one: float | None, other: float | None) -> float | None:
    """The earlier of two times; None is never."""
    return min((time for time in (one, other) if time is not None), default=None)
