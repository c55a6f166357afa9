"""Learning: what became known of decisions by meaning, and what follows from it for the next one.

What may live here: labels of pairs, evidence by entry, the operating point that follows from all
evidence, and what is noted of each decision. What it may not know: how answers are compared
(`comparing.py`), when upstream is asked for one (`engine.py`), how lessons are stored.

Two things are learned. What a *person* says of a pair holds for that pair, and at once. What the
comparison of two answers says is evidence: it moves the operating point (`calibration.py`) where
`max_error` is set.

Lessons are read when the store says that there are more, which takes a millisecond, and what was
read never changes, so no lock is needed. Calibrating takes up to a hundred: that is left to whoever
has the time, once there is enough evidence to make a difference.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cacheback.core.calibration import Calibration, calibrate
from cacheback.core.ports import LESSONS_KEPT, JudgementDraft, Lesson
from cacheback.models import Candidate, Entry, Label, Labeller, Reason, Saved, Verdict

if TYPE_CHECKING:
    from cacheback.core.parts import Asked, Limits, Parts

_PAIR_DOMAIN = b"cacheback.pair.v1\0"

# How many observations of its own an entry needs to count as much as the pooled calibration:
# shrinkage by a Beta prior of that strength around the pooled estimate (Robbins 1956; Efron and
# Morris 1975). Few, as most entries are asked for less often than that.
_STRENGTH = 8.0

# So many lessons that no person taught make the calibration stale.
_EVERY = 64


def pair_digest(question_digest: str, other_digest: str) -> str:
    """SHA-256 of two questions' digests, whichever is asked first: 64 hexadecimal digits."""
    both = "\0".join(sorted((question_digest, other_digest)))
    return hashlib.sha256(_PAIR_DOMAIN + both.encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What follows from all lessons up to one.

    Of what persons said the last counts: `wrong` are pairs, `right` pairs in a scope, `vouched`
    the scopes of these. `compared`
    are the last lessons that no person taught, `taught` says how many there ever were, and
    `of_entry` counts what they said of one entry's answer for other questions.
    """

    newest: int = 0
    persons: tuple[Lesson, ...] = ()
    wrong: frozenset[str] = frozenset()
    right: frozenset[tuple[str, str]] = frozenset()
    vouched: frozenset[str] = frozenset()
    compared: tuple[Lesson, ...] = ()
    taught: int = 0
    of_entry: Counter[tuple[int, bool]] = field(default_factory=Counter)


class Learning:
    """What this process knows of pairs, entries and scores."""

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self._newest = {0}
        self._known = _Known()
        self.follow(parts.store.changes(-1).lessons)
        self._calibrated_with = 0
        self._calibration: Calibration | None = None
        self.calibrate()

    # Deciding -------------------------------------------------------------------------------

    def told(self, asked: Asked, entry: Entry) -> Verdict | None:
        """What a person has said of this pair: it needs no judge.

        "Wrong" holds in every scope, as all it can do is to call upstream; "right" only where it
        was said, and takes back "wrong" only there.
        """
        known = self._known
        if not (known.wrong or known.right):
            return None
        pair = pair_digest(asked.digest, entry.question_digest)
        if (pair, asked.scope.digest) in known.right:
            return Verdict(True, Reason.REPORTED_RIGHT)
        return Verdict(False, Reason.REPORTED_WRONG) if pair in known.wrong else None

    def vouched(self, scope: str) -> bool:
        """Whether a person has called any pair right in this scope."""
        return scope in self._known.vouched

    @property
    def at_least(self) -> float | None:
        """The probability from which the judge is to serve; None leaves that to the judge.

        Where there is a bound on errors the judge shall only veto, and `review` decides.
        """
        return None if self._calibration is None else 0.0

    def review(self, entry: Entry, similarity: float, verdict: Verdict) -> Verdict:
        """The judge's verdict under the bound on errors, if there is one."""
        calibration = self._calibration
        if calibration is None or not verdict.serve:
            return verdict
        score = _shrunk(verdict, similarity, entry, self._known)
        point = calibration.operating_point
        verdict = replace(verdict, probability=score)
        if score >= point:
            return verdict
        told = f"{score:.3f} < {point:.3f}" if point <= 1 else "nothing is sure enough yet"
        detail = f"{told}, for at most {self._limits.max_error:.1%} wrong answers"
        return replace(verdict, serve=False, reason=Reason.ERROR_BOUND, detail=detail)

    # Asking for evidence --------------------------------------------------------------------

    @property
    def bounded(self) -> bool:
        """Whether there is a bound on errors, so that evidence is of use."""
        return self._calibration is not None

    def audits(self) -> bool:
        """Whether the hit that is just being served is also to be asked of upstream."""
        calibration = self._calibration
        return calibration is not None and self._parts.random() < calibration.audit_probability

    # Learning -------------------------------------------------------------------------------

    def judged(
        self,
        asked: Asked,
        candidate: Candidate,
        saved: Saved,
        *,
        served: bool,
        label: Label | None = None,
        by: Labeller | None = None,
        quietly: bool = False,
    ) -> None:
        """Note a hit by meaning, or what would have been one, and what is known of it already."""
        if not self._limits.judgements_kept:
            return
        self._parts.notes.judgement(
            JudgementDraft(
                at=asked.now,
                scope=asked.scope.digest,
                entry_id=candidate.entry.id,
                question=asked.request.question,
                question_digest=asked.digest,
                similarity=candidate.similarity,
                probability=candidate.verdict.probability,
                served=served,
                saved=saved,
                label=label,
                labelled_by=by if label else None,
            ),
            quietly=quietly,
        )

    def compared(
        self, asked: Asked, candidate: Candidate, *, right: bool, by: Labeller, paid: bool
    ) -> None:
        """Note what became of comparing the candidate's answer with upstream's."""
        lesson = self._lesson(candidate.entry, asked.digest, asked.scope.digest, right, by)
        score = candidate.verdict.probability
        self._parts.notes.lesson(replace(lesson, score=score, paid=paid))

    def teach(
        self, entry: Entry, question_digest: str, label: Label, scope: str | None = None
    ) -> None:
        """What a person says of a pair; it is stored, and holds, when this returns.

        Raises:
            StoreError: it could not be stored.
        """
        right, where = label == "right", scope or entry.scope
        lesson = self._lesson(entry, question_digest, where, right, "person")
        store = self._parts.store.learned
        store.add((), (lesson,), keep=self._limits.judgements_kept)
        self.follow(store.read(self._known.newest)[0])

    def _lesson(
        self, entry: Entry, question_digest: str, scope: str, right: bool, by: Labeller
    ) -> Lesson:
        pair = pair_digest(question_digest, entry.question_digest)
        return Lesson(self._parts.clock(), pair, scope, entry.id, right, by)

    # Following ------------------------------------------------------------------------------

    def follow(self, newest: int) -> None:
        """Read what the store has learned since the last look, up to this lesson at least.

        Two threads may do so at once: the number is noted first, so that whoever puts back the
        older state sees afterwards that there is a newer one.
        """
        self._newest.add(newest)
        while self._known.newest < max(self._newest):
            known = self._known
            newest, lessons = self._parts.store.learned.read(known.newest)
            self._newest.add(newest)
            self._known = _with(known, newest, lessons)

    @property
    def stale(self) -> bool:
        """Whether there is so much new evidence that `calibrate` should be called."""
        if self._calibration is None:
            return False
        return self._known.taught - self._calibrated_with >= _EVERY

    def calibrate(self) -> None:
        """Let the operating point follow from all evidence; takes up to 0.1 s."""
        known, bound = self._known, self._limits.max_error
        if bound is not None:
            self._calibrated_with = known.taught  # first: others need not do the same
            self._calibration = calibrate(bound, known.compared)


def _with(known: _Known, newest: int, lessons: Sequence[Lesson]) -> _Known:
    """What is known, and these lessons."""
    persons = tuple(one for one in lessons if one.by == "person")
    compared = tuple(one for one in lessons if one.by != "person")
    if persons:
        persons = known.persons + persons
        wrong, right = _said(persons)
        vouched = frozenset(scope for _, scope in right)
        known = replace(known, persons=persons, wrong=wrong, right=right, vouched=vouched)
    if compared:
        taught, compared = len(compared), (known.compared + compared)[-LESSONS_KEPT:]
        known = replace(
            known,
            compared=compared,
            taught=known.taught + taught,
            of_entry=Counter((one.entry_id, one.right) for one in compared),
        )
    return replace(known, newest=newest)


def _said(lessons: Sequence[Lesson]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Pairs that persons call wrong somewhere, and pairs in a scope that they call right there.

    "Wrong" takes back every "right" of the pair that came before.
    """
    wrong: dict[str, set[str]] = {}
    right: dict[str, set[str]] = {}
    for lesson in lessons:
        here, there = wrong.setdefault(lesson.pair, set()), right.setdefault(lesson.pair, set())
        if lesson.right:
            here.discard(lesson.scope)
            there.add(lesson.scope)
        else:
            here.add(lesson.scope)
            there.clear()
    called_right = frozenset((pair, scope) for pair, some in right.items() for scope in some)
    return frozenset(pair for pair, some in wrong.items() if some), called_right


def _shrunk(verdict: Verdict, similarity: float, entry: Entry, known: _Known) -> float:
    """The judge's probability (the cosine of one that tells none), drawn towards what comparisons
    said of this entry."""
    pooled = verdict.probability if verdict.probability is not None else max(0.0, similarity)
    right, wrong = known.of_entry[entry.id, True], known.of_entry[entry.id, False]
    return (_STRENGTH * pooled + right) / (_STRENGTH + right + wrong)
