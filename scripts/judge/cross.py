"""The cross-encoder: MiniLM's own weights, fed both questions at once, word vectors frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

WIDTH, LAYERS, HEADS, INNER, EPSILON = 384, 6, 12, 1536, 1e-12

Ids = Sequence[int]


class CrossEncoder(nn.Module):
    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        name = "embeddings."
        words = weights[f"{name}word_embeddings.weight"].float()
        self.words = nn.Embedding.from_pretrained(words, freeze=True)
        self.places = nn.Parameter(weights[f"{name}position_embeddings.weight"].float())
        self.segments = nn.Parameter(weights[f"{name}token_type_embeddings.weight"].float())
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.norm.load_state_dict(
            {part: weights[f"{name}LayerNorm.{part}"].float() for part in ("weight", "bias")}
        )
        self.layers = nn.ModuleList(_layer(weights, number) for number in range(LAYERS))
        self.out = nn.Linear(2 * WIDTH, 1)
        nn.init.normal_(self.out.weight, std=0.02)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """(n, length) int64 each → log-odds that one answer is right for both, shape (n,)."""
        mask = ids != 0
        x = self.norm(self.words(ids) + self.places[: ids.shape[1]] + self.segments[segments])
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~mask)
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        odds: Tensor = self.out(torch.cat([x[:, 0], mean], 1))
        return odds[:, 0]


def joined(pairs: Sequence[tuple[Ids, Ids]]) -> tuple[Tensor, Tensor]:
    """[CLS] one [SEP] other [SEP], padded with 0, and which segment each token is of."""
    longest = max(len(one) + len(other) - 1 for one, other in pairs)
    ids = torch.zeros(len(pairs), longest, dtype=torch.long)
    segments = torch.zeros_like(ids)
    for row, (one, other) in enumerate(pairs):
        both = [*one, *other[1:]]
        ids[row, : len(both)] = torch.tensor(both)
        segments[row, len(one) : len(both)] = 1
    return ids, segments


def _layer(weights: Mapping[str, Tensor], number: int) -> nn.TransformerEncoderLayer:
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, INNER, dropout=0.0, activation="gelu", batch_first=True,
        layer_norm_eps=EPSILON,
    )  # fmt: skip
    prefix = f"encoder.layer.{number}."
    own = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    state = {
        f"{mine}.{part}": weights[f"{prefix}{theirs}.{part}"].float()
        for mine, theirs in own.items()
        for part in ("weight", "bias")
    }
    for part in ("weight", "bias"):
        several = [weights[f"{prefix}attention.self.{name}.{part}"].float()
                   for name in ("query", "key", "value")]  # fmt: skip
        state[f"self_attn.in_proj_{part}"] = torch.cat(several)
    layer.load_state_dict(state)
    return layer
