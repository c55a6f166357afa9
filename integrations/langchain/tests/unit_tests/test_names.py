"""What is public here, and that all of it stands on what cacheback exports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cacheback
import langchain_cacheback

SOURCES = sorted(Path(langchain_cacheback.__file__).parent.glob("*.py"))
NAMES = [
    "CachebackCache",
    "CachebackEmbeddings",
    "CachebackMiddleware",
    "ChatSynthesizer",
    "cached",
]


def test_these_and_no_others() -> None:
    assert langchain_cacheback.__all__ == NAMES
    assert all(getattr(langchain_cacheback, name) for name in NAMES)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        langchain_cacheback.Nothing  # noqa: B018


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_only_exported_names_are_imported(source: Path) -> None:
    for module, name in imported(ast.parse(source.read_text("utf-8"))):
        if module.split(".")[0] == "cacheback":
            assert module == "cacheback", f"{source.name} imports {module}"
            assert name in cacheback.__all__, f"{source.name} imports {name}"


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
