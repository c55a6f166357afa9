"""The package is what LlamaIndex's partner packages are, and stands on public names only."""

from __future__ import annotations

import ast
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import llama_index.llms.cacheback as package
import pytest

import cacheback

HERE = Path(__file__).parent.parent
MODULES = sorted((HERE / "llama_index/llms/cacheback").glob("*.py"))


def test_the_namespaces_stay_open() -> None:
    assert not list(HERE.glob("llama_index/*.py"))
    assert not list(HERE.glob("llama_index/llms/*.py"))
    assert (HERE / "llama_index/llms/cacheback/py.typed").exists()


def test_these_names_and_no_others() -> None:
    assert package.__all__ == [
        "CachebackEmbedding",
        "CachebackLLM",
        "LLMSynthesizer",
        "index_version",
    ]


def test_the_hub_finds_what_is_there() -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    hub = project["tool"]["llamahub"]
    assert hub["import_path"] == package.__name__
    assert set(hub["class_authors"]) == {"CachebackEmbedding", "CachebackLLM"}
    assert distribution("llama-index-llms-cacheback").version == project["project"]["version"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_only_exported_names_are_used(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not [one for one in node.names if one.name.split(".")[0] == "cacheback"]
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cacheback":
            assert node.module == "cacheback"
            assert {one.name for one in node.names} <= set(cacheback.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_private_name_of_a_cache_is_used(module: Path) -> None:
    names = {
        node.attr
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "cache"
    }
    assert names <= {"aanswer", "answer", "report_error", "request", "settings"}
