"""Every connector that is found keeps the contract; nothing here names one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvicorn
from sqlalchemy import func, select

from tallymark.connectors import PushedConnector, discover
from tallymark.model import Row, Stream
from tallymark.net import Client
from tallymark.receive.http import Receiver
from tallymark.receive.inbox import Inbox
from tallymark.state.database import migrate, open_databases, reading
from tallymark.state.schema import inbox as inbox_rows
from tallymark.state.tokens import Scope
from tests.asking import client_of
from tests.clock import FakeClock
from tests.contract import connector as contract

FOUND = discover()
PULLED = [kind for kind, connector in FOUND.items() if contract.is_pulled(connector)]
PUSHED = [kind for kind in FOUND if kind not in PULLED]


@contextmanager
def asked(kind: str, clock: FakeClock, log: Path) -> Iterator[tuple[Any, Client, str]]:
    """A pulled connector with its vendor's address, its client, and a subject."""
    module = contract.vendor_of(kind, FOUND[kind])
    vendor = module.start(log, clock)
    try:
        with client_of(vendor, clock) as client:
            yield contract.made(FOUND[kind], module, base_url=vendor.url), client, module.SUBJECT
    finally:
        vendor.stop()


@pytest.mark.parametrize("kind", FOUND)
def test_it_declares_itself_soundly(kind: str) -> None:
    contract.check_declaration(kind, FOUND[kind])


@pytest.mark.parametrize("kind", FOUND)
def test_it_has_a_simulated_vendor(kind: str) -> None:
    contract.vendor_of(kind, FOUND[kind])


def test_one_without_a_simulated_vendor_fails() -> None:
    class Lonely:
        kind: ClassVar[str] = "lonely"
        title: ClassVar[str] = "Lonely"
        streams: ClassVar[tuple[Stream, ...]] = ()

    Lonely.__module__ = "tallymark.connectors.lonely"
    with pytest.raises(AssertionError, match=r"write tallymark\.demo\.vendors\.lonely"):
        contract.vendor_of("lonely", Lonely)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", PULLED)
def test_it_is_read_page_by_page_and_goes_on_from_every_cursor(
    kind: str, clock: FakeClock, tmp_path: Path
) -> None:
    with asked(kind, clock, tmp_path / "calls.log") as (connector, client, subject):
        for stream in connector.streams:
            span = contract.span_of(stream, subject, clock.now())
            pages = contract.check_pages(connector, client, stream, span)
            rows = contract.check_rows(connector, stream, pages)
            assert rows
            assert {row.values[stream.subject] for row in rows} == {subject}
            if stream.kind == "series":
                assert all(span.start_at <= row.values["ts"] < span.end_at for row in rows)


@pytest.mark.parametrize("kind", PULLED)
def test_it_never_calls_before_the_page_before_is_kept(
    kind: str, clock: FakeClock, tmp_path: Path
) -> None:
    module = contract.vendor_of(kind, FOUND[kind])
    vendor = module.start(tmp_path / "calls.log", clock)
    try:
        with client_of(vendor, clock) as client:
            connector = contract.made(FOUND[kind], module, base_url=vendor.url)
            for stream in connector.streams:
                span = contract.span_of(stream, module.SUBJECT, clock.now())
                before = vendor.answered()
                for n, _ in enumerate(connector.pages(client, span, None), 1):
                    assert vendor.answered() - before == n
    finally:
        vendor.stop()


@pytest.mark.parametrize("kind", PULLED)
def test_garbage_is_refused_and_never_raised(kind: str, clock: FakeClock, tmp_path: Path) -> None:
    with asked(kind, clock, tmp_path / "calls.log") as (connector, client, subject):
        for stream in connector.streams:
            span = contract.span_of(stream, subject, clock.now())
            pages = contract.read(connector, client, span, None)
            contract.check_garbage(connector, stream, pages)
            contract.check_torn(connector, stream, pages)


def pushed(kind: str) -> tuple[PushedConnector, Any]:
    module = contract.vendor_of(kind, FOUND[kind])
    return contract.made(FOUND[kind], module), module


@pytest.mark.parametrize("kind", PUSHED)
def test_what_a_sender_sends_is_read(kind: str, clock: FakeClock) -> None:
    connector, module = pushed(kind)
    (stream,) = connector.streams
    lines = module.sample(300, clock.now())
    page = contract.flushed(connector, [b"\n".join(lines)], {}, clock.now())
    assert len(contract.check_rows(connector, stream, [page])) == 300


@pytest.mark.parametrize("kind", PUSHED)
def test_a_torn_or_wrong_request_is_no_more_than_refused(kind: str, clock: FakeClock) -> None:
    connector, module = pushed(kind)
    (stream,) = connector.streams
    contract.check_records(connector, b"\n".join(module.sample(20, clock.now())))
    page = contract.flushed(connector, contract.GARBAGE, {}, clock.now())
    for found in connector.rows(stream.name, [page]):
        if isinstance(found, Row):
            contract.check_row(stream, found, [page])
        else:
            assert found.reason


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", PUSHED)
def test_a_sender_that_repeats_and_tears_requests_is_taken_once(
    kind: str, seed: int, clock: FakeClock, home: Path
) -> None:
    connector, module = pushed(kind)
    records = module.sample(200, clock.now() - timedelta(days=1))
    databases = open_databases(None, home)
    migrate(databases)
    inbox = Inbox(databases.inbox, clock)
    try:
        with receiving(connector, inbox, clock) as url:
            module.sender(url, "tmk_write", records, seed=seed)
        with reading(databases.inbox) as conn:
            count = conn.execute(select(func.count()).select_from(inbox_rows)).scalar_one()
            found = set(conn.execute(select(inbox_rows.c.body)).scalars())
        assert count == len(records)
        assert found == set(records)
    finally:
        inbox.close()
        databases.close()


@contextmanager
def receiving(connector: PushedConnector, inbox: Inbox, clock: FakeClock) -> Iterator[str]:
    tokens: dict[str, Scope] = {"tmk_write": "write"}
    app = Receiver(inbox, {"site": connector}, tokens.get, clock)
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/in/{connector.path}/site"
    finally:
        server.should_exit = True
        thread.join(30)
