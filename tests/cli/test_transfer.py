"""`import` and `export`."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache

LINES = '{"question": "a", "answer": "1"}\n{"question": "b", "answer": "2", "scope": {}}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    path.write_text(LINES)
    return path


class TestImport:
    def test_it_makes_the_directory(self, run: Callable[..., Any], file: Path) -> None:
        ran = run("import", str(file))
        assert (ran.code, ran.out, ran.err) == (0, "Imported 2, unchanged 0.\n", "")
        assert run("import", str(file)).out == "Imported 0, unchanged 2.\n"

    def test_from_standard_input_as_json(self, process: Callable[..., Any]) -> None:
        done = process("import", "-", "--json", stdin=LINES.encode())
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout) == {
            "imported": 2,
            "unchanged": 0,
            "expired": 0,
            "bad": [],
            "ignored": [],
        }

    def test_bad_lines_are_reported_and_end_it_with_1(
        self, run: Callable[..., Any], file: Path
    ) -> None:
        file.write_text(LINES + 'nonsense\n{"question": "c", "answer": "3", "color": 1}\n')
        ran = run("import", str(file))
        assert (ran.code, ran.out) == (1, "Imported 3, unchanged 0, bad 1.\n")
        assert "line 3: not JSON" in ran.err
        assert "ignored: color" in ran.err
        bad = run("import", str(file), "--json").json["bad"]
        assert bad == [{"line": 3, "reason": "not JSON: Expecting value at character 1"}]

    def test_of_many_bad_lines_the_first_are_shown(
        self, run: Callable[..., Any], file: Path
    ) -> None:
        file.write_text("x\n" * 25)
        ran = run("import", str(file))
        assert "line 20:" in ran.err
        assert "line 21:" not in ran.err
        assert "… and 5 more" in ran.err

    def test_where_lines_go(
        self, run: Callable[..., Any], file: Path, filled: SemanticCache
    ) -> None:
        options = ("--like", "2", "--scope", "model=n", "--namespace", "x", "--tag", "t")
        assert run("import", str(file), *options, "--ttl", "never").code == 0
        here, there = filled.entries(after=4)
        parts = filled.store.scope_parts(here.scope)
        assert parts is not None
        assert (parts["model"], parts["namespace"], "system" in parts) == ("n", "x", True)
        assert filled.store.scope_parts(there.scope) == {}
        assert (here.tags, here.expires_at) == (("t",), None)

    def test_more_than_the_cache_keeps_is_remarked(
        self, run: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CACHEBACK_CACHE_MAX_ENTRIES", "1")
        remark = "The cache keeps the 1 entry used last; raise CACHEBACK_CACHE_MAX_ENTRIES"
        assert remark in run("import", str(file)).err

    @pytest.mark.parametrize("ttl", ["soon", "-1", "1y", ""])
    def test_a_ttl_that_is_none_is_2(
        self, run: Callable[..., Any], file: Path, directory: Path, ttl: str
    ) -> None:
        assert run("import", str(file), "--ttl", ttl).code == 2
        assert not directory.exists()

    def test_a_file_that_is_not_there_is_2(self, run: Callable[..., Any], directory: Path) -> None:
        assert run("import", "missing.jsonl").code == 2
        assert not directory.exists()


class TestExport:
    @pytest.mark.usefixtures("filled")
    def test_to_a_file_for_its_owner_only(self, run: Callable[..., Any], tmp_path: Path) -> None:
        path = tmp_path / "out.jsonl"
        path.write_text("old")
        ran = run("export", str(path))
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Exported 4 entries to")
        assert len(path.read_text().splitlines()) == 4
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [one.name for one in tmp_path.iterdir() if "out" in one.name] == ["out.jsonl"]
        assert run("export", str(path), "--json").json == {"exported": 4, "file": str(path)}

    @pytest.mark.usefixtures("filled")
    def test_an_error_names_the_file_that_was_asked_for(
        self, run: Callable[..., Any], tmp_path: Path
    ) -> None:
        path = tmp_path / "nowhere" / "out.jsonl"
        ran = run("export", str(path))
        assert (ran.code, ran.err) == (3, f"Error: {path}: No such file or directory\n")

    def test_to_standard_output_nothing_but_lines(
        self, process: Callable[..., Any], filled: SemanticCache
    ) -> None:
        filled.populate("Wie heißt das?", "So.")
        done = process("export", "-", PYTHONIOENCODING="ascii")
        questions = [json.loads(line)["question"] for line in done.stdout.splitlines()]
        assert questions == [one.question for one in filled.entries()]
        assert done.stderr == b"Exported 5 entries.\n"

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            (("--tag", "faq"), [4]),
            (("--namespace", "acme"), [4]),
            (("--scope", "model=m"), [2, 3]),
            (("--older-than", "1h"), []),
            (("--older-than", "0s"), [1, 2, 3, 4]),
        ],
    )
    @pytest.mark.usefixtures("filled")
    def test_filters(
        self, run: Callable[..., Any], options: tuple[str, ...], ids: list[int]
    ) -> None:
        lines = run("export", "-", *options).out.splitlines()
        assert [json.loads(one)["id"] for one in lines] == ids

    @pytest.mark.usefixtures("filled")
    def test_and_back(self, process: Callable[..., Any], tmp_path: Path) -> None:
        lines = process("export", "-").stdout
        there = {"CACHEBACK_CACHE_DIR": str(tmp_path / "there")}
        assert process("import", "-", stdin=lines, **there).returncode == 0
        assert process("export", "-", **there).stdout == lines
