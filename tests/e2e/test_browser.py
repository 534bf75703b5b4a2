"""Proves, in a real browser: the pages work under their strict policy, without any error and without a request to
anybody else; with the keyboard, in dark and light and on a phone; and axe finds nothing (WCAG AA)."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from connectors.store.clickhouse import Store
from console.web.access import Access
from tests.e2e.web import served

PAGES = (
    "/",
    "/search?action=reject&port=22",
    "/search?top=peer",
    "/explain?src=203.0.113.10&dst=10.0.1.10&port=80&at=2026-11-20T14:40",
    "/preview?command=aws+ec2+nothing",
    "/changes",
    "/network?since=2026-11-20T13:00",
    "/sql?statement=SELECT+1",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it. Without it the tests are skipped, but not in CI."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "Chromium is not installed: `make browser` installs it"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--disable-dev-shm-usage"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def address(told_store: Store) -> Iterator[str]:
    with served(told_store, Access()) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails on any error, and on a request to anybody else."""
    options: dict[str, Any] = getattr(request, "param", {})
    context = browser.new_context(base_url=address, **options)
    wrong: list[str] = []

    def only_here(route: Route) -> None:
        if route.request.url.startswith(f"{address}/"):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    context.route("**/*", only_here)
    opened = context.new_page()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    yield opened
    context.close()
    assert not wrong


LOOKS = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
]


@pytest.mark.parametrize("page", LOOKS, ids=["light", "dark", "phone"], indirect=True)
def test_axe_finds_nothing(page: Page) -> None:
    page.goto("/")
    incident = page.locator("td a").first.get_attribute("href")
    assert incident
    for each in (*PAGES, incident):
        page.goto(each)
        found = Axe().run(page)
        assert found.violations_count == 0, (each, found.generate_report())
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, each  # nothing is wider than the screen


def test_the_chart_is_read_with_the_keyboard(page: Page) -> None:
    page.goto("/")
    page.locator("td a").first.click()
    chart = page.locator("svg.chart")
    chart.focus()
    page.keyboard.press("End")
    last = page.locator("#reading").inner_text()
    assert "with data" in last
    page.keyboard.press("ArrowLeft")
    assert page.locator("#reading").inner_text() != last
    page.keyboard.press("Home")
    assert page.locator(".bar.chosen").count() == 1


def test_what_is_chosen_is_in_the_address(page: Page) -> None:
    page.goto("/search")
    page.locator("select[name=action]").select_option("reject")
    page.locator("input[name=port]").fill("22")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search?action=reject&port=22")
    assert page.locator("tr.reject").count() > 0
    page.reload()
    assert page.locator("input[name=port]").input_value() == "22"


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"


@pytest.mark.parametrize("page", [{"timezone_id": "Asia/Tokyo"}], indirect=True)
def test_the_viewers_own_zone_is_beside_utc(page: Page) -> None:
    page.goto("/")
    time = page.locator("time").first
    assert (time.inner_text()).endswith("Z")
    assert "Asia/Tokyo" in (time.get_attribute("title") or "")
