"""Our calendar answers every case of docs/calendar-suite, a file made by two other programs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tzdata

from tallymark.calendar.elapsed import elapsed
from tallymark.calendar.intervals import bounds, interval
from tallymark.calendar.overlays import Pair, pairs, refusal
from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import tzdata_version
from tallymark.model import GRAINS, Period

FOLDER = Path(__file__).parents[3] / "docs" / "calendar-suite"
FILE = FOLDER / "cases.jsonl"
TICK = timedelta(microseconds=1)
NONE = dict.fromkeys(("start_at", "end_at", "start_date", "end_date", "key"))

Fields = Mapping[str, Any]


def lines() -> list[Fields]:
    with FILE.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_suite_was_made_with_the_pinned_zone_data() -> None:
    header = lines()[0]
    assert header["format"] == "calendar-suite/1"
    assert header["tzdata"] == tzdata.IANA_VERSION
    assert header["tzdata_package"] == tzdata_version()
    assert header["cases"] == len(lines()) - 1
    assert 5_000 <= header["cases"] <= 20_000


def test_the_suites_page_has_the_numbers_of_its_files() -> None:
    page = (FOLDER / "README.md").read_text()
    header = FILE.read_text().split("\n", 1)[0]
    assert header in page
    assert f"{json.loads(header)['cases']:,} questions" in page
    total = (FOLDER / "differences.md").read_text().splitlines()[-1]
    zones, days, hours, starts = re.findall(r"\d[\d ofzones]*", total)
    assert f"{days.strip()} days late" in page
    assert f"{hours.strip()} hours elsewhere" in page
    assert f"{zones.split()[2]} zones that differ in their data" in page
    assert starts.strip() == "0"


@pytest.mark.parametrize("part", range(8) if os.environ.get("SOAK") else (2, 5, 7))
def test_every_case_of_the_suite_is_answered_as_its_oracles_do(part: int) -> None:
    """In eight parts, by zone, so that two workers share them; the plain run takes three."""
    cases = [case for case in lines()[1:] if len(case["zone"]) % 8 == part]
    wrong = [(case, found) for case in cases if (found := answer(case)) != case["answer"]]
    shown = "\n".join(f"{case}\n  ours: {found}" for case, found in wrong[:5])
    assert wrong == [], f"{len(wrong)} of {len(cases)} cases\n{shown}"


def answer(case: Fields) -> Fields:
    calendar = Calendar(case["zone"], case["week_start"], case["fiscal_start"])
    question, at = case["question"], instant(case["at"])
    if question.startswith("compare:"):
        return Overlaid(calendar, case).answer(at)
    if question in GRAINS:
        return told(calendar, question, calendar.period(question, at))
    found = interval(question, calendar, at, through=case.get("through", "today"))
    period = bounds(calendar, found.first_on, found.last_on)
    one = found.grain is not None and period.start_at < period.end_at
    return {
        "start_at": iso(period.start_at),
        "end_at": iso(period.end_at),
        "start_date": found.first_on.isoformat(),
        "end_date": found.last_on.isoformat(),
        "key": calendar.key(found.grain, period) if found.grain and one else None,
    }


@dataclass(frozen=True)
class Overlaid:
    """A question for the partner of the bucket that holds an instant."""

    calendar: Calendar
    case: Fields

    def answer(self, at: datetime) -> Fields:
        calendar, grain = self.calendar, self.case["grain"]
        overlay = self.case["question"].removeprefix("compare:")
        if refusal(grain, overlay, self.case["align"]):
            return {"refused": True}
        bucket = calendar.period(grain, at)
        buckets = self.range_from(bucket) if overlay == "prev" else [bucket]
        pair = pairs(calendar, grain, overlay, self.case["align"], buckets)[0]
        key = calendar.key(grain, bucket)
        if "cut_at" in self.case:
            cut_at = instant(self.case["cut_at"])
            pair = elapsed(calendar, grain, pair, cut_at)
        return self.told(pair, key)

    def range_from(self, bucket: Period) -> list[Period]:
        """A range of `n` buckets: `prev` lays as many back."""
        found = [bucket]
        while len(found) < self.case["n"]:
            found.append(self.calendar.period(self.case["grain"], found[-1].end_at))
        return found

    def told(self, pair: Pair, key: str) -> Fields:
        calendar, grain = self.calendar, self.case["grain"]
        partner = told(calendar, grain, pair.period) if pair.period else NONE
        fields = {
            "of_start_at": iso(pair.of.start_at),
            "of_end_at": iso(pair.of.end_at),
            "of_key": key,
            **partner,
            "days": pair.days,
            "compare_days": pair.compare_days,
        }
        if "cut_at" in self.case:
            fields["whole"] = pair.whole if pair.period else None
        return fields


def told(calendar: Calendar, grain: Any, period: Period) -> Fields:
    return {
        "start_at": iso(period.start_at),
        "end_at": iso(period.end_at),
        "start_date": calendar.date_of(period.start_at).isoformat(),
        "end_date": calendar.date_of(period.end_at - TICK).isoformat(),
        "key": calendar.key(grain, period),
    }


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
