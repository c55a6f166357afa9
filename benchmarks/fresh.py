"""What a process pays that has just begun: importing, and its first answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, Goal
from benchmarks.measure import Pairs, Stopwatch, in_turns, process
from benchmarks.setting import ANSWER, Setting
from cacheback import SemanticCache
from cacheback.embedders import minilm

STORED, ASKED = "What is the capital of France?", "capital of France?"

BARE = "print('up', flush=True)"
IMPORT = "import cacheback; print('up', flush=True)"

LOOKUP = """
import sys
from cacheback import SemanticCache
cache = SemanticCache(sys.argv[1])
hit = cache.lookup(sys.argv[2])
print(hit and hit.tier, flush=True)
cache.close()
"""

# The same texts and files as ours, without anything of ours.
SESSION = """
import sys
import numpy
import onnxruntime
from tokenizers import Tokenizer
folder, text = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(
    f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"]
)
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()
tokenizer.no_truncation()
row = numpy.array([tokenizer.encode(text).ids], dtype=numpy.int32)
feed = {"input_ids": row, "attention_mask": numpy.ones_like(row)}
vector = session.run(["embedding"], feed)[0][0]
"""
PRINT = "print('up', flush=True)\n"


def figures(setting: Setting) -> Iterator[Figure]:
    count = setting.size(21, 2)
    bare = started_in_turns(started(IMPORT), started(BARE), count)
    yield _figure("import cacheback", bare, Goal("≤", 50), "interpreter start alone")

    directory = setting.scratch / "fresh"
    with SemanticCache(directory) as cache:
        cache.populate(STORED, ANSWER)
    for tier, question in (("exact", STORED), ("semantic", ASKED)):
        subject = started(LOOKUP, str(directory), question, expected=tier)
        floor = started(SESSION + PRINT, model_folder(), question)
        yield _figure(
            f"first {tier} lookup of a process",
            started_in_turns(subject, floor, count),
            Goal("≤", 150),
            "interpreter + numpy + onnxruntime + session + tokenizer + one encode",
        )


def model_folder() -> str:
    return str(Path(minilm.__file__).parent)


def started(code: str, *arguments: str, expected: str = "up") -> Stopwatch[int]:
    """Starts a process, and sees to it that it prints what it should."""

    def started(_: int) -> int:
        taken, line = process(code, *arguments)
        if line != expected:
            raise AssertionError(f"{expected} was expected, not {line}")
        return taken

    return started


def started_in_turns(subject: Stopwatch[int], floor: Stopwatch[int], count: int) -> Pairs:
    in_turns(subject, floor, [0])  # compiles what is imported, and warms the file cache
    return in_turns(subject, floor, range(count))


def _figure(name: str, pairs: Pairs, goal: Goal, floor_is: str) -> Figure:
    return Figure(
        name,
        pairs.subject.percentile(50) / 1e6,
        "ms",
        floor=pairs.floor.percentile(50) / 1e6,
        floor_is=floor_is,
        ratio=pairs.ratio,
        goal=goal,
    )
