"""What holds for all tests: `TALLYMARK_NO_SKIPS=1` turns every skip into a failure."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

EXEMPT = "../shared"
"""A skip whose reason names this folder stays one: it is not part of the repository."""


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
