"""What a change of the workspace does to the ledger, and what it leaves alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from tallymark.definitions import store
from tallymark.errors import ConfigError
from tallymark.ledger import coverage, objects
from tallymark.ledger.objects import Object
from tallymark.state.database import reading
from tallymark.state.schema import coverage as coverage_rows
from tallymark.state.schema import revisions
from tests.story.installation import Installation

from .conftest import WORKSPACE

DAY = timedelta(days=1)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 9)


def change(installation: Installation, old: str, new: str) -> None:
    """A restart with another workspace."""
    assert old in installation.workspace
    installation.stop()
    installation.workspace = installation.workspace.replace(old, new)
    installation.start()


def known(installation: Installation, subject: str) -> Object:
    with reading(installation.running.databases.control) as conn:
        (found,) = objects.load(conn, kind="collect", subject=subject)
    return found


def asked(installation: Installation, package: str) -> list[str]:
    calls = installation.vendors["NPM"].calls()
    return [
        one["path"] for one in calls if one["event"] == "start" and one["path"].endswith(package)
    ]


def n_revisions(installation: Installation) -> int:
    with reading(installation.running.databases.control) as conn:
        return int(conn.execute(select(func.count()).select_from(revisions)).scalar_one())


def test_a_revision_is_stored_only_where_something_changed(installation: Installation) -> None:
    assert n_revisions(installation) == 1
    change(installation, "start: 2026", "start:   2026")
    assert n_revisions(installation) == 1
    change(installation, "measure: last(stars)", "measure: max(stars)")
    assert n_revisions(installation) == 2
    change(installation, "measure: max(stars)", "measure: last(stars)")
    assert n_revisions(installation) == 3, "going back is a change as well"


def test_what_is_stored_is_what_was_read(installation: Installation) -> None:
    node = installation.running
    with reading(node.databases.control) as conn:
        assert store.current(conn) == node.workspace


def test_a_removed_subject_stops_its_rows_stay_and_back_again_it_goes_on(
    installation: Installation,
) -> None:
    installation.work()
    before = installation.rows("npm.downloads")
    shown = installation.days("downloads", FIRST, LAST)
    calls = asked(installation, "launchpad")
    assert len(calls) == 1

    change(installation, "[rocket, launchpad]", "[rocket]")
    assert known(installation, "launchpad").state == "removed"
    installation.clock.at += 3 * DAY
    installation.work()
    assert asked(installation, "launchpad") == calls
    kept = [row for row in installation.rows("npm.downloads") if row["package"] == "launchpad"]
    assert kept == [row for row in before if row["package"] == "launchpad"]
    after = installation.days("downloads", FIRST, LAST)
    first = after[FIRST]
    assert first.value == shown[FIRST].value, "what was counted stays counted"
    assert first.completeness == "complete"

    change(installation, "[rocket]", "[rocket, launchpad]")
    back = known(installation, "launchpad")
    assert back.state == "active"
    installation.work()
    (again,) = asked(installation, "launchpad")[1:]
    # what was final is not asked for again
    assert "/2026-03-03:2026-03-12/" in again
    rows = [row for row in installation.rows("npm.downloads") if row["package"] == "launchpad"]
    assert len(rows) == 12


def test_a_removed_source_stops_with_all_that_follows_from_it(installation: Installation) -> None:
    installation.work()
    _, _, rest = installation.workspace.partition("  github:")
    metrics = "metrics:\n  downloads: {stream: npm.downloads, measure: sum(downloads)}\n"
    change(installation, f"  github:{rest}", metrics)
    with reading(installation.running.databases.control) as conn:
        states = {o.kind: o.state for o in objects.load(conn, source="github")}
    assert states == {"collect": "removed", "cube": "removed", "maintain": "removed"}
    n_calls = len(installation.vendors["GITHUB"].calls())
    installation.clock.at += DAY
    installation.work()
    assert len(installation.vendors["GITHUB"].calls()) == n_calls
    change(installation, metrics, f"  github:{rest}")
    installation.work()
    assert len(installation.vendors["GITHUB"].calls()) > n_calls
    (missed,) = [
        one.note
        for one in coverage_of(installation, "acme/rocket")
        if one.state == "missing" and one.start_at.date() == date(2026, 3, 1)
    ]
    assert "nobody asked" in missed


def coverage_of(installation: Installation, subject: str) -> list[coverage.Covered]:
    with reading(installation.running.databases.control) as conn:
        return coverage.load(conn, known(installation, subject).id)


def test_pausing_one_subject_touches_no_other(installation: Installation) -> None:
    installation.work()
    before = {name: known(installation, name) for name in ("rocket", "acme/rocket")}
    with reading(installation.running.databases.control) as conn:
        covered = conn.execute(select(coverage_rows)).all()
    change(
        installation,
        "start: 2026-03-01}\n  github",
        "start: 2026-03-01, paused: [launchpad]}\n  github",
    )
    assert known(installation, "launchpad").state == "paused"
    assert {name: known(installation, name) for name in before} == before
    with reading(installation.running.databases.control) as conn:
        assert conn.execute(select(coverage_rows)).all() == covered
    installation.clock.at += DAY
    installation.work()
    assert len(asked(installation, "launchpad")) == 1
    assert len(asked(installation, "rocket")) == 2


def test_a_wrong_setting_stops_the_start_and_changes_nothing(installation: Installation) -> None:
    installation.work()
    installation.stop()
    good = installation.workspace
    for wrong in (
        good.replace("${NPM}", "${NOT_SET}"),
        good.replace("[rocket, launchpad]", "[rocket]\n        x: 1"),
        good.replace("connector: npm", "connector: nmp"),
    ):
        installation.workspace = wrong
        with pytest.raises(ConfigError):
            installation.start()
    installation.workspace = good
    installation.start()
    assert n_revisions(installation) == 1
    assert known(installation, "launchpad").state == "active"
    assert installation.workspace == WORKSPACE
