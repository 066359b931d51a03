"""The lines of a chart: the largest eight by name, the rest as "other". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tallymark.metrics.answer import Bucket, ComparedBucket, Line
from tallymark.model import Cause, Completeness, Overlay

Values = tuple[int | float | None, ...]

MOST = 8
# From bad to good: a sum is as good as its worst part.
_WORST: tuple[Completeness, ...] = ("partial", "missing", "provisional", "complete")
_LETTERS: dict[Completeness, str] = {
    "complete": "c",
    "provisional": "v",
    "partial": "p",
    "missing": "m",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One line: a value and a letter (c complete, v provisional, p partial, m missing) a bucket."""

    name: str
    values: Values
    states: str
    other: bool = False
    overlays: dict[Overlay, Drawn] = field(default_factory=dict)
    """The same of what is laid beside it: a line of the partners' values."""
    of_values: Values = ()
    """Of a line laid beside another: what its values are to be compared with."""


def drawn(lines: Sequence[Line], by: str | None) -> list[Drawn]:
    """The lines in the order of their size; `other` adds up what is beyond the first eight."""
    if by is None:
        return [_one("", line) for line in lines[:1]]
    ordered = sorted(lines, key=_size, reverse=True)
    named = [_one(line.by.get(by, "") or "(none)", line) for line in ordered[:MOST]]
    rest = ordered[MOST:]
    return [*named, _other([_one("", line) for line in rest])] if rest else named


def strip(lines: Sequence[Line]) -> tuple[str, dict[int, list[Cause]]]:
    """One letter a bucket for all lines together (f failed and w waiting too), and the causes."""
    states: list[str] = []
    causes: dict[int, list[Cause]] = {}
    for n, buckets in enumerate(zip(*(line.buckets for line in lines), strict=True)):
        found = list(dict.fromkeys(cause for bucket in buckets for cause in bucket.causes))
        states.append(_letter(_worst([bucket.completeness for bucket in buckets]), found))
        if found:
            causes[n] = found
    return "".join(states), causes


def worst(buckets: Sequence[Bucket]) -> Completeness:
    return _worst([bucket.completeness for bucket in buckets])


def _worst(states: Sequence[Completeness]) -> Completeness:
    if len(set(states)) > 1 and "missing" in states:
        return "partial"  # some of it is there
    return next((state for state in _WORST if state in states), "missing")


def _letter(state: Completeness, causes: Sequence[Cause]) -> str:
    codes = {cause.code for cause in causes}
    if state != "complete" and "failed" in codes:
        return "f"
    if state == "missing" and codes and codes <= {"running", "waiting"}:
        return "w"  # nothing is lost: it is not there yet
    return _LETTERS[state]


def _size(line: Line) -> float:
    return sum(abs(bucket.value) for bucket in line.buckets if bucket.value is not None)


def _one(name: str, line: Line) -> Drawn:
    overlays = {overlay: _laid(found.buckets) for overlay, found in line.overlays.items()}
    return Drawn(name, *_columns(line.buckets), overlays=overlays)


def _laid(buckets: Sequence[ComparedBucket]) -> Drawn:
    return Drawn("", *_columns(buckets), of_values=tuple(b.of_value for b in buckets))


def _columns(buckets: Sequence[Bucket] | Sequence[ComparedBucket]) -> tuple[Values, str]:
    states = "".join(_LETTERS[bucket.completeness] for bucket in buckets)
    return tuple(bucket.value for bucket in buckets), states


def _other(rest: Sequence[Drawn]) -> Drawn:
    overlays = {
        overlay: _added([one.overlays[overlay] for one in rest]) for overlay in rest[0].overlays
    }
    return replace(_added(rest), name="other", other=True, overlays=overlays)


def _added(rest: Sequence[Drawn]) -> Drawn:
    states: list[str] = []
    begun = _begun([one.values for one in rest])
    for n in range(len(rest[0].values)):
        there = [one.states[n] for one, at in zip(rest, begun, strict=True) if n >= at] or ["m"]
        states.append(next(letter for letter in "pmvc" if letter in there))
    of_values = _sums([one.of_values for one in rest])
    return Drawn("", _sums([one.values for one in rest]), "".join(states), of_values=of_values)


def _sums(lines: Sequence[Values]) -> Values:
    """A line counts from its first value on; a hole in it makes the sum unknown, not smaller."""
    begun = _begun(lines)
    sums: list[int | float | None] = []
    for n in range(len(lines[0])):
        parts = [line[n] for line, at in zip(lines, begun, strict=True) if n >= at]
        known = [part for part in parts if part is not None]
        sums.append(sum(known) if parts and len(known) == len(parts) else None)
    return tuple(sums)


def _begun(lines: Sequence[Values]) -> list[int]:
    """Where each line has its first value; beyond its end where it has none."""
    return [
        next((n for n, value in enumerate(line) if value is not None), len(line)) for line in lines
    ]
