"""A world that tests set: values as they are given, and made-up ones where `seeded`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zlib import crc32


@dataclass
class MemoryWorld:
    """What the vendors show. `seeded`: every repository and package exists, with steady numbers.

    npm counts a day when the next one has begun; `downloads[package][day]` None hides a day.
    """

    seeded: bool = False
    down: bool = False
    repositories: dict[str, dict[str, int] | None] = field(default_factory=dict)
    packages: dict[str, dict[str, int | None]] = field(default_factory=dict)

    def change(self, values: Mapping[str, Any]) -> None:
        """`{"repositories": {name: {...} | null}, "downloads": {package: {day: n | null}},
        "down": bool, "seeded": bool}`; what is not named stays."""
        for name, value in values.items():
            if name == "repositories":
                for repo, counters in value.items():
                    earlier = self.repositories.get(repo) or {}
                    self.repositories[repo] = counters and {**earlier, **counters}
            elif name == "downloads":
                for package, days in value.items():
                    self.packages.setdefault(package, {}).update(days)
            elif name in ("down", "seeded"):
                setattr(self, name, bool(value))
            else:
                raise ValueError(f"the world has no {name!r}")

    def outage(self, at: datetime) -> bool:
        return self.down

    def repository(self, repo: str, at: datetime) -> Mapping[str, int] | None:
        made_up = self._made_up(repo, at) if self.seeded else {}
        if repo not in self.repositories:
            return made_up or None
        counters = self.repositories[repo]
        none = dict.fromkeys(("stars", "forks", "watchers", "pulls"), 0)
        return None if counters is None else {**none, **made_up, **counters}

    def _made_up(self, repo: str, at: datetime) -> dict[str, int]:
        base = crc32(repo.encode()) % 5000
        days = (at - datetime(2020, 1, 1, tzinfo=UTC)).days
        return {
            "stars": base + days,
            "forks": base // 10,
            "watchers": base // 50,
            "pulls": base % 40,
        }

    def has_package(self, package: str) -> bool:
        return self.seeded or package in self.packages

    def downloads(self, package: str, day: date, at: datetime) -> int | None:
        if datetime.combine(day, time(), UTC) + timedelta(days=1) > at:
            return None
        days = self.packages.get(package, {})
        if day.isoformat() in days:
            return days[day.isoformat()]
        return 100 + crc32(f"{package} {day}".encode()) % 900 if self.seeded else None
