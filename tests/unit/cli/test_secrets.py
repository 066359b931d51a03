"""A secret is found nowhere but where it was given: not in the home, the answers or the logs."""

from __future__ import annotations

import base64
import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import zstandard

from tests.postgres import until
from tests.tools.procs import Process

from .conftest import Place

TOKEN = "canaryT0kenQ7Wm2Zx9Lr4Tn8Vb3Kd6Hs1"
KEY = "canaryKeyJf5Gp0YcXuQ7Wm2Zx9Lr4Tn8Vb"
OTHER = "canaryÖtherNotPlainText"
WORKSPACE = """
sources:
  github:
    connector: github
    base_url: %s
    token: ${GITHUB_TOKEN}
    streams:
      repositories: {subjects: [good/one, bad/one, worse/one], start: %s}
  odd:
    connector: github
    base_url: %s
    token: ${ODD_TOKEN}
    streams:
      repositories: {subjects: [good/one], start: %s}
  site:
    connector: accesslog
    streams:
      requests: {start: %s}
metrics:
  stars: {stream: github.repositories, measure: last(stars)}
boards:
  main: {cards: [{kind: number, metric: stars}]}
"""


class Echoing(BaseHTTPRequestHandler):
    """A vendor that says everything it was told, in its answers and in its errors."""

    def do_GET(self) -> None:
        told = self.headers.get("authorization", "")
        status, body = 200, json.dumps([])
        if "/bad/" in self.path or "/worse/" in self.path:
            status, body = (401 if "/bad/" in self.path else 500), f"who is {told}?"
        elif not self.path.split("?")[0].endswith("/pulls"):
            numbers = dict.fromkeys(("stargazers_count", "forks_count", "subscribers_count"), 7)
            body = json.dumps(numbers)
        self.server.seen.append(told)  # type: ignore[attr-defined]
        self.send_response(status, f"told {told}" if status == 500 else None)
        self.send_header("content-length", str(len(body)))
        self.send_header("set-cookie", f"session={told}")
        self.send_header("x-your-token", told)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echoing)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def check_none(text: str | bytes, where: object) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    for secret in (TOKEN, KEY, OTHER):
        plain = secret.encode()
        for form in (plain, base64.b64encode(plain).rstrip(b"="), secret.encode("utf-16-le")):
            assert form not in data, f"{secret} stands in {where}"


def check_home(home: Path) -> None:
    n_packed = 0
    for path in home.rglob("*"):
        if not path.is_file():
            continue
        check_none(path.read_bytes(), path)
        if path.suffix == ".zst":
            n_packed += 1
            check_none(zstandard.ZstdDecompressor().decompress(path.read_bytes()), path)
    assert n_packed >= 2, "pages were archived"


@pytest.fixture
def secret_env(
    place: Place, vendor: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    url = f"http://127.0.0.1:{vendor.server_address[1]}"
    day = place.last_day
    place.write(WORKSPACE % (url, day, url, day, day))
    (place.home.parent / "key").write_text(KEY)
    env = {
        "TALLYMARK_ALLOW_ADDRESSES": url.removeprefix("http://"),
        "TALLYMARK_SECRET_KEY_FILE": str(place.home.parent / "key"),
        "GITHUB_TOKEN": TOKEN,
        "ODD_TOKEN": OTHER,
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return {**env, "TALLYMARK_HOME": str(place.home)}


def test_no_command_shows_or_keeps_a_secret(
    place: Place,
    vendor: ThreadingHTTPServer,
    secret_env: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO")  # more than any command shows
    failed = place.run("collect", "--json")
    assert failed.code == 1
    assert f"Bearer {TOKEN}" in vendor.seen  # type: ignore[attr-defined]
    errors = {(o["source"], o["subject"]): o["last_error"] for o in failed.json["failing"]}
    assert set(errors) == {
        ("github", "bad/one"),
        ("github", "worse/one"),
        ("odd", "good/one"),
    }
    assert "is not plain text" in errors["odd", "good/one"]
    for command in (
        ("collect",),
        ("status",),
        ("status", "--json"),
        ("doctor", "--json"),
        ("validate", "--json"),
        ("series", "stars", "--json"),
        ("replay", "github", "repositories", "--json"),
        ("replay", "github", "nothing"),
    ):
        found = place.run(*command)
        check_none(found.out + found.err, command)
    check_none(caplog.text, "the log")
    check_home(place.home)
    # a value that cannot be a header, and one that is no value at all
    for value in (f"{TOKEN}\r\nx: y", f"{TOKEN} "):
        monkeypatch.setenv("GITHUB_TOKEN", value)
        found = place.run("collect", "--json")
        check_none(found.out + found.err, value)
    check_none(caplog.text, "the log")
    check_home(place.home)


def test_a_weak_or_short_key_is_not_shown(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("canary" * 8, "canary", "canarypassword" * 4):
        monkeypatch.setenv("TALLYMARK_SECRET_KEY", key)
        found = place.run("collect")
        assert found.code == 2
        assert "TALLYMARK_SECRET_KEY" in found.err
        assert key not in found.out + found.err


def test_a_server_shows_no_secret(place: Place, secret_env: dict[str, str], tmp_path: Path) -> None:
    token = place.run("token", "create", "reader", "--scope", "admin").out.split()[-1]
    code = "from tallymark.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", "0"]
    with Process(command, log=tmp_path / "serve.log", env=secret_env) as server:
        url = server.wait_line(r"(http://\S+)")
        server.wait_http(f"{url}/readyz")
        until(lambda: failing(url, token), 30)
        arguments_seen = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        pages = [
            asked(f"{url}{path}", token)
            for path in (
                "/metrics",
                "/api/v1/metrics",
                "/api/v1/series?metric=stars&grain=day",
                "/api/v1/series?metric=none&grain=day",
                "/boards/main",
                "/boards/main/data",
                "/healthz",
                "/readyz",
                "/nothing",
            )
        ]
    check_none(arguments_seen, "the arguments")
    for page in pages:
        check_none(page, "a page")
        assert token.encode() not in page
    check_none((tmp_path / "serve.log").read_bytes(), "the log")
    check_home(place.home)


def asked(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.read()


def failing(url: str, token: str) -> bool:
    """Whether all three failures are known."""
    lines = asked(f"{url}/metrics", token).decode().splitlines()
    ill = [line for line in lines if line.startswith("tallymark_failing{")]
    return sum(not line.endswith(" 0.0") for line in ill) == 3
