"""A board's address: all that is chosen, and nothing that the board says by itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from tallymark.boards.define import BoardSpec
from tallymark.boards.view import CUSTOM, View
from tallymark.model import Align, Grain, Overlay


@dataclass(frozen=True, slots=True)
class Address:
    """What a link of the control row leads to: the view at hand but for one choice."""

    board: BoardSpec
    view: View

    def of_range(self, name: str) -> str:
        return self._with(replace(self.view, range=name))

    def of_grain(self, grain: Grain) -> str:
        return self._with(replace(self.view, grain=grain))

    def toggled(self, overlay: Overlay) -> str:
        """With an overlay more, the last, or with it gone."""
        on = self.view.compare
        rest = tuple(one for one in on if one != overlay)
        return self._with(replace(self.view, compare=(*on, overlay) if rest == on else rest))

    def aligned(self, align: Align) -> str:
        return self._with(replace(self.view, align=align))

    def beside(self) -> dict[str, str]:
        """The part of it that speaks of overlays."""
        return self._beside(self.view.compare, self.view.align)

    def _with(self, view: View) -> str:
        dates = {"range": view.range}
        if view.range == CUSTOM:
            dates = {"from": view.first_on.isoformat(), "to": view.last_on.isoformat()}
        query = {**dates, "grain": view.grain, **self._beside(view.compare, view.align)}
        return f"?{urlencode(query, safe=',')}"

    def _beside(self, compare: Sequence[Overlay], align: Align) -> dict[str, str]:
        found: dict[str, str] = {}
        if compare or self.board.compare:  # empty: none, where the board has some by itself
            found["compare"] = ",".join(compare)
        if align != self.board.align:
            found["align"] = align
        return found
