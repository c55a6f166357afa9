"""Training: which pairs, how texts are read, in which batches, and the loop."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import groups
import numpy as np
import torch
from network import EMBEDDED, FREQUENT, NUMBERS, Batch, Network
from recasting import recast, words
from styles import styled
from torch import nn

from cacheback.judges.aligner import MOST, numbers_of, within
from cacheback.judges.features import Reading, figures
from cacheback.judges.reading import read

if TYPE_CHECKING:
    from calibrating import Labelled
    from numpy.typing import NDArray

EPOCHS = 4
RATE = 1e-3  # of learning, at its highest
WARMING = 200  # steps until it is reached; from then on it falls to a hundredth
TOKENS = 3_000  # in a batch: 80 pairs of short questions
LONGEST = 400  # tokens of a pair; attention costs their square
SMOOTHED = 0.02  # of the labels: some are wrong
_TYPED, _BOTH_TYPED, _RECAST = 0.25, 0.4, 0.4  # shares of the pairs
_POOL = 6_000  # pairs that are sorted by length together
_VOCABULARY = 30_522


def pairs_of(kept: Sequence[groups.Group], rng: random.Random) -> list[Labelled]:
    """Pairs of the groups, short ones twice, some typed as people type or with other words."""
    pool = words(text for group in kept for one in group.meanings for text in one.wordings)
    found: list[Labelled] = []
    for group in kept:
        for _ in range(1 if group.source.startswith("long") else 2):
            for drawn_one, drawn_other, same, _kind in groups.drawn(group, rng):
                one, other = drawn_one, drawn_other
                if rng.random() < _TYPED:
                    other = styled(other, rng)
                    one = styled(one, rng) if rng.random() < _BOTH_TYPED else one
                if rng.random() < _RECAST:
                    one, other = recast(one, other, pool, rng)
                found.append((one, other, same))
    return found


@dataclass
class Texts:
    """Every text once: its tokens with [CLS] and [SEP], and their vectors in half precision."""

    ids: list[NDArray[np.int64]] = field(default_factory=list)
    vectors: list[NDArray[np.float16]] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)

    def add(self, text: str) -> tuple[int, Reading]:
        found = read(text)
        if text not in self.known:
            self.known[text] = len(self.ids)
            self.ids.append(found.ids)
            self.vectors.append(found.directions.astype(np.float16))
        return self.known[text], found


@dataclass(frozen=True)
class Material:
    """Pairs that were read: by number of their texts, with figures and labels."""

    texts: Texts
    pairs: NDArray[np.int64]
    figures: NDArray[np.float32]
    same: NDArray[np.bool_]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of both texts together."""
        sizes = np.array([len(ids) - 2 for ids in self.texts.ids])
        return sizes[self.pairs].sum(axis=1)


def material(pairs: Sequence[Labelled]) -> Material:
    """Read all pairs; takes 4 ms for each."""
    texts, rows, found = Texts(), [], []
    for one, other, _ in pairs:
        first, mine = texts.add(one)
        second, theirs = texts.add(other)
        rows.append((first, second))
        found.append(figures(mine, theirs))
    same = np.array([same for _, _, same in pairs])
    return Material(texts, np.array(rows), np.array(found, dtype=np.float32), same)


def frequent(texts: Texts) -> NDArray[np.int64]:
    """The tokens that occur most, the most frequent first."""
    counts = np.bincount(np.concatenate(texts.ids), minlength=_VOCABULARY)
    return np.argsort(-counts, kind="stable")[:FREQUENT]


def stacked(
    given: Material, rows: NDArray[np.int64], known: NDArray[np.int64], scaled: NDArray[np.float32]
) -> Batch:
    """A batch of pairs, by their numbers; `scaled` are all pairs' figures as the network sees
    them."""
    shape = (len(rows), 1 + int(given.lengths[rows].max()))
    vectors = np.zeros((*shape, EMBEDDED), dtype=np.float32)
    names, places = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    segments, mask = np.full(shape, 2), np.zeros(shape, dtype=np.bool_)
    numbers = np.zeros((*shape, NUMBERS), dtype=np.float32)
    same = np.zeros((*shape, shape[1]), dtype=np.float32)
    for at, (first, second) in enumerate(given.pairs[rows]):
        both = [given.texts.ids[first][1:-1], given.texts.ids[second][1:-1]]
        sizes = (len(both[0]), len(both[1]))
        ids, width = np.concatenate(both), 1 + sum(sizes)
        vectors[at, 1:width] = np.concatenate(
            [given.texts.vectors[first][1:-1], given.texts.vectors[second][1:-1]]
        )
        near, equal = within(vectors[at, 1:width], ids)
        same[at, :width, :width] = equal
        numbers[at, :width] = numbers_of(ids, near, equal, sizes)
        names[at, 1:width], mask[at, :width] = known[ids], True
        segments[at, 1:width] = np.repeat([0, 1], sizes)
        places[at, 1:width] = np.concatenate([np.arange(size) for size in sizes])
    arrays = (vectors, names, numbers, segments, places, mask, scaled[rows], same)
    return Batch(*map(torch.from_numpy, arrays))


def batches(lengths: NDArray[np.int64], rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Numbers of pairs of about the same length, in a random order."""
    order = rng.permutation(np.flatnonzero(lengths < LONGEST))
    found: list[list[int]] = []
    for start in range(0, len(order), _POOL):
        pool = order[start : start + _POOL]
        batch: list[int] = []
        for row in pool[np.argsort(lengths[pool], kind="stable")]:
            if batch and (len(batch) + 1) * (lengths[row] + 1) > TOKENS:
                found.append(batch)
                batch = []
            batch.append(int(row))
        found.append(batch)
    rng.shuffle(found)
    yield from map(np.array, found)


def train(given: Material, epochs: float) -> dict[str, NDArray[np.float32]]:
    """The weights as `Aligner` reads them: AdamW on the binary cross-entropy."""
    mean, spread = given.figures.mean(axis=0), given.figures.std(axis=0)
    spread[spread == 0] = 1
    scaled = np.clip((given.figures - mean) / spread, -MOST, MOST).astype(np.float32)
    names, rng = frequent(given.texts), np.random.default_rng(1)
    known = np.zeros(_VOCABULARY, dtype=np.int64)
    known[names] = np.arange(1, FREQUENT + 1)
    network, lengths = Network(scaled.shape[1]), given.lengths
    learning = list(network.parameters())
    optimizer = torch.optim.AdamW(learning, lr=RATE, weight_decay=0.02)
    steps = int(epochs * sum(1 for _ in batches(lengths, rng)))
    begun, step = time.perf_counter(), 0
    while step < steps:
        for rows in batches(lengths, rng):
            rate = RATE * min(1, (step + 1) / WARMING) * max(0.01, 1 - step / steps)
            for part in optimizer.param_groups:
                part["lr"] = rate
            log_odds = network(stacked(given, rows, known, scaled))
            wanted = torch.from_numpy(given.same[rows].astype(np.float32))
            wanted = wanted * (1 - 2 * SMOOTHED) + SMOOTHED
            loss = nn.functional.binary_cross_entropy_with_logits(log_odds, wanted)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            step += 1
            if step % 200 == 0:
                took = time.perf_counter() - begun
                print(f"step {step} of {steps}: loss {loss.item():.3f}, {took:.0f} s", flush=True)
            if step == steps:
                break
    weights = {name: one.detach().numpy() for name, one in network.state_dict().items()}
    weights |= {"figures_mean": mean, "figures_spread": spread}
    weights |= {"frequent": names, "vocabulary": np.array([_VOCABULARY])}
    return weights
