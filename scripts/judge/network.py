"""The aligner while it is trained; `cacheback/judges/aligner.py` says what it is, and runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cacheback.judges.aligner import HEADS, REACH

EMBEDDED = 384  # numbers in a token vector of the embedder
WIDTH, BLOCKS, PROJECTED = 96, 3, 64
FREQUENT = 400  # words that it knows by name
NUMBERS = 6  # known of each token besides
_HEAD = 96
_HIDDEN = -1e4  # added to the attention to what only fills a batch
_DROPPED, _DROPPED_WORDS = 0.15, 0.3


@dataclass(frozen=True)
class Batch:
    """Pairs padded to the longest: a first token that sums up, then both texts' tokens.

    `vectors` (b, n, 384), `known` (b, n) which frequent word or 0, `numbers` (b, n, 6), `segments`
    (b, n) 0, 1, or 2 for the first token and what only fills, `places` (b, n), `mask` (b, n),
    `figures` (b, f), `same` (b, n, n) 1 where two tokens are the same.
    """

    vectors: Tensor
    known: Tensor
    numbers: Tensor
    segments: Tensor
    places: Tensor
    mask: Tensor
    figures: Tensor
    same: Tensor


class Block(nn.Module):
    """Attention whose heads may follow what is known of two tokens, then a dense step."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.o = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(3 * WIDTH, WIDTH)
        self.cos = nn.Parameter(torch.randn(HEADS))
        self.ex = nn.Parameter(torch.randn(HEADS) * 0.5)
        self.same = nn.Parameter(torch.randn(HEADS) * 0.5)
        self.rel = nn.Embedding(2 * (2 * REACH + 1), HEADS)
        nn.init.normal_(self.rel.weight, std=0.1)
        with torch.no_grad():  # three heads begin by looking at the nearest words of the other text
            self.cos[:3] = torch.tensor([8.0, 8.0, 4.0])
            self.same[:3] = -4.0

    def forward(self, x: Tensor, bias: tuple[Tensor, Tensor, Tensor], apart: Tensor, pad: Tensor):  # noqa: ANN201
        batch, length, _ = x.shape
        mixed = self.qkv(self.n1(x)).view(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
        for weight, matrix in zip((self.cos, self.ex, self.same), bias, strict=True):
            seen = seen + matrix[:, None] * weight[None, :, None, None]
        seen = (seen + self.rel(apart).permute(0, 3, 1, 2) + pad).softmax(-1)
        joined = (seen @ value).transpose(1, 2).reshape(batch, length, WIDTH)
        x = x + nn.functional.dropout(self.o(joined), _DROPPED, self.training)
        wide = nn.functional.gelu(self.up(self.n2(x)), approximate="tanh")
        return x + nn.functional.dropout(self.down(wide), _DROPPED, self.training)


class Network(nn.Module):
    """A batch of pairs → the log-odds that one answer is right for both, shape (b,)."""

    def __init__(self, figures: int) -> None:
        super().__init__()
        self.proj = nn.Linear(EMBEDDED, PROJECTED, bias=False)
        self.func = nn.Embedding(FREQUENT + 1, WIDTH)
        nn.init.normal_(self.func.weight, std=0.1)
        self.inp, self.num = nn.Linear(PROJECTED, WIDTH), nn.Linear(NUMBERS, WIDTH)
        self.seg = nn.Embedding(3, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH)
        self.h1, self.h2 = nn.Linear(3 * WIDTH + figures, _HEAD), nn.Linear(_HEAD, 1)
        self.lin = nn.Linear(figures, 1)

    def forward(self, given: Batch) -> Tensor:
        alike = (given.segments[:, :, None] == given.segments[:, None, :]).float()
        apart = given.places[:, None, :] - given.places[:, :, None]
        apart = apart.clamp(-REACH, REACH) + REACH + alike.long() * (2 * REACH + 1)
        projected = nn.functional.dropout(self.proj(given.vectors), _DROPPED_WORDS, self.training)
        x = self.func(given.known) + self.num(given.numbers) + self.seg(given.segments)
        x = x + self.inp(projected)
        near = given.vectors @ given.vectors.transpose(1, 2)
        pad = torch.where(given.mask, 0.0, _HIDDEN)[:, None, None, :]
        for block in self.blocks:
            x = block(x, (near, given.same, alike), apart, pad)
        x, there = self.norm(x), given.mask[:, 1:, None].float()
        mean = (x[:, 1:] * there).sum(1) / there.sum(1)
        most = (x[:, 1:] + (there - 1) * -_HIDDEN).max(1).values
        pooled = torch.cat([x[:, 0], mean, most, given.figures], 1)
        dropped = nn.functional.dropout(pooled, _DROPPED, self.training)
        hidden = nn.functional.gelu(self.h1(dropped), approximate="tanh")
        row: Tensor = self.h2(hidden) + self.lin(given.figures)
        return row[:, 0]
