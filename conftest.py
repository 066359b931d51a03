"""What holds for all tests: the long ones come first, so that none is left over at the end.

`SOAK=1` runs those as well that are marked `soak`, and all stories on both databases.
`TALLYMARK_NO_SKIPS=1` turns every skip into a failure.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

EXEMPT = "../shared"
"""A skip whose reason names this folder stays one: it is not part of the repository."""


LONG = (
    "tests/story/",
    "tests/services/",
    "tests/oracle/",
    "tests/crash/test_database.py",
    "tests/contract/ledger/test_chaos.py",
    "tests/house/test_one_file.py",
    "tests/crash/",
    "tests/browser/",
)
"""Where tests wait or work for seconds, the longest first; all others come after them."""


def rank(nodeid: str) -> int:
    """The place of a test's file in `LONG`."""
    return next((n for n, path in enumerate(LONG) if nodeid.startswith(path)), len(LONG))


ONE_DATABASE = (
    "tests/crash/",
    "tests/story/",
    "tests/contract/cubes/test_overlays.py",
    "tests/contract/cubes/test_recomputation.py",
    "tests/contract/lake/test_maintain.py",
    "tests/contract/ledger/test_chaos.py",
    "tests/contract/reports/test_changed.py",
    "tests/contract/reports/test_disabled.py",
    "tests/contract/reports/test_tend.py",
)
"""Where only SOAK=1 takes PostgreSQL as well: what they say to a database, others do on both."""


def for_soak(item: pytest.Item) -> bool:
    """Whether a test is left for SOAK=1."""
    second = item.nodeid.startswith(ONE_DATABASE) and "postgresql" in item.nodeid
    return second or item.get_closest_marker("soak") is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not os.environ.get("SOAK"):
        config.hook.pytest_deselected(items=[item for item in items if for_soak(item)])
        items[:] = [item for item in items if not for_soak(item)]
    items.sort(key=lambda item: rank(item.nodeid))


def strict(report: Any) -> Any:
    """Make a skip a failure that says why it was skipped."""
    wanted = os.environ.get("TALLYMARK_NO_SKIPS") == "1"
    if wanted and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if EXEMPT not in reason:
            report.outcome = "failed"
            report.longrepr = f"a skip counts as a failure here: {report.nodeid}: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return strict((yield))
