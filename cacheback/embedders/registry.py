"""Embedders by name, so that a setting can be a word. Loads no model and no numpy."""

from __future__ import annotations

import inspect
from importlib import import_module

from cacheback.embedders.base import BaseEmbedder
from cacheback.errors import ConfigurationError

# Module and class, imported when first asked for: a model's libraries take 100 ms to import.
_BUNDLED = {"minilm": ("cacheback.embedders.minilm", "MiniLM")}

_registered: dict[str, type[BaseEmbedder]] = {}


def register_embedder(name: str, cls: type[BaseEmbedder]) -> None:
    """Make `embedder=name` mean an instance of `cls`, made without arguments.

    Registering the same class again changes nothing.

    Raises:
        ConfigurationError: `cls` is not a concrete subclass of `BaseEmbedder`, or `name` is
            empty or already means another class.
    """
    if not name:
        raise ConfigurationError("an embedder's name must not be empty")
    if not _is_embedder(cls):
        raise ConfigurationError(f"{cls!r} is not a subclass of cacheback.embedders.BaseEmbedder")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise ConfigurationError(f"{cls.__name__} does not define {missing}")
    if name in _BUNDLED or _registered.get(name, cls) is not cls:
        raise ConfigurationError(
            f"the name {name!r} already means another embedder; register {cls.__name__} as another"
        )
    _registered[name] = cls


def make_embedder(embedder: str | BaseEmbedder) -> BaseEmbedder:
    """The embedder of this name, or the one given.

    Raises:
        ConfigurationError: nothing is registered under this name, its class cannot be made
            without arguments, or `embedder` is neither a name nor an embedder.
    """
    if isinstance(embedder, BaseEmbedder):
        return embedder
    if not isinstance(embedder, str):
        raise ConfigurationError(
            f"embedder must be a name ({_known()}) or an instance of a subclass of "
            f"cacheback.embedders.BaseEmbedder, not {embedder!r}"
        )
    cls = _find(embedder)
    try:
        return cls()
    except TypeError as error:
        raise ConfigurationError(
            f"embedder {embedder!r} cannot be made without arguments ({error}); "
            f"pass an instance instead: embedder={cls.__name__}(…)"
        ) from error


def _find(name: str) -> type[BaseEmbedder]:
    if name in _registered:
        return _registered[name]
    if name not in _BUNDLED:
        raise ConfigurationError(
            f"there is no embedder {name!r}; known: {_known()}. "
            "Your own: cacheback.embedders.register_embedder(name, cls)"
        )
    module, cls = _BUNDLED[name]
    found: type[BaseEmbedder] = getattr(import_module(module), cls)
    return found


def _is_embedder(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseEmbedder)


def _known() -> str:
    return ", ".join(sorted({*_BUNDLED, *_registered}))
