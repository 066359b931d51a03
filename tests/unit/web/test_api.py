"""`/api/v1`: what it answers, and what it says to a wrong question."""

from __future__ import annotations

from typing import Any

import pytest

from tallymark.metrics.answer import SeriesQuery
from tests.asgi import Client
from tests.web_world import World

Reader = dict[str, str]
ASKED = {"metric": "stars", "grain": "day", "from": "2026-11-09", "to": "2026-11-15"}


def ask(client: Client, reader: Reader, **changed: Any) -> Any:
    return client.get("/api/v1/series", params={**ASKED, **changed}, headers=reader)


def test_metrics_are_listed_with_what_can_be_asked_of_them(client: Client, reader: Reader) -> None:
    found = client.get("/api/v1/metrics", headers=reader).json()["metrics"]
    assert found[0] == {
        "name": "stars",
        "title": "Stars",
        "description": "People who starred us.",
        "unit": "stars",
        "direction": "up",
        "stream": "github.repositories",
        "aggregate": "last",
        "dimensions": ["repo"],
        "grains": ["day", "week", "month", "quarter", "year"],
    }


def test_a_series_says_of_each_bucket_how_final_it_is_and_why(
    client: Client, reader: Reader
) -> None:
    found = ask(client, reader).json()
    assert {key: found[key] for key in found if key != "series"} == {
        "metric": "stars",
        "unit": "stars",
        "grain": "day",
        "zone": "Europe/Berlin",
        "week_start": "monday",
        "fiscal_start": 1,
        "interval": None,
        "align": "date",
        "from": "2026-11-08T23:00:00Z",
        "to": "2026-11-15T23:00:00Z",
        "complete_to": "2026-11-15T23:00:00Z",
    }
    (line,) = found["series"]
    assert line["by"] == {}
    assert [bucket["completeness"] for bucket in line["buckets"]] == [
        "complete", "complete", "missing", "missing", "missing", "complete", "complete",
    ]  # fmt: skip
    assert line["buckets"][2] == {
        "key": "2026-11-11",
        "start_at": "2026-11-10T23:00:00Z",
        "end_at": "2026-11-11T23:00:00Z",
        "value": None,
        "completeness": "missing",
        "causes": [
            {
                "code": "missed",
                "text": "GitHub did not answer 11–13 Nov: cannot be fetched later",
                "from": "2026-11-10T23:00:00Z",
                "to": "2026-11-13T23:00:00Z",
            }
        ],
        "restated_at": None,
    }


def test_a_date_is_of_the_workspaces_zone_and_the_last_one_included(
    client: Client, reader: Reader
) -> None:
    buckets = ask(client, reader).json()["series"][0]["buckets"]
    assert [bucket["key"] for bucket in buckets][::6] == ["2026-11-09", "2026-11-15"]


def test_an_instant_as_the_end_is_not_included(client: Client, reader: Reader) -> None:
    span = {"from": "2026-11-09T00:00:00+01:00", "to": "2026-11-14T23:00:00Z"}
    buckets = ask(client, reader, **span).json()["series"][0]["buckets"]
    assert [bucket["key"] for bucket in buckets][::5] == ["2026-11-09", "2026-11-14"]


def test_a_plus_that_nobody_quoted_is_read_as_one(client: Client, reader: Reader) -> None:
    query = "metric=stars&grain=day&from=2026-11-09T00:00:00+01:00&to=2026-11-10"
    found = client.get(f"/api/v1/series?{query}", headers=reader)
    assert found.json()["from"] == "2026-11-08T23:00:00Z"


def test_lines_and_filters_are_handed_on(client: Client, reader: Reader, here: World) -> None:
    filters = ["path:/a", "path:b:c"]
    found = ask(client, reader, metric="views", by="path", filter=filters)
    assert found.json()["series"][0]["by"] == {"path": "/page/0"}
    query: SeriesQuery = here.numbers.asked[-1]
    assert (query.by, query.filters) == (("path",), (("path", "/a"), ("path", "b:c")))


@pytest.mark.parametrize(
    ("changed", "said", "suggestions"),
    [
        ({"metric": "star"}, "metric 'star' does not exist; did you mean: stars", ["stars"]),
        ({"grain": "dya"}, "grain 'dya' does not exist; did you mean: day", ["day", "year"]),
        ({"grain": "hour"}, "its finest grain is day", None),
        ({"by": "repos"}, "did you mean: repo", ["repo"]),
        ({"filter": "repo"}, "is not dimension:value", None),
        ({"filter": "path:/"}, "dimension of stars 'path' does not exist", ["repo"]),
        ({"from": "09.11.2026"}, "write a date such as", None),
        ({"from": "2026-13-01"}, "write a date such as", None),
        ({"from": "2026-11-09T00:00:00"}, "with its offset", None),
        ({"from": "2026-11-16"}, "lies before `from`", None),
        ({"from": "1690-01-01", "to": "1690-01-02"}, "before 1980-01-01", None),
        ({"interval": "mtd"}, "`interval` names the whole range", None),
        ({"compare": "prev,yaer"}, "'yaer': ", None),
        ({"compare": "prev", "align": "weekdy"}, "there are date, weekday", None),
    ],
)
def test_a_wrong_question_is_told_what_is_right(
    client: Client,
    reader: Reader,
    changed: dict[str, str],
    said: str,
    suggestions: list[str] | None,
) -> None:
    answer = ask(client, reader, **changed)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert said in problem["detail"]
    assert problem["status"] == 400
    assert problem["title"] == "Bad Request"
    if suggestions:
        assert problem["suggestions"][0] == suggestions[0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("metric=stars&grain=day", "`from` is missing"),
        ("metric=stars&grain=day&from=2026-11-09", "`to` is missing"),
        ("grain=day&interval=28d", "metric"),
    ],
)
def test_a_missing_parameter_is_named(
    client: Client, reader: Reader, query: str, said: str
) -> None:
    answer = client.get(f"/api/v1/series?{query}", headers=reader)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("YESTERDAY", "2026-11-23", "2026-11-23"),
        ("last_month", "2026-10-01", "2026-10-31"),
        ("mtd", "2026-11-01", "2026-11-24"),
        ("P2W", "2026-11-10", "2026-11-23"),
    ],
)
def test_a_named_interval_stands_for_both_ends(
    client: Client, reader: Reader, name: str, first: str, last: str
) -> None:
    query = f"metric=stars&grain=day&interval={name}"
    found = client.get(f"/api/v1/series?{query}", headers=reader).json()
    named = found.pop("interval")
    assert (named["name"].lower(), named["first_on"], named["last_on"]) == (
        name.lower(), first, last,
    )  # fmt: skip
    same = ask(client, reader, **{"from": first, "to": last}).json()
    assert same.pop("interval") is None
    assert found == same


def test_overlays_are_asked_for_by_commas_or_one_by_one(
    client: Client, reader: Reader, here: World
) -> None:
    ask(client, reader, compare=["prev,Year", "prev"], align="weekday")
    query = here.numbers.asked[-1]
    assert (query.compare, query.align) == (("prev", "year"), "weekday")


@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/v1/series", "/metrics"])
@pytest.mark.parametrize("token", [None, "tmk_stranger"])
def test_without_a_known_token_nothing_is_told(
    client: Client, path: str, token: str | None
) -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["status"] == 401


def test_a_database_that_is_away_is_503_with_a_time_to_try_again(
    client: Client, reader: Reader
) -> None:
    answer = ask(client, reader, metric="broken")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "the database is away" in answer.json()["detail"]


def test_an_unknown_route_of_the_api_is_a_problem(client: Client) -> None:
    answer = client.get("/api/v2/metrics", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_openapi_names_routes_parameters_and_the_token(client: Client) -> None:
    document = client.get("/openapi.json").json()
    paths = {path for path in document["paths"] if "/report" not in path}
    assert paths == {
        "/healthz", "/readyz", "/metrics", "/api/v1/metrics", "/api/v1/series",
    }  # fmt: skip
    series = document["paths"]["/api/v1/series"]["get"]
    assert [one["name"] for one in series["parameters"]] == [
        "metric", "grain", "from", "to", "interval", "by", "filter", "compare", "align",
    ]  # fmt: skip
    assert series["security"] == [{"HTTPBearer": []}]
    assert "application/problem+json" in series["responses"]["400"]["content"]
    assert "422" not in series["responses"]
