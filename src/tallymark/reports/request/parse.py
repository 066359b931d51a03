"""A request becomes a spec, or every mistake in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tallymark.calendar.names import nearest
from tallymark.calendar.periods import Calendar
from tallymark.engines import Checked
from tallymark.errors import WrongField
from tallymark.reports import columns, pattern
from tallymark.reports.define import DEFAULT_PATTERN, ReportSpec
from tallymark.reports.request import placing, timing
from tallymark.reports.request.fields import LINES, LONGEST_QUERY, MOST_NAMES, SEVERAL_LINES, Fields

LATER = ("CASSANDRA", "ELASTICSEARCH")
"""Engines of the founding design that are not there yet."""
_NOWHERE = "Factory"
"""What IANA calls the zone of a machine that nobody has told where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a request can name, and the workspace's calendar."""

    engines: Collection[str]
    stores: Collection[str]
    formats: Collection[str]
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request as far as it can be read. What is wrong stands in `spec` as if it were missing."""

    spec: ReportSpec
    names: Any
    """Its `output_field_names`, as they came."""
    calendar: Calendar
    """The workspace's, in the report's zone."""
    wrong: tuple[WrongField, ...]
    warnings: tuple[str, ...]

    @property
    def askable(self) -> bool:
        """Whether it names an engine and has a query for it."""
        query = self.spec.query
        return bool(self.spec.engine) and (query.json is not None or query.sql is not None)


def parse(request: Mapping[str, Any], known: Known, now: datetime) -> Draft:
    """Read every field, whatever is wrong with the others."""
    fields, warnings = Fields(request), list[str]()
    zone, calendar = _calendar(fields, known.calendar)
    frequency = timing.frequency(fields, calendar)
    covers = timing.covers(fields, frequency, calendar, now, warnings)
    query_json, query_sql = _query(fields)
    availability, availability_files = placing.availability(fields)
    store, prefix = placing.destination(fields, known.stores)
    names = _names(fields)
    spec = ReportSpec(
        report_name=fields.text("report_name", "what people call it"),
        engine=_engine(fields, known),
        frequency=frequency,
        interval=covers.interval,
        from_on=covers.from_on,
        to_on=covers.to_on,
        start_on=timing.start_on(fields, frequency, now),
        query_json=query_json,
        query_sql=query_sql,
        output_format=fields.one_of("output_format", sorted(known.formats), "format"),
        headings=(),
        pattern=fields.optional("output_file_pattern", longest=1000) or DEFAULT_PATTERN,
        latest=fields.flag("latest"),
        group_by=fields.texts("group_by_fields"),
        channel_id=fields.optional("channel_id"),
        store=store,
        prefix=prefix,
        time_zone=zone,
        deadline_s=timing.deadline_s(fields),
        catch_up=timing.catch_up(fields),
        availability=availability,
        availability_files=availability_files,
        retention_days=timing.retention_days(fields),
    )
    fields.done()
    channel = request.get("channel_id") is not None
    unnamed = pattern.wrong(spec.pattern, spec.group_by, latest=spec.latest, channel=channel)
    wrong = (*fields.wrong, *unnamed)
    return Draft(spec=spec, names=names, calendar=calendar, wrong=wrong, warnings=tuple(warnings))


def complete(draft: Draft, checked: Checked) -> Draft:
    """The draft with what its engine says: the headings of its columns, and more mistakes."""
    headings, field_list, wrong = columns.headings(checked.output, draft.names)
    return replace(
        draft,
        spec=replace(draft.spec, headings=headings, field_list=field_list),
        wrong=(*draft.wrong, *checked.wrong, *wrong, *_not_there(draft.spec, checked)),
        warnings=(*draft.warnings, *checked.warnings),
    )


def _not_there(spec: ReportSpec, checked: Checked) -> list[WrongField]:
    """The fields to group by that are no columns, where the columns are known."""
    if checked.output is None:
        return []
    there = checked.output.columns
    return [
        WrongField("group_by_fields", f"{one!r} is no column of the answer: {nearest(one, there)}")
        for one in spec.group_by
        if one not in there
    ]


def _calendar(fields: Fields, workspace: Calendar) -> tuple[str, Calendar]:
    zone = fields.optional("time_zone")
    if zone == _NOWHERE:
        fields.blame("time_zone", "is the zone of no place: names are like Europe/Berlin")
    if zone in ("", _NOWHERE):
        return "", workspace
    found = fields.read("time_zone", lambda: replace(workspace, zone=zone))
    return ("", workspace) if found is None else (zone, found)


def _engine(fields: Fields, known: Known) -> str:
    names = [name.upper() for name in sorted(known.engines)]
    found = fields.text("query_engine", f"one of {', '.join(names)}").upper()
    if not found or found in names:
        return found.lower()
    if found in LATER:
        said = f"{found} comes with a later version: there are {', '.join(names)}"
    else:
        said = (
            f"this workspace has no engine {found!r}: {nearest(found, names)}; its YAML names them "
            "under `engines`"
        )
    fields.blame("query_engine", said)
    return ""


def _names(fields: Fields) -> Any:
    """What they mean depends on the columns of the answer; here they are only not too many, and
    each on one line."""
    found = fields.value("output_field_names")
    if not isinstance(found, dict | list):
        return found
    if len(found) > MOST_NAMES:
        fields.blame("output_field_names", f"has more than {MOST_NAMES:,} names")
        return None
    for key, heading in found.items() if isinstance(found, dict) else enumerate(found):
        if isinstance(heading, str) and LINES.search(heading):
            place = f"[{key}]" if isinstance(found, list) else f".{key}"
            fields.blame(f"output_field_names{place}", SEVERAL_LINES)
    return found


def _query(fields: Fields) -> tuple[Mapping[str, Any] | None, str | None]:
    """The object or the text; the other is None, and both where it is wrong."""
    as_json, as_text = fields.value("query_json"), fields.value("query")
    if as_json is None and as_text is None:
        fields.blame("query_json", "is missing: give it, or a text as `query`")
    elif as_json is not None and as_text is not None:
        fields.blame("query", "stands beside `query_json`: give one of the two")
    elif as_text is not None:
        if isinstance(as_text, str):
            return None, fields.text("query", longest=LONGEST_QUERY) or None
        fields.blame("query", "must be a text; an object is given as `query_json`")
    elif isinstance(as_json, dict):
        return as_json, None
    else:
        fields.blame("query_json", "must be an object; a text is given as `query`")
    return None, None
