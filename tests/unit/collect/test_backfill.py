from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallymark.calendar.schedule import Schedule
from tallymark.collect import backfill
from tallymark.connectors import discover
from tallymark.connectors.github import GitHub
from tallymark.connectors.npm import Npm
from tallymark.errors import BadRequest
from tallymark.ledger.objects import Object
from tallymark.model import Period, Secret, Stream

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
(DOWNLOADS,) = Npm.streams


def known(subject: str = "rocket", stream: str = "downloads") -> Object:
    return Object(
        id=1, kind="collect", source="npm", stream=stream, subject=subject, state="active",
        every="1d", catch_up="all", start_at=START, settled_at=START, check_at=START, attempts=0,
        last_error=None, advice=None, failing_since_at=None, version=0,
    )  # fmt: skip


def spans(
    from_at: datetime, to_at: datetime, stream: Stream = DOWNLOADS, every: str = "1d"
) -> list[Period]:
    return backfill.spans(stream, Schedule.parse(every), known(), from_at, to_at, NOW)


def test_a_short_stretch_is_one_span_of_whole_periods() -> None:
    assert spans(START + timedelta(hours=5), START + 2 * DAY) == [Period(START, START + 2 * DAY)]


def test_a_long_stretch_is_cut_at_what_one_call_can_fetch() -> None:
    found = spans(START, datetime(2026, 3, 1, tzinfo=UTC))
    longest = timedelta(seconds=DOWNLOADS.max_span_s)
    assert len(found) == 2
    assert found[0] == Period(START, START + longest)
    assert found[1].start_at == found[0].end_at
    assert found[1].end_at == datetime(2026, 3, 1, tzinfo=UTC)


def test_what_has_not_ended_is_not_asked_for() -> None:
    today = datetime(2026, 3, 10, tzinfo=UTC)
    assert spans(today - DAY, today + 9 * DAY) == [Period(today - DAY, today)]
    with pytest.raises(BadRequest, match="nothing of this stretch has ended yet"):
        spans(today, today + DAY)


def test_what_lies_before_the_source_begins_is_told() -> None:
    with pytest.raises(BadRequest, match="npm begins at 2024-01-01: set an earlier `start`"):
        spans(START - DAY, START + DAY)


def test_a_reading_of_the_moment_has_no_past_to_ask_for() -> None:
    streams = (*GitHub.streams, *discover()["accesslog"].streams)
    for stream in streams:
        with pytest.raises(BadRequest, match=f"{stream.name} is a {stream.kind}: its past"):
            spans(START, START + DAY, stream)


def test_the_first_request_is_told_and_its_secret_is_not() -> None:
    span = Period(START, START + 3 * DAY)
    told = backfill.first_request(Npm(base_url="http://npm.test/"), known("@a/b"), span)
    assert told == "http://npm.test/downloads/range/2024-01-01:2024-01-03/@a%2Fb"
    github = GitHub(base_url="http://github.test", token=Secret("canary"))
    told = backfill.first_request(github, known("a/b", "repositories"), span)
    assert told == "http://github.test/repos/a/b"
