"""The schema of `sources`: a connector's settings are its dataclass fields."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from tallymark.calendar.schedule import Schedule, parse_duration
from tallymark.connectors import Connector
from tallymark.definitions.reader import Section, suggest
from tallymark.errors import ConfigError
from tallymark.model import Secret, SourceSpec, Stream, StreamSpec

DEFAULT_BUDGET = "4500/1h"
LONGEST_SUBJECT = 500
REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def source(name: str, section: Section, connectors: Mapping[str, type[Connector]]) -> SourceSpec:
    kind = section.one_of("connector", tuple(connectors))
    connector = connectors.get(kind)
    budget = section.text("budget", DEFAULT_BUDGET)
    try:
        parse_budget(budget)
    except ConfigError as error:
        section.problems.add(section.place("budget"), str(error))
    settings = {} if connector is None else _settings(section, connector)
    streams = () if connector is None else tuple(_streams(name, section, connector))
    if connector is not None:
        section.done()
    return SourceSpec(name=name, connector=kind, settings=settings, streams=streams, budget=budget)


def _settings(section: Section, connector: type[Connector]) -> dict[str, Any]:
    hints = typing.get_type_hints(connector)
    found: dict[str, Any] = {}
    for setting in dataclasses.fields(connector):  # type: ignore[arg-type]
        value = section.value(setting.name)
        required = (
            setting.default is dataclasses.MISSING
            and setting.default_factory is dataclasses.MISSING
            and not setting.metadata.get("derived")
        )
        if value is None:
            if required:
                section.problems.add(section.where, f"`{setting.name}` is missing")
            continue
        if not _fits(value, hints[setting.name]):
            section.problems.add(section.place(setting.name), f"`{setting.name}` has a wrong type")
            continue
        if _is_secret(hints[setting.name]) and not REFERENCE.fullmatch(value):
            text = f"`{setting.name}` is a secret: give a reference such as ${{GITHUB_TOKEN}}"
            section.problems.add(section.place(setting.name), text)
            continue
        found[setting.name] = value
    _try(section, connector, found)
    return found


def _try(section: Section, connector: type[Connector], settings: Mapping[str, Any]) -> None:
    """What only the connector knows of its settings; what a reference leads to is seen later."""
    hints = typing.get_type_hints(connector)
    made: dict[str, Any] = {}
    for setting in dataclasses.fields(connector):  # type: ignore[arg-type]
        value = settings.get(setting.name)
        needed = setting.metadata.get("derived") or setting.name in settings
        if _is_secret(hints[setting.name]) and needed:
            made[setting.name] = Secret("x" * 40)
        elif isinstance(value, str) and "${" in value:
            return
        elif value is not None:
            made[setting.name] = tuple(value) if isinstance(value, list) else value
    try:
        connector(**made)
    except ConfigError as error:
        section.problems.add(section.where, str(error))
    except TypeError:
        return  # something is missing, and told already


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _is_secret(hint: Any) -> bool:
    return any(getattr(option, "__name__", "") == "Secret" for option in _options(hint))


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(value, str) and (_is_secret(hint) or REFERENCE.fullmatch(value)):
        # a reference stands for a value of any type that a text can be read as
        return True
    return any(_is(value, option) for option in _options(hint))


def _is(value: Any, hint: Any) -> bool:
    plain, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if not isinstance(plain, type) or plain is type(None):
        return False
    if isinstance(value, bool) or plain is bool:
        return isinstance(value, bool) and plain is bool
    if isinstance(value, int) and abs(value) >= 2**63:
        return False
    if plain is float:
        return isinstance(value, int | float)
    if issubclass(plain, Mapping):
        key, held = inner or (str, str)
        return isinstance(value, dict) and all(
            _is(k, key) and _is(v, held) for k, v in value.items()
        )
    if plain is tuple:
        held = inner[0] if inner else str
        return isinstance(value, list) and all(_is(one, held) for one in value)
    return isinstance(value, plain)


def _streams(
    name: str, section: Section, connector: type[Connector]
) -> typing.Iterator[StreamSpec]:
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
