"""Of the settings that were given, those that can work: `cacheback doctor` goes on with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cacheback.cli.diagnosis import Finding
from cacheback.cli.words import counted
from cacheback.config import READERS, Settings
from cacheback.errors import ConfigurationError
from cacheback.models import JSON
from cacheback.proxy.settings import Configuration, ProxySettings, readers
from cacheback.sources import Given, Reader, read_table, read_value, sourced, variable


def usable(environ: Mapping[str, str], cache_dir: str | None) -> tuple[Settings, list[Finding]]:
    """The settings of a cache without those that cannot work, and what is wrong with these.

    Those of the proxy and of its file (`CACHEBACK_CONFIG`) are looked at as well, although only
    `serve` uses them.

    Args:
        environ: the variables.
        cache_dir: the directory that the command line names, if any.

    Raises:
        ConfigurationError: that directory can be none.
    """
    findings: list[Finding] = []
    reading = readers(environ)
    named = environ.get("CACHEBACK_CONFIG", "").strip()
    file = _of_file(Path(named), reading, findings) if named else {}
    variables = _of_environment(environ, reading, findings)
    with _noting(findings, "proxy", "until then `cacheback serve` does not start"):
        _together({**file, **variables})
    given = {name: one.value for name, one in variables.items() if name in READERS}
    return Settings(**given | ({} if cache_dir is None else {"cache_dir": cache_dir})), findings


def _of_file(
    path: Path, reading: Mapping[str, Reader], findings: list[Finding]
) -> dict[str, Given]:
    remedy = f"correct {path}, which CACHEBACK_CONFIG names and `cacheback serve` reads"
    found: dict[str, Given] = {}
    told: Mapping[str, JSON] = {}
    before = len(findings)
    with _noting(findings, "config file", remedy):
        told = read_table(path)
    for name, value in told.items():
        with _noting(findings, "config file", remedy):
            one = read_value(path, name, value, reading)
            _together({name: one})
            found[name] = one
    if len(findings) == before:
        settings = counted(len(found), "setting")
        findings.append(Finding("config file", "ok", f"{path}: {settings} for `cacheback serve`"))
    return found


def _of_environment(
    environ: Mapping[str, str], reading: Mapping[str, Reader], findings: list[Finding]
) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for name, reader in reading.items():
        told = variable(name)
        remedy = f"correct {told} or unset it; all else is examined as if it were not set"
        with _noting(findings, "environment", remedy):
            one = sourced({name: reader}, environ)
            _together(one)
            found.update(one)
    return found


def _together(given: Mapping[str, Given]) -> None:
    """Raise ConfigurationError where these cannot work, be it one or several together."""
    values = {name: one.value for name, one in given.items()}
    cache = {name: value for name, value in values.items() if name in READERS}
    proxy = {name: value for name, value in values.items() if name not in READERS}
    Configuration(ProxySettings(**proxy), Settings(**cache))


@contextmanager
def _noting(findings: list[Finding], name: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        findings.append(Finding(name, "fail", str(error), remedy))
