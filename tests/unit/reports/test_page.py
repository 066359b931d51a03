"""The page of reports names what the code knows: no field, format or placeholder more or less."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines.lake import FIELDS as LAKE_FIELDS
from tallymark.reports import formats
from tallymark.reports.pattern import PLACEHOLDERS
from tallymark.reports.request import parse
from tallymark.reports.request.fields import Fields
from tallymark.reports.request.parse import Known

PAGE = (Path(__file__).parents[3] / "docs" / "reports.md").read_text()
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def section(title: str) -> str:
    """From a heading to the next one of any level."""
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n")[1], flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """What stands in code in the first column of a table."""
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", text, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def test_every_field_of_a_request_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Fields, "done", lambda self: asked.extend(self.asked))
    request = {"report_interval": "YESTERDAY", "destination": "lake"}
    known = Known(engines=["lake"], stores=["lake"], formats=["csv"], calendar=Calendar())
    parse.parse(request, known, NOW)
    assert set(first_cells(section("A request"))) == set(asked)


def test_every_format_is_in_the_table() -> None:
    assert set(first_cells(section("Formats"))) == set(formats.discover())


def test_every_placeholder_is_named() -> None:
    found = re.findall(r"`\{([a-z_]+)\}`", section("Names of files"))
    assert set(found) == set(PLACEHOLDERS)


def test_the_question_to_the_lake_has_all_its_fields() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", section("The lake"), re.DOTALL)
    assert tuple(json.loads(block)) == LAKE_FIELDS


def test_every_state_of_a_run_is_in_the_table() -> None:
    states = {"SUBMITTED", "PROCESSING", "RETRY", "SUCCESS", "FAILED"}
    assert set(first_cells(section("When a report runs"))) == states
