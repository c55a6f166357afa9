"""docs/proxy.md cannot rot: every setting, header and path is in it, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cacheback import SemanticCache, Settings
from cacheback.models import Outcome, Reason, Tier, Verdict
from cacheback.proxy.app import ADMIN, PAGES, Proxy
from cacheback.proxy.metrics import Metrics
from cacheback.proxy.settings import Configuration, ProxySettings
from cacheback.sources import variable
from cacheback.wire import marks

TEXT = (Path(__file__).parents[2] / "docs" / "proxy.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the rows of the first table under a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_setting_is_told_with_its_variable_and_default() -> None:
    told = {row[0]: row[1:3] for row in table("Settings")}
    expected = {}
    for one in fields(ProxySettings):
        default = getattr(ProxySettings(), one.name)
        shown = "" if default in (None, ()) else str(default)
        expected[f"`{one.name}`"] = [f"`{variable(one.name)}`", shown]
    assert told == expected


def test_every_response_header_is_told() -> None:
    verdict = Verdict(True, Reason.ABOVE_THRESHOLD)
    outcome = Outcome(None, Tier.SYNTHESIS, verdict, similarity=0.5, age=1, sources=(1,))
    sent = {f"`{name}`" for name, _ in marks.headers(outcome)} | {"`X-Cacheback-Error`"}
    assert {row[0] for row in table("Headers")} == sent


def test_every_page_of_our_own_is_told() -> None:
    told = re.findall(r"`(?:GET )?(/\w+)/?`", " ".join(row[0] for row in table("What it answers")))
    assert set(told) == PAGES | {ADMIN.rstrip("/")}


def test_every_route_of_the_admin_api_is_told() -> None:
    paths = Proxy(ProxySettings(), Settings()).pages.openapi()["paths"]
    routes = {
        f"`{method.upper()} {path}`"
        for path, methods in paths.items()
        for method in methods
        if path.startswith(ADMIN)
    }
    assert {row[0] for row in table("Admin API")} == routes | {"`GET /admin/openapi.json`"}


def test_every_metric_is_told() -> None:
    with SemanticCache(":memory:") as cache:
        shown = Metrics(shared=False).show(cache).decode()
    families = re.findall(r"^# TYPE (\w+)", shown, re.MULTILINE)
    names = {one for one in families if not one.endswith("_created")}
    assert set(re.findall(r"`(cacheback_\w+)`", " ".join(r[0] for r in table("Metrics")))) == names


def test_the_file_in_the_page_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "proxy.toml"
    file.write_text(example)
    told = Configuration.read({"GROQ_API_KEY": "gsk"}, file)
    assert told.proxy.upstreams[0].api_key == "gsk"
    assert told.cache.scope


@pytest.mark.parametrize("code", ["upstream_timeout", "body_too_large", "invalid_client_key"])
def test_codes_of_errors_are_told(code: str) -> None:
    assert code in str(table("What happens when"))
