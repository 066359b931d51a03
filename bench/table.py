"""The calendar table of thirty years: how long it takes to make, and how large it is."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.result import Result, median, timed
from tallymark.calendar.periods import Calendar
from tallymark.calendar.table import calendar_table

ZONES = ("Europe/Berlin", "America/St_Johns", "Africa/Casablanca", "Australia/Lord_Howe")
START, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


def run() -> Result:
    zones = {zone: median(lambda zone=zone: _made(zone)) for zone in ZONES}
    table = calendar_table(Calendar(ZONES[0]), START, END)
    slowest = max(zones, key=lambda zone: zones[zone])
    return Result(
        "The calendar table of 30 years",
        "told only",
        f"{zones[slowest] * 1000:.0f} ms; {table.num_rows:,} rows",
        True,
        [
            f"{table.num_columns} columns, {table.nbytes / 2**20:.0f} MiB in memory",
            *(f"{zone}: {s * 1000:.0f} ms" for zone, s in zones.items()),
            "the middle of three runs each, in one process: a zone's clock is read once",
        ],
    )


def _made(zone: str) -> float:
    calendar = Calendar(zone, "sunday", 10)
    with timed() as timing:
        calendar_table(calendar, START, END)
    return timing.s
