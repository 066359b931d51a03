"""A real Druid for the tests: a whole small cluster in one Java process, and ways to fill it."""

from __future__ import annotations

import itertools
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.servers.jars import need_java, program, settings
from tests.servers.shared import WORKER, Note, keep, shared, wait
from tests.tools.ports import free_port

SERVICES = ("zookeeper", "coordinator", "historical", "broker", "indexer")
LOADED_WITHIN_S = 120
TABLE = "SELECT 1 FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = '{}'"


@dataclass(frozen=True)
class Druid:
    """Its addresses (the coordinator is the overlord too)."""

    broker: str
    coordinator: str
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def name(self, start: str = "events") -> str:
        """A name for a data source that no other test has."""
        return f"{start}_{WORKER}_{os.getpid()}_{next(self._numbers)}"

    def sql(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = call(f"{self.broker}/druid/v2/sql", {"query": query})
        return found

    def load(
        self,
        source: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        segments: str = "day",
        types: Mapping[str, str] | None = None,
    ) -> None:
        """Load rows by a batch and wait until they can be asked for.

        `ts` is the time, an ISO instant or milliseconds; a column is text unless `types` says
        `long` or `double`. All rows stay as they are; what was there in their segments is replaced.
        """
        lines = "\n".join(json.dumps(row) for row in rows)
        io = {
            "type": "index_parallel",
            "inputSource": {"type": "inline", "data": lines},
            "inputFormat": {"type": "json"},
        }
        columns = sorted({name for row in rows for name in row} - {"ts"})
        schema = _schema(source, columns, types or {}, segments)
        spec = {"dataSchema": schema, "ioConfig": io, "tuningConfig": {"type": "index_parallel"}}
        task = self._overlord("/task", {"type": "index_parallel", "spec": spec})["task"]
        self._done(task)
        self.loaded(source)

    def supervise(
        self,
        source: str,
        topic: str,
        bootstrap: str,
        *,
        columns: Sequence[str],
        types: Mapping[str, str] | None = None,
        segments: str = "day",
        task: str = "PT1M",
    ) -> None:
        """Let a supervisor take the events of a topic; a task shorter than a minute fails.

        Kafka knows it by the name of the source, see `Kafka.slow`.
        """
        io = {
            "topic": topic,
            "inputFormat": {"type": "json"},
            "consumerProperties": {"bootstrap.servers": bootstrap, "client.id": source},
            "useEarliestOffset": True,
            "taskDuration": task,
            "startDelay": "PT1S",
            "period": "PT5S",
            "completionTimeout": "PT5M",
        }
        tuning = {"type": "kafka", "offsetFetchPeriod": "PT5S"}
        schema = _schema(source, columns, types or {}, segments)
        spec = {"dataSchema": schema, "ioConfig": io, "tuningConfig": tuning}
        self._overlord("/supervisor", {"type": "kafka", "spec": spec})

    def supervisor(self, source: str) -> dict[str, Any]:
        found: dict[str, Any] = self._overlord(f"/supervisor/{source}/status")["payload"]
        return found

    def taken(self, source: str, rows: int) -> None:
        """Wait until so many rows can be asked for, handed over or not."""
        count = f'SELECT COUNT(*) AS n FROM "{source}"'

        def so() -> bool:
            return bool(self.sql(TABLE.format(source)) and self.sql(count)[0]["n"] >= rows)

        until(so, f"{source} has no {rows} rows")

    def handed_over(self, source: str) -> None:
        """Wait until all that was taken is published and loaded, and nothing is realtime."""

        def so() -> bool:
            found = self.segments(source)
            return bool(found) and all(
                one["is_published"] and one["is_available"] and not one["is_realtime"]
                for one in found
            )

        until(so, f"{source} is not handed over")

    def suspend(self, source: str) -> None:
        """Take no more events; what was taken is handed over."""
        self._overlord(f"/supervisor/{source}/suspend", {})

    def resume(self, source: str) -> None:
        self._overlord(f"/supervisor/{source}/resume", {})

    def terminate(self, source: str) -> None:
        self._overlord(f"/supervisor/{source}/terminate", {})

    def segments(self, source: str) -> list[dict[str, Any]]:
        """What the broker says of all segments of a data source, by interval."""
        return self.sql(
            'SELECT segment_id, "start", "end", is_published, is_available, is_realtime,'
            f" num_rows FROM sys.segments WHERE datasource = '{source}' ORDER BY 1"
        )

    def drop(self, segment_id: str, source: str) -> None:
        """Mark a segment as unused: it is dropped soon after."""
        body = {"segmentIds": [segment_id]}
        self._overlord(f"/datasources/{source}/markUnused", body)

    def undrop(self, segment_id: str, source: str) -> None:
        body = {"segmentIds": [segment_id]}
        self._overlord(f"/datasources/{source}/markUsed", body)

    def lose(self, source: str, day: str) -> None:
        """Let nobody serve the segments of a day any more, though they are published."""
        off = {"_default_tier": 0}
        begins = datetime.fromisoformat(day)
        interval = f"{day}/{begins + timedelta(days=1):%Y-%m-%d}"
        rules = [
            {"type": "loadByInterval", "interval": interval, "tieredReplicants": off},
            {"type": "loadForever", "tieredReplicants": {"_default_tier": 1}},
        ]
        call(f"{self.coordinator}/druid/coordinator/v1/rules/{source}", rules)
        self.unavailable(source, day)

    def find(self, source: str) -> None:
        """Let all segments be served again."""
        call(f"{self.coordinator}/druid/coordinator/v1/rules/{source}", [])
        self.loaded(source)

    def unavailable(self, source: str, day: str) -> None:
        """Wait until no segment of a day can be asked for."""

        def so() -> bool:
            return not any(
                one["is_available"] for one in self.segments(source) if one["start"][:10] == day
            )

        until(so, f"{source} still has {day}")

    def loaded(self, source: str) -> None:
        """Wait until all published segments can be asked for."""
        until(lambda: self._is_loaded(source), f"{source} is not loaded")

    def _is_loaded(self, source: str) -> bool:
        # without an interval only the last two weeks are looked at
        asked = "forceMetadataRefresh=true&interval=1000-01-01/3000-01-01"
        path = f"/druid/coordinator/v1/datasources/{source}/loadstatus?{asked}"
        try:
            status = call(self.coordinator + path)
        except urllib.error.HTTPError:
            return False
        there = [one for one in self.segments(source) if one["is_published"]]
        if not (status == {source: 100.0} and there and all(s["is_available"] for s in there)):
            return False
        # the planner learns of a table later than the broker does
        return bool(self.sql(TABLE.format(source)))

    def _done(self, task: str) -> None:
        def over() -> bool:
            status = self._overlord(f"/task/{task}/status")["status"]
            assert status["statusCode"] != "FAILED", status
            return bool(status["statusCode"] == "SUCCESS")

        until(over, f"{task} is not done")

    def _overlord(self, path: str, body: Any = None) -> Any:
        return call(f"{self.coordinator}/druid/indexer/v1{path}", body)


@pytest.fixture(scope="session")
def druid(tmp_path_factory: pytest.TempPathFactory) -> Druid:
    """The run's Druid, shared by all workers: name your data sources by `druid.name()`."""
    need_java()
    return Druid(**shared(tmp_path_factory, "druid", start))


def start(folder: Path) -> Note:
    ports = {name: free_port() for name in (*SERVICES, "derby")}
    settings("druid", folder, **ports)
    for name in ("data/tmp", "data/task", "data/zk", "extensions"):
        (folder / name).mkdir(parents=True)
    services = [f"{name}={ports[name]}" for name in SERVICES]
    java = ["java", "@jvm.options", "-cp", f"{folder}:{program('druid')}"]
    keeper = keep(folder, [*java, "DruidOneJvm", "common.properties", *services])
    found = Druid(*(f"http://127.0.0.1:{ports[name]}" for name in ("broker", "coordinator")))
    wait(folder, keeper, lambda: _up(found), 280)
    return {"broker": found.broker, "coordinator": found.coordinator}


def _up(druid: Druid) -> bool:
    """All of it: the broker sees a historical and an indexer, and the overlord leads."""
    try:
        kinds = {row["server_type"] for row in druid.sql("SELECT server_type FROM sys.servers")}
        leads = call(f"{druid.coordinator}/druid/indexer/v1/isLeader")["leader"]
    except (OSError, ValueError):
        return False
    return bool(leads and {"historical", "indexer"} <= kinds)


def _schema(
    source: str, columns: Sequence[str], types: Mapping[str, str], segments: str
) -> dict[str, Any]:
    return {
        "dataSource": source,
        "timestampSpec": {"column": "ts", "format": "auto"},
        "dimensionsSpec": {
            "dimensions": [{"type": types.get(name, "string"), "name": name} for name in columns]
        },
        "granularitySpec": {
            "segmentGranularity": segments,
            "queryGranularity": "none",
            "rollup": False,
        },
    }


def call(url: str, body: Any = None, timeout_s: float = 60) -> Any:
    """GET, or POST where there is a body. Raises: urllib.error.HTTPError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def until(true: Callable[[], bool], otherwise: str, seconds: float = LOADED_WITHIN_S) -> None:
    """Ask again until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)
