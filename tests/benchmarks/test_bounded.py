"""The error bound's replay: what is served, learned and counted, on a world of a few texts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.answers.bounded import PER_ENTRY_BOUNDS, counted, published, replayed
from benchmarks.answers.bounding import Bounded, Part, Run, Scores
from benchmarks.answers.report import bound_table
from benchmarks.answers.rows import Row
from benchmarks.answers.streams import Replay
from benchmarks.answers.traffic import REQUESTS, Traffic, World, traffics
from cacheback.core.ports import Pair
from cacheback.models import Reason, Verdict

_INTENTS, _EACH = 10, 60


class Reading:
    """A judge that knows a pair's intents from the texts: sure where they are the same."""

    def __init__(self, same: float = 0.99, other: float = 0.02) -> None:
        self._same, self._other = same, other
        self.asked = 0

    def judge(self, pair: Pair) -> Verdict:
        self.asked += 1
        if "vetoed" in pair.other:
            return Verdict(False, Reason.NUMBER_DIFFERS)
        same = pair.question.split()[0] == pair.other.split()[0]
        probability = self._same if same else self._other
        if probability < (pair.at_least or 0.0):
            return Verdict(False, Reason.MEANING_DIFFERS, "", probability)
        return Verdict(True, Reason.ABOVE_THRESHOLD, "", probability)


def world(intents: int = _INTENTS, each: int = _EACH) -> World:
    """Intents of both sources around centres of their own, two by two near each other."""
    rng = np.random.default_rng(1)
    texts, labels, sources, vectors = [], [], [], []
    for source in ("BANKING77", "CLINC150"):
        for intent in range(intents):
            if intent % 2 == 0:
                around = rng.normal(size=32)
            centre = around + 0.1 * rng.normal(size=32)
            for number in range(each):
                name = f"{source}-{intent}"
                texts.append(f"{name} {number}")
                labels.append(name)
                sources.append(source)
                vectors.append(centre + 0.3 * rng.normal(size=32))
    stacked = np.array(vectors, dtype=np.float32)
    stacked /= np.linalg.norm(stacked, axis=1, keepdims=True)
    return World(texts, labels, sources, stacked)


@pytest.fixture(scope="module")
def small() -> World:
    return world()


def scores(judge: Reading, folder: Path) -> Scores:
    return Scores(Row("reading", judge, ()), folder)


class TestTraffic:
    def test_a_changed_stream_asks_for_other_intents_from_its_change_on(self, small: World) -> None:
        for seed in (0, 1):
            found = {one.name: one for one in traffics(small, seed)}
            assert len(found) == 8
            for name, one in found.items():
                before, since = (
                    {small.labels[id_] for id_ in ids}
                    for ids in (one.ids[: one.change], one.ids[one.change :])
                )
                assert len(set(one.ids)) == len(one.ids)
                assert before
                assert since
                assert (name in {"BANKING77", "CLINC150"}) == bool(before & since)

    def test_runs_differ_and_can_be_repeated(self, small: World) -> None:
        first, again, other = (
            [list(one.ids) for one in traffics(small, seed)] for seed in (1, 1, 2)
        )
        assert first == again != other

    def test_a_topic_keeps_together_what_is_near(self, small: World) -> None:
        topic = small.topic("CLINC150")
        assert 0 < len(topic) < _INTENTS
        pairs = [{f"CLINC150-{one}", f"CLINC150-{one + 1}"} for one in range(0, _INTENTS, 2)]
        assert sum(len(pair & topic) == 1 for pair in pairs) <= 1


class TestScores:
    def test_a_pair_is_judged_once_and_kept(self, tmp_path: Path) -> None:
        judge = Reading()
        ask = scores(judge, tmp_path)
        assert ask("a 1", "a 2", 0.9) == ask("a 2", "a 1", 0.9) == 0.99
        assert judge.asked == 1
        ask.keep()
        again = Reading()
        assert scores(again, tmp_path)("a 1", "a 2", 0.9) == 0.99
        assert again.asked == 0

    def test_a_veto_is_no_score_and_a_low_probability_is(self, tmp_path: Path) -> None:
        ask = scores(Reading(), tmp_path)
        assert ask("a 1", "vetoed 2", 0.9) is None
        assert ask("a 1", "b 2", 0.9) == 0.02

    def test_another_judge_does_not_read_them(self, tmp_path: Path) -> None:
        ask = scores(Reading(), tmp_path)
        ask("a 1", "a 2", 0.9)
        ask.keep()
        other = Reading(same=0.5)
        assert Scores(Row("other", other, ()), tmp_path)("a 1", "a 2", 0.9) == 0.5


def steady(asked: World, seed: int = 1) -> Traffic:
    ids = asked.of("BANKING77")
    random.Random(seed).shuffle(ids)
    return Traffic("steady", ids, len(ids) // 2)


class TestBounded:
    def test_a_judge_that_knows_serves_and_is_checked(self, small: World, tmp_path: Path) -> None:
        done = Bounded(small, scores(Reading(), tmp_path), 0.05, 1).run(steady(small))
        whole = done.whole
        assert whole.requests == _INTENTS * _EACH
        assert whole.wrong == 0
        assert whole.hits > whole.requests / 3
        assert 0 < whole.audits < 0.12 * whole.hits
        assert done.changed.hits < whole.hits

    def test_a_judge_that_is_sure_of_everything_is_found_out(
        self, small: World, tmp_path: Path
    ) -> None:
        done = Bounded(small, scores(Reading(0.9, 0.9), tmp_path), 0.02, 1).run(steady(small))
        assert done.whole.hits == 0

    def test_comparisons_that_tell_the_contrary_cost_hits(
        self, small: World, tmp_path: Path
    ) -> None:
        ask = scores(Reading(), tmp_path)
        served = [
            Bounded(small, ask, 0.05, 1, noise).run(steady(small)).whole.hits
            for noise in (0.0, 0.2)
        ]
        assert served[1] < served[0]

    def test_the_same_seed_gives_the_same_run(self, small: World, tmp_path: Path) -> None:
        ask = scores(Reading(), tmp_path)
        runs = [Bounded(small, ask, 0.05, seed).run(steady(small)) for seed in (1, 1)]
        assert runs[0] == runs[1]

    def test_what_is_vetoed_is_neither_served_nor_learned_from(self, tmp_path: Path) -> None:
        one = world(2, 4)
        vetoed = World(
            [f"vetoed {text}" for text in one.texts], one.labels, one.sources, one.vectors
        )
        cache = Bounded(vetoed, scores(Reading(), tmp_path), 0.05, 1)
        assert cache.run(steady(vetoed)).whole == Part(8, 0, 0, 0)
        assert not cache._lessons


class TestTelling:
    def test_a_run_without_hits_holds_every_bound(self) -> None:
        assert Part(10, 0, 0, 0).holds(0.01)
        assert Part(10, 0, 0, 0).wrong_per_hit == 0
        assert Part(100, 50, 1, 2).holds(0.02)
        assert not Part(100, 49, 1, 2).holds(0.02)

    def test_the_table_says_in_how_many_runs_the_bound_was_held(self) -> None:
        runs: dict[tuple[str, float], Sequence[Run]] = {
            ("s", 0.02): [
                Run(Part(100, 50, 1, 2), Part(50, 25, 1, 1)),
                Run(Part(100, 0, 0, 0), Part(50, 0, 0, 0)),
            ]
        }
        rules = [Replay(100, 10 * number, number) for number, _ in enumerate(PER_ENTRY_BOUNDS)]
        told = bound_table(runs, {"s": rules}, PER_ENTRY_BOUNDS).splitlines()[-1]
        assert told.startswith("| s | 0.02 | 100% | 50% | 25.0% | 2.00% | 4.00% | 4.0% | 20.0% | ")

    def test_every_stream_is_replayed_by_both(self, tmp_path: Path) -> None:
        one = world(4, 10)
        ours = replayed(one, scores(Reading(), tmp_path), 1)
        theirs = published(one, 1)
        assert {name for name, _ in ours} == set(theirs)
        assert len(theirs["BANKING77"]) == len(PER_ENTRY_BOUNDS)
        assert list(tmp_path.iterdir())

    def test_what_the_prior_is_made_of(self, tmp_path: Path) -> None:
        one = world(4, 10)
        found = counted(one, scores(Reading(), tmp_path))
        right, wrong = found["BANKING77"]
        assert sum(right) + sum(wrong) <= min(40, REQUESTS)
        # All that is right is scored 0.99, all that is wrong 0.02.
        assert right[15] == sum(right) > 0
        assert wrong[0] == sum(wrong) > 0
