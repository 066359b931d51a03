"""A connector of another package: records in pages that overlap, under a cursor that can die."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import orjson

from tallymark.connectors import Client
from tallymark.errors import CursorGone, Refused, RetryableError
from tallymark.model import Field, Page, Rejected, Row, Span, Stream


@dataclass(frozen=True)
class Paged:
    """Records of an account; a record that changes while paging comes again on a later page."""

    kind: ClassVar[str] = "paged"
    title: ClassVar[str] = "Paged test records"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            name="records",
            kind="series",
            fields=(
                Field("account", "text"),
                Field("id", "text"),
                Field("value", "long"),
            ),
            subject="account",
            key=("account", "id"),
            absent="zero",
            every="1d",
            lag_s=2 * 86_400,
            partition="day",
        ),
    )

    base_url: str

    def pages(self, client: Client, span: Span, cursor: str | None) -> Iterator[Page]:
        while True:
            params = {
                "account": span.subject,
                "from": span.start_at.isoformat(),
                "to": span.end_at.isoformat(),
                **({"cursor": cursor} if cursor else {}),
            }
            try:
                answer = client.get(f"{self.base_url}/records", params=params)
            except Refused as error:
                if error.status == 410:
                    raise CursorGone(str(error)) from error
                raise
            cursor = _next(answer.json())
            yield answer.page(cursor=cursor)
            if cursor is None:
                return

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        for page in pages:
            for record in _records(page):
                try:
                    yield Row(page, _values(record))
                except (KeyError, TypeError, ValueError) as error:
                    text = record if isinstance(record, str) else orjson.dumps(record).decode()
                    yield Rejected(page, text, f"not a record: {error}")


def _next(body: Any) -> str | None:
    if not isinstance(body, dict) or "records" not in body:
        raise RetryableError("the answer holds no records")
    found: str | None = body["next"]
    return found


def _records(page: Page) -> list[Any]:
    try:
        return list(orjson.loads(page.body)["records"])
    except (KeyError, TypeError, ValueError):
        return [page.body.decode("utf-8", "replace")]


def _values(record: Any) -> dict[str, Any]:
    at = datetime.fromisoformat(record["at"])
    if at.tzinfo is None or type(record["value"]) is not int:
        raise ValueError("a wrong type")
    account, name = record["account"], record["id"]
    if not isinstance(account, str) or not isinstance(name, str):
        raise ValueError("a wrong type")
    return {"ts": at, "account": account, "id": name, "value": record["value"]}
