"""`output_file_pattern`: what a report's objects are called. Pure.

A pattern is text with placeholders of a fixed list and of the group-by fields. They are no format
strings: they take no attribute, index or format, and their values are encoded as part of a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from tallymark.errors import WrongField
from tallymark.reports.define import ReportSpec
from tallymark.reports.paths import (
    BACKUP,
    GROUP_BYTES,
    GROUP_FIELDS,
    KEPT,
    VALUE_BYTES,
    apart,
    encoded,
    group_path,
    value_text,
)

FIELD = "output_file_pattern"
PART_BYTES = 255
PATH_BYTES = 700
"""Below the prefix; `backup/…` and the prefix itself still fit into a key."""
LEAST_BYTES = 32
"""What a value must be given, so that a cut one still says something."""
_SHAPED = {"report_id": 69, "start_date": 10, "end_date": 10, "timestamp": 16, "output_format": 7}
"""The placeholders whose values have a known length, and that, in bytes."""
_UNWANTED = re.compile(r'[\\%?#*:"<>|]')
_TOKEN = re.compile(r"\{([^{}]*)\}|([{}])|([^{}]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The values of the fixed placeholders, as texts, for one revision of one end date."""

    report_id: str
    report_name: str
    channel_id: str
    output_format: str
    start_date: str
    end_date: str
    timestamp: str
    """When the revision was made: the same in every retry."""


PLACEHOLDERS = tuple(Naming.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder in a parsed pattern."""

    name: str


Part = Sequence[str | Hole]


def naming(
    report_id: str, spec: ReportSpec, *, first_on: date, end_on: date, made_at: datetime
) -> Naming:
    return Naming(
        report_id=report_id,
        report_name=spec.report_name,
        channel_id=spec.channel_id,
        output_format=spec.output_format,
        start_date=first_on.isoformat(),
        end_date=end_on.isoformat(),
        timestamp=f"{made_at:%Y%m%dT%H%M%SZ}",
    )


def object_path(pattern: str, names: Naming, groups: Mapping[str, Any]) -> str:
    """Where a file lies below the prefix; `groups`: the group-by fields and their values."""
    texts = {name: value_text(value) for name, value in groups.items()}
    path = render(pattern, names, texts)
    return apart(f"{group_path(list(groups.values()))}/{path}") if groups else path


def render(pattern: str, names: Naming, groups: Mapping[str, str]) -> str:
    """The pattern with its values, each encoded as part of a name. It has been found not wrong."""
    texts = {**groups, **asdict(names)}
    if "channel_id" in groups:
        texts["channel_id"] = groups["channel_id"]
    filled = []
    for part in parts_of(pattern):
        room = room_bytes(part)
        pieces = [p if isinstance(p, str) else encoded(texts[p.name], room) for p in part]
        filled.append("".join(pieces))
    return apart("/".join(filled))


def parts_of(pattern: str) -> list[list[str | Hole]]:
    """The pattern between its slashes: texts and placeholders."""
    parts: list[list[str | Hole]] = [[]]
    for name, brace, text in _TOKEN.findall(pattern):
        if not (brace or text):
            parts[-1].append(Hole(name))
            continue
        first, *others = (brace or text).split("/")
        parts[-1] += [first] if first else []
        parts += [[other] if other else [] for other in others]
    return parts


def room_bytes(part: Part) -> int:
    """How long a value of no known length may become in this part of a path."""
    free = [p for p in part if isinstance(p, Hole) and p.name not in _SHAPED]
    return min(VALUE_BYTES, (PART_BYTES - _shaped_bytes(part)) // len(free)) if free else PART_BYTES


def _shaped_bytes(part: Part) -> int:
    return sum(
        len(p.encode("utf-8", "replace")) if isinstance(p, str) else _SHAPED.get(p.name, 0)
        for p in part
    )


def wrong(
    pattern: str, group_by: Sequence[str], *, latest: bool, channel: bool = True
) -> list[WrongField]:
    """Everything that is wrong with a pattern, and what is right. `channel`: there is one."""
    texts = [*_braces(pattern, group_by), *_path(pattern), *_length(pattern, group_by)]
    texts += _values(_holes(pattern), group_by, latest=latest, channel=channel)
    found = [WrongField(FIELD, text) for text in texts]
    if len(group_by) > GROUP_FIELDS:
        found.append(WrongField("group_by_fields", f"has more than {GROUP_FIELDS} fields"))
    return found


def _values(
    holes: Sequence[Hole], group_by: Sequence[str], *, latest: bool, channel: bool
) -> Iterator[str]:
    dated = Hole("end_date") in holes
    if not dated and not latest:
        yield "needs {end_date}, or `latest: true`: each end date would write over the last"
    if dated and latest:
        yield (
            "holds {end_date}, while `latest` goes with one name for all end dates, such as "
            "{report_id}.{output_format}"
        )
    if Hole("channel_id") in holes and not channel and "channel_id" not in group_by:
        yield "holds {channel_id}, and there is none: give `channel_id`, or group by that field"


def _holes(pattern: str) -> list[Hole]:
    return [piece for part in parts_of(pattern) for piece in part if isinstance(piece, Hole)]


def _braces(pattern: str, group_by: Sequence[str]) -> Iterator[str]:
    known = [*PLACEHOLDERS, *(name for name in group_by if name not in PLACEHOLDERS)]
    right = " ".join(f"{{{name}}}" for name in known)
    for hole in dict.fromkeys(_holes(pattern)):
        if hole.name not in known:
            yield f"{{{hole.name[:40]}}} is no placeholder; right are {right}, just as they stand"
    if any(brace for _, brace, _ in _TOKEN.findall(pattern)):
        yield "has a brace without its partner: braces stand around placeholders only"


def _path(pattern: str) -> Iterator[str]:
    parts = parts_of(pattern)
    constant = "".join(p for part in parts for p in part if isinstance(p, str))
    if _UNWANTED.search(constant) or not constant.isprintable():
        yield (
            r'has a control character or one of \ % ? # * : " < > |, which not every store can '
            "hold: letters, digits, blanks and !-_.'()=+,@~ are right"
        )
    if pattern.startswith("/"):
        yield "is absolute: it lies below the report's prefix, so it begins with a name"
    elif not all(parts):
        yield "has an empty part: between slashes, and after the last one, stands a name"
    edges = [_text(part[0]) + "\0" + _text(part[-1]) for part in parts if part]
    if any(edge[0] in ". " or edge[-1] in ". " for edge in edges):
        yield "has a part that begins or ends with a dot or a blank, such as `..`"
    first = "".join(map(_text, parts[0]))
    if first.lower() == BACKUP and len(parts) > 1:
        yield f"begins with {BACKUP}/, where the earlier files of regenerated reports lie"
    end = "".join(_text(p) for p in parts[-1]).replace("{output_format}", "json").lower()
    if end.endswith(KEPT):
        yield f"ends like {' or '.join(KEPT)}: these are the report's query and its manifests"


def _text(piece: str | Hole) -> str:
    return piece if isinstance(piece, str) else f"{{{piece.name}}}"


def _length(pattern: str, group_by: Sequence[str]) -> Iterator[str]:
    parts = parts_of(pattern)
    longest = [_longest_bytes(part) for part in parts]
    if max(longest) > PART_BYTES:
        yield f"has a part that can be longer than {PART_BYTES} bytes"
    most = PATH_BYTES - (GROUP_BYTES if group_by else 0)
    if sum(longest) + len(longest) - 1 > most:
        yield f"can be longer than {most} bytes" + (", besides its folders" if group_by else "")


def _longest_bytes(part: Part) -> int:
    free = sum(1 for p in part if isinstance(p, Hole) and p.name not in _SHAPED)
    return _shaped_bytes(part) + free * max(room_bytes(part), LEAST_BYTES)
