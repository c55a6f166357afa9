"""The comparison with other caches runs, and says what it is for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def compare() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("compare", FOLDER / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for their module there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "compare", module)
        spec.loader.exec_module(module)
        yield module


def test_ours_serves_more_than_the_same_text_and_nothing_wrong(compare: ModuleType) -> None:
    scores = compare.compare(compare.questions(), compare.SETTINGS[0])
    same, nearest, ours = scores.values()
    assert same.wrong == ours.wrong == 0 < nearest.wrong
    assert same.served < ours.served < nearest.served


def test_the_page_tells_every_setting_and_every_cache(compare: ModuleType) -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    for setting in compare.SETTINGS:
        for name in compare.CACHES:
            assert f"| {setting.name} | {name} |" in page
