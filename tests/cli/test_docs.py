"""docs/cli.md cannot rot: every command and option is in it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cacheback.cli.exits import FAILED, FINDING, INTERRUPTED, USAGE
from cacheback.cli.main import COMMANDS, main

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
SECTIONS = dict(
    section.split("\n", 1) for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
)
COMMON = SECTIONS["Every command"]


def rows(text: str) -> dict[str, str]:
    """The first two cells of each row of tables: what it is about, and what is said."""
    found = re.findall(r"^\| (`.+?) \| (.+) \|$", text, flags=re.MULTILINE)
    return dict(found)


def named(text: str) -> set[str]:
    """Options that a text's tables are about."""
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(rows(text))))


def parameters(command: click.Command) -> list[click.Parameter]:
    """Of a command, and of its subcommands."""
    inner = command.commands.values() if type(command) is click.Group else ()
    return [*command.params, *(one for sub in inner for one in parameters(sub))]


def options(command: click.Command) -> set[str]:
    options = (one for one in parameters(command) if isinstance(one, click.Option))
    return {name for one in options for name in one.opts}


def test_every_command_has_its_section() -> None:
    sections = {name for name in SECTIONS if name.startswith("`")}
    assert sections == {f"`cacheback {name}`" for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_no_other(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert named(SECTIONS[f"`cacheback {name}`"]) == options(command) - named(COMMON)


def test_the_options_of_the_group_are_documented() -> None:
    assert named(COMMON) == options(main) | {"--help", "-h"}


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_documented(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    said = rows(SECTIONS[f"`cacheback {name}`"])
    for option in parameters(command):
        if isinstance(option, click.Option) and option.show_default and option.default:
            (row,) = [one for one in said if option.opts[0] in one]
            assert str(option.default) in said[row]


def test_every_exit_code_is_documented() -> None:
    codes = re.findall(r"^\| (\d+) \|", COMMON, flags=re.MULTILINE)
    assert codes == [str(code) for code in (0, FINDING, USAGE, FAILED, INTERRUPTED)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_is_documented(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    documented = re.findall(rf"^### `{name} (\w+)", SECTIONS[f"`cacheback {name}`"], re.MULTILINE)
    assert documented == list(getattr(command, "commands", ()))
