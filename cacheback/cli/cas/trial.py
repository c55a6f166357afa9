"""One question: answered by the large model, and by synthesis through a cache of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from cacheback.cache import SemanticCache
from cacheback.cli.cas.cases import Case
from cacheback.cli.cas.scoring import coverage, grading, mark
from cacheback.core.synthesis import WHOLE, Prompt
from cacheback.embedders.registry import make_embedder
from cacheback.errors import SynthesisError
from cacheback.models import Answer, Reason, Spent, Tier
from cacheback.prices import price

_DIRECT = "You are a helpful assistant. Answer in one to three sentences, with all facts asked for."


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, what it took, and what it is worth.

    `money` is None where prices are unknown, `facts` the share of facts in it, `mark` the judge's.
    """

    text: str
    seconds: float
    tokens: int
    money: float | None
    facts: float
    mark: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a question. `written` is None where synthesis gave no answer, for `reason`."""

    case: Case
    direct: Said
    written: Said | None
    reason: Reason
    seconds: float
    money: float


Model = Any
"""A synthesizer whose replies tell their usage, such as `HTTPSynthesizer`."""


class Bench:
    """Runs trials.

    Args:
        model: writes from sources.
        upstream: answers directly.
        judge: marks both answers; None for facts alone.
    """

    def __init__(self, model: Model, upstream: Model, judge: Model | None) -> None:
        self._model = model
        self._upstream = upstream
        self._judge = judge
        self._embedder = make_embedder("minilm")

    def run(self, cases: Iterable[Case], done: Callable[[], None]) -> list[Trial]:
        """Try each case; `done` is called after each.

        Raises:
            SynthesisError, TimeoutError: upstream or the judge could not be asked.
        """
        trials = []
        for case in cases:
            trials.append(self.trial(case))
            done()
        return trials

    def trial(self, case: Case) -> Trial:
        direct = self._marked(case, self._say(self._upstream, Prompt(_DIRECT, case.question)))
        return self._written(case, direct)

    def _written(self, case: Case, direct: Said) -> Trial:
        """The real way: the neighbours are in a cache, and all of them are sources."""
        with SemanticCache(
            ":memory:",
            embedder=self._embedder,
            synthesis_mode="always",
            synthesizer=self._model,
            synthesis_threshold=0.0,
            synthesis_top_k=max(1, len(case.neighbours)),
        ) as cache:
            for one in case.neighbours:
                cache.populate(one.question, one.answer)
            begun = time.perf_counter()
            outcome = cache.ask(case.question, lambda _: direct.text)
            seconds = time.perf_counter() - begun
            stats = cache.stats()
        spent = stats.spent.get(Tier.SYNTHESIS, Spent())
        if outcome.tier is not Tier.SYNTHESIS:
            # Not tried at all, perhaps: a question about now has neighbours of today only.
            reason = Reason(next(iter(stats.synthesis), outcome.verdict.reason))
            return Trial(case, direct, None, reason, seconds, spent.money)
        text = str(outcome)
        usage = outcome.answer.usage if outcome.answer else None
        money = usage.cost if usage else None
        said = self._marked(case, Said(text, seconds, spent.tokens, money, 0.0))
        return Trial(case, direct, said, outcome.verdict.reason, seconds, spent.money)

    def _say(self, model: Model, prompt: Prompt) -> Said:
        begun = time.perf_counter()
        written = model.write(prompt)
        text = "".join(written)
        seconds = time.perf_counter() - begun
        if written.finish_reason not in WHOLE:
            raise SynthesisError(f"{model.model} was cut off ({written.finish_reason})")
        answer = Answer(text, usage=written.usage, model=model.model, provider=model.provider)
        usage = answer.usage
        known = usage.cost if usage is not None and usage.cost is not None else price(answer)
        return Said(text, seconds, usage.total if usage else 0, known, 0.0)

    def _marked(self, case: Case, said: Said) -> Said:
        said = replace(said, facts=coverage(said.text, case.facts))
        if self._judge is None:
            return said
        prompt = grading(case.question, case.facts, said.text)
        return replace(said, mark=mark(self._say(self._judge, prompt).text))
