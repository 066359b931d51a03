"""What a board is, as the workspace declares it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from tallymark.errors import ConfigError
from tallymark.model import GRAINS, Grain

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
    """A page of cards. `range` and `grain` hold where the address names none."""

    name: str
    title: str
    cards: tuple[CardSpec, ...]
    range: RangeName = "28d"
    grain: Grain = "day"


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


def check_board(board: BoardSpec, dimensions: Mapping[str, Sequence[str]]) -> None:
    """Refuse a board that cannot be drawn. `dimensions`: of every metric, its subject included.

    Raises: ConfigError that names the board, the card, what is wrong and what is right.
    """
    where = f"board {board.name!r}"
    _one_of(f"{where}: range", board.range, RANGES)
    _one_of(f"{where}: grain", board.grain, GRAINS)
    for n, card in enumerate(board.cards, start=1):
        _check_card(f"{where}, card {n}", card, dimensions)


def _check_card(where: str, card: CardSpec, dimensions: Mapping[str, Sequence[str]]) -> None:
    _one_of(f"{where}: kind", card.kind, get_args(CardKind))
    _one_of(f"{where}: metric", card.metric, dimensions)
    if card.by is not None:
        if card.kind == "number":
            raise ConfigError(f"{where}: a number card shows one number: remove `by`")
        _one_of(f"{where}: by", card.by, dimensions[card.metric])
    if card.width and not 2 <= card.width <= 12:
        raise ConfigError(f"{where}: width {card.width} is not between 2 and 12")


def _one_of(where: str, value: str, right: Iterable[str]) -> None:
    known = list(right)
    if value in known:
        return
    near = difflib.get_close_matches(value, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(known) or 'none'}"
    raise ConfigError(f"{where} {value!r} does not exist; {hint}")
