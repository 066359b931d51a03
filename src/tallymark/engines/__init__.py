"""Who answers a report's query: one protocol, one file an engine, found by being there.

An engine is a frozen dataclass: its fields are its settings, which stand in the workspace's YAML
under `engines:` and its kind. It never retries, sleeps or stores: it raises.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Protocol

from tallymark.calendar.periods import Calendar
from tallymark.errors import ConfigError, WrongField
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.sheet import Sheet
from tallymark.model import Grain, Period

DATE = "date"
"""The column of a bucket's start: `2026-11-21` from a day on, else an instant with its offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a report asks; one of the two is given."""

    json: Mapping[str, Any] | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The interval of one run: dates of the report's calendar, and the UTC instants they span."""

    first_on: date
    end_on: date
    """The last day included."""
    period: Period
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The columns of an answer as far as they are known before it is asked for."""

    date: bool = False
    dimensions: tuple[str, ...] = ()
    aggregations: tuple[str, ...] = ()
    post_aggregations: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        first = (DATE,) if self.date else ()
        return first + self.dimensions + self.aggregations + self.post_aggregations


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is said of a query when it is configured."""

    output: Output | None = None
    """None: not known before it is asked."""
    wrong: tuple[WrongField, ...] = ()
    warnings: tuple[str, ...] = ()
    unchecked: bool = False
    """The engine was away: only what can be seen without it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the data of a window is there."""

    waits_for: str = ""
    """`3 of 4 segments loaded, lag 12,310`; empty: all is there."""
    warnings: tuple[str, ...] = ()
    """What the run carries though it goes ahead."""


class Columns(Sequence[Any]):
    """Rows that lie in memory by their columns: each is made when it is looked at."""

    def __init__(self, *columns: Sequence[Any]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Any]:
        return zip(*self.columns, strict=True)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Columns(*(column[place] for column in self.columns))
        return tuple(column[place] for column in self.columns)


@dataclass(frozen=True, slots=True)
class Rows:
    """A part of an answer. `columns` is the same in all parts, and each row has a value for each:
    text, int, float, bool, None, or a list of texts."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Metrics(Protocol):
    """The metrics of the workspace; `metrics.series.SeriesReader` is one."""

    @property
    def workspace(self) -> Calendar:
        """What every metric is cut by, once its cube is rebuilt."""
        ...

    @property
    def specs(self) -> Mapping[str, MetricSpec]: ...

    @property
    def dimensions(self) -> Mapping[str, tuple[str, ...]]:
        """What each can be broken down and filtered by, its subject first."""
        ...

    def grain_refusal(self, metric_name: str, grain: Grain) -> str | None:
        """Why a metric has no such grain; None: it has."""
        ...

    def sheet(self, query: SeriesQuery) -> Sheet:
        """Raises: BadRequest where the question cannot be answered; it says what can."""
        ...


class Http(Protocol):
    """The HTTP client of engines: only the declared hosts can be called, private or not."""

    def ask(
        self,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """GET, or POST where `body` is given (sent as JSON): the whole answer, up to 64 MiB.

        Raises: EngineAway where nobody answers in time, and for a redirect; Refused (with status
        and body) for any status of 400 and above, also 5xx: only the engine knows what they mean.
        """
        ...

    def stream(
        self,
        url: str,
        *,
        body: Any,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        """The same, in pieces as they come. Raises: RetryableError where it breaks in the middle,
        also where less or more came than was announced."""
        ...


class Memory(dict[str, str]):
    """What an engine noted at earlier looks at the same run; kept with the run."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What an engine may use."""

    http: Http
    metrics: Metrics
    memory: Memory = field(default_factory=Memory)


class Engine(Protocol):
    """One kind of query engine."""

    kind: ClassVar[str]
    """The file's name; `query_engine` of a report in lower case."""
    always: ClassVar[bool]
    """Whether it is there without being named in the workspace."""

    def addresses(self) -> Sequence[str]:
        """The `host:port` that may be called though they are private."""
        ...

    def check(self, query: Query, availability: str, window: Window, around: Around) -> Checked:
        """Whether a query can be answered, by what is known of it and by asking with an empty
        interval; never raises for an engine that is away. `window`: what a run would cover now."""
        ...

    def ready(self, query: Query, availability: str, window: Window, around: Around) -> Readiness:
        """Whether the data is there. `availability`: empty (the engine's own rule), `both`,
        `segments` or `none`. Raises: EngineAway, RetryableError, FatalError."""
        ...

    def state(self, query: Query, window: Window, around: Around) -> str:
        """What the answer depends on, as a text: where it differs before and after a query, the
        answer is not to be trusted. Empty: the engine answers from one snapshot."""
        ...

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        """The answer in parts, at least one (perhaps without rows).

        Raises: EngineAway before the first part; RetryableError; FatalError for a wrong query, and
        for an answer that cannot be right (a bucket that is none of the calendar's).
        """
        ...


def discover() -> dict[str, type[Engine]]:
    """All engines by kind: the modules and packages of this folder.

    Raises: ConfigError where one holds no class of its own kind.
    """
    found: dict[str, type[Engine]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        own = [v for v in vars(module).values() if getattr(v, "kind", None) == info.name]
        if not own:
            raise ConfigError(f"engines/{info.name} holds no class with kind = {info.name!r}")
        found[info.name] = own[0]
    return found
