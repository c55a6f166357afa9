"""SemanticCache: the façade. Its parts are put together in `assembly.py`."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack

from cacheback.assembly import assemble, claim, open_store
from cacheback.config import DEFAULT_DIR, CacheKeywords, Settings
from cacheback.core.engine import Engine
from cacheback.core.memory import Memo
from cacheback.core.ports import Selection
from cacheback.core.scope import known_parts
from cacheback.core.screening import HandlerError
from cacheback.drive import AsyncSender, Sender, arun, asettle, in_thread, run, settle
from cacheback.embedders.checked import Checked
from cacheback.embedders.registry import make_embedder
from cacheback.errors import ClosedError, ConfigurationError, InputError
from cacheback.feedback import give, reported
from cacheback.judges import LearnedJudge
from cacheback.models import (
    JSON,
    Answer,
    Controls,
    Entry,
    Explanation,
    Hit,
    Label,
    Outcome,
    Reason,
    Reply,
    Request,
    Saved,
    Shadow,
    Spent,
    Stats,
)
from cacheback.negative import NegativeCache

if TYPE_CHECKING:
    from pathlib import Path

    from cacheback.core.feedback import Feedback
    from cacheback.core.observing import Observer
    from cacheback.core.plan import Plan, Send
    from cacheback.core.ports import Judge, Store
    from cacheback.core.reporting import Report

_DEFAULTS = Controls()
# Seconds in which a comparison is over, and many a call of upstream.
_GRACE = 2.0


class SemanticCache:
    """A cache that answers a question it was asked before, or one that means the same.

        >>> cache = SemanticCache("~/.cacheback")
        >>> cache.populate("What is the capital of France?", "Paris.")
        >>> print(cache.lookup("capital of France?"))
        Paris.

    Safe to share between threads and tasks, and after a fork; several processes may share one
    directory. A lookup never raises because a part failed: that is a miss, counted in `stats()`.

    Args:
        cache_dir: the directory of the cache; ":memory:" keeps everything in this process.
        store: a store of one's own instead of the one in `cache_dir`.
        judge: a judge of one's own instead of the learned one, such as
            `cacheback.judges.GuardedThreshold`.
        clock: Unix seconds, for tests.
        **settings: see `cacheback.Settings`.

    Raises:
        ConfigurationError: a setting cannot work.
        EmbedderMismatchError: the directory was filled with another embedder.
        StoreError: the directory or its database cannot be used; the message says what to do.
    """

    def __init__(
        self,
        cache_dir: str | Path = DEFAULT_DIR,
        *,
        store: Store | None = None,
        judge: Judge | None = None,
        clock: Callable[[], float] = time.time,
        **settings: Unpack[CacheKeywords],
    ) -> None:
        self.settings = Settings(cache_dir=cache_dir, **settings)
        self.embedder = Checked(make_embedder(self.settings.embedder))
        self.store = store or open_store(self.settings)
        self._pid = os.getpid()
        self._closed = False
        try:
            claim(self.store, self.embedder)
            judge = _judge(judge, self.settings.judge_threshold)
            assembled = assemble(self.settings, self.store, self.embedder, judge, clock)
        except BaseException:
            self.store.close()
            raise
        self.engine = assembled.engine
        self.catalog = assembled.catalog
        self._tally, self._notes = assembled.tally, assembled.notes
        # Also when nobody calls `close()`: what is pending is written at the end of the program.
        self._finish = weakref.finalize(self, assembled.finish)

    # Asking ---------------------------------------------------------------------------------

    def lookup(
        self,
        question: str,
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        threshold: float | None = None,
    ) -> Hit | None:
        """The answer to this question, or to one that means the same; None when there is none.

        Args:
            question: the text.
            scope: what must be equal, by part (`system`, `history`, `model`, …).
            namespace: in which namespace, instead of the cache's own.
            threshold: cosine from which meaning counts, instead of the cache's own.

        Raises:
            InputError, ConfigurationError: an argument is not what it must be.
            BlockedError: the question matches a blocked pattern, and that raises.
        """
        request = self.request(question, scope, _asking(threshold, namespace))
        return _hit(self._run(self.ready().recall(request)))

    async def alookup(
        self,
        question: str,
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        threshold: float | None = None,
    ) -> Hit | None:
        """`lookup` on the running event loop."""
        request = self.request(question, scope, _asking(threshold, namespace))
        return _hit(await self._arun(self.ready().recall(request)))

    def search(
        self,
        question: str,
        k: int = 10,
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        everywhere: bool = False,
    ) -> Explanation:
        """Why a question would be served or not: the k nearest entries with a verdict on each,
        and where else the same question was answered. Serves and counts nothing.

        Args:
            question: the text.
            k: how many entries.
            scope, namespace: as for `lookup`.
            everywhere: look through the entries of all scopes for candidates.

        Raises:
            StoreError, EmbedderError: a part failed.
        """
        request = self.request(question, scope, Controls(namespace=namespace))
        return run(self.ready().explain(request, k, everywhere=everywhere))

    async def asearch(
        self,
        question: str,
        k: int = 10,
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        everywhere: bool = False,
    ) -> Explanation:
        """`search` on the running event loop."""
        request = self.request(question, scope, Controls(namespace=namespace))
        return await arun(self.ready().explain(request, k, everywhere=everywhere))

    def ask(
        self,
        question: str,
        call: Callable[[str], str | Answer],
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        tags: Iterable[str] = (),
        ttl: float | None = None,
        threshold: float | None = None,
    ) -> Outcome:
        """The answer from memory, else one written from near ones if that is set, else that of
        `call`, which is remembered. Identical questions at the same time make one call.

            >>> print(cache.ask("What is the capital of France?", my_model))
            Paris.

        Args:
            question: the text.
            call: gives the answer to a question; it may take its time.
            scope, namespace, threshold: as for `lookup`.
            tags, ttl: of the new entry, as for `populate`.

        Raises:
            InputError, ConfigurationError: an argument is not what it must be.
            Exception: whatever `call` raises; nothing is stored then.
        """
        controls = replace(_controls(namespace, tags, ttl), threshold=threshold)

        def send(_: Send) -> Reply:
            begun = time.perf_counter()
            return _called(call(question), time.perf_counter() - begun)

        return self.answer(self.request(question, scope, controls, repeatable=True), send)

    async def aask(
        self,
        question: str,
        call: Callable[[str], Awaitable[str | Answer]],
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        tags: Iterable[str] = (),
        ttl: float | None = None,
        threshold: float | None = None,
    ) -> Outcome:
        """`ask` on the running event loop, with a coroutine function."""
        controls = replace(_controls(namespace, tags, ttl), threshold=threshold)

        async def send(_: Send) -> Reply:
            begun = time.perf_counter()
            return _called(await call(question), time.perf_counter() - begun)

        return await self.aanswer(self.request(question, scope, controls, repeatable=True), send)

    @property
    def negative(self) -> NegativeCache:
        """Questions that are not to be answered; see `NegativeCache`."""
        # Made when asked for: a cache that holds what holds it would not end when it is let go.
        return NegativeCache(self.ready, self.settings.namespace)

    # Learning -------------------------------------------------------------------------------

    def feedback(self, entry_id: int, label: Label, question: str | None = None) -> Feedback:
        """Say that an entry's answer was wrong for a question, or right; stored when this returns.

        What is called wrong is never served for that question again: in no scope, by no process,
        and also when the entry was stored anew or its text is deleted. What is called right is
        served in the entry's scope, whatever the judge says, unless a nearer entry is. The last
        word counts. Where the question is the entry's own text, calling it wrong deletes the entry;
        calling it right changes nothing.

        Args:
            entry_id: such as `hit.entry.id`, or `info(response).entry`.
            label: "wrong" or "right".
            question: what was asked. Without it, the last question for which the entry was served
                by meaning, or would have been in shadow mode; `Feedback.question` tells it.

        Raises:
            InputError: there is no such entry, or it is not known for which question.
            StoreError: it could not be stored.
        """
        return give(self.ready(), entry_id, label, question)

    async def afeedback(self, entry_id: int, label: Label, question: str | None = None) -> Feedback:
        """`feedback` on the running event loop."""
        return await in_thread(self.feedback, entry_id, label, question)

    def report(self, *, since: float | None = None, pairs: int = 10) -> Report:
        """How often memory served, or in shadow mode would have; how often that was wrong, as far
        as answers were compared; what it saved; and the pairs that are most worth a look.

        Args:
            since: Unix seconds; then only hits by meaning that were judged since are counted.
            pairs: how many pairs at most.

        Raises:
            StoreError: it could not be read.
        """
        engine = self.ready()
        self._tally.record()
        return reported(engine, since=since, pairs=pairs)

    async def areport(self, *, since: float | None = None, pairs: int = 10) -> Report:
        """`report` on the running event loop."""
        return await in_thread(partial(self.report, since=since, pairs=pairs))

    # Remembering ----------------------------------------------------------------------------

    def populate(
        self,
        question: str,
        answer: str | Answer,
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        tags: Iterable[str] = (),
        ttl: float | None = None,
        seconds: float | None = None,
    ) -> Entry:
        """Store an answer; when this returns, it survives a kill.

        Args:
            question: the text; empty text is refused.
            answer: text, or a whole `Answer`.
            scope, namespace: where it belongs, as for `lookup`.
            tags: names for invalidating several entries at once.
            ttl: seconds until it expires, instead of the cache's own; `math.inf` for never.
            seconds: how long the answer took to get, for `saved`.

        Raises:
            InputError: an argument is not what it must be.
            ConfigurationError: the cache is disabled, or a scope rule failed; not stored.
            StoreError, EmbedderError: it was not stored.
        """
        controls = _controls(namespace, tags, ttl)
        memo = _memo(self.request(question, scope, controls), answer, seconds)
        return run(self.ready().remember(memo))

    async def apopulate(
        self,
        question: str,
        answer: str | Answer,
        *,
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        tags: Iterable[str] = (),
        ttl: float | None = None,
        seconds: float | None = None,
    ) -> Entry:
        """`populate` on the running event loop."""
        controls = _controls(namespace, tags, ttl)
        memo = _memo(self.request(question, scope, controls), answer, seconds)
        return await arun(self.ready().remember(memo))

    # Forgetting -----------------------------------------------------------------------------

    def delete(self, *ids: int) -> int:
        """Delete entries by id, from every copy; returns how many there were."""
        return self.ready().memory.forget(Selection(ids=ids))

    def invalidate(
        self,
        *,
        tags: Iterable[str] = (),
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """Delete every entry to which all that is given applies; returns how many.

        Args:
            tags: it has one of these.
            scope: each of these parts of its scope has this value.
            namespace: it is in this namespace.
            older_than: it was stored more than so many seconds ago.

        Raises:
            InputError: nothing was given; use `clear()` to delete everything.
        """
        selection = self.selection(
            tags=tags, scope=scope, namespace=namespace, older_than=older_than
        )
        if selection == Selection():
            raise InputError(
                "invalidate() needs at least one of tags, scope, namespace and older_than;"
                " clear() deletes everything"
            )
        return self.ready().memory.forget(selection)

    def evict(self) -> int:
        """Delete expired entries, and the least recently used above `cache_max_entries`."""
        return self.ready().memory.evict()

    def clear(self) -> int:
        """Delete every entry; returns how many. Blocked patterns stay."""
        return self.ready().memory.forget(Selection())

    async def adelete(self, *ids: int) -> int:
        """`delete` on the running event loop."""
        return await in_thread(self.delete, *ids)

    async def ainvalidate(
        self,
        *,
        tags: Iterable[str] = (),
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """`invalidate` on the running event loop."""
        forget = partial(
            self.invalidate, tags=tags, scope=scope, namespace=namespace, older_than=older_than
        )
        return await in_thread(forget)

    # Looking --------------------------------------------------------------------------------

    def entries(
        self,
        *,
        tags: Iterable[str] = (),
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        older_than: float | None = None,
        text: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Sequence[Entry]:
        """Entries by ascending id, those with an id above `after`, at most `limit`.

        Conditions are as for `invalidate`; `text` must occur in the question.
        """
        selection = self.selection(
            tags=tags, scope=scope, namespace=namespace, older_than=older_than, text=text
        )
        self.ready()
        self._tally.record()
        return self.store.select(selection, after=after, limit=limit)

    def stats(self) -> Stats:
        """Figures since the directory was made, of all processes that share it."""
        self.ready()
        self._tally.record()
        stored = self.store.stats()
        counters = stored.counters
        return Stats(
            entries=stored.entries,
            scopes=stored.scopes,
            bytes=stored.bytes,
            hits=_under("hits.", counters),
            misses=_under("misses.", counters),
            faults=_under("faults.", counters),
            saved=_saved("", counters),
            negatives=stored.negatives,
            blocked=_under("blocked.", counters),
            synthesis=_under("synthesis.", counters),
            spent={tier: _spent(tier, counters) for tier in _under("calls.", counters)},
            shadow=Shadow(
                hits=_under("shadow.hits.", counters),
                misses=int(counters.get("shadow.misses", 0)),
                saved=_saved("shadow.", counters),
            ),
        )

    def check(self) -> list[str]:
        """Look for damage; an empty list means that all is well."""
        self.ready()
        return self.store.check()

    # Life -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is pending and close everything. Idempotent.

        Answers that are just being compared are waited for, for two seconds at most.
        """
        self._closed = True
        settle(_GRACE)
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await asettle(_GRACE)
        await in_thread(self.close)

    def ready(self) -> Engine:
        """The engine, after a look whether this is still the process and the time for it.

        Raises:
            ClosedError: the cache was closed.
        """
        if self._closed:
            raise ClosedError("this cache was closed; make a new SemanticCache")
        if os.getpid() != self._pid:
            # A forked child: the leaders of the parent's flights do not exist here.
            self._pid = os.getpid()
            self.engine.flights.forget()
        return self.engine

    # For adapters ---------------------------------------------------------------------------

    def answer(self, request: Request, send: Sender) -> Outcome:
        """Answer a request in the whole order of tiers, calling upstream where it must be.

        The outcome's `answer` came from memory where its `reply` is None; others share it, so copy
        what you change. Else `reply.native` is what `send` returned; for a request that streams
        it is a view to be read once and closed, which may be of another caller's stream.

        Args:
            request: made by `request()`; `stream` tells that the caller reads while it arrives.
            send: performs the call of upstream: takes a `Send`, returns a `Reply`; for a stream
                that of a `SyncRelay`. What it raises is raised, and nothing is stored.

        Raises:
            BlockedError: the question matches a blocked pattern, and that raises.
            NotCachedError: the request allows memory only, and nothing in it may answer.
            ClosedError: the cache was closed.
        """
        return self._run(self.ready().answer(request), send)

    async def aanswer(self, request: Request, send: AsyncSender) -> Outcome:
        """`answer` on the running event loop; `send` is a coroutine function, and the reply of a
        stream that of an `AsyncRelay`."""
        request = replace(request, asynchronous=True)
        return await self._arun(self.ready().answer(request), send)

    def record(self, request: Request, reply: Reply) -> None:
        """Keep what upstream answered to a request, for a framework that calls it by itself.

        Nothing is kept of a reply without an `answer`, nor of a request whose limits or mode
        forbid it. A failure is counted in `stats()` and does not raise.

        Raises:
            ClosedError: the cache was closed.
        """
        run(self.ready().record(request, reply))

    async def arecord(self, request: Request, reply: Reply) -> None:
        """`record` on the running event loop."""
        await arun(self.ready().record(request, reply))

    @staticmethod
    def _run(plan: Plan[Outcome], send: Sender | None = None) -> Outcome:
        try:
            return run(plan, send)
        except HandlerError as failed:
            raise failed.error from failed.error.__cause__

    @staticmethod
    async def _arun(plan: Plan[Outcome], send: AsyncSender | None = None) -> Outcome:
        try:
            return await arun(plan, send)
        except HandlerError as failed:
            raise failed.error from failed.error.__cause__

    def observe(self, observer: Observer) -> None:
        """Tell `observer` what becomes of every request that clients and adapters answer from now
        on: it is called with an `Event` in the caller's thread or task, and must be quick. What it
        raises is counted, and fails no call."""
        self.engine.observers.add(observer)

    def report_error(self, error: Exception) -> None:
        """Count, and log once, an error in an adapter's own reading of what passes."""
        self.engine.parts.faults.report(Reason.WIRE_FAILED, error)

    def request(
        self,
        question: str,
        scope: Mapping[str, JSON] | None = None,
        controls: Controls = _DEFAULTS,
        **rest: Any,
    ) -> Request:
        """A request in this cache's tenant and namespace.

        Raises:
            InputError: the question is not text.
            ConfigurationError: an unknown part of the scope.
        """
        if not isinstance(question, str):
            raise InputError(f"a question is text, not {type(question).__name__}")
        parts = dict(scope) if scope else {}
        known_parts(parts)
        if self.settings.tenant is not None:
            parts["tenant"] = self.settings.tenant
        namespace = controls.namespace or self.settings.namespace
        if namespace is not None:
            parts["namespace"] = namespace
        return Request(question=question, parts=parts, controls=controls, **rest)

    def selection(
        self,
        *,
        tags: Iterable[str] = (),
        scope: Mapping[str, JSON] | None = None,
        namespace: str | None = None,
        older_than: float | None = None,
        text: str | None = None,
    ) -> Selection:
        """The selection of entries that these conditions describe."""
        parts = dict(scope) if scope else {}
        known_parts(parts)
        if namespace is not None:
            parts["namespace"] = namespace
        return Selection(
            tags=_tags(tags),
            parts=parts,
            text=text,
            created_before=None if older_than is None else self.engine.parts.clock() - older_than,
        )


def _hit(outcome: Outcome) -> Hit | None:
    answer, entry = outcome.answer, outcome.entry
    if answer is None:
        return None
    if answer.raw is not None:  # the caller may change what it is given, and others share this
        answer = replace(answer, raw=deepcopy(answer.raw))
        entry = entry and replace(entry, answer=answer)
    return Hit(
        answer=answer,
        tier=outcome.tier,
        verdict=outcome.verdict,
        similarity=outcome.similarity or 0.0,
        entry=entry,
        age=outcome.age or 0.0,
        saved=outcome.saved,
    )


def _judge(given: Judge | None, threshold: float | None) -> Judge:
    if given is None:
        return LearnedJudge(threshold)
    if threshold is not None:
        raise ConfigurationError(
            f"judge_threshold={threshold} has no effect on a judge of your own; leave it out, or"
            " give the judge its own (LearnedJudge(at_least=…))"
        )
    return given


def _called(given: str | Answer, seconds: float) -> Reply:
    """What a function of the user's answered; an empty answer is not kept."""
    answer = _answer(given)
    whole = bool(answer.text.strip() or answer.tool_calls)
    return Reply(given, answer, failed=not whole, seconds=seconds)


def _answer(given: str | Answer) -> Answer:
    if isinstance(given, str):
        return Answer(text=given)
    if isinstance(given, Answer):
        return given
    raise InputError(f"an answer is text or an Answer, not {type(given).__name__}")


def _memo(request: Request, answer: str | Answer, seconds: float | None) -> Memo:
    answer = _answer(answer)
    if not request.question.strip():
        raise InputError("the question is empty; there is nothing to remember it by")
    return Memo(request, answer, "manual", seconds)


def _asking(threshold: float | None, namespace: str | None) -> Controls:
    if threshold is None and namespace is None:
        return _DEFAULTS  # 1 µs less
    return Controls(threshold=threshold, namespace=namespace)


def _controls(namespace: str | None, tags: Iterable[str], ttl: float | None) -> Controls:
    if ttl is not None and not (isinstance(ttl, int | float) and ttl > 0):  # type: ignore[redundant-expr]  # whoever calls may not be checked
        raise InputError(f"ttl is {ttl!r}; it must be seconds above 0, or math.inf for never")
    return Controls(ttl=ttl, namespace=namespace, tags=_tags(tags))


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    if isinstance(tags, str):
        raise InputError(f"tags is a list of names; write tags=[{tags!r}]")
    return tuple(tags)


def _under(prefix: str, counters: Mapping[str, float]) -> dict[str, int]:
    return {
        name.removeprefix(prefix): int(amount)
        for name, amount in sorted(counters.items())
        if name.startswith(prefix)
    }


def _saved(prefix: str, counters: Mapping[str, float]) -> Saved:
    return Saved(
        tokens=int(counters.get(f"{prefix}saved.tokens", 0)),
        money=counters.get(f"{prefix}saved.money") or None,  # of unknown prices nothing is known
        seconds=counters.get(f"{prefix}saved.seconds", 0.0),
    )


def _spent(tier: str, counters: Mapping[str, float]) -> Spent:
    return Spent(
        calls=int(counters.get(f"calls.{tier}", 0)),
        tokens=int(counters.get(f"tokens.{tier}", 0)),
        money=counters.get(f"cost.{tier}", 0.0),
    )
