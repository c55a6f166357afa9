"""What the trials amount to, for a domain or for all. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from cacheback.cli.cas.scoring import Ratio, ratio
from cacheback.cli.cas.trial import Said, Trial
from cacheback.models import Reason

ALL = "all"


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of some trials; shares are 0 to 1, and None where there is nothing to divide by.

    Of questions whose sources suffice: `answered` is the share with a synthesis, `facts_direct` and
    `facts_written` the facts covered in those (pairs), `facts` and `quality` written / direct by
    facts and by the judge's marks. Of all: `reasons` why there was none; `precision` and `recall`
    of refusals as a sign that sources do not suffice. Money is in US dollars per question, None
    where a price is unknown; seconds are medians.
    """

    name: str
    questions: int
    answered: float | None
    facts_direct: float | None
    facts_written: float | None
    facts: Ratio | None
    quality: Ratio | None
    precision: float | None
    recall: float | None
    reasons: dict[str, int]
    money_direct: float | None
    money_written: float | None
    seconds_direct: float
    seconds_written: float


def figures(trials: Sequence[Trial]) -> list[Figures]:
    """Figures of all trials, and then of each domain."""
    domains = dict.fromkeys(one.case.domain for one in trials)
    of = {name: [one for one in trials if one.case.domain == name] for name in domains}
    return [_figures(ALL, trials), *(_figures(name, some) for name, some in of.items())]


def _figures(name: str, trials: Sequence[Trial]) -> Figures:
    able = [one for one in trials if one.case.suffices]
    pairs = [(one.written, one.direct) for one in able if one.written is not None]
    refused = [one for one in trials if one.reason is Reason.SYNTHESIS_REFUSED]
    rightly = [one for one in refused if not one.case.suffices]
    lacking = [one for one in trials if not one.case.suffices]
    return Figures(
        name=name,
        questions=len(trials),
        answered=_share(len(pairs), len(able)),
        facts_direct=_mean([direct.facts for _, direct in pairs]),
        facts_written=_mean([written.facts for written, _ in pairs]),
        facts=_ratio(pairs, lambda said: said.facts),
        quality=_ratio(pairs, lambda said: said.mark),
        precision=_share(len(rightly), len(refused)),
        recall=_share(len(rightly), len(lacking)),
        reasons=dict(Counter(str(one.reason) for one in trials)),
        money_direct=_known([one.direct.money for one in trials]),
        money_written=_known([one.money for one in trials]),
        seconds_direct=_median([one.direct.seconds for one in trials]),
        seconds_written=_median([one.seconds for one in trials]),
    )


def _ratio(pairs: Sequence[tuple[Said, Said]], of: Callable[[Said], float | None]) -> Ratio | None:
    scored = [(of(written), of(direct)) for written, direct in pairs]
    return ratio([(one, two) for one, two in scored if one is not None and two is not None])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _known(money: Sequence[float | None]) -> float | None:
    known = [one for one in money if one is not None]
    return fmean(known) if len(known) == len(money) else None


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
