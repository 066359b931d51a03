from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.connectors.github import GitHub
from tallymark.demo.vendors.faults import Fault
from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.errors import FatalError, RetryableError
from tallymark.model import Page, Rejected, Row, Secret, Span
from tests.asking import Kept, client_of
from tests.clock import FakeClock

DAY = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = Span("repositories", "acme/rocket", DAY, DAY + timedelta(days=1))
RECORDED = Path(__file__).parents[4] / "shared/fixtures/github_rest/octokit-fixtures"


@pytest.fixture
def vendor(clock: FakeClock) -> Iterator[GithubVendor]:
    world = MemoryWorld()
    counters = {"stars": 1000, "forks": 30, "watchers": 12, "pulls": 7}
    world.change({"repositories": {"acme/rocket": counters}})
    vendor = GithubVendor(world, clock, tokens=frozenset({"good"}))
    vendor.start()
    yield vendor
    vendor.stop()


def read(
    vendor: GithubVendor,
    clock: FakeClock,
    kept: Kept | None = None,
    *,
    token: str | None = "good",
    span: Span = SPAN,
) -> list[Page]:
    kept = kept or Kept()
    connector = GitHub(vendor.url, Secret(token) if token else None)
    with client_of(vendor, clock, kept) as client:
        return [kept.keep(page) for page in connector.pages(client, span, None)]


def row(pages: list[Page]) -> dict[str, Any]:
    (only,) = GitHub().rows("repositories", pages)
    assert isinstance(only, Row)
    return only.values


def test_a_reading_is_two_calls_and_one_row(vendor: GithubVendor, clock: FakeClock) -> None:
    pages = read(vendor, clock)
    assert [page.cursor for page in pages] == ["pulls", None]
    assert row(pages) == {
        "ts": clock.now(),
        "repo": "acme/rocket",
        "stars": 1000,
        "forks": 30,
        "watchers": 12,
        "pulls": 7,
    }
    assert vendor.answered() == 2


@pytest.mark.parametrize("n_open", [0, 1, 2, 163])
def test_open_pull_requests_are_counted_with_one_call(
    vendor: GithubVendor, clock: FakeClock, n_open: int
) -> None:
    vendor.change({"repositories": {"acme/rocket": {"pulls": n_open}}})
    assert row(read(vendor, clock))["pulls"] == n_open
    assert vendor.answered("/repos/acme/rocket/pulls") == 1


def test_nothing_new_is_a_304_and_still_a_reading(vendor: GithubVendor, clock: FakeClock) -> None:
    kept = Kept()
    first = row(read(vendor, clock, kept))
    clock.advance(86_400)
    pages = read(vendor, clock, kept)
    assert [page.status for page in pages] == [304, 304]
    assert [page.repeats for page in pages] == ["archive/0", "archive/1"]
    assert row(pages) == {**first, "ts": clock.now()}
    vendor.change({"repositories": {"acme/rocket": {"pulls": 8}}})
    pages = read(vendor, clock, kept)
    assert [page.status for page in pages] == [200, 200]
    assert row(pages)["pulls"] == 8


def test_only_the_page_that_is_not_kept_is_fetched(vendor: GithubVendor, clock: FakeClock) -> None:
    with client_of(vendor, clock) as client:
        (page,) = GitHub(vendor.url).pages(client, SPAN, "pulls")
    assert page.url.endswith("/repos/acme/rocket/pulls?state=open&per_page=1")
    assert vendor.answered() == 1


def test_a_moved_repository_keeps_its_name(vendor: GithubVendor, clock: FakeClock) -> None:
    vendor.change({"repositories": {"new/home": {"stars": 5, "pulls": 3}}})
    vendor.change({"moved": {"acme/rocket": "new/home"}})
    found = row(read(vendor, clock))
    assert (found["repo"], found["stars"], found["pulls"]) == ("acme/rocket", 5, 3)


def test_the_primary_limit_waits_for_its_reset(vendor: GithubVendor, clock: FakeClock) -> None:
    vendor.change({"quota": 2})
    kept = Kept()
    read(vendor, clock, kept)
    reset_at = clock.now() + timedelta(hours=1)
    assert kept.blocked == [reset_at], "the last answer of the quota says so already"
    clock.advance(600)
    with pytest.raises(RetryableError) as limit:
        read(vendor, clock)
    assert limit.value.retry_after_s == 3000
    clock.advance(3000)
    read(vendor, clock)


def test_the_secondary_limit_waits_a_minute(vendor: GithubVendor, clock: FakeClock) -> None:
    vendor.change({"per_minute": 1})
    with pytest.raises(RetryableError) as limit:
        read(vendor, clock)
    assert limit.value.retry_after_s == 60


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_sick_vendor_is_asked_again(vendor: GithubVendor, clock: FakeClock, status: int) -> None:
    vendor.faults.add(Fault(status=status, retry_after=90, times=1))
    with pytest.raises(RetryableError) as error:
        read(vendor, clock)
    assert error.value.retry_after_s == 90
    assert row(read(vendor, clock))["stars"] == 1000


@pytest.mark.parametrize("kind", ["cut", "truncate", "garbage"])
def test_a_torn_answer_is_no_reading(vendor: GithubVendor, clock: FakeClock, kind: Any) -> None:
    vendor.faults.add(Fault(kind, times=1))
    with pytest.raises(RetryableError):
        read(vendor, clock)
    assert row(read(vendor, clock))["stars"] == 1000


def test_an_unknown_repository_says_what_to_do(vendor: GithubVendor, clock: FakeClock) -> None:
    span = Span("repositories", "acme/nothing", SPAN.start_at, SPAN.end_at)
    with pytest.raises(FatalError, match=r"404.*Correct the repository's name"):
        read(vendor, clock, span=span)


def test_a_wrong_token_says_what_to_do_and_is_not_shown(
    vendor: GithubVendor, clock: FakeClock
) -> None:
    with pytest.raises(FatalError, match=r"401.*Give the source a token") as error:
        read(vendor, clock, token="canary")
    assert "canary" not in f"{error.value!r} {error.value.__cause__!r}"


@pytest.mark.parametrize(
    "subject", ["rocket", "acme/", "../user", "acme/..", "a/b/c", "a/b?x=", "@evil/..", "a/b#", ""]
)
def test_a_subject_cannot_leave_the_path_of_repositories(
    vendor: GithubVendor, clock: FakeClock, subject: str
) -> None:
    with pytest.raises(FatalError, match="owner/name"):
        read(vendor, clock, span=Span("repositories", subject, SPAN.start_at, SPAN.end_at))
    assert vendor.calls() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"stargazers_count": -1, "forks_count": 1, "subscribers_count": 1}',
        b'{"stargazers_count": true, "forks_count": 1, "subscribers_count": 1}',
        b'{"stargazers_count": "9", "forks_count": 1, "subscribers_count": 1}',
        b'{"stargazers_count": 1e3, "forks_count": 1, "subscribers_count": 1}',
        b'{"stargazers_count": 99999999999999999999, "forks_count": 1, "subscribers_count": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_repository_is_rejected(body: bytes) -> None:
    page = Page(url="https://x/repos/a/b", status=200, body=body, received_at=DAY)
    (only,) = GitHub().rows("repositories", [page])
    assert isinstance(only, Rejected)


def recorded(scenario: str) -> list[dict[str, Any]]:
    path = RECORDED / scenario / "normalized-fixture.json"
    if not path.exists():
        pytest.skip("the recorded exchanges are not in ../shared")
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def test_the_recorded_repository_is_read() -> None:
    exchange = recorded("get-repository")[0]
    url = f"https://api.github.com{exchange['path']}"
    body = json.dumps(exchange["response"]).encode()
    page = Page(url=url, status=200, body=body, received_at=DAY)
    pulls = Page(url=f"{url}/pulls?state=open&per_page=1", status=200, body=b"[]", received_at=DAY)
    true = exchange["response"]
    assert row([page, pulls]) == {
        "ts": DAY,
        "repo": "octokit-fixture-org/hello-world",
        "stars": true["stargazers_count"],
        "forks": true["forks_count"],
        "watchers": true["subscribers_count"],
        "pulls": 0,
    }


def test_the_recorded_link_header_counts_pages() -> None:
    exchange = recorded("paginate-issues")[0]
    page = Page(
        url="https://api.github.com/repos/o/r/pulls?state=open&per_page=1",
        status=200,
        body=b"[{}]",
        received_at=DAY,
        headers={"link": exchange["headers"]["link"]},
    )
    first = Page(
        url="https://api.github.com/repos/o/r",
        status=200,
        body=b'{"stargazers_count": 1, "forks_count": 1, "subscribers_count": 1}',
        received_at=DAY,
    )
    assert row([first, page])["pulls"] == 5


def test_the_simulated_vendor_answers_as_the_recorded_one(
    vendor: GithubVendor, clock: FakeClock
) -> None:
    true = recorded("get-repository")[0]
    page = read(vendor, clock)[0]
    ours = json.loads(page.body)
    for key, value in ours.items():
        assert type(value) is type(true["response"][key]), key
    for header in ("etag", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"):
        assert header in true["headers"]
        assert header in page.headers
