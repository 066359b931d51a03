"""The sample request of the founding design, sent to a node with a real Druid until it works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tallymark.state import tokens
from tallymark.wiring.serving import Server
from tests.asgi import Client
from tests.servers.druid import Druid
from tests.services.reports.house import House, house

PRINTED = (Path(__file__).parents[2] / "unit/reports/request_as_printed.txt").read_text()
WANTED = {
    "eid": "IMPRESSION", "edata_type": "detail", "edata_pageid": "collection-detail",
    "context_pdata_id": "prod.diksha.app",
}  # fmt: skip


def test_the_founding_sample_is_told_its_faults_and_mended_makes_its_file(
    druid: Druid, tmp_path: Path
) -> None:
    yesterday, day = (str((datetime.now(UTC) - timedelta(days=n)).date()) for n in (1, 2))
    other = {**WANTED, "eid": "START"}
    values = [(day, WANTED, 2.0), (day, WANTED, 3.0), (day, other, 50.0), (yesterday, other, 7.0)]
    events = [
        {"ts": f"{on}T12:00:00Z", "edata_value": value, "context_did": "d", **fields}
        for on, fields, value in values
    ]
    druid.load("telemetry-events", events, types={"edata_value": "double"})
    with house(tmp_path / "home", druid.broker, druid.coordinator) as here, web(here) as client:
        token = tokens.create(here.node.databases.control, "team", "write", datetime.now(UTC))

        def submit(text: str) -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            return client.post("/report/jobs/submit", content=text, headers=headers).json()

        printed = submit(PRINTED)
        assert printed["responseCode"] == "CLIENT_ERROR"
        assert "line 25, column 56: the name fieldName lacks" in printed["params"]["errmsg"]

        quoted = submit(PRINTED.replace(' fieldName"', ' "fieldName"'))["result"]
        filters = [
            f"query_json.filter.fields[{n}].{name}"
            for n in range(4)
            for name in ("dimension", "value")
        ]
        sums = [f"query_json.postAggregations[0].fields[{n}].fieldName" for n in range(2)]
        assert [one["field"] for one in quoted["errors"]] == [*filters, *sums]
        assert len(quoted["warnings"]) == 2

        done = submit(mended())
        assert done["responseCode"] == "OK", done
        assert not done["result"]["unchecked"]
        assert done["result"]["warnings"] == quoted["warnings"]
        here.work()
        (run,) = here.node.reporting.service.runs(done["result"]["report_id"])
        assert (run.state, run.error, run.waits_for) == ("SUCCESS", None, None)
        (file,) = here.folder.glob("*[0-9].json")
        assert json.loads(file.read_text()) == [
            {"date": day, "eid": "IMPRESSION", "Average Collection Downloads": 2.5}
        ]


@contextmanager
def web(here: House) -> Iterator[Client]:
    server = Server(here.node)
    yield Client(server.app(), "http://localhost")
    assert server.inbox is not None
    server.inbox.close()


def mended() -> str:
    """What was asked for: quotes, filters, the two aggregations. The data is loaded in one piece,
    so that its segments alone say that it is there."""
    told = json.loads(PRINTED.replace(' fieldName"', ' "fieldName"'))
    query = told["request"]["query_json"]
    for one in query["filter"]["fields"]:
        one["dimension"], one["value"] = one.pop("name"), one.pop("fieldName")
    query["aggregations"] += [
        {"type": "doubleSum", "name": "total_edata_value", "fieldName": "edata_value"},
        {"type": "count", "name": "rows"},
    ]
    told["request"]["availability"] = "segments"
    return json.dumps(told)
