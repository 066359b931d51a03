"""Which overlays lie over a board, why a grain refuses others, and how they are called. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallymark.calendar.overlays import OVERLAYS, refusal
from tallymark.model import GRAINS, Align, Grain, Overlay


@dataclass(frozen=True, slots=True)
class OverlayChoice:
    """One place of the compare control. `on`: the address asks for it, even where refused."""

    overlay: Overlay
    on: bool
    reason: str = ""


def overlay_choices(
    grain: Grain, asked: Sequence[Overlay], align: Align
) -> tuple[OverlayChoice, ...]:
    return tuple(
        OverlayChoice(overlay, overlay in asked, refusal(grain, overlay, align) or "")
        for overlay in OVERLAYS
    )


def allowed(grain: Grain, asked: Sequence[Overlay], align: Align) -> tuple[Overlay, ...]:
    """What is drawn at a grain; a refused one waits in the address for a grain that has it."""
    return tuple(overlay for overlay in asked if refusal(grain, overlay, align) is None)


def align_matters(grain: Grain, asked: Sequence[Overlay]) -> bool:
    """Whether there is something that the two alignments would answer differently."""
    if grain in ("month", "quarter", "year"):
        return False
    by_date, by_weekday = allowed(grain, OVERLAYS, "date"), allowed(grain, OVERLAYS, "weekday")
    return by_date != by_weekday or any(overlay in _BY_WEEKDAY for overlay in asked)


def overlay_name(overlay: Overlay, align: Align, grain: Grain, buckets: int | None = None) -> str:
    """`previous 28 days`, `a year before`, `52 weeks before`; `previous range` of any length."""
    if overlay == "prev":
        if buckets is None:
            return "previous range"
        return f"previous {grain}" if buckets == 1 else f"previous {buckets:,} {grain}s"
    if align == "weekday" and GRAINS.index(grain) <= GRAINS.index("week"):
        return _BY_WEEKDAY.get(overlay, "a week before")
    return f"a {overlay} before"


_BY_WEEKDAY: Mapping[Overlay, str] = {
    "month": "4 weeks before",
    "quarter": "13 weeks before",
    "year": "52 weeks before",
}
