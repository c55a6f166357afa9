"""The notebook runs without a key, and its committed outputs are what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[3] / "notebooks/llamaindex.ipynb"


def texts(notebook: Any) -> list[str]:
    """What the cells printed or returned; of a plot only that there is one."""
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    return [one.get("text") or one["data"]["text/plain"] for one in outputs]


def test_it_runs_and_says_what_is_committed() -> None:
    committed = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    run = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(run, timeout=300, coalesce_streams=True).execute()
    assert texts(run) == texts(committed)
    plots = [one for one in str(committed).split() if "image/png" in one]
    assert plots
