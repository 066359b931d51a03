"""A board in a browser: its address is its state, and its charts say what is not final."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tallymark.boards.health import Progress
from tests.browser.conftest import Visit
from tests.browser.site import Site

START = "/boards/project?range=28d&grain=day"
CAUSE = re.compile("Wed 11 Nov 2026 to Fri 13 Nov 2026: missing; GitHub did not answer 11–13 Nov")


def grain(page: Page) -> str:
    return page.locator('nav[aria-label="Grain"] [aria-current]').inner_text()


def test_keys_change_the_grain_and_the_address_is_the_state(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    page.keyboard.press("w")
    expect(page.locator("#grain-week")).to_have_attribute("aria-current", "true")
    assert page.url.endswith("?range=28d&grain=week")
    page.keyboard.press("h")
    expect(page.locator("#grain-hour")).to_have_attribute("aria-current", "true")
    page.reload()
    assert grain(page) == "Hour"
    page.go_back()
    expect(page.locator("#grain-week")).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.locator("#grain-day")).to_have_attribute("aria-current", "true")
    assert page.url == site.url + START
    assert visit.complaints == []


def test_a_dimmed_grain_says_why_and_leads_nowhere(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    page.keyboard.press("y")
    page.locator("#grain-year").click(force=True)
    page.locator("#grain-year").focus()
    tip = page.evaluate(
        "getComputedStyle(document.querySelector('#grain-year'), '::after').content"
    )
    assert "A year is longer than 28 days" in tip
    assert page.url == site.url + START


def test_a_range_of_ones_own_is_in_the_address(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    page.locator("[data-custom] summary").click()
    page.get_by_label("From").fill("2026-08-03")
    page.get_by_label("To", exact=True).fill("2026-08-09")
    page.keyboard.press("m")  # in a field a letter is a letter
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-custom] summary")).to_have_text("3–9 Aug 2026")
    assert page.url.endswith("?from=2026-08-03&to=2026-08-09&grain=day")
    expect(page.locator("#card-4 canvas")).to_be_visible()


def test_escape_closes_the_form_of_the_range(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    page.locator("[data-custom] summary").click()
    page.keyboard.press("Escape")
    expect(page.get_by_label("From")).to_be_hidden()


def test_the_table_has_the_charts_numbers_in_its_place(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    card = page.locator("#card-4")
    before = card.bounding_box()
    button = card.get_by_role("button", name="Table of Stars by repository")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    assert card.bounding_box() == before
    rows = card.locator("tbody tr")
    assert rows.count() == 28
    data = page.request.get(f"{site.url}/boards/project/data?range=28d&grain=day").json()
    lines = data["cards"][0]["lines"]
    newest = [f"{line['values'][-1]:,}" for line in lines]
    assert rows.first.locator("td").all_inner_texts() == [*newest, "complete"]
    missing = rows.nth(10).locator("th, td").all_inner_texts()
    assert missing[:4] == ["Fri 13 Nov 2026", "–", "–", "–"]
    assert missing[4].startswith("missing; GitHub did not answer")
    button.click()
    expect(card.locator("canvas")).to_be_visible()


def test_the_strip_tells_the_cause_on_focus_and_hover(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    hole = page.locator("#card-4 .run.m")
    expect(hole).to_have_attribute("aria-label", CAUSE)
    content = "(e) => getComputedStyle(e, '::after').content"
    assert hole.evaluate(content) == "none"
    hole.hover()
    assert CAUSE.search(hole.evaluate(content))
    page.mouse.move(0, 0)
    page.locator("#card-4 [data-table]").focus()
    page.keyboard.press("Tab")
    expect(hole).to_be_focused()
    assert CAUSE.search(hole.evaluate(content))
    assert page.locator("#card-4 .run.c").first.get_attribute("tabindex") is None


def test_the_strip_stands_exactly_under_the_buckets(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    plot, strip = page.locator("#card-6 .plot"), page.locator("#card-6 .strip")
    outer, inner = plot.bounding_box(), strip.bounding_box()
    assert outer is not None
    assert inner is not None
    assert (inner["x"] - outer["x"], inner["height"]) == (52, 3)
    assert inner["width"] == outer["width"] - 60


def test_the_tooltip_names_the_period_the_value_and_why(site: Site, visit: Visit) -> None:
    page = visit.go(f"{site.url}/boards/project?range=mtd&grain=day")
    box = page.locator("#card-6 canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 28, box["y"] + 100)
    tip = page.locator("#card-6 .tip")
    expect(tip).to_contain_text("Tue 24 Nov 2026")
    expect(tip).to_contain_text("downloads")
    expect(tip).to_contain_text("It still runs")
    assert visit.complaints == []


def test_what_may_still_change_is_drawn_unlike_what_is_complete(site: Site, visit: Visit) -> None:
    """A full bar is painted all over, a hatched one in part, a missing one not at all."""
    page = visit.go(f"{site.url}{START}")
    share = """([card, at, of]) => {
        const canvas = document.querySelector(card + " canvas");
        const ratio = canvas.width / canvas.clientWidth;
        const band = (canvas.clientWidth - 60) / of;
        const x = Math.round((52 + (at + 0.5) * band - 3) * ratio);
        const y = Math.round((canvas.clientHeight - 60) * ratio);
        const data = canvas.getContext("2d").getImageData(x, y, 6, 24).data;
        let painted = 0;
        for (let n = 0; n < data.length; n += 4)
            painted += data[n + 3] > 0 && data[n + 2] > data[n] + 60;
        return painted / (data.length / 4);
    }"""
    assert page.evaluate(share, ["#card-6", 3, 28]) == 1
    assert 0.1 < page.evaluate(share, ["#card-6", 25, 28]) < 0.9
    assert page.evaluate(share, ["#card-5", 15, 28]) == 0


def test_the_theme_is_kept_and_there_before_the_first_paint(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "light"
    page.get_by_label("Dark").check()
    assert page.evaluate(theme) == "dark"
    visit.page.add_init_script(
        "addEventListener('DOMContentLoaded', () => {window.seen = " + theme + "})"
    )
    page.reload()
    assert page.evaluate("window.seen") == "dark"
    page.get_by_label("System").check()
    for system in ("dark", "light"):
        page.emulate_media(color_scheme=system)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", system)


@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
def test_on_a_narrow_screen_the_controls_fold(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    fold = page.get_by_role("button", name="change range, grain and what it is compared with")
    expect(page.locator("#grain-week")).to_be_hidden()
    fold.click()
    page.locator("#grain-week").click()
    expect(page.locator("#grain-week")).to_have_attribute("aria-current", "true")
    expect(fold).to_contain_text("Week")


def test_a_chart_that_cannot_be_loaded_says_so(site: Site, visit: Visit) -> None:
    visit.page.route("**/data?*", lambda route: route.fulfill(status=500))
    page = visit.go(site.url + START)
    expect(page.locator("#card-4")).to_contain_text("The chart could not be drawn")
    expect(page.locator("#card-0 .number-value")).to_have_text("1,758")


def test_a_first_collection_is_followed_until_it_is_over(site: Site, visit: Visit) -> None:
    site.world.progress = Progress(text="collecting 13 months", done=0.5, left_s=100)
    page = visit.go(site.url + START)
    expect(page.get_by_text("Collecting 13 months: 50 %")).to_be_visible()
    site.world.progress = Progress(text="collecting 13 months", done=0.75, left_s=50)
    expect(page.get_by_text("Collecting 13 months: 75 %")).to_be_visible()
    site.world.progress = None
    expect(page.locator("[data-progress]")).to_be_hidden()
    expect(page.locator("#card-4 canvas")).to_be_visible()


def test_on_paper_there_are_numbers_and_no_controls(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator("#grain-week")).to_be_hidden()
    expect(page.locator("#card-0 .number-value")).to_be_visible()
