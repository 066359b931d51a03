from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest, NotFound
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.plan import grain_refusal, known, plan, read_from
from tallymark.model import Field, Grain, Period, Stream

BERLIN = Calendar("Europe/Berlin")
STARS = Stream(
    name="repositories",
    kind="gauge",
    fields=(Field("repo", "text"), Field("stars", "long"), Field("lang", "text")),
    subject="repo",
    key=("repo", "ts"),
)
NPM = Stream(
    name="downloads",
    kind="series",
    fields=(Field("package", "text"), Field("downloads", "long")),
    subject="package",
    key=("package", "ts"),
    label="day",
)
HITS = Stream(name="r", kind="push", fields=(Field("site", "text"),), subject="site", key=())
METRIC = MetricSpec(
    name="stars", title="Stars", stream="github.repositories", aggregate="last", field="stars",
    dimensions=("lang",),
)  # fmt: skip


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def query(grain: Grain = "day", **more: object) -> SeriesQuery:
    values: dict[str, object] = {"from_at": at(2026, 3, 1), "to_at": at(2026, 3, 3)}
    return SeriesQuery(metric="stars", grain=grain, **(values | more))  # type: ignore[arg-type]


def test_buckets_that_overlap_come_whole() -> None:
    found = plan(query(), METRIC, STARS, BERLIN)
    assert [a.bucket.start_at for a in found.buckets] == [
        at(2026, 2, 28, 23),
        at(2026, 3, 1, 23),
        at(2026, 3, 2, 23),
    ]
    assert all(a.bucket == a.span for a in found.buckets)


def test_days_that_are_labels_hold_the_label_of_their_name() -> None:
    found = plan(query(from_at=at(2026, 3, 1, 12)), METRIC, NPM.__class__(**_as(NPM)), BERLIN)
    assert found.buckets[0].span == Period(at(2026, 3, 1), at(2026, 3, 2))


def _as(stream: Stream) -> dict[str, object]:
    names = stream.__dataclass_fields__
    return {n: getattr(stream, n) for n in names} | {
        "fields": (*stream.fields, Field("lang", "text"))
    }


def test_a_last_value_is_read_by_subject_and_an_increase_from_before() -> None:
    last = plan(query(by=("lang",)), METRIC, STARS, BERLIN)
    assert (last.needs, last.cells_by) == ("last", ("lang", "repo"))
    start_at = last.buckets[0].bucket.start_at
    assert read_from(BERLIN, "day", last.needs, start_at) == start_at
    spec = MetricSpec(name="n", title="n", stream="s", aggregate="increase", field="stars")
    more = plan(query(by=("repo",)), spec, STARS, BERLIN)
    assert (more.needs, more.cells_by) == ("bounds", ("repo",))
    assert read_from(BERLIN, "day", more.needs, start_at) == at(2026, 2, 26, 23)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"by": ("langs",)}, "did you mean lang?"),
        ({"filters": (("x", "1"),)}, "there are lang, repo"),
        ({"by": ("lang", "lang")}, "named twice"),
        ({"grain": "minute"}, "there are hour, day"),
        ({"to_at": at(2026, 3, 1)}, "the range is empty"),
        ({"grain": "hour", "to_at": at(2036, 3, 1)}, "ask for a coarser grain"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_can(
    more: dict[str, object], text: str
) -> None:
    with pytest.raises(BadRequest, match=text.replace("?", r"\?")):
        plan(query(**more), METRIC, STARS, BERLIN)  # type: ignore[arg-type]


def test_values_of_one_dimension_are_alternatives() -> None:
    filters = (("repo", "a"), ("lang", "py"), ("repo", "b"))
    assert plan(query(filters=filters), METRIC, STARS, BERLIN).filters == {
        "repo": ("a", "b"),
        "lang": ("py",),
    }


def test_a_finer_grain_than_the_schedule_is_not_offered() -> None:
    assert grain_refusal("Stars", STARS, 86_400, "day") is None
    assert grain_refusal("Stars", STARS, 86_400, "hour") == (
        "Stars is read every day: a shorter hour has no number of its own"
    )
    assert "every 6 hours" in (grain_refusal("Stars", STARS, 6 * 3600, "hour") or "")
    assert "every 90 minutes" in (grain_refusal("Stars", STARS, 90 * 60, "hour") or "")
    assert "every week" in (grain_refusal("Stars", STARS, 7 * 86_400, "day") or "")
    assert grain_refusal("Stars", STARS, 1800, "hour") is None
    assert grain_refusal("Hits", HITS, 86_400, "hour") is None
    assert grain_refusal("Downloads", NPM, 86_400, "hour") == (
        "Downloads comes by whole days (UTC): there are no hours"
    )


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="did you mean stars"):
        known("star", ["stars", "forks"], "metric")
    with pytest.raises(NotFound, match="there is none"):
        known("star", [], "metric")
