"""The dashboard in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cacheback.proxy.keys import digest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Where the browser must be there (in CI), its absence is a failure.
if not os.environ.get("CACHEBACK_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="NOT TESTED IN A BROWSER: playwright is missing")
    if CHROMIUM is None:
        pytest.skip("NOT TESTED IN A BROWSER: install chromium", allow_module_level=True)

QUESTION = "How do I reset my password?"
NEAR = "How do I not reset my password?"
# What would run if a page showed text as markup.
NASTY = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
WAYS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def ask(proxy: Any, question: str) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}]}
    httpx2.post(f"{proxy.openai_url}/chat/completions", json=body)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=CHROMIUM, args=WAYS)
        yield browser
        browser.close()


@pytest.fixture
def proxy(make_proxy: Callable[..., Any]) -> Any:
    made = make_proxy(admin_token=digest("admin-token"))
    for question in (QUESTION, QUESTION, "how do i reset my password", NEAR, NASTY):
        ask(made, question)
    return made


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Any, proxy: Any) -> Iterator[Any]:
    """Opened and entered, wide and light or narrow and dark; errors of the page fail the test."""
    narrow = request.param == "dark"
    size = {"width": 390, "height": 844} if narrow else {"width": 1280, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=request.param)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    page.goto(f"{proxy.url}/dashboard")
    page.get_by_label("Admin token").fill("admin-token")
    page.get_by_role("button", name="Open").click()
    page.locator("#tiles .tile").first.wait_for()
    yield page
    context.close()
    assert errors == []


def rows(page: Any, section: str) -> Any:
    return page.locator(f"#{section} .row")


def test_it_shows_what_happened(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#tiles")).to_contain_text("40.0 %")
    expect(rows(page, "decisions")).to_have_count(5)
    expect(page.locator("#chart rect").first).to_be_visible()
    expect(page.locator("#latency")).to_contain_text("semantic")
    shot = page.screenshot(path=tmp_path / "dashboard.png", full_page=True)
    assert len(shot) > 10_000
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, "it scrolls sideways"


def test_decisions_are_filtered_and_explained(page: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_label("near misses only").check()
    expect(rows(page, "decisions")).to_have_count(1)
    row = rows(page, "decisions").first
    expect(row).to_contain_text("negation differs")
    row.get_by_role("button", name="Near").click()
    expect(row.locator(".more")).to_contain_text(QUESTION)
    page.get_by_label("near misses only").uncheck()
    page.get_by_label("Tier", exact=True).select_option("exact")
    expect(rows(page, "decisions")).to_have_count(1)


def test_what_was_asked_is_text_and_never_markup(page: Any) -> None:
    from playwright.sync_api import expect

    expect(rows(page, "decisions").filter(has_text="<img src=x")).to_have_count(1)
    row = rows(page, "entries").filter(has_text="<img src=x")
    row.get_by_role("button", name="Show").click()
    expect(row.locator(".more")).to_contain_text("You asked: <img")
    assert page.locator("img").count() == 0
    assert page.title() == "cacheback"


def test_entries_are_searched_and_deleted(page: Any, proxy: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_label("Text in the question").fill("not reset")
    page.get_by_role("button", name="Search").click()
    expect(rows(page, "entries")).to_have_count(1)
    rows(page, "entries").get_by_role("button", name="Delete").click()
    expect(rows(page, "entries")).to_have_count(0)
    assert NEAR not in [one.question for one in proxy.cache.entries()]


def test_questions_are_blocked_reported_and_let_go(page: Any, proxy: Any) -> None:
    from playwright.sync_api import expect

    page.get_by_label("Question to block").fill("Where is my card?")
    page.get_by_label("Reason").fill("ask a person")
    page.get_by_role("button", name="Block", exact=True).last.click()
    row = rows(page, "negatives").filter(has_text="Where is my card?")
    expect(row).to_contain_text("ask a person")
    ask(proxy, "where is my card")
    page.get_by_role("button", name="Refresh").click()
    page.get_by_label("Tier", exact=True).select_option("negative")
    caught = rows(page, "decisions")
    expect(caught).to_have_count(1)
    row.get_by_role("button", name="False positive").click()
    expect(row).to_contain_text("1 reports")
    row.get_by_role("button", name="Remove").click()
    expect(rows(page, "negatives")).to_have_count(0)
    assert proxy.cache.negative.list() == []


def test_a_wrong_token_opens_nothing(browser: Any, proxy: Any) -> None:
    from playwright.sync_api import expect

    page = browser.new_page()
    page.goto(f"{proxy.url}/dashboard")
    page.get_by_label("Admin token").fill("wrong-token")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("status")).to_contain_text("admin token")
    expect(page.locator("#board")).to_be_hidden()
    page.close()
