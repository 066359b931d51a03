from __future__ import annotations

from tallymark.metrics.define import MetricSpec, cube_specs, measure
from tallymark.model import Field, Measure, Stream

HITS = Stream(
    name="requests",
    kind="push",
    fields=(Field("site", "text"), Field("status", "long"), Field("took_s", "double")),
    subject="site",
    key=(),
)


def metric(name: str, **more: object) -> MetricSpec:
    values: dict[str, object] = {"title": name, "stream": "web.requests", "aggregate": "count"}
    return MetricSpec(name=name, **(values | more))  # type: ignore[arg-type]


def test_one_cube_holds_all_that_a_streams_metrics_need() -> None:
    ok = (("status", (200, 304)),)
    metrics = [
        metric("views"),
        metric("good", where=ok, dimensions=("status",)),
        metric("slowest", aggregate="max", field="took_s", dimensions=("site",)),
    ]
    (cube,) = cube_specs(metrics, {"web.requests": HITS}).values()
    assert cube.name == "web.requests"
    assert cube.dimensions == ("site", "status")
    good = measure(metrics[1], HITS)
    assert cube.measures == (
        Measure("count", "count"),
        good,
        Measure("max_took_s", "max", "took_s", (), "double"),
    )
    assert good.name.startswith("count_")


def test_metrics_that_mean_the_same_share_a_column() -> None:
    one = metric("a", where=(("status", (404, 500)), ("site", ("x",))))
    same = metric("b", where=(("site", ("x",)), ("status", (500, 404))))
    other = metric("c", where=(("status", (404,)),))
    assert measure(one, HITS) == measure(same, HITS) != measure(other, HITS)


def test_increase_is_read_from_last() -> None:
    last = metric("stars", aggregate="last", field="status")
    increase = metric("new_stars", aggregate="increase", field="status")
    assert (
        measure(last, HITS) == measure(increase, HITS) == Measure("last_status", "last", "status")
    )
