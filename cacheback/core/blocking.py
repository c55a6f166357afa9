"""The list of blocked patterns in memory, and what it says to a question.

What may live here: the patterns as they were last read from the store, their bars, and a memory of
recent verdicts. What it may not know: what is done about a question that matches.

A process reads all patterns anew when the store says that somebody changed them. What was read
never changes, and verdicts are remembered with it: so no lock is needed, and none survives it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from cacheback.core.negative import LENIENCY, contradicts, pattern_digest, score, seen
from cacheback.models import JSON, Negative, NegativeMatch

if TYPE_CHECKING:
    from cacheback.core.parts import Asked, Parts
    from cacheback.core.ports import HeldNegative, NegativeDraft, Vector, Vectors

RETIRED_BY = 3
"""Reports after which a pattern blocks nothing until somebody has looked at it."""

# By how much a bar is set above what was reported: vectors at rest are rounded to float16.
_MARGIN = 0.002
# Of a number in a vector at rest.
_BYTES = 2
# Verdicts remembered; one takes about 200 bytes.
_REMEMBERED = 4_096
# Of the patterns above the bar, so many are looked at, nearest first.
_NEAREST = 64


class Unknown(Enum):
    """Says that a question was not looked at yet."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class _Pattern:
    """A pattern that blocks; `reported` are the vectors of questions that it caught by mistake."""

    entry: Negative
    reported: Vectors | None

    def match(self, query: str, similarity: float, rule: str) -> NegativeMatch:
        return NegativeMatch(self.entry, similarity, self.entry.reason, query, rule)  # type: ignore[arg-type]  # one of three

    def catches(self, query: str, vector: Vector, similarity: float) -> str | None:
        """The rule by which a question is caught that is not the same text, or None."""
        bar, pattern = self.entry.threshold, self.entry.pattern
        if similarity + LENIENCY < bar:
            return None
        if self.reported is not None and (self.reported @ vector).max() > similarity:
            return None
        if score(query, pattern, similarity) < bar or contradicts(query, pattern):
            return None
        return "semantic" if similarity >= bar else "contained"


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """The active patterns of a namespace; `near` are those with a row in `vectors`."""

    exact: dict[str, _Pattern]
    near: Sequence[_Pattern]
    vectors: Vectors | None


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """All patterns as they were read at a point, those that block by namespace."""

    point: int = 0
    held: Sequence[HeldNegative] = ()
    entries: tuple[Negative, ...] = ()
    listed: dict[str | None, _Listed] = field(default_factory=dict)
    until: float = math.inf
    verdicts: OrderedDict[tuple[str | None, str], NegativeMatch | None] = field(
        default_factory=OrderedDict
    )


class BlockList:
    """What is blocked, as far as this process knows."""

    def __init__(self, parts: Parts, threshold: float) -> None:
        self._parts = parts
        self._threshold = threshold
        self._points = {0}
        self._read = _Read()
        self.caught: dict[int, str] = {}
        """By pattern, the question that it caught last: what a report without a text is about."""

    @property
    def empty(self) -> bool:
        """Whether nothing is blocked in any namespace."""
        return not self._read.listed

    def follow(self, point: int) -> None:
        """Read the patterns anew if the store has reached another point.

        Two threads may do so at once: the point is noted first, so that whoever puts back the
        older state sees afterwards that there is a newer one.
        """
        self._points.add(point)
        while self._read.point < max(self._points):
            point, held = self._parts.store.negatives.read()
            self._points.add(point)
            self._read = self._made(point, held, self._parts.clock())

    def entries(self) -> tuple[Negative, ...]:
        """All patterns that have not expired, by id, also those under review."""
        now = self._parts.clock()
        return tuple(one for one in self._read.entries if not one.expired(now))

    def known(self, asked: Asked) -> NegativeMatch | Unknown | None:
        """The verdict on a request where it is known already: microseconds.

        None lets it pass, UNKNOWN means that `look` must be asked.
        """
        read = self._read
        namespace = namespace_of(asked.request.parts)
        if namespace not in read.listed or not asked.request.question.strip():
            return None
        if asked.now >= read.until:
            return UNKNOWN
        key = (namespace, asked.digest)
        found = read.verdicts.get(key, UNKNOWN)
        if found is not UNKNOWN:
            with suppress(KeyError):  # another thread has just dropped it
                read.verdicts.move_to_end(key)
            self._note(found)
        return found

    def look(self, asked: Asked) -> NegativeMatch | None:
        """The verdict on a request; costs an encode, which the semantic tier then has for nothing.

        Raises whatever the embedder raises.
        """
        read = self._current(asked.now)
        namespace = namespace_of(asked.request.parts)
        found = self._find(read, namespace, asked.request.question)
        read.verdicts[namespace, asked.digest] = found
        while len(read.verdicts) > _REMEMBERED:
            with suppress(KeyError):  # other threads do the same
                read.verdicts.popitem(last=False)
        return found

    def check(self, question: str, namespace: str | None) -> NegativeMatch | None:
        """The pattern that a question matches, if any. Raises whatever the embedder raises."""
        return self._find(self._current(self._parts.clock()), namespace, question)

    def _find(self, read: _Read, namespace: str | None, question: str) -> NegativeMatch | None:
        listed = read.listed.get(namespace)
        if listed is None:
            return None
        digest = pattern_digest(question)
        same = listed.exact.get(digest)
        found: NegativeMatch | None
        found = same.match(question, 1.0, "exact") if same else self._near(listed, question)
        self._note(found)
        return found

    def _near(self, listed: _Listed, question: str) -> NegativeMatch | None:
        embedder, text = self._parts.embedder, seen(question)
        if listed.vectors is None or embedder.blind_to(text) is not None:
            return None
        vector = embedder.encode(text)
        cosines = listed.vectors @ vector
        for row in (-cosines).argsort()[:_NEAREST]:
            pattern: _Pattern = listed.near[row]
            # Rows were rounded to float16 at rest, so a cosine may exceed 1 by 0.0001.
            similarity = min(1.0, float(cosines[row]))
            rule = pattern.catches(text, vector, similarity)
            if rule is not None:
                return pattern.match(question, similarity, rule)
        return None

    def _note(self, match: NegativeMatch | None) -> None:
        if match is not None and match.rule != "exact":
            self.caught[match.entry.id] = match.query

    # From the store's patterns to those that block ------------------------------------------

    def _current(self, now: float) -> _Read:
        """What was read, without the patterns that have expired since."""
        read = self._read
        if now < read.until:
            return read
        self._read = self._made(read.point, read.held, now)
        self.follow(read.point)  # if another thread has just put something newer there
        return self._read

    def _made(self, point: int, held: Sequence[HeldNegative], now: float) -> _Read:
        patterns = [(one.draft, self._pattern(one)) for one in held]
        by_namespace: dict[str | None, list[tuple[NegativeDraft, _Pattern]]] = {}
        until = math.inf
        for draft, pattern in patterns:
            if pattern.entry.state == "active" and not pattern.entry.expired(now):
                by_namespace.setdefault(draft.namespace, []).append((draft, pattern))
                until = min(until, math.inf if draft.expires_at is None else draft.expires_at)
        return _Read(
            point=point,
            held=held,
            entries=tuple(pattern.entry for _, pattern in patterns),
            listed={name: self._listed(some) for name, some in by_namespace.items()},
            until=until,
        )

    def _listed(self, patterns: Sequence[tuple[NegativeDraft, _Pattern]]) -> _Listed:
        near = [(draft, one) for draft, one in patterns if self._whole(draft.vector)]
        return _Listed(
            exact={draft.digest: one for draft, one in patterns},
            near=[one for _, one in near],
            vectors=self._unpacked(draft.vector for draft, _ in near),
        )

    def _pattern(self, held: HeldNegative) -> _Pattern:
        draft = held.draft
        return _Pattern(
            entry=Negative(
                id=held.id,
                pattern=draft.pattern,
                reason=draft.reason,
                namespace=draft.namespace,
                created_at=draft.created_at,
                expires_at=draft.expires_at,
                threshold=self._bar(held),
                reports=len(held.reports),
                state="review" if len(held.reports) >= RETIRED_BY else "active",
            ),
            reported=self._unpacked(one.vector for one in held.reports),
        )

    def _bar(self, held: HeldNegative) -> float:
        """A pattern's own bar: raised above each question that it caught by mistake.

        Of a report without a text nobody knows how near it was: it takes half of what is left.
        """
        bar = self._threshold
        own = held.draft.vector
        for report in held.reports:
            if report.text is None:
                bar += (1.0 - bar) / 2
                continue
            both = self._unpacked([own, report.vector])
            if both is not None and len(both) == 2:  # noqa: PLR2004 - both of them
                cosine = float(both[0] @ both[1])
                bar = max(bar, score(report.text, held.draft.pattern, cosine) + _MARGIN)
        return bar

    def _unpacked(self, vectors: Iterable[bytes | None]) -> Vectors | None:
        joined = b"".join([vector for vector in vectors if vector and self._whole(vector)])
        return self._parts.unpack(joined) if joined else None

    def _whole(self, vector: bytes | None) -> bool:
        """Whether it has the length of a vector: a damaged one is as good as none."""
        return vector is not None and len(vector) == _BYTES * self._parts.embedder.dim


def namespace_of(parts: Mapping[str, JSON]) -> str | None:
    """The namespace that a request names, whatever the scope's rules make of it."""
    name = parts.get("namespace")
    return name if isinstance(name, str) and name else None
