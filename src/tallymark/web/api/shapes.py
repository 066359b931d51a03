"""What the API answers, for OpenAPI alone: answers are written without passing through these."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from tallymark.model import Align, CauseCode, Completeness, Grain, Overlay, WeekStart


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


class ComparedBucketOut(BaseModel):
    key: str | None = Field(description="null: no partner; the cause no_partner says why.")
    start_at: datetime | None = Field(description="The range that the partner stands for.")
    end_at: datetime | None
    of_start_at: datetime = Field(description="Our own side; of a running bucket what elapsed.")
    of_end_at: datetime
    value: float | None
    completeness: Completeness = Field(description="Of the partner, by its own data.")
    causes: list[CauseOut]
    days: int = Field(description="Days of the calendar on our own side.")
    compare_days: int | None
    of_value: float | None = Field(description="Our own value in its range.")
    whole: bool = Field(description="The earlier period is shorter and was taken whole.")


class ComparedOut(BaseModel):
    days: int = Field(description="Days that all buckets meet.")
    compare_days: int = Field(description="Days that all their partners meet.")
    buckets: list[ComparedBucketOut] = Field(description="One beside each bucket.")


class LineOut(BaseModel):
    by: dict[str, str]
    buckets: list[BucketOut]
    overlays: dict[Overlay, ComparedOut]


class IntervalOut(BaseModel):
    name: str
    first_on: date
    last_on: date = Field(description="Included.")


class SeriesOut(BaseModel):
    metric: str
    unit: str
    grain: Grain
    zone: str
    week_start: WeekStart
    fiscal_start: int
    interval: IntervalOut | None = Field(description="What the range was named by.")
    from_: datetime = Field(alias="from")
    to: datetime
    align: Align
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
    errors: list[dict[str, str]] | None = Field(None, description="Every wrong field or parameter.")
    warnings: list[str] | None = None


PROBLEM = {"content": {"application/problem+json": {"schema": ProblemOut.model_json_schema()}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Something in the request is wrong.", **PROBLEM},
    401: {"description": "No token, or one that is not known.", **PROBLEM},
    403: {"description": "The token's scope does not allow it.", **PROBLEM},
    503: {"description": "Try again after Retry-After.", **PROBLEM},
}
