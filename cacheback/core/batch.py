"""Batches: several questions in one call, each remembered; upstream is asked for the rest.

What may live here: the plan of a batch. What it may not know: what the questions are (embeddings,
today), or how a part of a batch is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from cacheback.core.flight import NoEntry
from cacheback.core.memory import Memo
from cacheback.core.parts import Asked, place
from cacheback.core.plan import Local, Plan, Send, Wait
from cacheback.errors import NotCachedError
from cacheback.models import Answer, Outcome, Reason, Reply, Request, Saved, Tier, Verdict

if TYPE_CHECKING:
    from cacheback.core.engine import Engine

# What makes the payload that asks upstream for some of the batch, by their positions.
Ask = Callable[[Sequence[int]], object]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch: an answer to each question, in order, and the outcome of the whole.

    `answers` is empty where upstream's reply is all there is to tell (it failed, or cannot be
    read).
    """

    outcome: Outcome
    answers: tuple[Answer, ...] = ()


def answer_batch(engine: Engine, requests: Sequence[Request], ask: Ask) -> Plan[BatchOutcome]:
    """exact → upstream for what is missing; by meaning nothing is served.

    Raises:
        NotCachedError: the requests allow memory only, and something is missing.
    """
    return engine.observers.watch(requests[0], _answer(engine, requests, ask), _whole)


def _answer(engine: Engine, requests: Sequence[Request], ask: Ask) -> Plan[BatchOutcome]:
    if requests[0].controls.feedback is not None:
        heeded = []
        for request in requests:  # no comprehension can yield
            heeded += [(yield from engine.teaching.heed(request))]
        requests = heeded
    asked = [place(request, engine.parts, engine.limits) for request in requests]
    found = yield from _recall(engine, asked)
    missing = _missing(found)
    if not missing:
        return _from_memory(found)
    if not asked[0].ruling.call:
        raise NotCachedError(
            f"{len(missing)} of {len(asked)} inputs are not in memory, and only memory was asked"
        )
    if not asked[0].ruling.keep or asked[0].shadow:
        return (yield from _call(engine, asked, found, missing, ask))
    key = ("batch", asked[0].request.controls.mode, *(_key(asked[at]) for at in missing))
    flight, leading = engine.flights.join(key)
    try:
        if not leading:
            yield Wait(flight.landing, asked[0].request.patience)
        # Whoever leads looks again, too: another flight may have landed since the first look.
        return (yield from _complete(engine, asked, found, ask))
    finally:
        if leading:
            engine.flights.land(flight, NoEntry.ALONE)


def _whole(batch: BatchOutcome) -> Outcome:
    return batch.outcome


def _complete(
    engine: Engine, asked: Sequence[Asked], found: Sequence[Outcome], ask: Ask
) -> Plan[BatchOutcome]:
    """Look again for what is missing (what was found is counted already), and call for the rest."""
    missing = _missing(found)
    brought = yield from _recall(engine, [asked[at] for at in missing])
    late = dict(zip(missing, brought, strict=True))
    found = [late.get(at, one) for at, one in enumerate(found)]
    missing = _missing(found)
    if not missing:
        return _from_memory(found)
    return (yield from _call(engine, asked, found, missing, ask))


def _key(asked: Asked) -> str:
    return f"{asked.scope.digest} {asked.digest}"


def _recall(engine: Engine, asked: Sequence[Asked]) -> Plan[list[Outcome]]:
    """What memory says to each, in one piece of local work at most."""
    recalling = engine.recalling
    if not asked[0].ruling.recall:
        return [recalling.missed(one.ruling.reason or Reason.EMPTY) for one in asked]
    if recalling.behind() and not (yield Local(recalling.follow)):
        return [recalling.missed(Reason.STORE_FAILED) for _ in asked]
    hot = [recalling.hot(one) for one in asked]
    if all(hot):
        return [one for one in hot if one is not None]

    def search() -> list[Outcome]:
        pairs = zip(hot, asked, strict=True)
        return [known or recalling.search(one) for known, one in pairs]

    searched: list[Outcome] = yield Local(search)
    return searched


def _missing(found: Sequence[Outcome]) -> list[int]:
    return [at for at, outcome in enumerate(found) if outcome.answer is None]


def _call(
    engine: Engine,
    asked: Sequence[Asked],
    found: Sequence[Outcome],
    missing: Sequence[int],
    ask: Ask,
) -> Plan[BatchOutcome]:
    for at in missing:
        engine.count_miss(asked[at], found[at])
    reply: Reply = yield Send(ask(missing), asked[0].ruling.keep)
    whole = replace(found[missing[0]], reply=reply, saved=_saved(found))
    if len(reply.answers) != len(missing):
        return BatchOutcome(whole)
    if asked[0].ruling.keep:
        memos = [
            Memo(asked[at].request, answer, "upstream", reply.seconds, asked=asked[at])
            for at, answer in zip(missing, reply.answers, strict=True)
            if found[at].verdict.reason is not Reason.SHADOW  # that is in memory already
        ]
        yield Local(partial(engine.keep, memos))
    brought = dict(zip(missing, reply.answers, strict=True))
    answers = [brought.get(at) or one.answer for at, one in enumerate(found)]
    return BatchOutcome(whole, tuple(one for one in answers if one is not None))


def _from_memory(found: Sequence[Outcome]) -> BatchOutcome:
    oldest = max((one.age or 0.0 for one in found), default=0.0)
    verdict = Verdict(True, Reason.SAME_TEXT)
    outcome = Outcome(None, Tier.EXACT, verdict, 1.0, age=oldest, saved=_saved(found))
    return BatchOutcome(outcome, tuple(one.answer for one in found if one.answer is not None))


def _saved(found: Sequence[Outcome]) -> Saved:
    """The savings of a batch: tokens and money add up, but the inputs would have come together."""
    saved = [one.saved for one in found if one.answer is not None]
    known = [one.money for one in saved if one.money is not None]
    return Saved(
        tokens=sum(one.tokens for one in saved),
        money=sum(known) if known else None,
        seconds=max((one.seconds for one in saved), default=0.0),
    )
