"""What a board is, as the workspace declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from tallymark.model import Align, Grain, Overlay

CardKind = Literal["number", "line", "bar"]
RangeName = Literal["7d", "28d", "91d", "mtd", "qtd", "ytd", "12m", "13m"]
RANGES: tuple[RangeName, ...] = get_args(RangeName)
WIDTHS: Mapping[CardKind, int] = {"number": 3, "line": 6, "bar": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSpec:
    """One card: a metric, shown in one way, on a grid of twelve columns."""

    kind: CardKind
    metric: str
    title: str = ""
    """Empty: the metric's own title."""
    by: str | None = None
    """A dimension: one line for each of its values, at most eight, then "other"."""
    width: int = 0
    """Columns, 2 to 12; 0: the kind's own."""

    @property
    def columns(self) -> int:
        return self.width or WIDTHS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """A page of cards. The last four hold where the address says nothing of theirs."""

    name: str
    title: str
    cards: tuple[CardSpec, ...]
    range: RangeName = "28d"
    grain: Grain = "day"
    compare: tuple[Overlay, ...] = ()
    align: Align = "date"


class Metric(Protocol):
    """What a board must know of a metric; `metrics.define.MetricSpec` is one."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def aggregate(self) -> str: ...
    @property
    def direction(self) -> str: ...
