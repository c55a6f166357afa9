"""Screening: what is done about a question that matches a blocked pattern.

What may live here: the plan of the negative tier. What it may not know: how patterns are matched.
A part that fails lets the call pass, as everywhere: the cache never breaks a call.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cacheback.core.blocking import UNKNOWN, BlockList
from cacheback.core.plan import Call, Local, Plan
from cacheback.errors import BlockedError, ConfigurationError, StoreError
from cacheback.models import Answer, NegativeMatch, Outcome, Reason, Tier, Verdict

if TYPE_CHECKING:
    from cacheback.core.parts import Asked, Limits, Parts


class HandlerError(Exception):
    """What the user's `on_negative_hit` raised, on its way to the caller, who gets `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Screening:
    """The negative tier."""

    def __init__(self, parts: Parts, limits: Limits, blocks: BlockList) -> None:
        self._parts = parts
        self._limits = limits
        self._blocks = blocks

    def screen(self, asked: Asked) -> Plan[Asked | Outcome]:
        """The request, with what may still happen to it, or the answer given in its stead.

        Raises:
            BlockedError: it is blocked, and `on_negative_hit` is "raise".
            HandlerError: `on_negative_hit` raised.
        """
        match = yield from self._match(asked)
        if match is None:
            return asked
        decided = self._limits.on_negative_hit
        if decided == "raise":
            self._count("raised")
            raise BlockedError(_told(match), match)
        if decided == "skip":
            self._count("skipped")
            return _skipped(asked)
        try:
            given = yield Call(partial(decided, match, asked.request))
        except Exception as error:
            self._count("raised")
            raise HandlerError(error) from error
        return self._given(asked, match, given)

    def bars(self, asked: Asked) -> Plan[bool]:
        """Whether an answer to this request must not be stored."""
        match = yield from self._match(asked)
        return match is not None and not callable(self._limits.on_negative_hit)

    def _match(self, asked: Asked) -> Plan[NegativeMatch | None]:
        """The pattern that a request matches, if any; a step only where it is not known yet."""
        found = self._blocks.known(asked)
        if found is UNKNOWN:
            found = yield Local(partial(self._look, asked))
        return found

    def _look(self, asked: Asked) -> NegativeMatch | None:
        try:
            return self._blocks.look(asked)
        except Exception as error:  # noqa: BLE001 - whatever an embedder or a store raises
            stored = isinstance(error, StoreError)  # after a pattern expired, others may be news
            part = Reason.STORE_FAILED if stored else Reason.EMBEDDER_FAILED
            self._parts.faults.report(part, error)
            return None

    def _given(self, asked: Asked, match: NegativeMatch, given: Any) -> Asked | Outcome:
        if given is None:
            self._count("passed")
            return asked
        if isinstance(given, str):
            given = Answer(given)
        if not isinstance(given, Answer):
            raise HandlerError(
                ConfigurationError(
                    f"on_negative_hit returned a {type(given).__name__}; it must return an answer"
                    " (text or cacheback.Answer), or None to let the question pass"
                )
            )
        self._count("answered")
        self._parts.tally.count(f"hits.{Tier.NEGATIVE}")
        verdict = Verdict(True, Reason.BLOCKED, match.reason)
        return Outcome(given, Tier.NEGATIVE, verdict, match.similarity)

    def _count(self, what: str) -> None:
        self._parts.tally.count(f"blocked.{what}")


def _told(match: NegativeMatch) -> str:
    """Names the pattern by its id: a message goes to logs, and its text may not belong there."""
    reason = f": {match.reason}" if match.reason else ""
    return f"the question matches blocked pattern {match.entry.id}{reason}"


def _skipped(asked: Asked) -> Asked:
    """As if there were no cache: neither from memory nor into it."""
    ruling = replace(asked.ruling, recall=False, semantic=False, keep=False, reason=Reason.BLOCKED)
    return replace(asked, ruling=ruling)
