"""Import: JSON lines into a cache, in batches; a bad line is reported and skipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cacheback.core.memory import Memo
from cacheback.core.parts import Asked, place
from cacheback.models import JSON, Answer, Controls, Entry, Reason, Request
from cacheback.transfer.line import BadLineError, Line, parse_line

if TYPE_CHECKING:
    from cacheback.cache import SemanticCache
    from cacheback.core.engine import Engine

# Entries that are encoded and stored at once: so few that an interruption costs little, so many
# that a transaction (0.1 ms) does not show beside their encoding.
BATCH = 256

# An answer to a request with one of these parts was never meant for another question.
_EXACT_PARTS = frozenset({"tools", "response_format"})


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the lines of an import.

    `imported` lines are stored now, `unchanged` ones were already, `expired` ones are too old to
    be of use. `bad` holds the number of each line that was skipped, counted from 1, and what is
    wrong with it; `ignored` the names of fields that mean nothing here.
    """

    imported: int
    unchanged: int
    expired: int
    bad: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...]


def import_entries(
    cache: SemanticCache,
    lines: Iterable[str | bytes],
    *,
    scope: Mapping[str, JSON] | None = None,
    namespace: str | None = None,
    tags: Iterable[str] = (),
    ttl: float | None = None,
    on_progress: Callable[[int], None] | None = None,
    batch: int = BATCH,
) -> ImportReport:
    """Store entries from JSON lines; see `cacheback.transfer.line` for their form.

    Each batch is encoded at once and stored in one transaction. A line whose entry is there
    already, with everything that the line names, is passed over without being encoded: after an
    interruption the same import goes on where it stopped. An entry with another answer to the
    same question in the same scope is replaced.

    Args:
        cache: where to.
        lines: JSON, one object each; empty ones are passed over.
        scope, namespace: for lines that name no scope, as for `SemanticCache.populate`.
        tags: given to every entry, besides its own.
        ttl: seconds until an entry expires whose line does not say when, instead of the cache's
            own; `math.inf` for never. Counted from `created_at`.
        on_progress: called every `batch` lines, and at the end, with the number of lines read.
        batch: how many entries are encoded and stored at once.

    Raises:
        ConfigurationError: an unknown part of the scope.
        StoreError, EmbedderError: a batch could not be stored; those before it are.
    """
    engine = cache.ready()
    controls = Controls(ttl=ttl, namespace=namespace, tags=tuple(tags))
    default = cache.request("", scope, controls)
    importing = _Import(engine, default, batch)
    number = 0
    for number, line in enumerate(lines, 1):
        importing.take(number, line)
        if on_progress is not None and number % batch == 0:
            on_progress(number)
    importing.store()
    if on_progress is not None:
        on_progress(number)
    return importing.report()


class _Import:
    """One import: what waits to be stored, and what became of the rest."""

    def __init__(self, engine: Engine, default: Request, batch: int) -> None:
        self._engine = engine
        self._default = default
        self._batch = batch
        self._waiting: dict[tuple[str, str], tuple[Line, Memo]] = {}
        self._ids: dict[int, int] = {}  # of the file's entries that can be sources → ours
        self._imported = self._unchanged = self._expired = 0
        self._bad: list[tuple[int, str]] = []
        self._ignored: set[str] = set()

    def report(self) -> ImportReport:
        return ImportReport(
            imported=self._imported,
            unchanged=self._unchanged,
            expired=self._expired,
            bad=tuple(self._bad),
            ignored=tuple(sorted(self._ignored)),
        )

    def take(self, number: int, text: str | bytes) -> None:
        if not text.strip():
            return
        try:
            line = parse_line(text)
            self._ignored.update(line.unknown)
            self._keep(line)
        except BadLineError as error:
            self._bad.append((number, str(error)))
        if len(self._waiting) >= self._batch:
            self.store()

    def store(self) -> None:
        """Store what waits, if anything does, in one transaction."""
        if not self._waiting:
            return
        waiting, self._waiting = list(self._waiting.values()), {}
        entries = self._engine.memory.remember([memo for _, memo in waiting])
        for (line, _), entry in zip(waiting, entries, strict=True):
            self._note(line, entry)
        self._imported += len(entries)

    def _keep(self, line: Line) -> None:
        memo = self._memo(line)
        asked = place(memo.request, self._engine.parts, self._engine.limits)
        if asked.ruling.reason is Reason.SCOPE_FAILED:
            raise BadLineError("a rule for a part of the scope failed on it")
        if self._expires_at(memo, asked) <= asked.now:
            self._expired += 1
            return
        key = (asked.scope.digest, asked.digest)
        if key in self._waiting:  # the same question twice in one batch: the later line counts
            self.store()
        found = self._engine.parts.store.find(*key)
        if found is None or found.expired(asked.now) or not _says(found, line, memo):
            self._waiting[key] = (line, replace(memo, asked=asked))
        else:
            self._unchanged += 1
            self._note(line, found)

    def _memo(self, line: Line) -> Memo:
        default = self._default
        parts = default.parts if line.scope is None else line.scope
        controls = Controls(
            tags=tuple(dict.fromkeys((*(line.tags or ()), *default.controls.tags))),
            ttl=math.inf if line.expires_at == math.inf else default.controls.ttl,
        )
        exact_only = line.exact_only or line.answer.tool_calls or _EXACT_PARTS & parts.keys()
        return Memo(
            request=Request(
                question=line.question,
                parts=parts,
                controls=controls,
                limits=(Reason.TOOLS_EXACT_ONLY,) if exact_only else (),
            ),
            answer=line.answer,
            provenance=line.provenance or "import",
            seconds=line.seconds,
            sources=self._sources(line),
            created_at=line.created_at,
            expires_at=None if line.expires_at == math.inf else line.expires_at,
        )

    def _sources(self, line: Line) -> tuple[int, ...]:
        """A synthesis is kept only with what it was written from."""
        if not self._ids.keys() >= set(line.sources):
            self.store()  # they may be waiting
        missing = [source for source in line.sources if source not in self._ids]
        if missing:
            raise BadLineError(f"its source {missing[0]} is not the id of an entry above it")
        return tuple(self._ids[source] for source in line.sources)

    def _note(self, line: Line, entry: Entry) -> None:
        if line.id is not None and not line.sources:
            self._ids[line.id] = entry.id

    def _expires_at(self, memo: Memo, asked: Asked) -> float:
        if memo.expires_at is not None:
            return memo.expires_at
        ttl = asked.request.controls.ttl
        ttl = self._engine.limits.ttl if ttl is None else ttl
        created_at = asked.now if memo.created_at is None else memo.created_at
        return math.inf if ttl is None else created_at + ttl


def _says(found: Entry, line: Line, memo: Memo) -> bool:
    """Whether the stored entry has the line's answer, and all else that the line names."""
    expires_at = math.inf if found.expires_at is None else found.expires_at
    named = (
        (memo.request.controls.tags or None, found.tags),
        (line.provenance, found.provenance),
        (line.created_at, found.created_at),
        (line.expires_at, expires_at),
        (line.seconds, found.seconds),
        (memo.sources or None, found.sources),
    )
    return _same(found.answer, line.answer) and all(
        wanted is None or wanted == there for wanted, there in named
    )


def _same(found: Answer, answer: Answer) -> bool:
    """Equal answers; one without a cost was given its cost when it was stored."""
    usage, wanted = found.usage, answer.usage
    if usage is not None and wanted is not None and wanted.cost is None:
        found = replace(found, usage=replace(usage, cost=None))
    return found == answer
