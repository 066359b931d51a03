"""What the routes of reports take and answer, for OpenAPI alone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tallymark.web.api.shapes import PROBLEM, PROBLEMS

RunState = Literal["SUBMITTED", "PROCESSING", "RETRY", "SUCCESS", "FAILED"]
Code = Literal["OK", "CLIENT_ERROR", "RESOURCE_NOT_FOUND", "SERVER_ERROR"]


class ReportIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    report_name: str
    query_engine: str = Field(description="An engine of the workspace: DRUID, LAKE.")
    execution_frequency: str = Field(
        description="DAILY, WEEKLY, MONTHLY, QUARTERLY, ONCE, or a cron text."
    )
    report_interval: str | dict[str, str] = Field(
        description="A name such as YESTERDAY or LAST_7_DAYS; {from, to} with ONCE."
    )
    query: str | None = Field(None, description="SQL. Give this or query_json.")
    query_json: dict[str, Any] | None = Field(None, description="A query of the engine's own.")
    output_format: str = Field(description="json, csv, jsonl or parquet.")
    output_field_names: dict[str, str] | list[str] = Field(
        description="Field to heading; or a heading for each field, or for each post-aggregation."
    )
    output_file_pattern: str | None = Field(None, examples=["{report_id}-{end_date}.csv"])
    latest: bool | None = Field(None, description="Only the newest end date writes.")
    group_by_fields: list[str] | None = Field(None, description="One file a combination.")
    channel_id: str | None = None
    destination: str | dict[str, str] | None = Field(
        None, description="A store of the workspace, or {store, prefix}."
    )
    time_zone: str | None = Field(None, examples=["Asia/Kolkata"])
    at: str | None = Field(None, description="06:00 of the report's zone.")
    start: date | None = Field(None, description="The first end date.")
    deadline: str | None = Field(None, description="24h unless said otherwise.")
    catch_up: str | None = Field(None, description="all, latest, none, or an age such as 30d.")
    availability: str | dict[str, str] | None = Field(
        None, description="both, segments, none, or {files: prefix with {end_date}}."
    )
    retention: str | None = Field(None, description="90d; for ever unless it is given.")


class ReportOut(BaseModel):
    report_id: str
    report_name: str
    status: Literal["ENABLED", "DISABLED"]
    query_engine: str
    execution_frequency: str
    report_interval: str | dict[str, str]
    time_zone: str
    location: str = Field(description="Below it lie its files.")
    unchecked: bool = Field(description="Its engine was away when it was configured.")
    warnings: list[str]
    created_at: datetime
    changed_at: datetime
    last_generated_at: datetime | None
    next_runs: list[datetime]
    report_config: str = Field(description="The request as it was received.")


class ReportsOut(BaseModel):
    count: int
    reports: list[ReportOut]


class RunOut(BaseModel):
    end_date: date = Field(description="The last day included.")
    start_date: date
    revision: int
    status: RunState
    waits_for: str | None
    waiting_since_at: datetime | None
    attempts: int
    seconds: float | None
    rows: int | None
    bytes: int | None
    empty: bool = Field(description="It succeeded and has no rows.")
    location: str | None
    sha256: str | None
    error: str | None
    advice: str | None
    warnings: list[str]
    reason: str | None = Field(description="Why it was made once more.")
    made_at: datetime
    ended_at: datetime | None
    deadline_at: datetime


class RunsOut(BaseModel):
    count: int
    runs: list[RunOut]


class WhyOut(BaseModel):
    why: list[str] = Field(description="A line for each date without a file, and what comes next.")


class PreviewOut(BaseModel):
    path: str
    start_date: date
    end_date: date
    headings: list[str]
    rows: list[list[Any]]


class RegenerateIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    report_list: list[str] = Field(description="Ids of reports; empty: all that are enabled.")
    replay_interval: dict[str, date] = Field(description="{from, to}: end dates, both included.")
    reason: str
    dry_run: bool | None = None


class MadeOut(BaseModel):
    report_id: str
    end_date: date
    revision: int


class LeftOutOut(BaseModel):
    report_id: str
    reason: str
    end_dates: list[date]


class RegeneratedOut(BaseModel):
    dry_run: bool
    count: int
    made: list[MadeOut]
    left_out: list[LeftOutOut]


class EnvelopeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    ver: str | None = None
    ts: str | None = None
    params: dict[str, Any] | None = Field(None, description="msgid and client_key come back.")
    request: dict[str, Any] = Field(description="What /api/v1/reports takes.")


Back = str | int | float
"""As it came."""


class ParamsOut(BaseModel):
    resmsgid: str
    msgid: Back | None
    err: str | None
    errmsg: str | None
    status: Literal["successful", "failed"]
    client_key: Back | None


class EnvelopeOut(BaseModel):
    id: Back
    ver: Back
    ts: datetime
    params: ParamsOut
    responseCode: Code
    result: dict[str, Any]


def takes(shape: type[BaseModel], *, required: bool = True, whole: bool = True) -> dict[str, Any]:
    """The body of a route that reads its text itself. `whole`: what must be there is there."""
    schema = shape.model_json_schema()
    if not whole:
        schema.pop("required", None)
    return {
        "requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}
    }


_REFUSED = {
    404: "There is no such report.",
    409: "Another report has this name and interval, or its objects.",
    413: "It is too large.",
}
Responses = dict[int | str, dict[str, Any]]


def refuses(*codes: int) -> Responses:
    """What a route answers beside what every route does."""
    return {code: {"description": _REFUSED[code], **PROBLEM} for code in codes}


def enveloped(*codes: int) -> Responses:
    """The same for routes that answer in an envelope, whatever they answer."""
    told = {code: str(problem["description"]) for code, problem in PROBLEMS.items()}
    told |= {code: _REFUSED[code] for code in codes}
    return {code: {"description": text, "model": EnvelopeOut} for code, text in told.items()}
