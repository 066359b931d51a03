"""The lines of a chart: the largest eight by name, the rest as "other". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallymark.metrics.answer import Bucket, Line
from tallymark.model import Cause, Completeness

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
    values: tuple[int | float | None, ...]
    states: str
    other: bool = False


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
    return Drawn(
        name,
        tuple(bucket.value for bucket in line.buckets),
        "".join(_LETTERS[bucket.completeness] for bucket in line.buckets),
    )


def _other(rest: Sequence[Drawn]) -> Drawn:
    begun = [next((n for n, v in enumerate(one.values) if v is not None), None) for one in rest]
    values: list[int | float | None] = []
    states: list[str] = []
    for n in range(len(rest[0].values)):
        # A line counts from its first value on; a hole in it makes the sum unknown, not smaller.
        there = [one for one, at in zip(rest, begun, strict=True) if at is not None and n >= at]
        parts = [one.values[n] for one in there]
        known = [part for part in parts if part is not None]
        values.append(sum(known) if parts and len(known) == len(parts) else None)
        letters = {one.states[n] for one in there} or {"m"}
        states.append(next(letter for letter in "pmvc" if letter in letters))
    return Drawn("other", tuple(values), "".join(states), other=True)
