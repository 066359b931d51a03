"""`/api/v1/reports`, and `/report/jobs` for clients of the founding design."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from tallymark.engines import Checked
from tallymark.errors import EngineAway, FatalError, WrongField
from tallymark.reports.request.parse import Known, parse
from tallymark.state.database import open_databases
from tallymark.web.api import report_shapes as shapes
from tallymark.web.api.report_shapes import ReportIn
from tallymark.web.app import create_app
from tests import listed
from tests.asgi import Client
from tests.listed import KOLKATA, NOW, OUTPUT, REQUEST, Here
from tests.web_world import World

REPORTS = "/api/v1/reports"
TOKENS = {"tmk_reader": "read", "tmk_writer": "write", "tmk_admin": "admin"}
READER = {"Authorization": "Bearer tmk_reader"}
WRITER = {"Authorization": "Bearer tmk_writer"}


@pytest.fixture
def reports(sqlite_template: Path, home: Path, tmp_path: Path) -> Iterator[Here]:
    for file in sqlite_template.glob("*.db"):
        shutil.copy(file, home / file.name)
    databases = open_databases(None, home)
    yield listed.here(databases, tmp_path)
    databases.close()


@pytest.fixture
def client(here: World, reports: Here) -> Client:
    known = {"check_token": TOKENS.get, "reports": reports.reports, "clock": reports.clock}
    return Client(create_app(replace(here.services, **known)))


def body(**changed: Any) -> str:
    return json.dumps({**REQUEST, **changed})


def envelope(request: Any) -> dict[str, Any]:
    return {
        "id": "sunbird.analytics.report.submit", "ver": "1.0", "ts": "2019-03-07T12:40:40+05:30",
        "params": {"msgid": "4406df37", "client_key": "analytics-team"}, "request": request,
    }  # fmt: skip


def test_a_report_goes_its_whole_way(client: Client, reports: Here) -> None:
    made = client.post(REPORTS, content=body(), headers=WRITER)
    shown = made.json()
    assert made.status_code == 201
    one = f"{REPORTS}/{shown['report_id']}"
    assert made.headers["location"] == one
    assert shown["report_config"] == body()
    assert client.get(one, headers=READER).json() == shown
    assert client.get(REPORTS, headers=READER).json() == {"count": 1, "reports": [shown]}
    changed = client.patch(one, json={"output_format": "json"}, headers=WRITER).json()
    assert json.loads(changed["report_config"])["output_format"] == "json"
    assert client.post(f"{one}/disable", headers=WRITER).json()["status"] == "DISABLED"
    by_status = {"params": {"status": "ENABLED"}, "headers": READER}
    assert client.get(REPORTS, **by_status).json()["count"] == 0
    assert client.post(f"{one}/enable", headers=WRITER).json()["status"] == "ENABLED"
    assert client.post(f"{one}/run", headers=WRITER).status_code == 200


def test_answers_have_the_shapes_that_are_described(client: Client, reports: Here) -> None:
    report = reports.submit()
    reports.plan(report)
    reports.made(report, "2026-11-21")
    dates = {"from": "2026-11-20", "to": "2026-11-21"}
    wanted = {"report_list": [], "reason": "x", "replay_interval": dates}
    one = f"{REPORTS}/{report.report_id}"
    answers: list[tuple[type[BaseModel], Any]] = [
        (shapes.ReportsOut, client.get(REPORTS, headers=READER)),
        (shapes.ReportOut, client.get(one, headers=READER)),
        (shapes.RunsOut, client.get(f"{one}/runs", headers=READER)),
        (shapes.WhyOut, client.get(f"{one}/why", headers=READER)),
        (shapes.PreviewOut, client.get(f"{one}/preview", headers=READER)),
        (shapes.RegeneratedOut, client.post(f"{REPORTS}/regenerate", json=wanted, headers=WRITER)),
        (shapes.EnvelopeOut, client.post("/report/jobs", json=envelope({}), headers=READER)),
        (shapes.EnvelopeOut, client.post("/report/jobs/submit", json={}, headers=WRITER)),
    ]
    for shape, answer in answers:
        # what is left out of a description would be left out of this dump
        shown = shape.model_validate(answer.json()).model_dump(mode="json")
        assert shown == answer.json(), shape


def test_runs_tell_what_became_of_each_date(client: Client, reports: Here) -> None:
    report = reports.submit(start="2026-11-20")
    reports.plan(report)
    reports.made(report, "2026-11-20")
    reports.change(report, "2026-11-20", rows=0, location="az://x", sha256="ab")
    found = client.get(f"{REPORTS}/{report.report_id}/runs", headers=READER).json()
    assert found["count"] == 2
    assert found["runs"][1] == {
        "end_date": "2026-11-20", "start_date": "2026-11-20", "revision": 1, "status": "SUCCESS",
        "waits_for": None, "waiting_since_at": None, "attempts": 0, "seconds": None, "rows": 0,
        "bytes": 9, "empty": True, "location": "az://x", "sha256": "ab", "error": None,
        "advice": None, "warnings": [], "reason": None, "made_at": "2026-11-22T03:00:00Z",
        "ended_at": "2026-11-22T03:00:00Z", "deadline_at": "2026-11-23T03:00:00Z",
    }  # fmt: skip
    (shown,) = client.get(REPORTS, headers=READER).json()["reports"]
    assert shown["last_generated_at"] == "2026-11-22T03:00:00Z"
    newest = client.get(f"{REPORTS}/{report.report_id}/runs?limit=1", headers=READER).json()
    assert [run["end_date"] for run in newest["runs"]] == ["2026-11-21"]
    why = client.get(f"{REPORTS}/{report.report_id}/why", headers=READER).json()
    assert why["why"][0] == "has yet to look at 2026-11-21"


def test_a_preview_and_regenerating_are_answered(client: Client, reports: Here) -> None:
    report = reports.submit()
    reports.plan(report)
    reports.made(report, "2026-11-21")
    stored = client.get(f"{REPORTS}/{report.report_id}/preview", headers=READER).json()
    assert stored["rows"] == [["a/b", 2**60], [None, None]]
    for content in (body(), "\ufeff" + body(), " \n" + body(), json.dumps(envelope(REQUEST))):
        asked = client.post(f"{REPORTS}/preview", content=content.encode(), headers=WRITER)
        assert asked.json() == stored
    wanted = {
        "report_list": [report.report_id], "reason": "late events",
        "replay_interval": {"from": "2026-11-20", "to": "2026-11-21"},
    }  # fmt: skip
    done = client.post(f"{REPORTS}/regenerate", json=wanted, headers=WRITER).json()
    assert (done["count"], done["left_out"][0]["end_dates"]) == (1, ["2026-11-20"])
    assert reports.reports.runs(report.report_id)[0].revision == 2


def test_an_engine_that_is_away_or_refuses_is_told_by_the_code(
    client: Client, reports: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = reports.submit()
    for error, status in ((EngineAway("Druid is away"), 503), (FatalError("no such thing"), 400)):

        def ask(*asked: Any, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(reports.engine, "ask", ask)
        answer = client.get(f"{REPORTS}/{report.report_id}/preview", headers=READER)
        assert (answer.status_code, answer.json()["detail"]) == (status, str(error))


def test_every_wrong_field_is_told_at_once(client: Client, reports: Here) -> None:
    found = WrongField("query_json.filter.dimension", "is missing")
    reports.engine.checked = Checked(output=OUTPUT, wrong=(found,), warnings=("ignored",))
    answer = client.post(REPORTS, content=body(report_name=None, x=1), headers=WRITER)
    assert answer.status_code == 400
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in problem["errors"]] == [
        "report_name", "x", "query_json.filter.dimension",
    ]  # fmt: skip
    assert problem["errors"][2]["detail"] == "is missing"
    assert problem["warnings"] == ["ignored"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", REPORTS), ("patch", f"{REPORTS}/x"), ("post", f"{REPORTS}/x/disable"),
        ("post", f"{REPORTS}/x/enable"), ("post", f"{REPORTS}/x/run"),
        ("post", f"{REPORTS}/regenerate"), ("post", "/report/jobs/submit"),
        # whatever it asks, it asks with the operator's credentials
        ("post", f"{REPORTS}/preview"),
        ("post", "/report/jobs/x"), ("post", "/report/jobs/deactivate/x"),
        ("post", "/report/jobs/regenerate"),
    ],
)  # fmt: skip
def test_a_change_wants_a_token_that_may_write(client: Client, method: str, path: str) -> None:
    def status(**given: Any) -> int:
        answer: httpx.Response = getattr(client, method)(path, content="{", **given)
        return answer.status_code

    assert status() == 401
    assert status(headers={"Authorization": "Bearer tmk_unknown"}) == 401
    assert status(headers=READER) == 403
    assert status(headers=WRITER) in (400, 404)
    assert status(headers={"Authorization": "Bearer tmk_admin"}) in (400, 404)


@pytest.mark.parametrize(
    "path",
    [REPORTS, f"{REPORTS}/x", f"{REPORTS}/x/runs", f"{REPORTS}/x/why", f"{REPORTS}/x/preview",
     "/report/jobs/x"],
)  # fmt: skip
def test_looking_wants_a_token(client: Client, path: str) -> None:
    assert client.get(path).status_code == 401
    assert client.get(path, headers=READER).status_code == (200 if path == REPORTS else 404)


def test_what_another_report_has_is_a_conflict(client: Client, reports: Here) -> None:
    reports.submit()
    answer = client.post(REPORTS, content=body(), headers=WRITER)
    assert answer.status_code == 409
    assert "there is a report" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b'{"a": \xff}', 400, "no UTF-8 at byte 6"),
        (b"{", 400, "line 1, column 2: it ends too early"),
        (b'"' + b"x" * 1_100_000 + b'"', 413, "1 MiB at most"),
        (b'{"a":' * 150_000, 400, "nested deeper than 60 levels"),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    client: Client, content: bytes, status: int, said: str
) -> None:
    for path in (REPORTS, "/report/jobs/submit"):
        answer = client.post(path, content=content, headers=WRITER)
        assert (answer.status_code, said in answer.text) == (status, True)


@pytest.mark.parametrize("content", ["", "[1]", "5", "plays-0123abcd", "\ufeff[1]", "null"])
def test_what_a_preview_is_asked_for_is_a_request_and_never_an_id(
    client: Client, content: str
) -> None:
    answer = client.post(f"{REPORTS}/preview", content=content.encode(), headers=WRITER)
    assert (answer.status_code, "the request" in answer.json()["detail"]) == (400, True)


PRINTED = Path(__file__).parents[1] / "reports" / "request_as_printed.txt"


def test_the_founding_sample_is_told_the_first_of_its_missing_quotes(client: Client) -> None:
    answer = client.post("/report/jobs/submit", content=PRINTED.read_bytes(), headers=WRITER)
    assert answer.status_code == 400
    assert answer.json()["params"]["errmsg"] == (
        "the request is no JSON: line 25, column 56: the name fieldName lacks its opening quote: "
        'write "fieldName"'
    )


def test_an_envelope_comes_back_with_what_was_in_it(client: Client, reports: Here) -> None:
    answer = client.post("/report/jobs/submit", json=envelope(REQUEST), headers=WRITER)
    found = answer.json()
    resmsgid = found["params"].pop("resmsgid")
    result = found.pop("result")
    assert answer.status_code == 200
    assert found == {
        "id": "sunbird.analytics.report.submit",
        "ver": "1.0",
        "ts": "2026-11-22T03:00:00Z",
        "params": {
            "msgid": "4406df37", "err": None, "errmsg": None, "status": "successful",
            "client_key": "analytics-team",
        },
        "responseCode": "OK",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-f-]{36}", resmsgid)
    assert json.loads(result["report_config"]) == envelope(REQUEST)
    one = client.get(f"/report/jobs/{result['report_id']}", headers=READER).json()
    assert one["result"] == result
    assert one["id"] == "tallymark.report.jobs"


def test_jobs_are_listed_replaced_deactivated_and_regenerated(
    client: Client, reports: Here
) -> None:
    report = reports.submit()
    path = f"/report/jobs/{report.report_id}"

    def asked(path: str, request: Any) -> Any:
        answer = client.post(path, json=envelope(request), headers=WRITER)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    replaced = asked(path, {**REQUEST, "output_format": "json"})
    assert replaced["report_id"] == report.report_id
    assert asked("/report/jobs", {"filters": {"status": ["ENABLED"]}})["count"] == 1
    assert asked(f"/report/jobs/deactivate/{report.report_id}", {})["status"] == "DISABLED"
    assert asked("/report/jobs", {"filters": {"status": ["ENABLED"]}})["reports"] == []
    assert asked("/report/jobs", {})["count"] == 1
    wanted = {
        "report_list": [], "replay_interval": {"from": "2026-11-20", "to": "2026-11-21"},
        "reason": "x", "dry_run": True,
    }  # fmt: skip
    assert asked("/report/jobs/regenerate", wanted) == {
        "dry_run": True, "count": 0, "made": [], "left_out": [],
    }  # fmt: skip
    without_a_body = client.post(f"/report/jobs/deactivate/{report.report_id}", headers=WRITER)
    assert without_a_body.json()["responseCode"] == "OK"


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/report/jobs/submit", WRITER, 400, "CLIENT_ERROR"),
        ("/report/jobs", WRITER, 400, "CLIENT_ERROR"),
        ("/report/jobs/submit", {}, 401, "CLIENT_ERROR"),
        ("/report/jobs/submit", READER, 403, "CLIENT_ERROR"),
        ("/report/jobs/nothing-0", WRITER, 404, "RESOURCE_NOT_FOUND"),
        ("/report/jobs/no/such/route", WRITER, 404, "RESOURCE_NOT_FOUND"),
    ],
)
def test_a_refusal_comes_in_an_envelope_with_an_honest_code(
    client: Client, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    request = REQUEST if "nothing" in path else {"report_name": 7, "filters": {"state": 1}}
    answer = client.post(path, json=envelope(request), headers={**headers, "Accept": "text/html"})
    found = answer.json()
    assert (answer.status_code, found["responseCode"]) == (status, code)
    assert (found["params"]["status"], bool(found["params"]["errmsg"])) == ("failed", True)
    assert found["params"]["msgid"] == (None if "route" in path else "4406df37")
    if status == 400:
        assert {"field", "detail"} == set(found["result"]["errors"][0])


def test_an_error_of_ours_comes_in_an_envelope_too(client: Client, here: World) -> None:
    broken = replace(here.services, check_token=TOKENS.get)
    answer = Client(create_app(broken)).get("/report/jobs/x", headers=READER)
    assert (answer.status_code, answer.json()["responseCode"]) == (500, "SERVER_ERROR")
    assert "log says what" in answer.json()["params"]["errmsg"]


def test_nothing_strange_in_an_envelope_comes_back(client: Client) -> None:
    strange = {"id": {"a": 1}, "ver": "x" * 300, "params": [1], "request": {"filters": {}}}
    found = client.post("/report/jobs", json=strange, headers=READER).json()
    assert (found["id"], found["ver"]) == ("tallymark.report.jobs", "x" * 200)
    for text in ('{"id": "\\ud800", "request": {}}', '{"params": {"msgid": "\\u0000"}}'):
        answer = client.post("/report/jobs", content=text, headers=READER)
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("msgid", "back"),
    [
        ("7", 7), ("1.5", 1.5), ("0", 0), ('"' + "m" * 300 + '"', "m" * 200), ("true", None),
        ("[1]", None), ("NaN", None), ("1" + "0" * 30, None),
        ('"a\\ud800\\u0000"', "a\ufffd\ufffd"),
    ],
)  # fmt: skip
def test_a_message_id_comes_back_as_it_is_or_cut(client: Client, msgid: str, back: Any) -> None:
    text = f'{{"id": "a", "params": {{"msgid": {msgid}, "client_key": "k"}}, "request": {{}}}}'
    found = client.post("/report/jobs/submit", content=text, headers=WRITER).json()
    assert (found["params"]["msgid"], found["params"]["client_key"]) == (back, "k")


@pytest.mark.parametrize("value", ["NaN", '"\\ud800"', '"\\u0000"', "9" * 30, "[" * 70 + "]" * 70])
@pytest.mark.parametrize(("headers", "status"), [(WRITER, 400), (READER, 403), ({}, 401)])
def test_an_envelope_comes_back_whatever_is_wrong_with_its_request(
    client: Client, value: str, headers: dict[str, str], status: int
) -> None:
    given = envelope(None) | {"request": {"report_name": "X"}}
    text = json.dumps(given).replace('"X"', value)
    answer = client.post("/report/jobs/submit", content=text, headers=headers)
    found = answer.json()
    assert answer.status_code == status
    assert (found["id"], found["ver"]) == (given["id"], given["ver"])
    assert (found["params"]["msgid"], found["params"]["client_key"]) == (
        "4406df37", "analytics-team",
    )  # fmt: skip


def test_an_unsound_value_is_told_with_every_other_mistake(client: Client) -> None:
    for text in ('{"report_name": NaN}', '{"request": {"report_name": NaN}}'):
        errors = client.post("/report/jobs/submit", content=text, headers=WRITER).json()["result"]
        fields = {one["field"] for one in errors["errors"]}
        assert fields == {
            "report_name", "query_engine", "execution_frequency", "report_interval", "query_json",
            "output_format", "output_field_names",
        }  # fmt: skip


@pytest.mark.parametrize("path", [REPORTS, "/report/jobs/submit", "/report/jobs", f"{REPORTS}/ID"])
def test_a_field_beside_the_request_that_nobody_reads_is_refused(
    client: Client, reports: Here, path: str
) -> None:
    path = path.replace("ID", reports.submit().report_id)
    ask = client.patch if path.startswith(f"{REPORTS}/") else client.post
    given = {**envelope({}), "output_format": "json"}
    assert "output_format: is not known here" in ask(path, json=given, headers=WRITER).text


def test_the_described_fields_are_those_that_are_read(client: Client) -> None:
    known = Known(engines=("druid",), stores=("",), formats=("csv",), calendar=KOLKATA)
    given = dict.fromkeys(ReportIn.model_fields, object())
    unknown = [one for one in parse(given, known, NOW).wrong if "is not known" in one.text]
    assert unknown == []
    document = client.get("/openapi.json").json()
    taken = document["paths"][REPORTS]["post"]["requestBody"]["content"]["application/json"]
    assert set(taken["schema"]["required"]) == {
        name for name, one in ReportIn.model_fields.items() if one.is_required()
    }
    submit = document["paths"]["/report/jobs/submit"]["post"]
    refused = submit["responses"]["409"]["content"]["application/json"]["schema"]
    assert refused == {"$ref": "#/components/schemas/EnvelopeOut"}
    assert "#/$defs" not in json.dumps(document)
