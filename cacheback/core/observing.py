"""Observers: whoever wants to know what became of each request, for metrics, traces and pages.

What may live here: the event, and when it is told. What it may not know: what observers do with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cacheback.models import Outcome, Reason, Request

if TYPE_CHECKING:
    from cacheback.core.parts import Parts
    from cacheback.core.plan import Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Event:
    """A request was answered, or could not be.

    `outcome` is None where `error` is what the caller gets instead. `at` is when it was asked
    (Unix seconds), `seconds` how long it took, of a stream until it began; `outcome.reply.recording
    .end` is done when that is over. Of a batch, `request` is the first.
    """

    request: Request
    outcome: Outcome | None
    error: Exception | None
    at: float
    seconds: float


Observer: TypeAlias = Callable[[Event], None]


class Observers:
    """Everybody who observes the requests of an engine."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._all: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell it every event from now on, in the thread or task of the caller."""
        self._all.append(observer)

    def watch(self, request: Request, plan: Plan[T], outcome_of: Callable[[T], Outcome]) -> Plan[T]:
        """The same plan, and what becomes of it told; the plan itself where nobody observes."""
        return self._watched(request, plan, outcome_of) if self._all else plan

    def _watched(
        self, request: Request, plan: Plan[T], outcome_of: Callable[[T], Outcome]
    ) -> Plan[T]:
        at = self._parts.clock()
        try:
            result = yield from plan
        except Exception as error:
            self._tell(request, None, error, at)
            raise
        self._tell(request, outcome_of(result), None, at)
        return result

    def _tell(
        self, request: Request, outcome: Outcome | None, error: Exception | None, at: float
    ) -> None:
        event = Event(request, outcome, error, at, max(0.0, self._parts.clock() - at))
        for observer in self._all:
            try:
                observer(event)
            except Exception as mistake:  # noqa: BLE001 - an observer must not fail the call
                self._parts.faults.report(Reason.OBSERVER_FAILED, mistake)
