"""The negative cache: questions that are not to be answered, as a list of patterns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cacheback.core.negative import pattern_digest, seen
from cacheback.core.ports import NegativeDraft, Report
from cacheback.drive import in_thread
from cacheback.errors import InputError

if TYPE_CHECKING:
    from cacheback.core.engine import Engine
    from cacheback.models import Negative, NegativeMatch


class NegativeCache:
    """Blocked patterns of a cache: `cache.negative`, and `client.cache.negative` of a client.

        >>> cache.negative.add("What is the airspeed of an unladen swallow?", reason="bridge")
        >>> cache.negative.check("airspeed of swallows").reason
        'bridge'

    A question that matches a pattern is neither answered from memory nor sent upstream; the
    setting `on_negative_hit` says what happens instead. Patterns are kept in the cache's directory,
    whoever shares it sees them with its next call, and `SemanticCache.clear` leaves them.

    They hold for one namespace (no namespace is one of its own), and in it for every tenant, model
    and system prompt: what is looked at is the question alone, the last text of the user.

    Unlike a call, the methods raise StoreError and EmbedderError when a part fails. Each has a
    twin for a running event loop: `aadd`, `acheck`, `alist`, `aremove`, `areport_false_positive`.
    """

    def __init__(self, ready: Callable[[], Engine], namespace: str | None) -> None:
        self._ready = ready
        self._namespace = namespace

    def add(
        self,
        pattern: str,
        reason: str = "",
        ttl: float | None = None,
        *,
        namespace: str | None = None,
    ) -> Negative:
        """Block a question, and those that ask the same; from now on, in every process.

        A pattern that is blocked already is replaced, and the reports on it are forgotten. One
        that the embedder cannot see whole (too long, another script) blocks the same text only.

        Args:
            pattern: such a question, as somebody might ask it.
            reason: why, for whoever is refused, and for logs.
            ttl: seconds until it blocks no more; None for never.
            namespace: where, instead of the cache's own namespace.

        Raises:
            InputError: an argument is not what it must be.
        """
        _require_text("pattern", pattern)
        if not isinstance(reason, str):
            raise InputError(f"a reason is text, not {type(reason).__name__}")
        if ttl is not None and not (isinstance(ttl, int | float) and ttl > 0):  # type: ignore[redundant-expr]  # whoever calls may not be checked
            raise InputError(f"ttl is {ttl!r}; it must be seconds above 0, or None for never")
        engine = self._ready()
        now = engine.parts.clock()
        draft = NegativeDraft(
            pattern=pattern,
            digest=pattern_digest(pattern),
            reason=reason,
            namespace=self._where(namespace),
            created_at=now,
            expires_at=None if ttl is None or math.isinf(ttl) else now + ttl,
            vector=_vector(engine, pattern),
        )
        added = engine.parts.store.negatives.add(draft)
        return _entry(_up_to_date(engine), added)

    def check(self, query: str, *, namespace: str | None = None) -> NegativeMatch | None:
        """The pattern that a question matches, or None. Counts nothing, whatever the settings.

        Raises:
            InputError: the question is not text.
        """
        _require_text("query", query)
        return _up_to_date(self._ready()).memory.blocks.check(query, self._where(namespace))

    def list(self, limit: int | None = 50, *, namespace: str | None = None) -> Sequence[Negative]:
        """The newest patterns that have not expired, newest first; also those under review.

        Args:
            limit: at most so many; None for all.
            namespace: of this namespace, instead of the cache's own.
        """
        if limit is not None and limit < 1:
            raise InputError(f"limit is {limit!r}; it must be at least 1, or None for all")
        where = self._where(namespace)
        entries = _up_to_date(self._ready()).memory.blocks.entries()
        return [one for one in reversed(entries) if one.namespace == where][:limit]

    def remove(self, entry_id: int) -> bool:
        """Block a pattern no more, of whatever namespace; False when there is none of this id."""
        engine = self._ready()
        removed = engine.parts.store.negatives.remove(entry_id)
        _up_to_date(engine)
        return removed

    def report_false_positive(self, entry_id: int, text: str | None = None) -> Negative:
        """A pattern has caught a question that it should not have.

        Its own bar is raised above that question, which passes from now on, and so does what is
        nearer to it than to the pattern; the pattern's own text stays blocked. After three reports
        the pattern's state is `review`: it blocks nothing more until it is added again.

        Args:
            entry_id: the pattern, such as `match.entry.id`.
            text: the question. Without it, the last one that the pattern caught in this process
                is meant; where there is none, the bar takes half of what is left to 1.

        Returns:
            The pattern as it is now.

        Raises:
            InputError: there is no such pattern, or the text is the pattern itself.
        """
        if text is not None:
            _require_text("text", text)
        engine = _up_to_date(self._ready())
        entry = _entry(engine, entry_id)
        asked = engine.memory.blocks.caught.get(entry_id) if text is None else text
        report = Report(engine.parts.clock())
        if asked is not None:
            if pattern_digest(asked) == pattern_digest(entry.pattern):
                raise InputError(
                    f"that is the text of pattern {entry_id} itself; to let it pass, remove the"
                    " pattern"
                )
            report = Report(report.created_at, asked, _vector(engine, asked))
        engine.parts.store.negatives.report(entry_id, report)
        return _entry(_up_to_date(engine), entry_id)

    async def aadd(
        self,
        pattern: str,
        reason: str = "",
        ttl: float | None = None,
        *,
        namespace: str | None = None,
    ) -> Negative:
        """`add` on the running event loop."""
        return await in_thread(partial(self.add, pattern, reason, ttl, namespace=namespace))

    async def acheck(self, query: str, *, namespace: str | None = None) -> NegativeMatch | None:
        """`check` on the running event loop."""
        return await in_thread(partial(self.check, query, namespace=namespace))

    async def alist(
        self, limit: int | None = 50, *, namespace: str | None = None
    ) -> Sequence[Negative]:
        """`list` on the running event loop."""
        return await in_thread(partial(self.list, limit, namespace=namespace))

    async def aremove(self, entry_id: int) -> bool:
        """`remove` on the running event loop."""
        return await in_thread(self.remove, entry_id)

    async def areport_false_positive(self, entry_id: int, text: str | None = None) -> Negative:
        """`report_false_positive` on the running event loop."""
        return await in_thread(self.report_false_positive, entry_id, text)

    def _where(self, namespace: str | None) -> str | None:
        return namespace or self._namespace or None


def _require_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise InputError(f"{name} is text, not {type(text).__name__}")
    if not text.strip():
        raise InputError(f"{name} is empty")


def _vector(engine: Engine, text: str) -> bytes | None:
    """As it is stored; None where only the same text is to be recognised."""
    embedder, text = engine.parts.embedder, seen(text)
    return None if embedder.blind_to(text) else engine.parts.pack(embedder.encode(text))


def _up_to_date(engine: Engine) -> Engine:
    """The engine, which has seen what anybody wrote."""
    engine.memory.catch_up(force=True)
    return engine


def _entry(engine: Engine, entry_id: int) -> Negative:
    for entry in engine.memory.blocks.entries():
        if entry.id == entry_id:
            return entry
    raise InputError(f"there is no blocked pattern {entry_id}; negative.list() shows them")
