"""Probes, the guard at the door, and the headers of every answer."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from tallymark.web.app import create_app
from tallymark.web.services import Services
from tests.asgi import Client
from tests.web_world import World


def test_it_lives_without_a_token(client: Client) -> None:
    assert client.get("/healthz").text == "ok\n"


def test_it_is_ready_only_without_reasons(client: Client, here: World) -> None:
    assert client.get("/readyz").json() == {"ready": True, "reasons": [], "notes": []}
    here.reasons.append("the lake's folder is not there: mount it")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": here.reasons, "notes": []}


def test_its_own_numbers_want_a_token(client: Client, reader: dict[str, str]) -> None:
    answer = client.get("/metrics", headers=reader)
    assert answer.text == "tallymark_up 1.0\n"
    assert answer.headers["content-type"].startswith("text/plain; version=")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:80", "[::1]"])
def test_loopback_names_are_answered(client: Client, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.org", "127.0.0.1.example.org", "localhost.", "127.0.0.1:x", "10.0.0.1", "[::2]",
        "127.0.0.1@example.org", "localhost:123456", "localhost\t",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/healthz", "/boards/project", "/in/logs/site", "/static/x"])
def test_any_other_name_is_refused_on_every_route(client: Client, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["detail"].endswith("Call it as 127.0.0.1, localhost or [::1].")


def test_no_name_at_all_is_refused(client: Client) -> None:
    assert client.get("/healthz", headers={"Host": ""}).status_code == 400


@pytest.mark.parametrize("path", ["/boards/project", "/boards/nothing", "/readyz", "/api/v1/x"])
def test_every_answer_forbids_what_is_not_ours(client: Client, path: str) -> None:
    headers = client.get(path, headers={"Accept": "text/html"}).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"
    assert "access-control-allow-origin" not in headers


def test_what_comes_in_is_the_receivers_work(here: World) -> None:
    async def receiver(scope: Any, receive: Any, send: Any) -> None:
        said = f"{scope['method']} {scope['path']}"
        await PlainTextResponse(said)(scope, receive, send)

    known = {**vars(here.services), "receiver": receiver}
    client = Client(create_app(Services(**known)), "http://localhost")
    assert client.post("/in/logs/site", content=b"{}").text == "POST /in/logs/site"


def test_an_unexpected_error_is_told_without_its_inside(client: Client, here: World) -> None:
    here.services.metrics["stars"]
    here.healths = None  # type: ignore[assignment]
    answer = client.get("/boards/project", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert "the server&#39;s log says what" in answer.text
    assert "NoneType" not in answer.text
