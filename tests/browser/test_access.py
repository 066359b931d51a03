"""axe finds nothing, nothing runs over the edge, and nothing is loaded from elsewhere."""

from __future__ import annotations

import os

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Visit
from tests.browser.site import Site
from tests.browser.states import STATES

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
WINDOWS = [(size, theme) for size in (WIDE, NARROW) for theme in ("light", "dark")]
# Every state in a wide and a narrow window, a light and a dark one; the fullest in all four.
# Without SOAK every third, in one window.
FULLEST = ("much", "error")
LOOKED_AT = {state: WINDOWS if state in FULLEST else [WINDOWS[0], WINDOWS[3]] for state in STATES}
if not os.environ.get("SOAK"):
    LOOKED_AT = {state: [WINDOWS[n % 4]] for n, state in enumerate([*STATES][::3])}


# the charts are drawn anew in the next frame, and colours go over into others
SETTLED = """async () => {
    for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame);
    await Promise.all(document.getAnimations().map((one) => one.finished));
}"""


def turn(visit: Visit, window: tuple[dict[str, int], str]) -> None:
    """Make the open page's window another, as a person does; with SOAK it is loaded anew in it."""
    size, theme = window
    visit.page.set_viewport_size(size)
    visit.page.emulate_media(color_scheme=theme)
    if os.environ.get("SOAK"):
        visit.page.reload()
        visit.page.wait_for_load_state("networkidle")
    visit.page.evaluate(SETTLED)


def found(visit: Visit) -> str:
    """What axe complains about, and whether anything runs over the edge."""
    results = Axe().run(visit.page)
    wide = not visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return results.generate_report() if results.violations_count else "wide" if wide else ""


def open_all(visit: Visit) -> None:
    """Click on what is not open yet."""
    tables = visit.page.locator("[data-table][aria-expanded=false]")
    while tables.count():
        tables.first.click()
    fold = visit.page.locator("[data-fold][aria-expanded=false]")
    if fold.is_visible():
        fold.click()
    closed = visit.page.locator("[data-custom]:not([open]) summary")
    if closed.count():
        closed.click()


@pytest.mark.parametrize("state", LOOKED_AT)
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    site: Site, visit: Visit, state: str
) -> None:
    prepare, path = STATES[state]
    prepare(site.world)
    visit.go(site.url + path)
    for window in LOOKED_AT[state]:
        turn(visit, window)
        assert found(visit) == "", window
    assert {address.split("/")[2] for address in visit.addresses} == {site.url.split("/")[2]}
    if state != "unknown":  # whose own 404 the console reports
        assert visit.complaints == []


@pytest.mark.soak
def test_axe_finds_nothing_in_what_can_be_opened(site: Site, visit: Visit) -> None:
    visit.go(f"{site.url}/boards/project?range=7d&grain=day&compare=prev,year&align=weekday")
    for window in WINDOWS:
        turn(visit, window)
        open_all(visit)
        assert found(visit) == "", window
    assert visit.complaints == []


def test_nothing_shifts_while_the_page_loads(site: Site, visit: Visit) -> None:
    visit.page.add_init_script(
        "window.shifted = 0; new PerformanceObserver((list) => { for (const one of "
        "list.getEntries()) window.shifted += one.value; })"
        ".observe({ type: 'layout-shift', buffered: true });"
    )
    page = visit.go(f"{site.url}/boards/project?range=91d&grain=day&compare=prev,year")
    assert page.locator("canvas").count() == 5
    assert page.evaluate("window.shifted") < 0.001
