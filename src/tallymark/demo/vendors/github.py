"""GitHub as Tallymark meets it: counters, open pull requests, moved repositories, its limits."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

from tallymark.clock import Clock
from tallymark.demo.vendors.alone import main
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.server import Answer, Asked, VendorServer, conditional, json_answer

SIMULATES = "github"
SUBJECT = "acme/rocket"
HOUR = timedelta(hours=1)
_PATH = re.compile(r"/repos/([^/]+/[^/]+)(/pulls)?|/repositories/(\d+)(/pulls)?")
_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."


class World(Protocol):
    """What is true of the repositories."""

    def repository(self, repo: str, at: datetime) -> Mapping[str, int] | None:
        """`stars`, `forks`, `watchers`, `pulls`; None: there is no such repository."""
        ...

    def outage(self, at: datetime) -> bool:
        """Whether GitHub answers nothing but 503."""
        ...


@dataclass
class _Window:
    """The hour's quota of one caller."""

    reset_at: datetime
    used: int = 0


class GithubVendor(VendorServer):
    """`quota` an hour for a caller with a token, 60 for one without; 900 a minute for each."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        log_path: Path | None = None,
        *,
        quota: int = 5000,
        per_minute: int = 900,
        tokens: frozenset[str] | None = None,
    ) -> None:
        super().__init__(clock, log_path)
        self.world = world
        self.quota = quota
        self.per_minute = per_minute
        self.tokens = tokens
        self.moved: dict[str, str] = {}
        self._windows: dict[str, _Window] = {}
        self._recent: dict[str, deque[datetime]] = {}
        self._names: dict[int, str] = {}

    def change(self, values: Mapping[str, Any]) -> None:
        """`moved`: old name to new name; `quota`, `per_minute`; the rest is the world's."""
        rest = dict(values)
        self.moved |= rest.pop("moved", {})
        self.quota = int(rest.pop("quota", self.quota))
        self.per_minute = int(rest.pop("per_minute", self.per_minute))
        if rest:
            change = getattr(self.world, "change", None)
            if change is None:
                raise ValueError("this world cannot be changed")
            change(rest)

    def answer(self, asked: Asked) -> Answer:
        if self.world.outage(asked.at):
            return json_answer(503, {"message": "No server is currently available"})
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token and self.tokens is not None and token not in self.tokens:
            return json_answer(401, {"message": "Bad credentials"})
        return self._within_limits(asked, token)

    def _within_limits(self, asked: Asked, token: str) -> Answer:
        limit = self.quota if token else min(60, self.quota)
        window = self._windows.setdefault(token, _Window(asked.at + HOUR))
        if not asked.at < window.reset_at <= asked.at + HOUR:
            window.reset_at, window.used = asked.at + HOUR, 0
        if window.used >= limit:
            answer = json_answer(403, {"message": "API rate limit exceeded"})
        elif wait_s := self._too_fast(token, asked.at):
            return json_answer(403, {"message": _SECONDARY}, {"retry-after": str(wait_s)})
        else:
            answer = conditional(asked, self._resource(asked))
            # a 304 costs nothing, but only for a caller with a token
            window.used += 0 if token and answer.status == 304 else 1
        quota = {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(limit - window.used),
            "x-ratelimit-used": str(window.used),
            "x-ratelimit-reset": str(int(window.reset_at.timestamp())),
            "x-ratelimit-resource": "core",
        }
        return Answer(answer.status, answer.body, {**answer.headers, **quota})

    def _too_fast(self, token: str, at: datetime) -> int:
        recent = self._recent.setdefault(token, deque())
        while recent and not timedelta() <= at - recent[0] < timedelta(minutes=1):
            recent.popleft()
        if len(recent) >= self.per_minute:
            return 60
        recent.append(at)
        return 0

    def _resource(self, asked: Asked) -> Answer:
        found = _PATH.fullmatch(asked.path)
        missing = json_answer(404, {"message": "Not Found", "status": "404"})
        if found is None:
            return missing
        name, pulls = found[1], found[2] or found[4] or ""
        if name in self.moved:
            number = self._number(self.moved[name])
            query = "&".join(f"{key}={value}" for key, value in asked.query.items())
            location = f"{self.url}/repositories/{number}{pulls}{'?' if query else ''}{query}"
            return json_answer(301, {"message": "Moved Permanently"}, {"location": location})
        name = name or self._names.get(int(found[3]), "")
        counters = self.world.repository(name, asked.at)
        if counters is None:
            return missing
        if pulls:
            return self._pulls(asked, name, counters["pulls"])
        return json_answer(200, _repository(name, self._number(name), counters))

    def _number(self, name: str) -> int:
        number = crc32(name.encode())
        self._names[number] = name
        return number

    def _pulls(self, asked: Asked, name: str, n_open: int) -> Answer:
        size = max(1, min(100, int(asked.query.get("per_page", "30"))))
        page = max(1, int(asked.query.get("page", "1")))
        numbers = range(n_open, 0, -1)[(page - 1) * size : page * size]
        last = -(-n_open // size)
        base = f"{self.url}/repositories/{self._number(name)}/pulls?state=open&per_page={size}"
        links: dict[str, int] = {}
        if page < last:
            links |= {"next": page + 1, "last": last}
        if page > 1:
            links |= {"prev": page - 1, "first": 1}
        link = ", ".join(f'<{base}&page={n}>; rel="{rel}"' for rel, n in links.items())
        pulls = [{"number": n, "state": "open", "title": f"Change {n}"} for n in numbers]
        return json_answer(200, pulls, {"link": link} if link else {})


def _repository(name: str, number: int, counters: Mapping[str, int]) -> dict[str, Any]:
    owner, _, short = name.partition("/")
    return {
        "id": number,
        "name": short,
        "full_name": name,
        "private": False,
        "owner": {"login": owner, "type": "Organization"},
        "html_url": f"https://github.com/{name}",
        "fork": False,
        "default_branch": "main",
        "stargazers_count": counters["stars"],
        "watchers_count": counters["stars"],
        "watchers": counters["stars"],
        "forks_count": counters["forks"],
        "forks": counters["forks"],
        "subscribers_count": counters["watchers"],
        "open_issues_count": counters["pulls"] + 7,
    }


def start(log_path: Path | None, clock: Clock) -> GithubVendor:
    """A vendor that knows every repository."""
    vendor = GithubVendor(MemoryWorld(seeded=True), clock, log_path)
    vendor.start()
    return vendor


if __name__ == "__main__":
    main(GithubVendor)
