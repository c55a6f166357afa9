"""The judge's two graphs: its own layers, int8 as the embedder's are, and the aligner, float32."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import build_minilm as minilm
import numpy as np
import onnx
from onnx import TensorProto, helper

from cacheback.judges.aligner import HEADS

if TYPE_CHECKING:
    from build_minilm import Array

FIRST = 3  # layer that is the judge's own; those before it are the embedder's
PARTS = {
    "out": "attention.output.dense",
    "n1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "n2": "output.LayerNorm",
}
"""Of a layer, by the names that they have in the network: those that they have in the embedder."""

_READABLE = 0o644
_EPSILON = 1e-5  # of torch's LayerNorm
_LINE = ("weight", "bias")
_SIZES = {"directions": minilm.WIDTH, "numbers": 6}


def write(weights: Mapping[str, Array], folder: Path) -> None:
    """`reader.onnx`, `reader.bin` and `aligner.onnx` from the network's weights, by their names."""
    with tempfile.TemporaryDirectory() as name:
        exact, quantized = Path(name) / "fp32.onnx", Path(name) / "int8.onnx"
        onnx.save(_reader(_named(weights)), exact)
        minilm.quantize(exact, quantized)
        minilm.split(quantized, folder / "reader.onnx", "reader.bin")
    (folder / "reader.bin").chmod(_READABLE)  # it is written for its owner alone
    own = {name.removeprefix("aligner."): one for name, one in weights.items()}
    onnx.save(_Aligner(own).model(), folder / "aligner.onnx")


def _named(weights: Mapping[str, Array]) -> dict[str, Array]:
    """The judge's own layers, by the names that they have in the embedder."""
    found = {}
    for number in range(FIRST, minilm.LAYERS):
        ours, theirs = f"encoder.layers.{number}", f"encoder.layer.{number}"
        for what in ("weight", "bias"):
            for own, name in PARTS.items():
                found[f"{theirs}.{name}.{what}"] = weights[f"{ours}.{own}.{what}"]
            together = np.split(weights[f"{ours}.qkv.{what}"], 3)
            for name, one in zip(("query", "key", "value"), together, strict=True):
                found[f"{theirs}.attention.self.{name}.{what}"] = one
    return found


def _reader(weights: Mapping[str, Array]) -> onnx.ModelProto:
    """In float32: `middle` (batch, length, 384) and the mask → `directions`, of unit length."""
    graph, hidden = minilm.Graph(), "middle"
    for number in range(FIRST, minilm.LAYERS):
        hidden = minilm.layer(graph, weights, number, hidden)
    graph.node("LpNormalization", [hidden], "directions", axis=2, p=2)
    shape = ["batch", "length", minilm.WIDTH]
    return _model(
        graph,
        {
            "middle": (TensorProto.FLOAT, shape),
            "attention_mask": (TensorProto.INT32, ["batch", "length"]),
        },
        {"directions": (TensorProto.FLOAT, shape)},
    )


def _model(
    graph: minilm.Graph,
    inputs: Mapping[str, tuple[int, list[str | int]]],
    outputs: Mapping[str, tuple[int, list[str | int]]],
) -> onnx.ModelProto:
    given, made = (
        [helper.make_tensor_value_info(name, *one) for name, one in some.items()]
        for some in (inputs, outputs)
    )
    return helper.make_model(
        helper.make_graph(graph.nodes, "judge", given, made, graph.constants),
        opset_imports=minilm.OPSETS,
        ir_version=minilm.IR_VERSION,
    )


class _Aligner:
    """Builds the graph of `network.Aligner`; `cacheback/judges/aligner.py` makes its inputs."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights
        self._graph = minilm.Graph()

    def model(self) -> onnx.ModelProto:
        # Both orders of one pair: only the segments are given twice.
        tokens: list[str | int] = [1, "tokens"]
        square: list[str | int] = [*tokens, "tokens"]
        self._score(self._blocks(self._entering()))
        return _model(
            self._graph,
            {
                **{name: (TensorProto.FLOAT, [*tokens, size]) for name, size in _SIZES.items()},
                "known": (TensorProto.INT64, tokens),
                "segments": (TensorProto.INT64, ["orders", "tokens"]),
                "near": (TensorProto.FLOAT, square),
                "relations": (TensorProto.INT64, square),
            },
            {"log_odds": (TensorProto.FLOAT, ["orders"])},
        )

    def _constant(self, name: str, value: Array) -> str:
        return self._graph.constant(name, value.astype(np.float32))

    def _integers(self, name: str, *value: int) -> str:
        return self._graph.constant(name, np.array(value, dtype=np.int64))

    def _linear(self, name: str, inner: str, scale: Array | None = None) -> str:
        """x · Wᵀ + b; `scale` multiplies the outputs, in the weights already."""
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        if scale is not None:
            weight, bias = weight * scale[:, None], bias * scale
        kernel = self._constant(f"{name}.kernel", weight.T)
        times = self._graph.node("MatMul", [inner, kernel], f"{name}.times")
        return self._graph.node("Add", [times, self._constant(f"{name}.add", bias)], name)

    def _normalised(self, name: str, inner: str) -> str:
        parts = [self._constant(f"{name}.{one}", self._weights[f"{name}.{one}"]) for one in _LINE]
        return self._graph.node(
            "LayerNormalization", [inner, *parts], name, axis=-1, epsilon=_EPSILON
        )

    def _sum(self, name: str, *terms: str) -> str:
        total = terms[0]
        for number, term in enumerate(terms[1:]):
            total = self._graph.node("Add", [total, term], f"{name}.{number}")
        return total

    def _entering(self) -> str:
        """What is known of each token: (orders, tokens, width)."""
        looked_up = [
            self._graph.node(
                "Gather", [self._constant(f"{table}s", self._weights[f"{table}.weight"]), by], table
            )
            for table, by in (("func", "known"), ("seg", "segments"))
        ]
        # One matrix for two, between which training drops words.
        both = self._weights["inp.weight"] @ self._weights["proj.weight"]
        seen = self._graph.node("MatMul", ["directions", self._constant("seen.k", both.T)], "seen")
        bias = self._constant("inp.bias", self._weights["inp.bias"])
        return self._sum("entering", *looked_up, self._linear("num", "numbers"), seen, bias)

    def _blocks(self, x: str) -> str:
        number = 0
        while f"blocks.{number}.qkv.weight" in self._weights:
            x = self._block(f"blocks.{number}", x)
            number += 1
        return self._normalised("norm", x)

    def _block(self, name: str, x: str) -> str:
        attended = self._linear(f"{name}.o", self._attention(name, x))
        x = self._graph.node("Add", [x, attended], f"{name}.middle")
        wide = self._linear(f"{name}.up", self._normalised(f"{name}.n2", x))
        active = self._graph.fused("FastGelu", [wide], f"{name}.active")
        return self._graph.node("Add", [x, self._linear(f"{name}.down", active)], f"{name}.leaving")

    def _attention(self, name: str, x: str) -> str:
        width = self._weights[f"{name}.o.weight"].shape[0]
        size = width // HEADS
        scale = np.ones(3 * width)
        scale[:width] = size**-0.5  # of the queries
        mixed = self._linear(f"{name}.qkv", self._normalised(f"{name}.n1", x), scale)
        graph, parts = self._graph, [f"{name}.{one}" for one in ("query", "key", "value")]
        graph.nodes.append(helper.make_node("Split", [mixed], parts, axis=2))
        shape = self._integers(f"{name}.heads", 0, 0, HEADS, size)
        query, key, value = (
            graph.node(
                "Transpose",
                [graph.node("Reshape", [part, shape], f"{part}.split")],
                f"{part}.turned",
                perm=perm,
            )
            for part, perm in zip(parts, ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3)), strict=True)
        )
        seen = self._sum(
            f"{name}.seen",
            graph.node("MatMul", [query, key], f"{name}.products"),
            self._related(name),
            self._near(name),
        )
        shares = graph.node("Softmax", [seen], f"{name}.shares", axis=-1)
        joined = graph.node("MatMul", [shares, value], f"{name}.joined")
        back = graph.node("Transpose", [joined], f"{name}.back", perm=(0, 2, 1, 3))
        flat = self._integers(f"{name}.flat", 0, 0, width)
        return graph.node("Reshape", [back, flat], f"{name}.attended")

    def _near(self, name: str) -> str:
        """What each head makes of the cosines: (1, heads, tokens, tokens)."""
        graph, each = self._graph, self._weights[f"{name}.cos"][:, None, None]
        axis = self._integers(f"{name}.axis", 1)
        apart = graph.node("Unsqueeze", ["near", axis], f"{name}.apart")
        return graph.node("Mul", [apart, self._constant(f"{name}.cos", each)], f"{name}.near")

    def _related(self, name: str) -> str:
        """What each head makes of how tokens stand to each other, in the same shape."""
        table = self._weights[f"{name}.rel"].reshape(-1, HEADS).T
        graph, given = self._graph, [self._constant(f"{name}.rel", table), "relations"]
        found = graph.node("Gather", given, f"{name}.found", axis=1)
        return graph.node("Transpose", [found], f"{name}.related", perm=(1, 0, 2, 3))

    def _score(self, x: str) -> None:
        """The first vector, and mean and greatest of the others."""
        graph = self._graph
        one, end = self._integers("one", 1), self._integers("end", 2**31)
        first = graph.node("Gather", [x, self._integers("begin", 0)], "first", axis=1)
        others = graph.node("Slice", [x, one, end, one], "others")
        mean = graph.node("ReduceMean", [others], "mean", axes=[1], keepdims=1)
        greatest = graph.node("ReduceMax", [others], "greatest", axes=[1], keepdims=1)
        pooled = graph.node("Concat", [first, mean, greatest], "pooled", axis=2)
        active = graph.fused("FastGelu", [self._linear("h1", pooled)], "active")
        told = self._linear("h2", active)
        graph.node("Reshape", [told, self._integers("alone", -1)], "log_odds")
