"""Reports of metrics through two weeks: vendors that are late, one that is away, a program that is.

Nobody does anything after the reports are configured.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.reports.runs import Run
from tests.story.installation import Installation, MakeInstallation, StoryClock

WORKSPACE = """
sources:
  github:
    connector: github
    base_url: ${GITHUB}
    streams:
      repositories: {subjects: [acme/rocket, acme/launchpad], start: 2026-10-01}
  npm:
    connector: npm
    base_url: ${NPM}
    streams:
      downloads: {subjects: [rocket], start: 2026-09-28}
metrics:
  stars: {stream: github.repositories, measure: last(stars)}
  downloads: {stream: npm.downloads, measure: sum(downloads)}
"""
REPOS = ["acme/launchpad", "acme/rocket"]
START = datetime(2026, 10, 2, 7, 20, tzinfo=UTC)
SILENT = datetime(2026, 10, 4, tzinfo=UTC)
HEARD = datetime(2026, 10, 6, tzinfo=UTC)
GONE = datetime(2026, 10, 8, 1, tzinfo=UTC)
BACK = datetime(2026, 10, 11, 7, tzinfo=UTC)
END = datetime(2026, 10, 15, 12, tzinfo=UTC)
STEP = timedelta(hours=12)
NOT_READ = {
    "2026-10-01",  # nobody was there yet
    *("2026-10-04", "2026-10-05"),  # GitHub was silent
    *("2026-10-08", "2026-10-09", "2026-10-10"),  # the program was away
}


def test_reports_of_metrics_come_by_themselves(make_installation: MakeInstallation) -> None:
    world, clock = MemoryWorld(seeded=True), StoryClock(START)
    vendors = {"GITHUB": GithubVendor(world, clock), "NPM": NpmVendor(world, clock)}
    installation = make_installation(clock, WORKSPACE, vendors)
    installation.work()
    stars = configured(installation, "stars", by=["repo"])
    downloads = configured(installation, "downloads", deadline="10d")
    installation.work_until(SILENT, STEP)
    waits_for = by_date(installation, downloads)["2026-10-02"].waits_for or ""
    assert waits_for.startswith("1 of 1 days not complete yet: 2026-10-02 (")
    world.down = True
    installation.work_until(HEARD, STEP)
    world.down = False
    installation.work_until(GONE, STEP)
    installation.stop()
    clock.at = BACK
    installation.start()
    installation.work_until(END, STEP)
    installation.work()

    of_stars = by_date(installation, stars)
    assert list(of_stars) == [f"2026-10-{day:02d}" for day in range(1, 15)]
    for on, run in of_stars.items():
        assert (run.state, run.rows, run.attempts) == ("SUCCESS", 2, 1), run
        days = (date.fromisoformat(on) - date(2020, 1, 1)).days
        shown = {repo: world.repository(repo, START)["stars"] for repo in REPOS}  # type: ignore[index]
        since = (START.date() - date(2020, 1, 1)).days
        true = [
            {"Day": on, "Repo": repo, "Stars": None if on in NOT_READ else n - since + days}
            for repo, n in shown.items()
        ]
        assert content(run) == true
        told = [f"1 of 1 days incomplete for good: {on} ("] if on in NOT_READ else []
        assert [warning.split("(")[0] + "(" for warning in run.warnings] == told

    of_downloads = by_date(installation, downloads)
    assert list(of_downloads) == list(of_stars)
    for on, run in of_downloads.items():
        # npm may change a day for a week: until then nothing is written
        final_at = datetime.fromisoformat(f"{on}T00:00Z") + timedelta(days=8)
        assert run.state == ("SUCCESS" if final_at < END else "SUBMITTED"), (on, run)
        if run.state == "SUCCESS":
            n = world.downloads("rocket", date.fromisoformat(on), END)
            assert content(run) == [{"Day": on, "Downloads": n}]
            assert run.ended_at is not None
            assert run.ended_at >= final_at


def configured(installation: Installation, metric: str, **more: Any) -> str:
    """A report of each day, in JSON; its id."""
    by = more.pop("by", [])
    request = {
        "report_name": f"{metric} of a day",
        "query_engine": "lake",
        "execution_frequency": "DAILY",
        "report_interval": "YESTERDAY",
        "query_json": {"metric": metric, "by": by},
        "output_format": "json",
        "output_field_names": ["Day", *(name.title() for name in by), metric.title()],
        **more,
    }
    report = installation.running.reporting.service.submit(json.dumps(request))
    return report.report_id


def by_date(installation: Installation, report_id: str) -> dict[str, Run]:
    """The oldest first; of each date there is one."""
    found = list(installation.running.reporting.service.runs(report_id))
    dates = {run.end_on: run for run in reversed(found)}
    assert len(dates) == len(found)
    return dates


def content(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(urlsplit(run.location or "").path).read_text())
    return found
