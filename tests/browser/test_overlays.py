"""Overlays in a browser: chosen by links and keys, drawn, and told in tooltip and table."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.site import Site
from tests.browser.states import sundays

START = "/boards/project?range=28d&grain=day"
NARROW = {"viewport": {"width": 390, "height": 844}}


def hover(page: Page, card: int, share: float) -> None:
    """Point at a bucket of a chart, this far from its left edge to its right."""
    canvas = page.locator(f"#card-{card} canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    left, plot = box["x"] + 52, box["width"] - 72
    page.mouse.move(left + plot * share, box["y"] + 100)


def axis(site: Site, page: Page, query: str) -> tuple[list[str], list[dict[str, object]]]:
    """What stands on the axis of the first chart, and its overlays, as the page is sent them."""
    data = page.request.get(f"{site.url}/boards/project/data?{query}").json()
    chart = data["cards"][0]
    return data["axes"][chart["axis"]]["labels"], chart["overlays"]


@pytest.mark.soak
def test_weeks_from_sunday_fiscal_quarters_and_two_overlays(site: Site, visit: Visit) -> None:
    sundays(site.world)
    page = visit.go(f"{site.url}/boards/project?from=2026-07-05&to=2026-11-23&grain=week")
    for name in ("prev", "year"):
        page.locator(f"#compare-{name}").click()
        expect(page.locator(f"#compare-{name}")).to_have_attribute("aria-current", "true")
    assert page.url.endswith("&grain=week&compare=prev,year")
    labels, (previous, year) = axis(site, page, page.url.partition("?")[2])
    assert labels[4] == "2–8 Aug"
    assert (previous["title"], year["title"]) == ("previous 21 weeks", "a year before")
    legend = page.locator("#card-7 [data-lines] li")
    expect(legend).to_have_text(["views", "previous 21 weeks", "a year before"])
    page.keyboard.press("q")
    expect(page.locator("#grain-quarter")).to_have_attribute("aria-current", "true")
    labels, overlays = axis(site, page, page.url.partition("?")[2])
    assert labels == ["Q4 FY26", "Q1 FY27"]
    assert [one["titles"][0] for one in overlays] == ["Q2 FY26", "Q4 FY25"]  # type: ignore[index]
    differ = "previous 2 quarters: 147 days against 144"
    expect(legend).to_have_text(["views", differ, "a year before"])
    page.goto(f"{site.url}/boards/project?from=2024-10-01&to=2026-11-23&grain=year")
    labels, _ = axis(site, page, page.url.partition("?")[2])
    assert labels == ["FY25", "FY26", "FY27"]
    assert visit.complaints == []


def test_an_overlay_is_laid_on_and_taken_away_and_the_address_is_the_state(
    site: Site, visit: Visit
) -> None:
    page = visit.go(site.url + START)
    previous = page.locator("#compare-prev")
    page.keyboard.press("x")
    expect(previous).to_have_attribute("aria-current", "true")
    assert page.url == f"{site.url}{START}&compare=prev"
    expect(page.locator("#card-0 .change")).to_have_text(
        re.compile(r"▲ \+[\d,]+ \(\+[\d.]+ %\) more than the previous 28 days")
    )
    page.locator("#compare-year").click()
    page.locator("#align-weekday").click()
    expect(page.locator("#align-weekday")).to_have_attribute("aria-current", "true")
    assert page.url == f"{site.url}{START}&compare=prev,year&align=weekday"
    page.reload()
    expect(page.locator("#card-7 [data-lines]")).to_contain_text("52 weeks before")
    page.keyboard.press("x")
    expect(previous).not_to_have_attribute("aria-current", "true")
    assert page.url == f"{site.url}{START}&compare=year&align=weekday"
    page.go_back()
    expect(previous).to_have_attribute("aria-current", "true")
    assert visit.complaints == []


def test_a_refused_overlay_says_why_and_comes_back_with_its_grain(site: Site, visit: Visit) -> None:
    page = visit.go(f"{site.url}{START}&compare=month")
    expect(page.locator("#card-7 [data-lines]")).to_contain_text("a month before")
    page.keyboard.press("w")
    refused = page.locator("#compare-month")
    expect(refused).to_have_attribute("aria-disabled", "true")
    expect(refused).to_have_attribute("aria-current", "true")
    refused.focus()
    tip = refused.evaluate("(e) => getComputedStyle(e, '::after').content")
    assert "Weeks do not divide months" in tip
    expect(page.locator("#card-7 [data-lines]")).to_be_hidden()
    page.locator("#align-weekday").click()
    expect(page.locator("#card-7 [data-lines]")).to_contain_text("4 weeks before")


def test_the_tooltip_has_both_dates_both_values_and_the_difference(
    site: Site, visit: Visit
) -> None:
    page = visit.go(f"{site.url}{START}&compare=prev")
    hover(page, 7, 0.99)
    tip = page.locator("#card-7 .tip")
    expect(tip).to_contain_text("Mon 23 Nov 2026")
    expect(tip).to_contain_text("Mon 26 Oct 2026")
    expect(tip).to_contain_text("previous 28 days")
    expect(tip).to_contain_text(re.compile(r"[\d,]+ views.*[\d,]+ views.*[+−][\d,]+ \([+−].* %\)"))


@pytest.mark.soak
def test_31_days_against_28_are_told_with_the_change_a_day(site: Site, visit: Visit) -> None:
    site.world.numbers.since_at = datetime(2025, 1, 1, tzinfo=UTC)
    query = "from=2026-03-01&to=2026-03-31&compare=month"
    page = visit.go(f"{site.url}/boards/project?{query}&grain=month")
    expect(page.locator("#card-7 [data-lines]")).to_contain_text(
        "a month before: 31 days against 28"
    )
    expect(page.locator("#card-3 .change-note")).to_have_text(
        re.compile(r"31 days against 28: .* a day")
    )
    hover(page, 7, 0.5)
    expect(page.locator("#card-7 .tip")).to_contain_text(" a day")
    page.goto(f"{site.url}/boards/project?{query}&grain=day")
    page.locator("#card-7 [data-table]").click()
    last = page.locator("#card-7 tbody tr").first
    assert last.locator("th, td").all_inner_texts()[2:5] == [
        "February 2026 has no day 31", "–", "–",
    ]  # fmt: skip


def test_what_still_runs_is_compared_as_far_as_it_has_come(site: Site, visit: Visit) -> None:
    page = visit.go(f"{site.url}/boards/project?range=mtd&grain=month&compare=month")
    expect(page.locator("#card-3 .change-note")).to_have_text("compared up to 15:00")
    hover(page, 7, 0.5)
    tip = page.locator("#card-7 .tip")
    expect(tip).to_contain_text("Oct 2026, up to Sat 24 Oct 15:00")
    expect(tip).to_contain_text("until then")
    site.world.clock.set(datetime(2026, 3, 30, 10, 10, tzinfo=UTC))
    page.reload()
    expect(page.locator("#card-3 .change-note").nth(1)).to_have_text(
        "Feb 2026 whole: it is shorter"
    )


@pytest.mark.soak
def test_an_overlay_is_paler_than_the_line_that_it_is_laid_beside(site: Site, visit: Visit) -> None:
    """More of the plot is painted with it than without, and the strong colour is the line's own."""
    count = """(card) => {
        const canvas = document.querySelector(card + " canvas");
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let pale = 0, strong = 0;
        for (let n = 0; n < data.length; n += 4) {
            if (data[n + 2] < data[n] + 40) continue;
            if (data[n + 3] > 200) strong += 1; else pale += 1;
        }
        return [pale, strong];
    }"""
    visit.go(site.url + START)
    pale, strong = visit.page.evaluate(count, "#card-7")
    visit.go(f"{site.url}{START}&compare=year")
    with_pale, with_strong = visit.page.evaluate(count, "#card-7")
    assert with_pale > 1.5 * pale
    assert with_strong < 1.2 * strong


@pytest.mark.soak
@pytest.mark.parametrize("visit", [NARROW], indirect=True)
def test_on_a_narrow_screen_overlays_are_chosen_in_the_folded_row(site: Site, visit: Visit) -> None:
    page = visit.go(site.url + START)
    fold = page.locator("[data-fold]")
    fold.click()
    page.locator("#compare-prev").click()
    expect(fold).to_contain_text("Day vs previous")
    page.locator("#compare-year").click()
    expect(fold).to_contain_text("Day vs 2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.soak
def test_a_named_range_is_a_link_beside_the_dates(site: Site, visit: Visit) -> None:
    page = visit.go(f"{site.url}{START}&compare=prev")
    page.locator("[data-custom] summary").click()
    page.get_by_role("link", name="Last month").click()
    expect(page.locator("[data-custom] summary")).to_have_text("1–31 Oct 2026")
    assert page.url.endswith("?range=LAST_MONTH&grain=day&compare=prev")
    page.locator("[data-custom] summary").click()
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"\?from=2026-10-01&to=2026-10-31&grain=day&compare=prev$"))
