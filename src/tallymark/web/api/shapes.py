"""What the API answers, for OpenAPI alone: answers are written without passing through these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from tallymark.model import CauseCode, Completeness, Grain


class CauseOut(BaseModel):
    code: CauseCode
    text: str = Field(description="For people; its wording may change.")
    from_: datetime | None = Field(alias="from")
    to: datetime | None


class BucketOut(BaseModel):
    key: str = Field(examples=["2026-08-03", "2026-W32", "2026-10-25T02+01:00"])
    start_at: datetime
    end_at: datetime
    value: float | None = Field(description="null: unknown; never zero for what is missing.")
    completeness: Completeness
    causes: list[CauseOut]
    restated_at: datetime | None = Field(description="When it changed after it was complete.")


class LineOut(BaseModel):
    by: dict[str, str]
    buckets: list[BucketOut]


class SeriesOut(BaseModel):
    metric: str
    unit: str
    grain: Grain
    zone: str
    from_: datetime = Field(alias="from")
    to: datetime
    complete_to: datetime | None = Field(description="The end of the last complete bucket.")
    series: list[LineOut]


class MetricOut(BaseModel):
    name: str
    title: str
    description: str
    unit: str
    direction: str = Field(description="Which way is good: up, down or none.")
    stream: str
    aggregate: str
    dimensions: list[str]
    grains: list[Grain]


class MetricsOut(BaseModel):
    metrics: list[MetricOut]


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    suggestions: list[str] | None = None
    errors: list[dict[str, str]] | None = None


_PROBLEM = {"content": {"application/problem+json": {"schema": ProblemOut.model_json_schema()}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Something in the request is wrong.", **_PROBLEM},
    401: {"description": "No token, or one that is not known.", **_PROBLEM},
    403: {"description": "The token's scope does not allow it.", **_PROBLEM},
    503: {"description": "Try again after Retry-After.", **_PROBLEM},
}
