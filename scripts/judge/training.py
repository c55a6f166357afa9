"""Training: what is drawn from groups, in which batches, and the loop."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from groups import Group, by_kind
from network import FREQUENT, Network
from recasting import recast, words
from styles import styled
from torch import nn

from cacheback.embedders.minilm import WINDOW, tokens
from cacheback.judges.aligner import by_name

if TYPE_CHECKING:
    from network import Weights
    from numpy.typing import NDArray
    from pairs import Intents, Pair

EPOCHS = 4
RATE, RATE_OF_LAYERS = 1e-3, 1.5e-4  # of learning, at its highest
WARMING = 150  # steps until it is reached; from then on it falls to a hundredth
TOKENS, TOKENS_OF_PAIRS = 1_600, 3_000  # of a batch's texts, and of a lot of its pairs
SMOOTHED = 0.02  # of the labels: some are wrong
INTENTS = 400  # groups of CLINC150 in each epoch
MADE = {"frames": 2_000, "long": 600, "swaps": 4_000}  # pairs of each epoch, at most
_TYPED, _RECAST = 0.25, 0.3  # share of texts as people type, and of groups with other words
_SAME = 12  # pairs of a group in an epoch, at most
_OTHERS = 1.25  # for each of them
_POOL = 300  # drawings that are sorted by length together


@dataclass(frozen=True)
class Drawing:
    """Texts as token ids, pairs of them by number, and of each whether it is the same and how much
    it counts."""

    texts: list[tuple[int, ...]]
    pairs: list[tuple[int, int]]
    same: list[bool]
    weights: list[float]

    @classmethod
    def of(cls, some: Iterable[Drawing]) -> Drawing:
        """Several as one."""
        whole = cls([], [], [], [])
        for one in some:
            start = len(whole.texts)
            whole.texts.extend(one.texts)
            whole.pairs.extend((first + start, second + start) for first, second in one.pairs)
            whole.same.extend(one.same)
            whole.weights.extend(one.weights)
        return whole


@dataclass(frozen=True)
class Material:
    """All there is to train on."""

    groups: Sequence[Group]
    intents: Intents
    made: Mapping[str, Sequence[Pair]]

    @cached_property
    def _pool(self) -> list[str]:
        """Words that may stand for others."""
        return words(_texts(self.groups))

    def epoch(self, rng: random.Random) -> list[Drawing]:
        """Batches, drawn and typed anew each time."""
        pool = self._pool
        drawn = [_drawn(_recast_some(group, pool, rng), rng, _OTHERS) for group in self.groups]
        drawn += [_drawn(self.intents.group(rng), rng, 1.0) for _ in range(INTENTS)]
        for name, count in MADE.items():
            pairs = self.made[name]
            for pair in rng.sample(pairs, min(count, len(pairs))):
                ids = [_ids(pair.one), _ids(pair.other)]
                drawn.append(Drawing(ids, [(0, 1)], [pair.same], [1.0]))
        rng.shuffle(drawn)
        return _batches(drawn, rng)


def _texts(groups: Iterable[Group]) -> Iterator[str]:
    return (text for group in groups for one in group.meanings for text in one.wordings)


def _ids(text: str) -> tuple[int, ...]:
    return tokens(text)[:WINDOW]


def _recast_some(group: Group, pool: list[str], rng: random.Random) -> Group:
    return recast(group, pool, rng) if rng.random() < _RECAST else group


def _drawn(group: Group, rng: random.Random, others: float) -> Drawing:
    """Same pairs and others of a group, of every kind equally often; both weigh alike."""
    texts, owners = [], []
    for number, meaning in enumerate(group.meanings):
        for text in meaning.wordings:
            texts.append(styled(text, rng) if rng.random() < _TYPED else text)
            owners.append(number)
    same, unlike = by_kind([(owner, group.meanings[owner].kind) for owner in owners])
    if len(same) > _SAME:
        same = rng.sample(same, _SAME)
    kinds, chosen = list(unlike), set()
    for _ in range(max(1, int(others * len(same))) if kinds else 0):
        pair = rng.choice(unlike[rng.choice(kinds)])
        if texts[pair[0]] != texts[pair[1]]:
            chosen.add(pair)
    different = sorted(chosen)
    weight = len(same) / max(1, len(different)) if same else 1.0
    pairs = [pair if rng.random() < 0.5 else pair[::-1] for pair in [*same, *different]]
    labels = [True] * len(same) + [False] * len(different)
    weights = [1.0] * len(same) + [weight] * len(different)
    return Drawing([*map(_ids, texts)], pairs, labels, weights)


def _batches(drawn: Sequence[Drawing], rng: random.Random) -> list[Drawing]:
    """Several drawings of about the same length each, in a random order."""
    found: list[Drawing] = []
    batch: list[Drawing] = []
    size = 0
    for start in range(0, len(drawn), _POOL):
        for one in sorted(drawn[start : start + _POOL], key=_longest):
            more = sum(map(len, one.texts))
            if batch and size + more > TOKENS:
                found.append(Drawing.of(batch))
                batch, size = [], 0
            batch.append(one)
            size += more
    found.append(Drawing.of(batch))
    rng.shuffle(found)
    return found


def _longest(drawing: Drawing) -> int:
    return max(map(len, drawing.texts))


def lots(drawing: Drawing) -> list[NDArray[np.int64]]:
    """Numbers of its pairs, together where they are about as long."""
    sizes = np.array([sum(len(drawing.texts[text]) for text in pair) for pair in drawing.pairs])
    order, found, start = np.argsort(sizes, kind="stable"), [], 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end - start + 1) * sizes[order[end]] <= TOKENS_OF_PAIRS:
            end += 1
        found.append(order[start:end])
        start = end
    return found


def frequent(groups: Iterable[Group]) -> list[int]:
    """The tokens that occur most, the most frequent first."""
    counts = np.bincount([token for text in _texts(groups) for token in _ids(text)])
    return np.argsort(-counts, kind="stable")[:FREQUENT].tolist()


def train(
    given: Material, weights: Weights, epochs: float, seed: int
) -> tuple[dict[str, NDArray[np.float32]], list[int]]:
    """The network's weights and the words that it knows: AdamW on the binary cross-entropy."""
    torch.manual_seed(seed)
    rng, names = random.Random(seed), frequent(given.groups)
    network = Network(weights, by_name(names))
    free = [one for one in network.encoder.parameters() if one.requires_grad]
    learning = [*network.aligner.parameters(), *free]
    optimizer = torch.optim.AdamW(
        [
            {"params": [*network.aligner.parameters()], "highest": RATE},
            {"params": free, "highest": RATE_OF_LAYERS},
        ],
        weight_decay=0.02,
        fused=True,
    )
    begun, step, steps = time.perf_counter(), 0, 0
    while not steps or step < steps:
        batches = given.epoch(rng)
        steps = steps or max(1, int(epochs * len(batches)))
        for batch in batches[: steps - step]:
            share = min(1, (step + 1) / WARMING) * max(0.01, 1 - step / steps)
            for part in optimizer.param_groups:
                part["lr"] = part["highest"] * share
            loss = _loss(network, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            step += 1
            if step % 100 == 0:
                took = time.perf_counter() - begun
                print(f"step {step} of {steps}: loss {loss.item():.3f}, {took:.0f} s", flush=True)
    return {name: one.detach().numpy() for name, one in network.state_dict().items()}, names


def _loss(network: Network, batch: Drawing) -> torch.Tensor:
    found = lots(batch)
    log_odds = torch.cat(network(batch.texts, [[batch.pairs[at] for at in lot] for lot in found]))
    order = np.concatenate(found)
    wanted = torch.tensor(batch.same, dtype=torch.float32)[order]
    counting = torch.tensor(batch.weights)[order]
    losses = nn.functional.binary_cross_entropy_with_logits(
        log_odds, wanted * (1 - 2 * SMOOTHED) + SMOOTHED, reduction="none"
    )
    return (losses * counting).sum() / counting.sum()
