"""The schema of `sources`: a connector with its settings, and its streams."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tallymark.calendar.schedule import Schedule, parse_duration
from tallymark.connectors import Connector
from tallymark.definitions.reader import Section, suggest
from tallymark.definitions.settings import read_settings
from tallymark.errors import ConfigError
from tallymark.model import SourceSpec, Stream, StreamSpec

DEFAULT_BUDGET = "4500/1h"
LONGEST_SUBJECT = 500


def source(name: str, section: Section, connectors: Mapping[str, type[Connector]]) -> SourceSpec:
    kind = section.one_of("connector", tuple(connectors))
    connector = connectors.get(kind)
    budget = section.text("budget", DEFAULT_BUDGET)
    try:
        parse_budget(budget)
    except ConfigError as error:
        section.problems.add(section.place("budget"), str(error))
    settings = {} if connector is None else read_settings(section, connector)
    streams = () if connector is None else tuple(_streams(name, section, connector))
    if connector is not None:
        section.done()
    return SourceSpec(name=name, connector=kind, settings=settings, streams=streams, budget=budget)


def _streams(name: str, section: Section, connector: type[Connector]) -> Iterator[StreamSpec]:
    known = {stream.name: stream for stream in connector.streams}
    seen = False
    for stream_name, part in section.sections("streams"):
        seen = True
        stream = known.get(stream_name)
        if stream is None:
            text = f"unknown stream `{stream_name}`: {suggest(stream_name, tuple(known))}"
            section.problems.add(part.where, text)
            continue
        yield _stream(name, part, stream)
    if not seen:
        text = f"`streams` is missing: known are {', '.join(known)}"
        section.problems.add(section.where, text)


def _stream(source_name: str, section: Section, stream: Stream) -> StreamSpec:
    subjects = _subjects(source_name, section, stream)
    every = section.text("every", stream.every)
    try:
        Schedule.parse(every, stream.zone)
    except ConfigError as error:
        section.problems.add(section.place("every"), f"`every`: {error}")
    catch_up = _catch_up(section)
    paused = section.texts("paused")
    for subject in paused:
        if subject not in subjects:
            text = f"`paused: {subject}`: {suggest(subject, subjects)}"
            section.problems.add(section.place("paused"), text)
    spec = StreamSpec(
        name=stream.name,
        subjects=subjects,
        start_at=section.day("start"),
        every=every,
        catch_up=catch_up,
        paused=paused,
    )
    section.done()
    return spec


def _subjects(source_name: str, section: Section, stream: Stream) -> tuple[str, ...]:
    subjects, place = section.texts("subjects"), section.place("subjects")
    if stream.kind == "push":
        if subjects not in ((), (source_name,)):
            text = (
                f"what is pushed has one subject, its source: leave `subjects` out of {stream.name}"
            )
            section.problems.add(place, text)
        return (source_name,)
    if not subjects:
        section.problems.add(place, f"`subjects` is missing: which {stream.subject}s?")
    doubled = sorted({subject for subject in subjects if subjects.count(subject) > 1})
    if doubled:
        section.problems.add(place, f"twice: {', '.join(doubled)}")
    for subject in subjects:
        if subject.strip() != subject or not 0 < len(subject) <= LONGEST_SUBJECT:
            text = f"`{subject[:40]}` is no {stream.subject}: it is empty, too long or has blanks"
            section.problems.add(place, text)
    return subjects


def _catch_up(section: Section) -> str:
    text = section.text("catch_up", "all")
    if text not in ("all", "latest", "none"):
        try:
            parse_duration(text)
        except ConfigError:
            told = f"`catch_up: {text}` is none of all, latest, none, or an age such as 30d"
            section.problems.add(section.place("catch_up"), told)
    return text


def parse_budget(text: str) -> tuple[int, float]:
    """`4500/1h` as requests and seconds. Raises: ConfigError."""
    requests, _, per = text.partition("/")
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", requests) or int(requests) < 1 or not per:
        raise ConfigError(f"`budget: {text}` is not requests/time, such as 4500/1h")
    return int(requests), parse_duration(per.strip()).total_seconds()
