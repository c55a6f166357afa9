"""The group: help, exit codes, and what is imported when."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from cacheback import SemanticCache, __version__
from cacheback.cli import main as module
from cacheback.cli.main import COMMANDS, main

LOOKING = [
    ("lookup", "a question"),
    ("stats",),
    ("entries",),
    ("delete", "1"),
    ("invalidate", "--tag", "x"),
    ("evict",),
    ("clear", "--yes"),
    ("export", "-"),
    ("check",),
    ("reembed",),
    ("negative", "list"),
    ("negative", "check", "a question"),
    ("negative", "remove", "1"),
    ("negative", "report", "1"),
]


class TestHelp:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_teaches(self, run: Callable[..., Any], name: str) -> None:
        shown = run(name, "--help")
        assert shown.code == 0
        assert f"cacheback {name}" in shown.out.split("Example")[1]

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_option_says_what_it_does(self, name: str) -> None:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for option in command.params:
            assert isinstance(option, click.Argument) or getattr(option, "help", None)

    @pytest.mark.parametrize("name", [one for one in COMMANDS if one != "demo"])
    def test_the_list_and_the_command_say_the_same(self, name: str) -> None:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert command.short_help == COMMANDS[name].summary

    def test_the_group_lists_every_command(self, run: Callable[..., Any]) -> None:
        shown = run("--help")
        for name, listed in COMMANDS.items():
            assert name in shown.out
            assert listed.summary in shown.out

    def test_help_imports_nothing_heavy(self) -> None:
        script = (
            "import sys; from cacheback.cli.main import main\n"
            "main(['--help'], standalone_mode=False)\n"
            "heavy = {'numpy', 'onnxruntime', 'tokenizers', 'rich', 'sqlite3', 'openai'}\n"
            "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert done.stderr == b"[]\n"

    def test_the_version(self, run: Callable[..., Any]) -> None:
        assert run("--version").out == f"cacheback, version {__version__}\n"


class TestWhereThereIsNoCache:
    @pytest.mark.parametrize("arguments", LOOKING, ids=lambda one: one[0])
    def test_it_says_so_and_makes_none(
        self, run: Callable[..., Any], directory: Path, arguments: tuple[str, ...]
    ) -> None:
        ran = run(*arguments)
        assert ran.code == 2
        assert ran.out == ""
        assert ran.err.startswith(f"Error: there is no cache in {directory}")
        assert not directory.exists()

    def test_a_cache_in_memory_is_refused(self, run: Callable[..., Any]) -> None:
        ran = run("stats", "--cache-dir", ":memory:")
        assert (ran.code, ran.out) == (2, "")
        assert "in memory" in ran.err


class TestErrors:
    """No traceback for errors of ours, as a process sees them."""

    def test_an_unknown_command_is_2(self, process: Callable[..., Any]) -> None:
        done = process("nonsense")
        assert (done.returncode, done.stdout) == (2, b"")

    def test_a_setting_that_cannot_be_read_is_2(self, process: Callable[..., Any]) -> None:
        done = process("stats", CACHEBACK_TTL="soon")
        assert done.returncode == 2
        assert done.stderr.startswith(b"Error: CACHEBACK_TTL='soon' cannot be read")
        assert done.stderr.count(b"\n") == 1

    def test_a_foreign_database_is_3(self, process: Callable[..., Any], directory: Path) -> None:
        directory.mkdir()
        (directory / "cache.db").write_bytes(b"something else" * 100)
        done = process("stats")
        assert (done.returncode, done.stdout) == (3, b"")
        assert done.stderr.startswith(b"Error: ")
        assert b"Traceback" not in done.stderr

    def test_another_embedder_is_2_and_names_the_remedy(
        self, filled: SemanticCache, process: Callable[..., Any]
    ) -> None:
        filled.store.set_meta({"embedder": '{"dim": 3, "fingerprint": "", "name": "other"}'})
        done = process("lookup", "a question")
        assert done.returncode == 2
        assert b"cacheback reembed" in done.stderr
        assert process("entries").returncode == 0

    @pytest.mark.usefixtures("filled")
    def test_a_file_that_cannot_be_written_is_3(
        self, process: Callable[..., Any], tmp_path: Path
    ) -> None:
        done = process("export", str(tmp_path / "missing" / "file.jsonl"))
        assert (done.returncode, done.stdout) == (3, b"")
        assert b"No such file" in done.stderr

    def test_ctrl_c_is_130(self, directory: Path) -> None:
        command = [sys.executable, "-m", "cacheback.cli", "--cache-dir", str(directory)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*command, "import", "-"], stdin=pipe, stdout=pipe, stderr=pipe
        ) as importing:
            assert importing.stdin is not None
            assert importing.stderr is not None
            # Far more than a pipe holds: once it is written, most of it was read.
            line = b'{"question": "q %d", "answer": "' + b"a" * 2000 + b'"}\n'
            importing.stdin.write(b"".join(line % i for i in range(300)))
            importing.stdin.flush()
            importing.send_signal(signal.SIGINT)
            assert importing.wait() == 130
            assert b"interrupted" in importing.stderr.read()

    def test_a_reader_that_has_seen_enough_ends_it_quietly(
        self, filled: SemanticCache, directory: Path
    ) -> None:
        filled.populate("A long one.", "x" * 1_000_000)
        command = [sys.executable, "-m", "cacheback.cli", "--cache-dir", str(directory)]
        pipe = subprocess.PIPE
        with subprocess.Popen([*command, "export", "-"], stdout=pipe, stderr=pipe) as exporting:
            assert exporting.stdout is not None
            assert exporting.stderr is not None
            exporting.stdout.readline()
            exporting.stdout.close()
            exporting.wait()
            assert exporting.stderr.read() == b""


class TestOptions:
    @pytest.mark.usefixtures("filled")
    def test_before_or_after_the_command(
        self, process: Callable[..., Any], directory: Path
    ) -> None:
        expected = process("stats", "--json")
        assert json.loads(expected.stdout)["entries"] == 4
        assert process("--json", "stats").stdout == expected.stdout
        elsewhere = {"CACHEBACK_CACHE_DIR": str(directory / "elsewhere")}
        for given in (
            ("--cache-dir", str(directory), "stats"),
            ("stats", "--cache-dir", str(directory)),
        ):
            assert b"4 entries" in process(*given, **elsewhere).stdout

    def test_the_home_directory_is_the_default(
        self, process: Callable[..., Any], tmp_path: Path
    ) -> None:
        done = process(
            "import", "-", stdin=b'{"question": "q", "answer": "a"}', CACHEBACK_CACHE_DIR=""
        )
        assert done.returncode == 0
        assert (tmp_path / "home" / ".cacheback" / "cache.db").exists()


def test_every_module_of_a_command_is_listed() -> None:
    folder = Path(module.__file__).parent
    defining = {
        one.stem for one in folder.glob("*.py") if "\ndef command(" in one.read_text("utf-8")
    }
    assert defining == {listed.module for listed in COMMANDS.values()}
