"""`cacheback serve`, which is also the command `cacheback-proxy`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cacheback.cli.main import main as group
from cacheback.cli.options import Session, cache_dir_option
from cacheback.cli.words import counted
from cacheback.errors import ConfigurationError
from cacheback.sources import secret, variable

if TYPE_CHECKING:
    from cacheback.proxy.settings import Configuration


class SettingsListed(click.Command):
    """Its help lists all settings, each with its value here and where that came from."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        try:
            configuration = _configured(**ctx.params)
        except ConfigurationError as error:
            with formatter.section("Settings"):
                formatter.write_text(f"They cannot be listed: {error}")
            return
        with formatter.section("Settings, from the environment or the file"):
            formatter.write_dl(list(_listed(configuration)))


def _listed(configuration: Configuration) -> list[tuple[str, str]]:
    rows = []
    for settings in (configuration.proxy, configuration.cache):
        for name, meaning in meanings(type(settings)).items():
            given = configuration.given.get(name)
            source = given.source if given else "default"
            told = shown(name, getattr(settings, name))
            rows.append((variable(name), f"{meaning} [{told}; {source}]"))
    return rows


def meanings(settings: type) -> dict[str, str]:
    """What each setting means, as the class's docstring says it."""
    told = cleandoc(settings.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", told, flags=re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning) for name, meaning in found}


def shown(name: str, value: Any) -> str:
    """A setting's value for people: secrets are not shown."""
    if secret(name) and value:
        return counted(len(value), "key") if isinstance(value, tuple) else "set"
    if isinstance(value, tuple):
        return ", ".join(f"{one.name}: {one.url}" for one in value) or "none"
    if isinstance(value, Mapping):
        rules = (f"{part}={getattr(rule, '__name__', rule)}" for part, rule in value.items())
        return ", ".join(rules) or "none"
    return "none" if value is None else str(value)


def _configured(
    config: str | None = None, cache_dir: str | None = None, **given: Any
) -> Configuration:
    from cacheback.proxy.settings import Configuration  # noqa: PLC0415 - needs the extra

    file = Path(config) if config else None
    return Configuration.read(os.environ, file, cache_dir=cache_dir, **given)


@click.command(cls=SettingsListed, short_help="Serve the proxy: change base_url and nothing else.")
@click.option("--host", metavar="ADDRESS", is_eager=True, help="Address to listen on.")
@click.option("--port", type=int, metavar="N", is_eager=True, help="Port; 0 takes a free one.")
@click.option("--workers", type=int, metavar="N", is_eager=True, help="Processes that answer.")
@click.option(
    "--config",
    metavar="FILE",
    is_eager=True,
    help="TOML file of settings by name.  [env: CACHEBACK_CONFIG]",
)
@cache_dir_option
@click.pass_context
def command(ctx: click.Context, /, *, cache_dir: str | None, **options: Any) -> None:
    """Serve OpenAI's and Anthropic's APIs, answered from memory where that is safe.

    Give its URL to any client as base URL (http://127.0.0.1:8080/v1 for OpenAI's,
    http://127.0.0.1:8080 for Anthropic's). Everything else is passed on to the provider.

    \b
    Examples:
      cacheback serve
      CACHEBACK_CLIENT_KEYS=... OPENAI_API_KEY=sk-... cacheback serve --host 0.0.0.0
      OPENAI_BASE_URL=http://127.0.0.1:8080/v1 python your_program.py
    """
    from cacheback.proxy.server import serve  # noqa: PLC0415 - as above

    session = ctx.find_object(Session) or Session()
    configuration = _configured(cache_dir=cache_dir or session.cache_dir, **options)
    serve(configuration, announce=lambda url: click.echo(_greeting(configuration, url), err=True))


def _greeting(configuration: Configuration, url: str) -> str:
    proxy, cache = configuration.proxy, configuration.cache
    upstreams = ", ".join(one.url for one in (*proxy.defaults, *proxy.upstreams))
    lines = [f"cacheback listens on {url}, for {upstreams}; answers are kept in {cache.cache_dir}"]
    held = [one.name for one in proxy.defaults if one.api_key is not None]
    if held and not proxy.client_keys:
        lines.append(
            f"the server's own keys ({', '.join(held)}) are used for nobody, as there are no"
            " client keys; set CACHEBACK_CLIENT_KEYS"
        )
    return "\n".join(lines)


def main() -> None:
    """The command `cacheback-proxy`."""
    group.main(["serve", *sys.argv[1:]], prog_name="cacheback")
