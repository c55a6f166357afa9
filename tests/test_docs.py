"""The documentation cannot rot: every setting, part, reason and header is in it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cacheback import ConfigurationError, Reason, SemanticCache, Settings
from cacheback.core.scope import PARTS
from cacheback.wire.controls import controls

DOCS = Path(__file__).parent.parent / "docs"
GUIDE = (DOCS / "guide.md").read_text("utf-8")


def section(heading: str) -> list[str]:
    """The lines of the table under a heading."""
    text = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in text.splitlines() if line.startswith("|")]


def rows(heading: str) -> str:
    """The first cells of the table under a heading."""
    return "\n".join(line.split("|")[1] for line in section(heading))


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_every_setting_is_in_the_guide_with_its_default(name: str) -> None:
    default = getattr(Settings(), name)
    (row,) = [line for line in section("Settings") if line.startswith(f"| `{name}` |")]
    assert str(default).replace("_", "") in row.split("|")[2].replace("_", "")


def test_every_part_of_a_scope_is_in_the_guide() -> None:
    assert re.findall(r"`(\w+)`", rows("Scope: what must be equal")) == list(PARTS)


def test_every_reason_is_in_the_guide() -> None:
    told = set(re.findall(r"`(\w+)`", rows("Reasons")))
    assert told == {reason.value for reason in Reason}


def test_every_control_header_is_in_the_guide_and_read() -> None:
    values = {
        "Mode": "refresh",
        "TTL": "5",
        "Threshold": "0.5",
        "Namespace": "n",
        "Tags": "t",
        "Feedback": "wrong",
    }
    told = re.findall(r"`X-Cacheback-(\w+)`", rows("Per request"))
    assert told == list(values)
    controls([(f"X-Cacheback-{name}", value) for name, value in values.items()])


def test_the_embedder_of_one_s_own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (snippet,) = re.findall(r"```python\n(import numpy.*?)```", GUIDE, re.DOTALL)
    names: dict[str, object] = {}
    exec(snippet, names)
    cache = names["cache"]
    try:
        assert not cache.lookup("anything")  # type: ignore[attr-defined]
    finally:
        cache.close()  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match="letters"):
        SemanticCache(tmp_path / ".letters")


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in [DOCS.parent / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_snippet_on_blocked_questions_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "negative.md").read_text("utf-8")
    snippet, _ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(snippet, {})
    assert capsys.readouterr().out == "contained None\nNone\n"


def test_the_synthesizer_of_one_s_own_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "synthesis.md").read_text("utf-8")
    _, snippet = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(snippet, {})
    assert capsys.readouterr().out == "Five working days. synthesis (1,)\n"


def test_every_reason_of_a_synthesis_in_vain_is_on_its_page() -> None:
    page = (DOCS / "synthesis.md").read_text("utf-8")
    for reason in Reason:
        if reason.startswith("synthesis_") and reason is not Reason.SYNTHESIS_ALWAYS:
            assert f"\n| `{reason}` |" in page
