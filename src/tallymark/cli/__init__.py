"""The commands. Each ends with 0, or with the number of what the caller must do."""

from __future__ import annotations

from tallymark.cli import asking, calendar, doing, report, series, serving
from tallymark.cli.common import app, main

__all__ = ["app", "asking", "calendar", "doing", "main", "report", "series", "serving"]
