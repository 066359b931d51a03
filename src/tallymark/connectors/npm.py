"""npm's downloads of a package, a number a UTC day; the newest days come late and are restated.

Source: https://github.com/npm/registry/blob/main/docs/download-counts.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import orjson

from tallymark.connectors import Client
from tallymark.errors import FatalError, Refused, RetryableError
from tallymark.model import Field, Page, Rejected, Row, Span, Stream

DAY = timedelta(days=1)
LAG = timedelta(days=7)
FIRST_DAY = date(2015, 1, 10)
"""npm counts since then."""

_PACKAGE = re.compile(r"(@[\w~-][\w.~-]*/)?[\w~-][\w.~-]*", re.ASCII)
_ASKED = re.compile(r"/range/([\d-]{10}):([\d-]{10})/([^/?#]+)")


@dataclass(frozen=True)
class Npm:
    """The downloads of one package; one call gives up to 18 months."""

    kind: ClassVar[str] = "npm"
    title: ClassVar[str] = "npm downloads"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            name="downloads",
            kind="series",
            fields=(
                Field("package", "text", "the package's name, with its scope"),
                Field("downloads", "long", "fetches of its archives, by people and machines"),
            ),
            subject="package",
            key=("package", "ts"),
            label="day",
            every="1d",
            delay_s=6 * 3600,
            lag_s=int(LAG.total_seconds()),
            max_span_s=540 * 86_400,
        ),
    )

    base_url: str = "https://api.npmjs.org"

    def pages(self, client: Client, span: Span, cursor: str | None) -> Iterator[Page]:
        """One page. Explicit days: `last-week` would mean the last days that npm has."""
        if not _PACKAGE.fullmatch(span.subject):
            raise FatalError(f"{span.subject!r} is no package: write name or @scope/name")
        first = max(span.start_at.date(), FIRST_DAY)
        last = (span.end_at - timedelta(seconds=1)).date()
        if last < first:
            raise FatalError(f"npm counts since {FIRST_DAY}: let the stream start there")
        name = quote(span.subject, safe="@")
        url = f"{self.base_url.rstrip('/')}/downloads/range/{first}:{last}/{name}"
        try:
            answer = client.get(url)
        except Refused as error:
            if error.status != 404:
                raise
            text = f"npm knows no package {span.subject!r}: correct its name, or take it out"
            raise FatalError(text) from error
        page = answer.page()
        _check_range(answer.json(), first, last, page.received_at)
        yield page

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        for page in pages:
            days: list[tuple[date, int]] = []
            asked = _ASKED.search(page.url)
            for record in _records(page):
                try:
                    days.append(_day(record, asked))
                except ValueError as error:
                    yield Rejected(page, _text(record), str(error))
            for day, downloads in _known(days, page.received_at):
                package = unquote(asked[3]) if asked else ""
                ts = datetime.combine(day, time(), UTC)
                yield Row(page, {"ts": ts, "package": package, "downloads": downloads})


def _check_range(body: Any, first: date, last: date, read_at: datetime) -> None:
    """npm cuts a range that is too long without a word: nothing of such an answer is taken.

    An end inside the lag is no cut: those days are not there yet, and are asked for again.
    """
    try:
        start, end = date.fromisoformat(body["start"]), date.fromisoformat(body["end"])
    except (KeyError, TypeError, ValueError) as error:
        raise RetryableError("npm answered something that is no range of downloads") from error
    if start != first or end > last or (end < last and _settled(end + DAY, read_at)):
        raise FatalError(
            f"npm cut the range: asked for {first} to {last}, it answered {start} to {end}. "
            "Nothing was taken. Let the stream start later, or report that npm's limit changed"
        )


def _records(page: Page) -> list[Any]:
    try:
        return list(orjson.loads(page.body)["downloads"])
    except (KeyError, TypeError, ValueError):
        return [page.body.decode("utf-8", "replace")]


def _day(record: Any, asked: re.Match[str] | None) -> tuple[date, int]:
    if not isinstance(record, dict):
        raise ValueError("not a day's downloads")
    day, downloads = record.get("day"), record.get("downloads")
    if type(downloads) is not int or not 0 <= downloads < 2**63:
        raise ValueError("downloads is no count")
    if not isinstance(day, str) or date.fromisoformat(day).isoformat() != day:
        raise ValueError("day is no date")
    if asked is None or not asked[1] <= day <= asked[2]:
        raise ValueError("a day that was not asked for")
    return date.fromisoformat(day), downloads


def _known(days: list[tuple[date, int]], read_at: datetime) -> list[tuple[date, int]]:
    """Without the zeros at the end that npm shows before it has counted a day."""
    known = sorted(days)
    while known and known[-1][1] == 0 and not _settled(known[-1][0], read_at):
        known.pop()
    return known


def _settled(day: date, read_at: datetime) -> bool:
    """Whether npm has said its last word about a day."""
    return datetime.combine(day, time(), UTC) + DAY + LAG <= read_at


def _text(record: Any) -> str:
    return record if isinstance(record, str) else orjson.dumps(record).decode()
