"""Druid: native queries and SQL, asked for exactly the window of a run.

check   ▶ our own list of what Druid swallows, then Druid itself with an empty interval
ready   ▶ the lag of the stream, the segments of the window
ask     ▶ the query with our interval and zone ▶ the answer in parts, its buckets judged
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tallymark.engines import Around, Checked, Query, Readiness, Rows, Window
from tallymark.engines.druid import native, plan, ready, sql
from tallymark.engines.druid.binding import Bound, bind
from tallymark.engines.druid.checking import check
from tallymark.engines.druid.server import Server, authorization, meaning
from tallymark.errors import AddressRefused, ConfigError, FatalError, Refused
from tallymark.model import Secret
from tallymark.net.answer import where_of
from tallymark.net.guard import parse_url


@dataclass(frozen=True, kw_only=True)
class Druid:
    """Apache Druid: native queries and SQL at the broker, what is loaded at the coordinator."""

    kind: ClassVar[str] = "druid"
    always: ClassVar[bool] = False

    broker: str
    """`http://broker:8082`; a router does as well."""
    coordinator: str
    """`http://coordinator:8081`, which is the overlord too; a router does as well."""
    auth: Secret | None = None
    """A whole `Authorization` header (`Basic …`, `Bearer …`), or `user:password`."""

    def __post_init__(self) -> None:
        self.addresses()

    @cached_property
    def server(self) -> Server:
        return Server(
            broker=self.broker.rstrip("/"),
            coordinator=self.coordinator.rstrip("/"),
            secret_headers=authorization(self.auth),
        )

    def addresses(self) -> Sequence[str]:
        return [_address("broker", self.broker), _address("coordinator", self.coordinator)]

    def check(self, query: Query, availability: str, window: Window, around: Around) -> Checked:
        return check(self.server, query, window.calendar, around.http)

    def ready(self, query: Query, availability: str, window: Window, around: Around) -> Readiness:
        return ready.ready(self.server, query, availability, window, around)

    def state(self, query: Query, window: Window, around: Around) -> str:
        return ready.published(self.server, query, window, around)

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        if query.sql is not None:
            bound = _bound(query.sql)
            sql.check_meant(self.server, window, around.http)
            plan.check_cut(self.server, bound, window, around.http)
            ends = window.period.start_at, window.period.end_at
            statement = sql.asked(bound, *ends, window.calendar)
            yield from sql.rows(self._stream(sql.PATH, statement, around))
        else:
            asked = native.native(query.json or {}, window)
            pieces = self._stream(native.PATH, asked.body, around)
            yield from asked.rows(pieces, window.calendar)

    def _stream(self, path: str, body: Any, around: Around) -> Iterator[bytes]:
        url = self.server.broker + path
        try:
            yield from around.http.stream(url, body=body, secret_headers=self.server.secret_headers)
        except Refused as error:
            raise meaning(error) from None


def _address(name: str, url: str) -> str:
    try:
        return where_of(parse_url(url))
    except AddressRefused:
        raise ConfigError(f"engine druid: {name} is no address like http://druid:8888") from None


def _bound(text: str) -> Bound:
    bound = bind(text)
    if bound.wrong:
        raise FatalError(f"the SQL cannot be sent: {'; '.join(bound.wrong)}")
    return bound
