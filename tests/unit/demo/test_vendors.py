from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.demo.vendors import github, npm
from tallymark.demo.vendors.faults import Fault, Faults
from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.log import answered, read_log
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.demo.world import World
from tests.clock import FakeClock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def vendor(clock: FakeClock, tmp_path: Path) -> Iterator[GithubVendor]:
    vendor = GithubVendor(MemoryWorld(seeded=True), clock, tmp_path / "calls.log")
    vendor.start()
    yield vendor
    vendor.stop()


def ask(
    url: str, path: str, headers: dict[str, str] | None = None, body: Any = None
) -> tuple[int, http.client.HTTPMessage, Any]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        if body is None:
            connection.request("GET", path, headers=headers or {})
        else:
            connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        raw = response.read()
        return response.status, response.headers, json.loads(raw) if raw else None
    finally:
        connection.close()


def test_each_call_is_in_the_log_when_it_begins_and_when_it_ends(
    vendor: GithubVendor, clock: FakeClock, tmp_path: Path
) -> None:
    ask(vendor.url, "/repos/acme/rocket?x=1")
    expected = [
        {"event": "start", "n": 1, "method": "GET"},
        {"event": "end", "n": 1, "status": 200},
    ]
    for entry in expected:
        entry |= {"path": "/repos/acme/rocket?x=1", "at": clock.now().isoformat()}
    assert vendor.calls() == expected
    assert read_log(tmp_path / "calls.log") == expected
    assert ask(vendor.url, "/_control/log")[2] == expected, "control is not logged"


def test_a_cut_call_ends_without_a_status(vendor: GithubVendor) -> None:
    vendor.faults.add(Fault("cut", "/repos/acme/rocket"))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(vendor.url, "/repos/acme/rocket")
    assert ask(vendor.url, "/repos/acme/launchpad")[0] == 200
    assert [call["status"] for call in vendor.calls() if call["event"] == "end"] == [0, 200]
    assert vendor.answered() == 1
    assert answered(vendor.calls(), "/repos/acme/rocket") == []


def test_a_truncated_answer_is_half_of_the_true_one(vendor: GithubVendor) -> None:
    vendor.faults.add(Fault("truncate", times=1))
    with pytest.raises(http.client.IncompleteRead):
        ask(vendor.url, "/repos/acme/rocket")
    assert ask(vendor.url, "/repos/acme/rocket")[0] == 200


def test_faults_count_the_requests_of_their_prefix() -> None:
    faults = Faults()
    faults.add(Fault(prefix="/a", after=1, times=2))
    happened = [faults.next(path) is not None for path in ("/a", "/b", "/a", "/a/x", "/a")]
    assert happened == [False, False, True, True, False]


def test_the_switches_are_worked_over_http(vendor: GithubVendor, clock: FakeClock) -> None:
    def control(**command: Any) -> int:
        return ask(vendor.url, "/_control", body=command)[0]

    assert control(fault={"status": 500, "retry_after": 5}) == 200
    status, headers, _ = ask(vendor.url, "/repos/acme/rocket")
    assert (status, headers["retry-after"]) == (500, "5")
    assert control(clear=True) == 200
    assert control(set={"repositories": {"acme/rocket": {"stars": 998}}}) == 200
    assert ask(vendor.url, "/repos/acme/rocket")[2]["stargazers_count"] == 998
    assert control(set={"repositories": {"acme/rocket": None}}) == 200
    assert ask(vendor.url, "/repos/acme/rocket")[0] == 404
    assert control(set={"down": True}) == 200
    assert ask(vendor.url, "/repos/acme/launchpad")[0] == 503
    assert control(set={"nonsense": 1}) == 400
    assert control(fault={"kind": "nonsense"}) == 400
    assert control(fault={"nonsense": 1}) == 400


def test_the_clock_is_moved_and_runs_on_or_is_held(vendor: GithubVendor, clock: FakeClock) -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    ask(vendor.url, "/_control", body={"now": at.isoformat()})
    clock.advance(60)
    assert vendor.clock.now() == at + timedelta(seconds=60)
    ask(vendor.url, "/_control", body={"now": at.isoformat(), "hold": True})
    clock.advance(60)
    assert vendor.clock.now() == at
    ask(vendor.url, "/_control", body={"advance_s": 90})
    assert vendor.clock.now() == at + timedelta(seconds=90)


def test_a_304_is_free_for_a_caller_with_a_token_only(vendor: GithubVendor) -> None:
    for token, used in (({"authorization": "Bearer t"}, "1"), ({}, "2")):
        etag = ask(vendor.url, "/repos/acme/rocket", token)[1]["etag"]
        status, headers, _ = ask(vendor.url, "/repos/acme/rocket", {**token, "if-none-match": etag})
        assert (status, headers["x-ratelimit-used"]) == (304, used)
    assert headers["x-ratelimit-limit"] == "60"


def test_the_quota_comes_back_after_the_hour(vendor: GithubVendor, clock: FakeClock) -> None:
    vendor.change({"quota": 1})
    statuses = [ask(vendor.url, "/repos/acme/rocket")[0] for _ in range(2)]
    clock.advance(3600)
    assert [*statuses, ask(vendor.url, "/repos/acme/rocket")[0]] == [200, 403, 200]


def test_a_stopped_vendor_starts_again_on_its_port(vendor: GithubVendor) -> None:
    url, port = vendor.url, int(vendor.url.rpartition(":")[2])
    vendor.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(url, "/repos/acme/rocket")
    assert vendor.start(port) == port
    assert ask(url, "/repos/acme/rocket")[0] == 200


def test_npm_counts_a_day_when_it_is_over(clock: FakeClock) -> None:
    vendor = npm.start(None, clock)
    try:
        _, _, body = ask(vendor.url, "/downloads/range/2026-03-01:2026-03-02/@acme%2Frocket")
        assert [day["day"] for day in body["downloads"]] == ["2026-03-01"]
        assert (body["start"], body["end"]) == ("2026-03-01", "2026-03-02")
        assert body["package"] == "@acme/rocket"
    finally:
        vendor.stop()


def test_npm_cuts_a_long_range_in_silence(clock: FakeClock) -> None:
    vendor = NpmVendor(MemoryWorld(seeded=True), clock)
    vendor.start()
    try:
        status, _, body = ask(vendor.url, "/downloads/range/2020-01-01:2026-01-01/x")
        assert (status, body["end"], len(body["downloads"])) == (200, "2021-07-01", 548)
        assert ask(vendor.url, "/downloads/range/last-week/x")[0] == 400
    finally:
        vendor.stop()


def test_a_vendor_shows_the_demos_world(clock: FakeClock) -> None:
    world = World(date(2025, 2, 1))
    hub, registry = GithubVendor(world, clock), NpmVendor(world, clock)
    try:
        for vendor in (hub, registry):
            vendor.start()
        true = world.repository("acme/rocket", clock.now())
        assert true
        assert ask(hub.url, "/repos/acme/rocket")[2]["stargazers_count"] == true["stars"]
        hub.clock.move_to(world.outage_at[0])
        assert ask(hub.url, "/repos/acme/rocket")[0] == 503
        _, _, body = ask(registry.url, "/downloads/range/2026-02-20:2026-02-20/launchpad")
        n = world.true_downloads("launchpad", date(2026, 2, 20))
        assert body["downloads"] == [{"downloads": n, "day": "2026-02-20"}]
        assert ask(registry.url, "/downloads/range/2026-02-20:2026-02-20/other")[0] == 404
        assert ask(hub.url, "/_control", body={"set": {"down": True}})[0] == 400
    finally:
        for vendor in (hub, registry):
            vendor.stop()


@pytest.mark.parametrize("world", ["test", "demo"])
@pytest.mark.parametrize("module", [github, npm])
def test_a_vendor_runs_alone_and_its_log_outlives_it(
    module: Any, world: str, tmp_path: Path
) -> None:
    log = tmp_path / "calls.log"
    name = module.__name__
    clock = ("--started-on", "2025-02-01", "--now", "2026-03-02T12:00:00Z", "--hold")
    process = subprocess.Popen(
        [sys.executable, "-m", name, "--log", log, *clock, "--world", world],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        ask(url, "/repos/acme/rocket")
        assert ask(url, "/_control", body={"advance_s": 1})[2] == {
            "now": "2026-03-02T12:00:01+00:00"
        }
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert [entry["event"] for entry in read_log(log)] == ["start", "end"]
    finally:
        process.kill()
        process.communicate()
