"""Plain data that several rooms share. No behaviour beyond reading it, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Grain = Literal["hour", "day", "week", "month", "quarter", "year"]
GRAINS: tuple[Grain, ...] = ("hour", "day", "week", "month", "quarter", "year")

WeekStart = Literal["monday", "sunday", "saturday"]
WEEK_STARTS: tuple[WeekStart, ...] = ("monday", "sunday", "saturday")

Overlay = Literal["prev", "week", "month", "quarter", "year"]
Align = Literal["date", "weekday"]

FieldType = Literal["long", "double", "text", "boolean", "instant"]
StreamKind = Literal["gauge", "series", "push"]
CoverageState = Literal["read", "final", "waiting", "missing", "failed"]
Completeness = Literal["complete", "provisional", "partial", "missing"]
CauseCode = Literal[
    "running",
    "lag",
    "late",
    "waiting",
    "failed",
    "missed",
    "receiver_down",
    "rolling_up",
    "no_partner",
]
Aggregate = Literal["sum", "count", "min", "max", "last"]

Reached = Callable[[str], None]
"""Told the name of each step that is behind us. Tests hand in one that kills the process there."""


def nobody(step: str) -> None:
    """The `Reached` that does nothing."""


class Secret:
    """A value that is never shown: not in logs, errors, URLs or exports."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


def check_aware(at: datetime) -> datetime:
    """Refuse a naive instant where it enters."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone: instants are aware and in UTC")
    return at


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open span of time `[start_at, end_at)`; the pair of UTC instants is its identity."""

    start_at: datetime
    end_at: datetime

    def __post_init__(self) -> None:
        check_aware(self.start_at)
        check_aware(self.end_at)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive periods of one object that one sequence of calls can fetch."""

    stream: str
    subject: str
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a stream; integers are `long`, instants aware and in UTC."""

    name: str
    type: FieldType
    doc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One table that a connector yields. `ts` and the system columns are added to `fields`."""

    name: str
    kind: StreamKind
    fields: tuple[Field, ...]
    subject: str
    """The column that holds the subject: `repo`, `package`, `site`; it is one of `fields`."""
    key: tuple[str, ...]
    """What makes two rows the same record; the later page wins."""
    absent: Literal["zero", "unknown"] = "unknown"
    """What a covered period without rows means."""
    label: Literal["day"] | None = None
    """`day`: `ts` is midnight UTC of a day's label, and the label is all that is known."""
    zone: str = "UTC"
    """Where the stream's periods are cut; never the workspace's calendar."""
    every: str = "1d"
    """The default schedule: `30m`, `1h`, `1d`, a cron text, or a name such as `@daily`."""
    delay_s: int = 0
    """How long after a period's end the first read is worth trying."""
    lag_s: int = 0
    """How long after its end the vendor may still change a period."""
    max_span_s: int = 366 * 86_400
    """The longest span that one sequence of calls can fetch."""
    partition: Literal["day", "month"] = "month"
    on_unknown: Literal["refetch", "hold"] = "refetch"
    """A page whose outcome is unknown: ask again, or hold it for a person (paid calls)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A response of a vendor, or an archived piece of an inbox. `n` counts from 0 in its task."""

    url: str
    status: int
    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; secrets are removed before it is kept."""
    cursor: str | None = None
    """Where to go on after this page; None: it is the last one."""
    n: int = 0
    repeats: str | None = None
    """The archive key of the page that a 304 repeats; `body` is then that page's body."""
    call_id: int = 0
    """The row of this page in `calls`; the `_page` of the records that it yields."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record: `values` holds `ts` (aware, UTC) and the stream's fields."""

    page: Page
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be read; it goes to quarantine with its reason."""

    page: Page
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """One record of a pushed request, before it is read: an inbox row.

    `dedupe_id` None: the sender gave nothing to tell a repeat by, so it is kept at least once.
    """

    body: bytes
    dedupe_id: str | None


@dataclass(frozen=True, slots=True)
class Covered:
    """A stretch of an object's coverage. `read_at` is set while it may change, null when final."""

    start_at: datetime
    end_at: datetime
    state: CoverageState
    read_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a bucket is not complete, for people and for programs."""

    code: CauseCode
    text: str
    from_at: datetime | None = None
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of a cube. `last` has a second one, `<name>_at`, with the instant of its reading."""

    name: str
    aggregate: Aggregate
    field: str | None = None
    """None only for `count`."""
    where: tuple[tuple[str, tuple[str | int | float | bool, ...]], ...] = ()
    """Only rows whose field is one of the values."""
    type: Literal["long", "double"] = "long"
    """What the column holds."""


@dataclass(frozen=True, slots=True)
class CubeSpec:
    """The derived index of one stream: dimensions and measures at six grains."""

    name: str
    """The stream's full name, `github.repositories`; also the name of its lake table."""
    dimensions: tuple[str, ...]
    """Always holds the stream's subject column, first."""
    measures: tuple[Measure, ...]
    label: Literal["day"] | None = None

    @property
    def grains(self) -> tuple[Grain, ...]:
        return GRAINS[1:] if self.label == "day" else GRAINS


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream of a source as the workspace declares it."""

    name: str
    subjects: tuple[str, ...]
    start_at: datetime
    every: str
    catch_up: str = "all"
    """`all`, `latest`, `none`, or a maximum age such as `30d`."""
    paused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A configured account: a connector with its settings. Secrets are references, never values."""

    name: str
    connector: str
    settings: Mapping[str, Any]
    streams: tuple[StreamSpec, ...]
    budget: str = "4500/1h"
    """How many requests in which time, over all nodes."""
