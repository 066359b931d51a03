"""Whether two reports can ever write one object. Pure.

Each report's objects are a small pattern of characters: its constants as they are, dates and
timestamps by their shape, values of group-by fields as anything that an encoded value can be. Two
patterns are walked side by side, as the product of two automata is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tallymark.reports.define import ReportSpec
from tallymark.reports.paths import BACKUP, encoded
from tallymark.reports.pattern import Hole, Part, parts_of, room_bytes

_DIGIT = frozenset(string.digits)
_VALUE = frozenset(string.ascii_letters + string.digits + "-._~%()")
_SHAPES = {"start_date": "0000-00-00", "end_date": "0000-00-00", "timestamp": "00000000T000000Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What never changes in the names of a report's objects. Compare only within one store."""

    pattern: str
    report_id: str
    report_name: str
    channel_id: str
    output_format: str
    group_by: tuple[str, ...] = ()
    prefix: str = ""


def fixed(report_id: str, spec: ReportSpec) -> Fixed:
    return Fixed(
        pattern=spec.pattern,
        report_id=report_id,
        report_name=spec.report_name,
        channel_id=spec.channel_id,
        output_format=spec.output_format,
        group_by=spec.group_by,
        prefix=spec.prefix,
    )


def can_meet(a: Fixed, b: Fixed) -> bool:
    """Whether one can give an object of the other."""
    if _meet(_object(a), _object(b)):
        return True
    # below one prefix no name of ours begins with backup/; a longer prefix may lead there
    return a.prefix != b.prefix and (_meet(_object(a), _backup(b)) or _meet(_backup(a), _object(b)))


def objects_of(report: Fixed) -> re.Pattern[str]:
    """Matches whole keys of objects that a report can give."""
    return re.compile("".join(map(_expression, _object(report))), re.DOTALL)


def _expression(step: _Step) -> str:
    one = "." if step.of is None else f"[{re.escape(''.join(sorted(step.of)))}]"
    return one + "+" * step.many


@dataclass(frozen=True, slots=True)
class _Step:
    """One character out of `of` (None: any), or one or more of them."""

    of: frozenset[str] | None
    many: bool = False

    def meets(self, other: _Step) -> bool:
        return self.of is None or other.of is None or not self.of.isdisjoint(other.of)


def _meet(a: Sequence[_Step], b: Sequence[_Step]) -> bool:
    seen = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        i, j = waiting.pop()
        if i == len(a) and j == len(b):
            return True
        if i == len(a) or j == len(b) or not a[i].meets(b[j]):
            continue
        for next_i in (i, i + 1) if a[i].many else (i + 1,):
            for next_j in (j, j + 1) if b[j].many else (j + 1,):
                if (next_i, next_j) not in seen:
                    seen.add((next_i, next_j))
                    waiting.append((next_i, next_j))
    return False


def _object(report: Fixed) -> list[_Step]:
    steps = _prefix(report)
    for _ in report.group_by:
        steps += [_Step(_VALUE, many=True), *_constant("/")]
    for n, part in enumerate(parts_of(report.pattern)):
        steps += _constant("/" if n else "")
        steps += _part(report, part)
    return steps


def _backup(report: Fixed) -> list[_Step]:
    folder = _constant(f"{BACKUP}/{report.report_id}/")
    return [*_prefix(report), *folder, _Step(None, many=True)]


def _prefix(report: Fixed) -> list[_Step]:
    return list(_constant(f"{report.prefix}/" if report.prefix else ""))


def _part(report: Fixed, part: Part) -> Iterator[_Step]:
    constants = {
        "report_id": report.report_id,
        "report_name": report.report_name,
        "output_format": report.output_format,
        "channel_id": report.channel_id,
    }
    if "channel_id" in report.group_by:
        del constants["channel_id"]
    room = room_bytes(part)
    for piece in part:
        if not isinstance(piece, Hole):
            yield from _constant(piece)
        elif piece.name in _SHAPES:
            yield from (_Step(_DIGIT if c == "0" else frozenset(c)) for c in _SHAPES[piece.name])
        elif piece.name in constants:
            yield from _constant(encoded(constants[piece.name], room))
        else:
            yield _Step(_VALUE, many=True)


def _constant(text: str) -> Iterator[_Step]:
    return (_Step(frozenset(c)) for c in text)
