"""The notebook runs without a key, and its committed outputs are what it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).parents[4] / "notebooks" / "langchain.ipynb"


def read() -> Any:
    return nbformat.read(PATH, as_version=4)  # type: ignore[no-untyped-call]


def told(cell: Any) -> str:
    """What a cell prints; what older releases of LangChain warn of is not told there."""
    return "".join(one.text for one in cell.outputs if one.get("name") == "stdout")


def shown(cell: Any) -> list[Any]:
    """The kinds of picture that a cell shows."""
    return [sorted(one.data) for one in cell.outputs if "data" in one]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_gives_what_was_committed(tmp_path: Path) -> None:
    committed, run = read(), read()
    client = NotebookClient(run, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for before, after in zip(committed.cells, run.cells, strict=True):
        if before.cell_type == "code":
            assert told(after) == told(before)
            assert shown(after) == shown(before)


def test_nothing_in_it_failed_and_latencies_are_drawn() -> None:
    outputs = [one for cell in read().cells for one in cell.get("outputs", ())]
    assert not [one for one in outputs if one.output_type == "error"]
    assert not [one for one in outputs if one.get("name") == "stderr"]
    assert [one for one in outputs if "image/png" in one.get("data", {})]
