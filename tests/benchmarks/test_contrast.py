"""The contrast set is what its README says: balanced, without duplicates, split by group."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from benchmarks.answers.__main__ import shortcut_aucs
from benchmarks.answers.contrast import KINDS, LONG, SPLITS, examples, load
from benchmarks.answers.measured import Asked
from benchmarks.answers.scoring import auc
from benchmarks.answers.shortcuts import differing_words, overlap, words
from cacheback.core.ports import Pair
from cacheback.embedders.minilm import MiniLM

GROUPS = load()
EXAMPLES = examples(GROUPS)
TEXTS = [text for group in GROUPS for text in (group.question, *(o.text for o in group.others))]

MINIMAL = 3  # differing words up to which an edit is minimal: one word for another is 2
REWORDED = 8


def test_there_are_enough_groups_topics_and_long_questions() -> None:
    assert len(GROUPS) >= 400
    assert len({group.topic for group in GROUPS}) >= 20
    assert sum(group.long for group in GROUPS) >= 60
    assert min(Counter(group.topic for group in GROUPS).values()) >= 15


def test_a_group_has_two_paraphrases_and_three_near_misses() -> None:
    same = {group.name: [text.same for text in group.others] for group in GROUPS}
    assert not [name for name, ones in same.items() if ones.count(True) < 2]
    assert not [name for name, ones in same.items() if ones.count(False) < 3]


def test_names_are_of_their_topic_and_stand_once() -> None:
    assert all(group.name.startswith(f"{group.topic}/") for group in GROUPS)
    assert len({group.name for group in GROUPS}) == len(GROUPS)


def test_no_text_stands_twice() -> None:
    plain = Counter(" ".join(words(text).elements()) for text in TEXTS)
    spelled = Counter(" ".join(text.lower().split()) for text in TEXTS)
    assert not [text for text, count in spelled.items() if count > 1]
    assert len(plain) > 0.99 * len(TEXTS)


def test_splits_have_their_shares_of_groups_and_some_topics_of_their_own() -> None:
    shares = Counter(group.split for group in GROUPS)
    assert set(shares) == set(SPLITS)
    assert min(shares.values()) >= 0.2 * len(GROUPS)
    topics = {split: {g.topic for g in GROUPS if g.split == split} for split in SPLITS}
    assert topics["test"] - topics["train"] - topics["dev"]
    assert topics["dev"] - topics["train"] - topics["test"]


def test_no_frame_crosses_splits() -> None:
    crossing = [
        (one.name, other.name)
        for one, other in combinations(GROUPS, 2)
        if one.split != other.split and overlap(one.question, other.question) > 0.5
    ]
    assert not crossing


def test_no_question_is_near_one_of_another_split() -> None:
    asked = [
        (group.name, group.split, text)
        for group in GROUPS
        for text in (group.question, *(other.text for other in group.others if other.same))
    ]
    vectors = MiniLM(threads=2).encode_batch([text for _, _, text in asked])
    near = np.argwhere(np.triu(vectors @ vectors.T, 1) > 0.8)
    assert len(near)  # within groups
    crossing = [(asked[i][0], asked[j][0]) for i, j in near if asked[i][1] != asked[j][1]]
    assert not crossing


def test_long_texts_are_long_but_fit_the_embedder() -> None:
    lengths = [
        len(text.split())
        for group in GROUPS
        if group.long
        for text in (group.question, *(other.text for other in group.others))
    ]
    assert max(lengths) <= 200
    assert sorted(lengths)[len(lengths) // 50] >= LONG  # a near-miss may be a little shorter
    assert min(lengths) >= 50
    assert not [text for text in TEXTS if MiniLM().blind_to(text)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_minimal_and_reworded_near_misses(kind: str) -> None:
    differing = [
        differing_words(one.group.question, one.text.text)
        for one in EXAMPLES
        if one.text.kind == kind
    ]
    assert len(differing) >= 35
    assert sum(count <= MINIMAL for count in differing) >= 5
    assert sum(count >= REWORDED for count in differing) >= 10


def test_paraphrases_are_minimal_reworded_short_and_long_winded() -> None:
    same = [one for one in EXAMPLES if one.same]
    differing = [differing_words(one.group.question, one.text.text) for one in same]
    lengths = [len(one.text.text.split()) for one in same if not one.group.long]
    assert sum(count <= MINIMAL for count in differing) >= 150
    assert sum(count >= REWORDED for count in differing) >= 300
    assert sum(length <= 4 for length in lengths) >= 40
    assert sum(length >= 30 for length in lengths) >= 15


@pytest.mark.parametrize("style", ["typos", "keywords"])
def test_typos_and_keywords_do_not_tell_same_from_other(style: str) -> None:
    same = sum(one.same for one in EXAMPLES if one.text.style == style)
    other = sum(not one.same for one in EXAMPLES if one.text.style == style)
    assert min(same, other) >= 15
    assert 0.5 < same / other < 2


def test_what_looks_at_no_meaning_does_not_solve_the_set() -> None:
    pairs = [Pair(one.text.text, one.group.question, 0.0, 0.0) for one in EXAMPLES]
    aucs = shortcut_aucs(Asked(EXAMPLES, pairs))
    for part in ("everything", "short", "long", *SPLITS):
        assert all(0.4 <= one <= 0.6 for one in aucs[part].values()), part
    for kind in KINDS:
        assert 0.35 <= aucs[kind]["count of differing words"] <= 0.65, kind
        assert all(0.3 <= one <= 0.7 for one in aucs[kind].values()), kind


def test_nor_does_the_best_function_of_the_count_of_differing_words() -> None:
    differing = np.array([differing_words(o.group.question, o.text.text) for o in EXAMPLES])
    same = np.array([one.same for one in EXAMPLES])
    train = np.array([one.group.split == "train" for one in EXAMPLES])
    bins = np.digitize(differing, np.quantile(differing[train], np.linspace(0, 1, 13)[1:-1]))
    shares = np.array([(1 + same[train & (bins == n)].sum()) for n in range(12)], dtype=float)
    shares /= [2 + (train & (bins == n)).sum() for n in range(12)]
    assert auc(shares[bins][~train], same[~train]) <= 0.6


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([("a/x", "train", "paraphrase")], "does not begin"),
        ([("a/x", "train", "question"), ("a/x", "train", "question")], "does not begin"),
        ([("a/x", "train", "question"), ("a/x", "dev", "paraphrase")], "one split"),
        ([("a/x", "lost", "question")], "one split"),
        ([("a/x", "train", "question"), ("a/x", "train", "colour")], "colour"),
    ],
)
def test_a_wrong_file_is_refused(
    tmp_path: Path, lines: list[tuple[str, str, str]], complaint: str
) -> None:
    rows = [
        json.dumps({"group": group, "split": split, "kind": kind, "text": "Which?"})
        for group, split, kind in lines
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load(tmp_path)
