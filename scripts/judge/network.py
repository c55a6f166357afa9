"""The judge while it is trained: the embedder with its upper layers free, and the aligner.

`cacheback/judges/aligner.py` says what the aligner is; `exporting.py` makes graphs of both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from exporting import FIRST, PARTS
from torch import Tensor, nn

from cacheback.judges.aligner import (
    HEADS,
    REACH,
    facts_of,
    relations,
    same_tokens,
    segments_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[np.float32]]

EMBEDDED, _LAYERS, _EMBEDDER_HEADS = 384, 6, 12
WIDTH, BLOCKS = 96, 3
FREQUENT = 400  # words that it knows by name
FACTS = 5  # known of each token besides, and how near its nearest is
_HEAD = 96
_HIDDEN = -1e4  # added to the attention to what only fills a batch
_DROPPED_IN_LAYERS, _DROPPED, _DROPPED_WORDS = 0.1, 0.15, 0.3

Texts = Sequence[Sequence[int]]  # token ids, from [CLS] to [SEP]
Pairs = Sequence[tuple[int, int]]  # by the numbers of their texts


class _Dense(nn.Linear):
    """Half precision while it is trained: twice as fast where processors have it."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        weight, bias = self.weight.bfloat16(), self.bias.bfloat16()
        return nn.functional.linear(x.bfloat16(), weight, bias).float()


def _attended(query: Tensor, key: Tensor, value: Tensor, added: Tensor) -> Tensor:
    seen = query / math.sqrt(query.shape[-1]) @ key.transpose(-1, -2)
    return (seen + added).softmax(-1) @ value


def _dropped(x: Tensor, share: float, module: nn.Module) -> Tensor:
    return nn.functional.dropout(x, share, module.training)


@dataclass(frozen=True)
class _Packed:
    """Where the tokens of texts are in a batch that is padded to the longest."""

    rows: Tensor
    columns: Tensor
    shape: tuple[int, int]

    @classmethod
    def of(cls, sizes: Sequence[int]) -> _Packed:
        rows = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        return cls(rows, torch.cat([*map(torch.arange, sizes)]), (len(sizes), max(sizes)))

    @property
    def hidden(self) -> Tensor:
        """What is added to the attention, (texts, 1, 1, longest)."""
        added = torch.full(self.shape, _HIDDEN)
        added[self.rows, self.columns] = 0
        return added[:, None, None, :]


class _Layer(nn.Module):
    """One of the embedder's; tokens come packed, (tokens, 384), and are padded to attend alone."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = _Dense(EMBEDDED, 3 * EMBEDDED), _Dense(EMBEDDED, EMBEDDED)
        self.up, self.down = _Dense(EMBEDDED, 4 * EMBEDDED), _Dense(4 * EMBEDDED, EMBEDDED)
        self.n1, self.n2 = (nn.LayerNorm(EMBEDDED, eps=1e-12) for _ in range(2))

    def forward(self, x: Tensor, packed: _Packed, hidden: Tensor, dropped: float) -> Tensor:
        shape, at = packed.shape, (packed.rows, packed.columns)
        mixed = torch.zeros(*shape, 3 * EMBEDDED).index_put(at, self.qkv(x))
        parts = mixed.view(*shape, 3, _EMBEDDER_HEADS, -1).permute(2, 0, 3, 1, 4)
        found = _attended(*parts, hidden).transpose(1, 2).reshape(*shape, EMBEDDED)[at]
        x = self.n1(x + _dropped(self.out(found), dropped, self))
        wide = nn.functional.gelu(self.up(x))
        done: Tensor = self.n2(x + _dropped(self.down(wide), dropped, self))
        return done


class Encoder(nn.Module):
    """all-MiniLM-L6-v2, of which the layers from `FIRST` on are trained."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(30_522, EMBEDDED), nn.Embedding(512, EMBEDDED)
        self.norm = nn.LayerNorm(EMBEDDED, eps=1e-12)
        self.layers = nn.ModuleList(_Layer() for _ in range(_LAYERS))
        self.load_state_dict({name: torch.from_numpy(one) for name, one in _named(weights).items()})
        for name, parameter in self.named_parameters():
            part, _, number = name.partition(".")
            free = part == "layers" and int(number.partition(".")[0]) >= FIRST
            parameter.requires_grad_(free)

    def forward(self, texts: Texts) -> Tensor:
        """→ (tokens of all texts, 384), of unit length."""
        packed = _Packed.of([len(text) for text in texts])
        ids, hidden = torch.tensor([token for text in texts for token in text]), packed.hidden
        with torch.no_grad():
            x = self.norm(self.words(ids) + self.positions(packed.columns))
            for layer in self.layers[:FIRST]:
                x = layer(x, packed, hidden, 0.0)
        for layer in self.layers[FIRST:]:
            x = layer(x, packed, hidden, _DROPPED_IN_LAYERS)
        return nn.functional.normalize(x, dim=-1)


def _named(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The embedder's weights by our names; its one segment's row is added to the positions."""
    start, parts = "embeddings.", ("query", "key", "value")
    segment = weights[f"{start}token_type_embeddings.weight"][0]
    found = {
        "words.weight": weights[f"{start}word_embeddings.weight"],
        "positions.weight": weights[f"{start}position_embeddings.weight"] + segment,
    }
    for what in ("weight", "bias"):
        found[f"norm.{what}"] = weights[f"{start}LayerNorm.{what}"]
        for number in range(_LAYERS):
            theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
            found[f"{ours}.qkv.{what}"] = np.concatenate(
                [weights[f"{theirs}.attention.self.{part}.{what}"] for part in parts]
            )
            for own, name in PARTS.items():
                found[f"{ours}.{own}.{what}"] = weights[f"{theirs}.{name}.{what}"]
    return found


@dataclass(frozen=True)
class Batch:
    """Pairs padded to the longest: a first token that sums up, then both texts' tokens.

    `tokens` (b, n) numbers among all texts' tokens, `known` (b, n) which frequent word or 0,
    `facts` (b, n, 5), `segments` (b, n) 0, 1, or 2 for the first token and what only fills, `mask`
    (b, n), `relations` (b, n, n) as `aligner.relations` has them.
    """

    tokens: Tensor
    known: Tensor
    facts: Tensor
    segments: Tensor
    mask: Tensor
    relations: Tensor

    @classmethod
    def of(cls, texts: Texts, pairs: Pairs, known: NDArray[np.int64]) -> Batch:
        starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
        bare = [np.array(text[1:-1]) for text in texts]
        shape = (len(pairs), 1 + max(len(bare[one]) + len(bare[other]) for one, other in pairs))
        tokens, names = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        facts = np.zeros((*shape, FACTS), dtype=np.float32)
        segments, mask = np.full(shape, 2), np.zeros(shape, dtype=np.bool_)
        between = np.zeros((*shape, shape[1]), dtype=np.int64)
        for at, pair in enumerate(pairs):
            ids = np.concatenate([bare[number] for number in pair])
            sizes = (len(bare[pair[0]]), len(bare[pair[1]]))
            width = 1 + len(ids)
            tokens[at, 1:width] = np.concatenate(
                [starts[number] + 1 + np.arange(len(bare[number])) for number in pair]
            )
            names[at, 1:width], mask[at, :width] = known[ids], True
            same = same_tokens(ids)
            facts[at, :width] = facts_of(ids, same, sizes)
            segments[at, :width] = segments_of(sizes)
            between[at, :width, :width] = relations(same, sizes)
        arrays = (tokens, names, facts, segments, mask, between)
        return cls(*map(torch.from_numpy, arrays))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.n1, self.qkv, self.o = (
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        )  # fmt: skip
        self.n2, self.up, self.down = (
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(3 * WIDTH, WIDTH)
        )  # fmt: skip
        self.cos = nn.Parameter(torch.randn(HEADS))
        self.rel = nn.Parameter(torch.randn(2, 2, 2 * REACH + 1, HEADS) * 0.1)
        with torch.no_grad():
            self.rel += torch.randn(2, 1, 1, HEADS) * 0.5 + torch.randn(1, 2, 1, HEADS) * 0.5
            # Half of the heads begin as an alignment with the other text.
            self.cos[:3] = torch.tensor([8.0, 8.0, 4.0])
            self.rel[:, 1, :, :3] -= 4.0

    def forward(self, x: Tensor, near: Tensor, added: Tensor) -> Tensor:
        """`added` (b, heads, n, n): to the attention, by how tokens stand to each other."""
        size, length, _ = x.shape
        parts = self.qkv(self.n1(x)).view(size, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        seen = near[:, None] * self.cos[None, :, None, None] + added
        joined = _attended(*parts, seen).transpose(1, 2).reshape(size, length, WIDTH)
        x = x + _dropped(self.o(joined), _DROPPED, self)
        wide = nn.functional.gelu(self.up(self.n2(x)), approximate="tanh")
        return x + _dropped(self.down(wide), _DROPPED, self)


class Aligner(nn.Module):
    """A batch of pairs → log-odds of one answer for both, (b,)."""

    def __init__(self) -> None:
        super().__init__()
        self.func, self.seg = nn.Embedding(FREQUENT + 1, WIDTH), nn.Embedding(3, WIDTH)
        nn.init.normal_(self.func.weight, std=0.1)
        self.proj, self.inp = nn.Linear(EMBEDDED, WIDTH, bias=False), nn.Linear(WIDTH, WIDTH)
        self.num = nn.Linear(1 + FACTS, WIDTH)
        self.blocks = nn.ModuleList(_Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH)
        self.h1, self.h2 = nn.Linear(3 * WIDTH, _HEAD), nn.Linear(_HEAD, 1)

    def forward(self, directions: Tensor, batch: Batch) -> Tensor:
        seen = directions[batch.tokens] * (batch.segments != 2)[..., None]
        near = seen @ seen.transpose(1, 2)
        numbers = torch.cat([_nearest(near, batch.segments)[..., None], batch.facts], -1)
        words = self.inp(_dropped(self.proj(seen), _DROPPED_WORDS, self))
        x = self.func(batch.known) + self.seg(batch.segments) + self.num(numbers) + words
        hidden = torch.where(batch.mask, 0.0, _HIDDEN)[:, None, None, :]
        # One table for all blocks: looked up one by one, their gradients took a sixth of a step.
        tables = torch.cat([block.rel.flatten(0, 2) for block in self.blocks], 1)
        found = nn.functional.embedding(batch.relations, tables).permute(0, 3, 1, 2)
        for block, added in zip(self.blocks, found.split(HEADS, 1), strict=True):
            x = block(x, near, added + hidden)
        x, there = self.norm(x), batch.mask[:, 1:, None].float()
        rest = x[:, 1:]
        mean = (rest * there).sum(1) / there.sum(1)
        greatest = (rest + (1 - there) * _HIDDEN).max(1).values
        pooled = _dropped(torch.cat([x[:, 0], mean, greatest], 1), _DROPPED, self)
        told: Tensor = self.h2(nn.functional.gelu(self.h1(pooled), approximate="tanh"))
        return told[:, 0]


def _nearest(near: Tensor, segments: Tensor) -> Tensor:
    """Of each token the cosine to the nearest of the other text; 0 for what is no token."""
    one, other = (segments == 0).float(), (segments == 1).float()
    across = one[:, :, None] * other[:, None]
    across = across + across.transpose(1, 2)
    best = (near - 2 * (1 - across)).max(2).values.clamp(min=-1)
    return best * (one + other)


class Network(nn.Module):
    """`known` is the number of each token among the frequent ones, or 0."""

    def __init__(self, weights: Weights, known: NDArray[np.int64]) -> None:
        super().__init__()
        self.encoder, self.aligner = Encoder(weights), Aligner()
        self._known = known

    def forward(self, texts: Texts, pairs: Sequence[Pairs]) -> list[Tensor]:
        """The log-odds of some lots of pairs, each of pairs of about the same length."""
        directions = self.encoder(texts)
        return [self.aligner(directions, Batch.of(texts, lot, self._known)) for lot in pairs]
