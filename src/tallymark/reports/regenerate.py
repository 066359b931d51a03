"""Which dates are made once more, and which are left out, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tallymark.errors import WrongField
from tallymark.reports.request.fields import Fields
from tallymark.reports.runs import Run

LONGEST_DAYS = 3_660
NOT_DUE = "the report was not due with this end date"
PENDING = "is still to be made: `report run` lets it be looked at now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asks for; both ends are end dates, included."""

    report_ids: tuple[str, ...]
    """None: all that are enabled."""
    from_on: str
    to_on: str
    reason: str
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A new revision of a date; in a dry run it would be."""

    report_id: str
    end_date: str
    revision: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    report_id: str
    reason: str
    end_dates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerated:
    made: tuple[Made, ...]
    left_out: tuple[LeftOut, ...]
    dry_run: bool


def parse(request: Mapping[str, Any]) -> tuple[Wanted, tuple[WrongField, ...]]:
    """`{"report_list": [], "replay_interval": {"from", "to"}, "reason", "dry_run"}`."""
    fields = Fields(request)
    report_ids = fields.texts("report_list")
    if fields.given.get("report_list") is None:
        fields.blame("report_list", "is missing: name reports by their ids, or [] for all enabled")
    reason = fields.text("reason", "why these dates are made once more")
    dry_run = fields.flag("dry_run")
    from_on = to_on = ""
    section = fields.section("replay_interval")
    if section is not None:
        from_on, to_on = section.date("from"), section.date("to")
        section.done()
    elif "replay_interval" not in {one.field for one in fields.wrong}:
        fields.blame("replay_interval", 'is missing: {"from": "2026-11-01", "to": "2026-11-07"}')
    fields.done()
    if from_on and to_on:
        n_days = len(dates(from_on, to_on))
        if not n_days:
            fields.blame("replay_interval", f"ends on {to_on}, before it begins on {from_on}")
        elif n_days > LONGEST_DAYS:
            fields.blame("replay_interval", f"is longer than {LONGEST_DAYS} days")
    wanted = Wanted(
        report_ids=report_ids, from_on=from_on, to_on=to_on, reason=reason, dry_run=dry_run
    )
    return wanted, tuple(fields.wrong)


def dates(from_on: str, to_on: str) -> list[str]:
    """Every date of a range, both ends included."""
    first, last = date.fromisoformat(from_on), date.fromisoformat(to_on)
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def chosen(wanted: Wanted, newest: Iterable[Run]) -> tuple[list[Run], dict[str, list[str]]]:
    """The runs of one report that are made once more, and by reason the dates that are not.

    `newest`: the newest revision of each of its end dates in the range.
    """
    known = {run.end_on: run for run in newest}
    again: list[Run] = []
    left: dict[str, list[str]] = {}
    for on in dates(wanted.from_on, wanted.to_on):
        run = known.get(on)
        if run is None:
            left.setdefault(NOT_DUE, []).append(on)
        elif run.open:
            left.setdefault(PENDING, []).append(on)
        else:
            again.append(run)
    return again, left


def outcome(
    wanted: Wanted, by_report: Sequence[tuple[str, list[Run], dict[str, list[str]]]]
) -> Regenerated:
    made = [
        Made(report_id, run.end_on, run.revision + 1)
        for report_id, again, _ in by_report
        for run in again
    ]
    left = [
        LeftOut(report_id, reason, tuple(on))
        for report_id, _, reasons in by_report
        for reason, on in reasons.items()
    ]
    return Regenerated(made=tuple(made), left_out=tuple(left), dry_run=wanted.dry_run)
