"""axe finds nothing, nothing runs over the edge, and nothing is loaded from elsewhere."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Visit
from tests.browser.site import Site
from tests.browser.states import STATES

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
WINDOWS = [
    pytest.param({"viewport": size, "color_scheme": theme}, id=f"{size['width']}-{theme}")
    for size in (WIDE, NARROW)
    for theme in ("light", "dark")
]


def found(visit: Visit) -> str:
    results = Axe().run(visit.page)
    return "" if results.violations_count == 0 else results.generate_report()


# Every state in a wide and a narrow window, a light and a dark one; the fullest in all four.
LOOKED_AT = [
    pytest.param(window.values[0], state, id=f"{state}-{window.id}")
    for state in STATES
    for window in (WINDOWS if state in ("much", "error") else (WINDOWS[0], WINDOWS[3]))
]


@pytest.mark.parametrize(
    ("visit", "state"),
    LOOKED_AT,
    indirect=["visit"],
)
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    site: Site, visit: Visit, state: str
) -> None:
    prepare, path = STATES[state]
    prepare(site.world)
    page = visit.go(site.url + path)
    assert found(visit) == ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert {address.split("/")[2] for address in visit.addresses} == {site.url.split("/")[2]}
    if state != "unknown":  # whose own 404 the console reports
        assert visit.complaints == []


@pytest.mark.parametrize("visit", WINDOWS, indirect=True)
def test_axe_finds_nothing_in_what_can_be_opened(site: Site, visit: Visit) -> None:
    page = visit.go(f"{site.url}/boards/project?range=28d&grain=day")
    for button in page.locator("[data-table]").all():
        button.click()
    if page.locator("[data-fold]").is_visible():
        page.locator("[data-fold]").click()
    page.locator("[data-custom] summary").click()
    assert found(visit) == ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visit.complaints == []


@pytest.mark.parametrize("visit", WINDOWS[:1], indirect=True)
def test_nothing_shifts_while_the_page_loads(site: Site, visit: Visit) -> None:
    visit.page.add_init_script(
        "window.shifted = 0; new PerformanceObserver((list) => { for (const one of "
        "list.getEntries()) window.shifted += one.value; })"
        ".observe({ type: 'layout-shift', buffered: true });"
    )
    page = visit.go(f"{site.url}/boards/project?range=91d&grain=day")
    assert page.locator("canvas").count() == 5
    assert page.evaluate("window.shifted") < 0.001
