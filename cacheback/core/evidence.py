"""Evidence: what memory says beside what upstream says, and what becomes of that.

What may live here: which decisions by meaning are checked, and the plans that check them, beside
the call. What it may not know: how two answers are compared (`comparing.py`), what follows from
lessons (`learning.py`).

Nobody waits for a comparison, and none fails a call: it takes two encodes, or a model's reply.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, TypeAlias

from cacheback.core.comparing import compare, referee
from cacheback.core.flight import Landed, NoEntry
from cacheback.core.memory import Memo
from cacheback.core.plan import Aside, Drain, Local, Plan, Send
from cacheback.core.recall import saved_by
from cacheback.core.spending import charge, less, spend
from cacheback.models import (
    Answer,
    Candidate,
    Label,
    Labeller,
    Outcome,
    Reason,
    Reply,
    Saved,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cacheback.core.memory import Memory
    from cacheback.core.parts import Asked, Parts
    from cacheback.core.recall import Recall

# Why a near entry was refused although nothing was seen that differs: it was not sure enough. Only
# of those can evidence say that they should have been served.
_UNSURE = frozenset({Reason.MEANING_DIFFERS, Reason.ERROR_BOUND})

Finding: TypeAlias = tuple[bool | None, Labeller]
"""Whether an entry's answer is right for another question (None: it cannot be told), by whom."""


@dataclass(frozen=True, slots=True)
class Case:
    """A decision by meaning that is to be checked.

    `served` tells whether memory answered, or would have in real serving; a judgement is noted of
    either. It is None where the candidate was refused. `paid` is as a `Lesson`'s; `costs` are what
    is known of the calls that were made to check it.
    """

    asked: Asked
    candidate: Candidate
    served: bool | None = None
    paid: bool = False
    costs: tuple[Usage, ...] = ()

    @property
    def saved(self) -> Saved:
        """What the hit saved, less what checking it cost; or what it would have saved."""
        saved = saved_by(self.candidate.entry)
        return reduce(less, self.costs, saved) if self.served else saved


class Evidence:
    """Audits of what was served, and comparisons with what upstream has answered anyway."""

    def __init__(self, parts: Parts, memory: Memory, recalling: Recall) -> None:
        self._parts = parts
        self._memory = memory
        self._learning = memory.learning
        self._recalling = recalling

    # What is checked ------------------------------------------------------------------------

    def served(self, asked: Asked, candidate: Candidate, saved: Saved) -> Plan[None]:
        """Note a hit by meaning; a few are also asked of upstream, for the sake of evidence."""
        learning = self._learning
        if learning.bounded and self._auditable(asked, candidate) and learning.audits():
            case = Case(asked, candidate, served=True, paid=True)
            if (yield from self._begin(self._audit(case))):
                return
        learning.judged(asked, candidate, saved, served=True)

    @staticmethod
    def _auditable(asked: Asked, candidate: Candidate) -> bool:
        """Whether upstream may be asked again, and would tell more than a person has."""
        told = candidate.verdict.reason is Reason.REPORTED_RIGHT
        return asked.request.repeatable and asked.ruling.call and not told

    def withheld(self, asked: Asked, candidate: Candidate) -> None:
        """Note what would have been a hit by meaning, where upstream is not asked either."""
        if _by_meaning(candidate):
            self._note(Case(asked, candidate, served=False))

    def brought(self, asked: Asked, candidate: Candidate | None, answer: Answer) -> Plan[None]:
        """Upstream has answered a question for which memory had a candidate, but was not sure."""
        if candidate is not None and self._wanted(asked, candidate):
            yield from self._begin(self._compared(Case(asked, candidate), answer))

    def recorded(self, asked: Asked, answer: Answer) -> Plan[bool]:
        """The same for a framework that calls upstream by itself; the candidate is found anew.

        False where the answer is not to be stored: in shadow mode, where memory has one.
        """
        if asked.shadow:
            found: Candidate | None = yield Local(partial(self._recalling.foresee, asked))
            if found is not None and found.verdict.serve:
                if _by_meaning(found):
                    yield from self._check(Case(asked, found, served=False), answer)
                return False
            yield from self.brought(asked, found, answer)
        elif self._learning.bounded and asked.ruling.recall and asked.ruling.semantic:
            yield from self._begin(self._found(asked, answer))
        return True

    def shadowed(self, asked: Asked, missed: Outcome, candidate: Candidate) -> Plan[Outcome]:
        """Upstream's answer in the stead of memory's, with which it is compared.

        Alone, as whoever followed would be served; and not stored, as in real serving it would not
        have been asked for.
        """
        case = Case(asked, candidate, served=False)
        if not _by_meaning(candidate):
            reply: Reply = yield Send(asked.request.payload, keep=False)
            return replace(missed, answer=reply.answer, reply=reply)
        try:
            reply = yield Send(asked.request.payload, keep=True)
        except BaseException:
            self._note(case, quietly=True)
            raise
        if reply.recording is not None:
            gone = partial(self._note, case, quietly=True)
            reply.recording.when_over(partial(self._over, case), gone)
        elif reply.native is not None or reply.answer is not None:
            yield from self._check(case, reply.answer)
        # Else a framework calls by itself, and `recorded` hears of the answer.
        return replace(missed, answer=reply.answer, reply=reply)

    def weigh(self) -> Plan[None]:
        """Calibrate anew; nobody waits for that either."""
        try:
            yield Local(self._learning.calibrate)
        except Exception as error:  # noqa: BLE001 - the last calibration goes on
            self._parts.faults.report(Reason.LEARNING_FAILED, error)

    # How it is checked ----------------------------------------------------------------------

    def _wanted(self, asked: Asked, candidate: Candidate) -> bool:
        verdict = candidate.verdict
        useful = self._learning.bounded or asked.shadow
        return useful and verdict.reason in _UNSURE and verdict.probability is not None

    def _check(self, case: Case, answer: Answer | None) -> Plan[None]:
        """Compare beside the call; the judgement is noted in any case."""
        if answer is None or not (yield from self._begin(self._compared(case, answer))):
            self._note(case)

    def _begin(self, plan: Plan[Any]) -> Plan[bool]:
        begun: bool = yield Aside(plan)
        if not begun:
            self._parts.tally.count("audits.dropped")
        return begun

    def _found(self, asked: Asked, answer: Answer) -> Plan[None]:
        foresee = partial(self._recalling.foresee, asked, exactly=False)
        candidate: Candidate | None = yield Local(foresee)
        if candidate is not None and self._wanted(asked, candidate):
            yield from self._compared(Case(asked, candidate), answer)

    def _over(self, case: Case, reply: Reply) -> Plan[Landed]:
        """A stream that went upstream in shadow mode is over; it is nobody else's."""
        yield from self._check(case, reply.answer)
        return NoEntry.ALONE

    def _audit(self, case: Case) -> Plan[None]:
        """Ask upstream what memory has answered; where the two differ, upstream's is stored."""
        try:
            reply: Reply = yield Send(case.asked.request.payload, keep=True, unseen=True)
            if reply.recording is not None:
                reply = yield Drain(reply.native)
        except Exception:  # noqa: BLE001 - nobody waits for it; the next one may succeed
            reply = Reply(None, failed=True)
        except BaseException:
            self._note(case, quietly=True)
            raise
        if reply.answer is None:
            self._parts.tally.count("audits.failed")
            yield Local(partial(self._note, case))
            return
        answer = reply.answer
        case = self._costing(case, "audit", answer.usage, answer.model, answer.provider)
        right = yield from self._compared(case, answer)
        if right is False:
            yield Local(partial(self._correct, case.asked, reply, answer))

    def _costing(
        self, case: Case, on: str, usage: Usage | None, model: str | None, provider: str | None
    ) -> Case:
        """The case with what one more call cost. It is counted, and is no saving."""
        usage = spend(self._parts, on, usage, model, provider)
        if usage is None:
            return case
        charge(self._parts, usage)
        return replace(case, costs=(*case.costs, usage))

    def _compared(self, case: Case, answer: Answer) -> Plan[bool | None]:
        """Compare the candidate's answer with upstream's, and note what came of it."""
        right: bool | None = None
        by: Labeller = "answers"
        usages: list[Usage | None] = []
        try:
            right, by = yield from self._finding(case, answer, usages.append)
        except Exception as error:  # noqa: BLE001 - whatever an embedder or a model raises
            self._parts.faults.report(Reason.LEARNING_FAILED, error)
        except BaseException:
            self._note(case, quietly=True)
            raise
        yield Local(partial(self._conclude, case, right, by, usages))
        return right

    def _finding(
        self, case: Case, answer: Answer, spent: Callable[[Usage | None], object]
    ) -> Plan[Finding]:
        question, mine = case.asked.request.question, case.candidate.entry.answer
        look = partial(compare, question, mine, answer, self._parts.embedder)
        right: bool | None = yield Local(look)
        model = self._parts.referee
        if right is not None or model is None:
            return right, "answers"
        return (yield from referee(model, question, mine, answer, None, spent)), "model"

    def _conclude(
        self, case: Case, right: bool | None, by: Labeller, usages: Sequence[Usage | None]
    ) -> None:
        """Note what came of a comparison; `usages` are those of the model that was asked, if any.

        They are counted here, not when they are told: that may be while garbage is collected.
        """
        model = self._parts.referee
        if model is not None:
            for usage in usages:
                case = self._costing(case, "referee", usage, model.model, model.provider)
        self._note(case, right, by)

    def _note(
        self,
        case: Case,
        right: bool | None = None,
        by: Labeller = "answers",
        *,
        quietly: bool = False,
    ) -> None:
        asked, candidate, learning = case.asked, case.candidate, self._learning
        if right is not None:
            learning.compared(asked, candidate, right=right, by=by, paid=case.paid)
        if case.served is None:
            return
        label: Label | None = None if right is None else "right" if right else "wrong"
        learning.judged(
            asked, candidate, case.saved, served=case.served, label=label, by=by, quietly=quietly
        )

    def _correct(self, asked: Asked, reply: Reply, answer: Answer) -> None:
        """Memory was wrong: from now on upstream's answer is served to this very question."""
        memo = Memo(asked.request, answer, "upstream", reply.seconds, asked=asked)
        try:
            self._memory.remember([memo], needs_vectors=False)
        except Exception as error:  # noqa: BLE001 - as in `Engine.keep`
            self._parts.faults.report(Reason.STORE_FAILED, error)


def _by_meaning(found: Candidate) -> bool:
    return found.verdict.reason is not Reason.SAME_TEXT
