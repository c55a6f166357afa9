"""Feedback: what a person says of an answer from memory, and what is done about it.

What may live here: how a pair is taught, which answer a request that is sent again is about. What
it may not know: how lessons are stored, what they lead to (`learning.py`), who may give them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from cacheback.core.parts import Asked, Limits, Parts, place
from cacheback.core.plan import Local, Plan
from cacheback.core.ports import Selection
from cacheback.core.scope import question_digest
from cacheback.models import Entry, Label, Reason, Request, Tier

if TYPE_CHECKING:
    from cacheback.core.memory import Memory
    from cacheback.core.recall import Recall


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person has said of one pair: the `question` that was asked, and the entry's `other`.

    `own` tells that both are the same text, `deleted` that the entry was deleted for that, as its
    answer is wrong for its own question. `judgements` is how many known hits are labelled so now.
    """

    entry_id: int
    label: Label
    question: str
    other: str
    judgements: int = 0
    own: bool = False
    deleted: bool = False


class Teaching:
    """Takes a person's word on answers from memory."""

    def __init__(self, parts: Parts, limits: Limits, memory: Memory, recalling: Recall) -> None:
        self._parts = parts
        self._limits = limits
        self._memory = memory
        self._recalling = recalling

    def teach(self, entry: Entry, question: str, label: Label) -> Feedback:
        """Learn that the entry's answer is right or wrong for a question; it holds from now on.

        Raises:
            StoreError: it could not be stored.
        """
        digest = question_digest(question)
        told = Feedback(entry.id, label, question, entry.question)
        if digest == entry.question_digest:
            gone = label == "wrong" and self._memory.forget(Selection(ids=(entry.id,))) > 0
            return replace(told, own=True, deleted=gone)
        self._memory.learning.teach(entry, digest, label)
        self._parts.notes.record()
        learned = self._parts.store.learned
        ids = [one.id for one in learned.judgements(entry_id=entry.id, question_digest=digest)]
        learned.label(ids, label, "person")
        return replace(told, judgements=len(ids))

    def heed(self, request: Request) -> Plan[Request]:
        """Learn from a request that is sent again with the caller's word on what memory said.

        Returned is the request as it is to be answered now: what is called wrong by upstream, not
        from memory, also where a failure kept it from being learned, which is counted. Without
        that word, or where memory has no answer, it is a request like any other.
        """
        label = request.controls.feedback
        if label is None:
            return request
        answered: bool = yield Local(partial(self._heed, request, label))
        controls = request.controls
        if label == "right" or not answered:
            return replace(request, controls=replace(controls, feedback=None))
        if controls.mode in ("default", "shadow"):
            controls = replace(controls, mode="refresh")
        return replace(request, controls=controls)

    def _heed(self, request: Request, label: Label) -> bool:
        """Whether memory has an answer to this, or may have one."""
        plain = replace(request.controls, mode="default", feedback=None)
        try:
            asked = place(replace(request, controls=plain), self._parts, self._limits)
            entry = self._answering(asked)
            if entry is not None and not (label == "wrong" and self._said(asked)):
                self.teach(entry, request.question, label)
        except Exception as error:  # noqa: BLE001 - a call must not fail with what it teaches
            self._parts.faults.report(Reason.LEARNING_FAILED, error)
            return True
        return entry is not None

    def _answering(self, asked: Asked) -> Entry | None:
        """The entry from which memory would answer."""
        explained = self._recalling.explain(asked, self._limits.candidates)
        if explained.tier is Tier.EXACT:
            return self._memory.find(asked.scope.digest, asked.digest)
        if explained.tier is not Tier.SEMANTIC:
            return None
        return next(one.entry for one in explained if one.verdict.serve)

    def _said(self, asked: Asked) -> bool:
        """Whether somebody has called wrong what memory said to this last.

        A client that sends a call again, as its first try failed upstream, must not call wrong
        what is next in line, and what nobody has seen.
        """
        self._parts.notes.record()
        known = self._parts.store.learned.judgements(question_digest=asked.digest)
        last = next((one for one in known if one.scope == asked.scope.digest), None)
        return last is not None and (last.label, last.labelled_by) == ("wrong", "person")
