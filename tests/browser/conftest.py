"""A running site, and a window of Debian's Chromium that remembers what went wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tallymark.web.assets import assets
from tests.browser.site import ARGS, Site, running

CHROMIUM = shutil.which("chromium")


@dataclass
class Visit:
    """An open page, what it complained about, and which addresses it asked."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        """Open it, and wait until all that it loads is there and drawn."""
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")
        return self.page


@pytest.fixture(scope="session", autouse=True)
def _needed() -> None:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    if not assets().script:
        pytest.skip("the front end is not built: make setup")


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as found:
        yield found


# one a module: an open Playwright keeps an event loop running in the thread of the tests, and
# another Playwright, or asyncio.run in another module's test, cannot work beside it
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A window of 1440 x 900, or as an indirect parameter says."""
    wanted = {"viewport": {"width": 1440, "height": 900}, **getattr(request, "param", {})}
    context = browser.new_context(**wanted)
    made = Visit(context.new_page())
    made.page.on("console", lambda m: made.complaints.append(m.text) if m.type == "error" else None)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.on("request", lambda asked: made.addresses.append(asked.url))
    yield made
    context.close()
