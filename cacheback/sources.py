"""From text to settings: the environment and files, and whence each value came.

What may live here: how a value is found and read, whatever it means. What it may not know: which
settings there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cacheback.errors import ConfigurationError
from cacheback.models import JSON

Reader: TypeAlias = Callable[[Any], Any]
"""Makes a setting of its text, or of a table of a file; raises ValueError with the reason."""

# Names that differ from CACHEBACK_<FIELD>.
_VARIABLES = {
    "cache_ttl": "CACHEBACK_TTL",
    "openai_api_key": "OPENAI_API_KEY",
    "anthropic_api_key": "ANTHROPIC_API_KEY",
}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Given:
    """A setting's value, and whence it came, in words."""

    value: Any
    source: str


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return _VARIABLES.get(name, f"CACHEBACK_{name.upper()}")


def secret(name: str) -> bool:
    """Whether the value of a setting must not be shown."""
    return "_key" in name or "token" in name


def sourced(
    readers: Mapping[str, Reader],
    environ: Mapping[str, str],
    file: Mapping[str, Given] | None = None,
) -> dict[str, Given]:
    """The settings that the environment gives, over those of a file; empty variables do not count.

    Raises:
        ConfigurationError: a variable that cannot be read, naming it.
    """
    found = dict(file or {})
    for name, reader in readers.items():
        told = variable(name)
        if text := environ.get(told, "").strip():
            found[name] = Given(_read(name, told, text, reader), told)
    return found


def read_file(path: Path, readers: Mapping[str, Reader]) -> dict[str, Given]:
    """The settings of a TOML file, by their names.

    Raises:
        ConfigurationError: it cannot be read, has an unknown name, or a value that cannot be read.
    """
    return {
        name: read_value(path, name, value, readers) for name, value in read_table(path).items()
    }


def read_table(path: Path) -> Mapping[str, JSON]:
    """What a TOML file says, by name, whatever that is.

    Raises:
        ConfigurationError: it cannot be read.
    """
    # Only a server reads files: 4 ms that nobody else must pay.
    import tomllib  # noqa: PLC0415

    try:
        return tomllib.loads(path.expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def read_value(path: Path, name: str, value: JSON, readers: Mapping[str, Reader]) -> Given:
    """A setting of a TOML file.

    Raises:
        ConfigurationError: it is none, or cannot be read.
    """
    if name not in readers:
        from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

        near = get_close_matches(name, readers, n=1)
        raise ConfigurationError(
            f"{path} sets {name!r}, which is no setting"
            + (f"; did you mean {near[0]!r}?" if near else "")
        )
    return Given(_read(name, f"{name} in {path}", _text(value), readers[name]), str(path))


def _text(value: JSON) -> JSON:
    """A value of a file as it would stand in a variable; tables stay as they are."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, dict) else str(value)


def _read(name: str, told: str, value: JSON, reader: Reader) -> Any:
    try:
        return reader(value)
    except (TypeError, ValueError) as error:
        shown = "" if secret(name) else f"={value!r}"
        raise ConfigurationError(f"{told}{shown} cannot be read: {error}") from error


def truth(text: str) -> bool:
    """Yes or no."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"must be one of {', '.join(sorted(_TRUE | _FALSE))}")


def optional_number(text: str) -> float | None:
    """A number, or `none`."""
    return None if text.lower() == "none" else float(text)
