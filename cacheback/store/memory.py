"""A store that lives and dies with the process: for tests, and where no trace may stay."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import islice

from cacheback.core.ports import Change, ChangeKind, Changes, Selection, StoreStats, Use
from cacheback.errors import ClosedError, StoreError
from cacheback.models import JSON, Answer, Draft, Entry
from cacheback.store.answers import dump_answer, dump_json, load_answer, load_json
from cacheback.store.forks import follow_forks
from cacheback.store.learned import MemoryLearned
from cacheback.store.negatives import MemoryNegatives
from cacheback.store.relying import require_meta
from cacheback.store.rows import entry_of
from cacheback.store.selecting import contains, matches

_LOG_LENGTH = 10_000  # as in schema.sql
_ELSEWHERE = Answer("")


@dataclass(slots=True)
class _Held:
    """An entry without its answer, which is kept as bytes: callers change what they are given."""

    entry: Entry
    answer: bytes
    vector: bytes | None


class MemoryStore:
    """The `Store` port in dictionaries; threads share it, processes do not."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._closed = False
        self._last_id = 0
        self._held: dict[int, _Held] = {}
        self._by_question: dict[tuple[str, str], int] = {}
        self._by_scope: dict[str, dict[int, None]] = {}
        self._parts: dict[str, bytes] = {}
        self._synthesised: defaultdict[int, set[int]] = defaultdict(set)
        self._expiries: list[tuple[float, int]] = []
        self._counters: dict[str, float] = {}
        self._meta: dict[str, str] = {}
        self._relied_on: Mapping[str, str | None] = {}
        self._seq = 0
        self._log: deque[Change] = deque(maxlen=_LOG_LENGTH)
        self._writes = 0
        self._mine = threading.local()
        self.negatives = MemoryNegatives(
            self._reading, self._writing, lambda: require_meta(self._meta, self._relied_on)
        )
        self.learned = MemoryLearned(self._reading, self._writing, self._question_of)
        follow_forks(self)

    def put(self, drafts: Sequence[Draft]) -> list[Entry]:
        answers = [dump_answer(draft.answer) for draft in drafts]
        parts = [dump_json(dict(draft.scope.parts)) for draft in drafts]
        with self._writing():
            require_meta(self._meta, self._relied_on)
            self._require_sources(drafts)
            return [self._put(*arguments) for arguments in zip(drafts, answers, parts, strict=True)]

    def find(self, scope: str, question_digest: str) -> Entry | None:
        with self._reading():
            entry_id = self._by_question.get((scope, question_digest))
            return None if entry_id is None else _whole(self._held[entry_id])

    def get(self, ids: Sequence[int]) -> list[Entry]:
        with self._reading():
            return [_whole(self._held[entry_id]) for entry_id in ids if entry_id in self._held]

    def select(
        self, selection: Selection, *, after: int = 0, limit: int | None = None
    ) -> list[Entry]:
        with self._reading():
            chosen = (held for held in self._chosen(selection) if held.entry.id > after)
            return [_whole(held) for held in islice(chosen, limit)]

    def count(self, selection: Selection) -> int:
        with self._reading():
            return sum(1 for _ in self._chosen(selection))

    def remove(self, selection: Selection) -> int:
        with self._writing():
            return self._remove([held.entry.id for held in self._chosen(selection)])

    def evict(self, max_entries: int, now: float) -> int:
        with self._reading():
            expired = self._expired(now)
            if not expired and len(self._held) <= max_entries:
                return 0
            with self._writing():
                removed = self._remove(expired)
                surplus = len(self._held) - max_entries
                if surplus > 0:
                    oldest = sorted(self._held.values(), key=lambda held: held.entry.last_used_at)
                    count = surplus + max_entries // 100  # as the SQLite store does
                    removed += self._remove([held.entry.id for held in oldest[:count]])
                return removed

    def vectors(self, scope: str, ids: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        with self._reading():
            found = list(self._vectors(scope, ids))
        return [entry_id for entry_id, _ in found], b"".join(vector for _, vector in found)

    def vector_count(self, scope: str) -> int:
        with self._reading():
            return sum(1 for _ in self._vectors(scope))

    def scope_parts(self, scope: str) -> Mapping[str, JSON] | None:
        with self._reading():
            parts = self._parts.get(scope)
        if parts is None:
            return None
        loaded: Mapping[str, JSON] = load_json(parts)
        return loaded

    def scopes(self, limit: int) -> list[str]:
        with self._reading():
            ordered = sorted(self._by_scope, key=lambda scope: (-len(self._by_scope[scope]), scope))
            return ordered[:limit]

    def changed(self) -> bool:
        with self._reading():
            by_others = self._writes - getattr(self._mine, "writes", 0)
            before = getattr(self._mine, "seen", None)
            self._mine.seen = by_others
        return bool(before != by_others)

    def changes(self, since: int) -> Changes:
        with self._reading():
            require_meta(self._meta, self._relied_on)
            points = (self.negatives.point, self.learned.newest)
            if since < 0:
                return Changes(self._seq, (), *points)
            behind = self._seq - since
            if not 0 <= behind <= len(self._log):
                return Changes(self._seq, None, *points)
            changes = tuple(islice(self._log, len(self._log) - behind, None))
            return Changes(self._seq, changes, *points)

    def record(self, uses: Mapping[int, Use], counters: Mapping[str, float]) -> None:
        with self._writing():
            for entry_id, use in uses.items():
                if (held := self._held.get(entry_id)) is not None:
                    held.entry = replace(
                        held.entry,
                        hits=held.entry.hits + use.hits,
                        last_used_at=max(held.entry.last_used_at, use.last_used_at),
                    )
            for name, value in counters.items():
                self._counters[name] = self._counters.get(name, 0.0) + value

    def stats(self) -> StoreStats:
        with self._reading():
            counters = dict(self._counters)
            negatives = len(self.negatives)
            return StoreStats(len(self._held), len(self._by_scope), 0, counters, negatives)

    def meta(self, key: str) -> str | None:
        with self._reading():
            return self._meta.get(key)

    def set_meta(self, values: Mapping[str, str | None]) -> None:
        with self._writing():
            self._set_meta(values)

    def rely_on(self, meta: Mapping[str, str | None]) -> None:
        self._relied_on = dict(meta)

    def replace_vectors(
        self, vectors: Sequence[tuple[int, bytes | None]], meta: Mapping[str, str | None]
    ) -> None:
        with self._writing():
            for entry_id, vector in vectors:
                if (held := self._held.get(entry_id)) is not None:
                    held.vector = vector
            self._set_meta(meta)

    def check(self) -> list[str]:
        with self._reading():
            indexed = {entry_id for ids in self._by_scope.values() for entry_id in ids}
            whole = indexed == set(self._held) == set(self._by_question.values())
            return [] if whole else ["the maps of the store disagree"]

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def before_fork(self) -> None:
        """Wait until nobody is inside, for those who are would never leave in the child."""
        self._lock.acquire()

    def after_fork(self) -> None:
        self._lock.release()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise ClosedError("the store was used after close(); open a new one")
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._reading():
            yield
            self._writes += 1
            self._mine.writes = getattr(self._mine, "writes", 0) + 1

    def _put(self, draft: Draft, answer: bytes, parts: bytes) -> Entry:
        key = (draft.scope.digest, draft.question_digest)
        if key in self._by_question:
            self._remove([self._by_question[key]])
        self._last_id += 1
        entry = entry_of(draft, self._last_id)
        self._held[entry.id] = _Held(replace(entry, answer=_ELSEWHERE), answer, draft.vector)
        self._by_question[key] = entry.id
        self._by_scope.setdefault(entry.scope, {})[entry.id] = None
        self._parts.setdefault(entry.scope, parts)
        for source in entry.sources:
            self._synthesised[source].add(entry.id)
        if entry.expires_at is not None:
            heappush(self._expiries, (entry.expires_at, entry.id))
        self._note("added", entry)
        return entry

    def _require_sources(self, drafts: Sequence[Draft]) -> None:
        replaced = {
            self._by_question.get((draft.scope.digest, draft.question_digest)) for draft in drafts
        }
        for source in {source for draft in drafts for source in draft.sources}:
            held = self._held.get(source)
            if held is None or held.entry.sources or source in replaced:
                raise StoreError(f"entry {source} cannot be a source; synthesise again")

    def _remove(self, ids: Iterable[int]) -> int:
        before = len(self._held)
        for entry_id in ids:
            held = self._held.pop(entry_id, None)
            if held is not None:
                self._unlink(held.entry)
                self.learned.forget(entry_id)
                self._remove(self._synthesised.pop(entry_id, ()))
        return before - len(self._held)

    def _question_of(self, entry_id: int) -> str | None:
        held = self._held.get(entry_id)
        return None if held is None else held.entry.question

    def _expired(self, now: float) -> list[int]:
        """Ids that have expired, once; some may be gone already."""
        ids = []
        while self._expiries and self._expiries[0][0] <= now:
            ids.append(heappop(self._expiries)[1])
        return [entry_id for entry_id in ids if entry_id in self._held]

    def _unlink(self, entry: Entry) -> None:
        del self._by_question[entry.scope, entry.question_digest]
        siblings = self._by_scope[entry.scope]
        del siblings[entry.id]
        if not siblings:
            del self._by_scope[entry.scope], self._parts[entry.scope]
        self._note("removed", entry)

    def _note(self, kind: ChangeKind, entry: Entry) -> None:
        self._seq += 1
        self._log.append(Change(kind, entry.id, entry.scope, entry.question_digest))

    def _chosen(self, selection: Selection) -> Iterator[_Held]:
        tests = list(self._tests(selection))
        return (held for held in self._held.values() if all(test(held.entry) for test in tests))

    def _tests(self, selection: Selection) -> Iterator[Callable[[Entry], bool]]:
        s = selection
        if s.ids is not None:
            ids = frozenset(s.ids)
            yield lambda entry: entry.id in ids
        if s.tags:
            yield lambda entry: not set(s.tags).isdisjoint(entry.tags)
        if s.scope is not None:
            yield lambda entry: entry.scope == s.scope
        if s.parts:
            yield lambda entry: matches(load_json(self._parts[entry.scope]), s.parts)
        if s.question_digest is not None:
            yield lambda entry: entry.question_digest == s.question_digest
        if (text := s.text) is not None:
            yield lambda entry: contains(entry.question, text)
        if s.provenance is not None:
            yield lambda entry: entry.provenance == s.provenance
        if (created_before := s.created_before) is not None:
            yield lambda entry: entry.created_at < created_before
        if (moment := s.expired_at) is not None:
            yield lambda entry: entry.expired(moment)

    def _vectors(self, scope: str, ids: Sequence[int] | None = None) -> Iterator[tuple[int, bytes]]:
        there = self._by_scope.get(scope, {})
        for entry_id in there if ids is None else sorted({one for one in ids if one in there}):
            vector = self._held[entry_id].vector
            if vector is not None:
                yield entry_id, vector

    def _set_meta(self, values: Mapping[str, str | None]) -> None:
        for key, value in values.items():
            if value is None:
                self._meta.pop(key, None)
            else:
                self._meta[key] = value


def _whole(held: _Held) -> Entry:
    return replace(held.entry, answer=load_answer(held.answer))
