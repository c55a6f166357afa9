"""Names for embedders: what may be registered, and what an unknown name says."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback.embedders import BaseEmbedder, register_embedder, registry
from cacheback.embedders.minilm import MiniLM
from cacheback.embedders.registry import make_embedder
from cacheback.errors import ConfigurationError


class Mine(BaseEmbedder):
    name = "mine-v1"
    dim = 1

    def encode(self, text: str) -> list[float]:
        return [float(len(text))]


class Other(Mine):
    pass


class Abstract(BaseEmbedder):
    name = "abstract"
    dim = 1


class NeedsModel(Mine):
    def __init__(self, model: str) -> None:
        self.model = model


@pytest.fixture(autouse=True)
def _forget_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def test_a_registered_name_makes_an_instance() -> None:
    register_embedder("mine", Mine)
    assert type(make_embedder("mine")) is Mine


def test_the_bundled_one_needs_no_registration() -> None:
    assert type(make_embedder("minilm")) is MiniLM


def test_an_instance_is_taken_as_it_is() -> None:
    mine = Mine()
    assert make_embedder(mine) is mine


def test_registering_the_same_class_again_changes_nothing() -> None:
    register_embedder("mine", Mine)
    register_embedder("mine", Mine)
    assert type(make_embedder("mine")) is Mine


@pytest.mark.parametrize("name", ["mine", "minilm"])
def test_a_name_means_one_class(name: str) -> None:
    register_embedder("mine", Mine)
    with pytest.raises(ConfigurationError, match="already means another embedder"):
        register_embedder(name, Other)
    assert type(make_embedder("mine")) is Mine


@pytest.mark.parametrize(
    ("name", "cls", "message"),
    [
        ("mine", str, "not a subclass of cacheback.embedders.BaseEmbedder"),
        ("mine", Mine(), "not a subclass"),
        ("mine", None, "not a subclass"),
        ("mine", Abstract, "Abstract does not define encode"),
        ("", Mine, "must not be empty"),
    ],
)
def test_what_cannot_be_registered(name: str, cls: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        register_embedder(name, cls)


def test_an_unknown_name_lists_the_known_ones() -> None:
    register_embedder("mine", Mine)
    with pytest.raises(ConfigurationError, match=r"no embedder 'mini'; known: mine, minilm\."):
        make_embedder("mini")


def test_a_class_that_needs_arguments_says_to_pass_an_instance() -> None:
    register_embedder("needs", NeedsModel)
    with pytest.raises(ConfigurationError, match=r"embedder=NeedsModel\(…\)"):
        make_embedder("needs")


@pytest.mark.parametrize("wrong", [Mine, None, 3])
def test_what_is_neither_a_name_nor_an_embedder(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a name"):
        make_embedder(wrong)
