"""The vendor of the paged connector: always the same records, and every trap of paging.

Pages overlap, records at the page edges have one instant, a record of the first half of the pages
changes while they are read and comes again on the last page, and a cursor can die.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from tallymark.clock import Clock
from tallymark.demo.vendors.alone import main
from tallymark.demo.vendors.server import Answer, Asked, VendorServer, conditional, json_answer

SIMULATES = "paged"
SUBJECT = "acme"
DAY = timedelta(days=1)
AT_ONE_INSTANT = 7


@dataclass
class Records:
    """What is true of the accounts. A day's records are the same whenever they are asked for."""

    per_day: int = 400
    pages: int = 200
    """A span's records come in so many pages; the last may be short."""
    overlap: int = 2
    """So many records of a page come again on the next."""
    values: dict[str, int | None] = field(default_factory=dict)
    """By id, instead of the made-up value; None: the record is gone."""
    _read: tuple[Any, list[dict[str, Any]]] = (None, [])
    """The span that is being paged: 200 pages of it are not made 200 times."""

    def of_day(self, account: str, day: date) -> list[dict[str, Any]]:
        start = datetime.combine(day, time(), UTC)
        step = DAY / (self.per_day // AT_ONE_INSTANT + 1)
        found = []
        for n in range(self.per_day):
            name = f"{day}-{n:06d}"
            value = self.values.get(name, crc32(f"{account} {name}".encode()) % 1000)
            if value is not None:
                at = (start + step * (n // AT_ONE_INSTANT)).isoformat()
                found.append({"account": account, "id": name, "value": value, "at": at})
        return found

    def of_span(self, account: str, start_at: datetime, end_at: datetime) -> list[dict[str, Any]]:
        """In their first version, as they stand before any page is read."""
        asked = (account, start_at, end_at, self.per_day, str(self.values))
        if self._read[0] != asked:
            self._read = (asked, self._of_span(account, start_at, end_at))
        return self._read[1]

    def _of_span(self, account: str, start_at: datetime, end_at: datetime) -> list[dict[str, Any]]:
        days = (end_at.date() - start_at.date()).days + 1
        whole = [self.of_day(account, start_at.date() + DAY * n) for n in range(days)]
        return [
            record
            for day in whole
            for record in day
            if start_at <= datetime.fromisoformat(record["at"]) < end_at
        ]

    def page_of_span(
        self, account: str, start_at: datetime, end_at: datetime, n: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """Page `n`, and whether it is the last."""
        records = self.of_span(account, start_at, end_at)
        size = max(1, -(-len(records) // self.pages))
        last = max(0, -(-len(records) // size) - 1)
        page = records[max(0, n * size - self.overlap) : (n + 1) * size]
        if n == last and records:
            page.append(changed(records))
        return page, n >= last

    def expected(self, account: str, start_at: datetime, end_at: datetime) -> dict[str, int]:
        """What a reading of a span has to end with: each record's last version, by id."""
        records = self.of_span(account, start_at, end_at)
        last = {record["id"]: record["value"] for record in records}
        return last | ({changed(records)["id"]: changed(records)["value"]} if records else {})


def changed(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The record that changes while a span is read, in its last version."""
    record = records[min(3, len(records) - 1)]
    return {**record, "value": record["value"] + 1}


class PagedVendor(VendorServer):
    """`change`: `per_day`, `pages`, `overlap`, `values`; `cursors_die`: all that are out are dead;
    `dies_at`: the next request for that page finds its cursor dead."""

    def __init__(self, world: Records, clock: Clock, log_path: Path | None = None) -> None:
        super().__init__(clock, log_path)
        self.world = world
        self._age = 0
        self._dies_at: int | None = None

    def change(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name == "cursors_die":
                self._age += 1
            elif name == "dies_at":
                self._dies_at = int(value)
            elif name == "values":
                self.world.values |= value
            elif name in ("per_day", "pages", "overlap"):
                setattr(self.world, name, int(value))
            else:
                raise ValueError(f"the vendor has no {name!r}")

    def answer(self, asked: Asked) -> Answer:
        if asked.path != "/records":
            return json_answer(404, {"error": "no such thing"})
        age, _, number = asked.query.get("cursor", f"{self._age}-0").partition("-")
        n = int(number)
        if n and n == self._dies_at:
            self._dies_at = None
            self._age += 1
        if int(age) != self._age:
            return json_answer(410, {"error": "the cursor is gone"})
        start_at, end_at = (datetime.fromisoformat(asked.query[key]) for key in ("from", "to"))
        records, last = self.world.page_of_span(asked.query["account"], start_at, end_at, n)
        following = None if last else f"{self._age}-{n + 1}"
        return conditional(asked, json_answer(200, {"records": records, "next": following}))


def start(log_path: Path | None, clock: Clock) -> PagedVendor:
    vendor = PagedVendor(Records(), clock, log_path)
    vendor.start()
    return vendor


if __name__ == "__main__":
    main(lambda world, clock, log_path: PagedVendor(Records(), clock, log_path))
