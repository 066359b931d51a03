"""The same metric as a CSV out of Superset: `make bench-peers`.

Superset answers as its documents say: gunicorn, one worker of eight threads, a chart's data as CSV
over HTTP, from a DuckDB file that holds the days rolled up; its caches are off, as they are for
whoever asks first. Its answer is not kept anywhere; ours is a file in a folder, synced.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import duckdb
import httpx

from bench.report import DAYS, PACKAGES, home, made
from bench.result import ROOT, WORK, Result, timed

FOLDER = WORK / "superset"
VENV = WORK / "venv-peers"
TIMES = 5
MOST = 1 / 5
START_S = 180
CONFIG = """
SECRET_KEY = {secret!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db?check_same_thread=false"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
ROW_LIMIT = SQL_MAX_ROW = SUPERSET_WEBSERVER_TIMEOUT = 1_000_000
"""
GUNICORN = ("-w", "1", "-k", "gthread", "--threads", "8", "-t", "120", "superset.app:create_app()")


def run() -> Result:
    with closing(home()) as node:
        runs = made(node, TIMES)
    ours = median(one.seconds or 0.0 for one in runs)
    rows = Path(urlsplit(runs[0].location or "").path).read_text().splitlines()[1:]
    environment = _environment()
    _rolled_up(rows)
    version = _prepared(environment)
    with _serving(environment) as url, httpx.Client(base_url=url, timeout=120) as client:
        peer = _asked(client, _dataset(client), rows)
    ratio = ours / peer
    return Result(
        "A metric of 73,000 rows to a CSV, beside Superset",
        f"≤ {MOST:.1f}x Superset",
        f"{ratio:.2f}x",
        ratio <= MOST,
        [
            f"{len(PACKAGES)} packages on {DAYS} days",
            f"ours: {ours * 1000:.0f} ms, from the query to the published file",
            f"peer: {peer * 1000:.0f} ms (Superset {version}, gunicorn {' '.join(GUNICORN[:6])}, "
            "DuckDB: POST /api/v1/chart/data, result_format csv, caches off)",
            f"all rows of both are equal; the middle of {TIMES} runs each, after one to warm up",
        ],
    )


def _environment() -> dict[str, str]:
    """Its own packages, by their lock, and a fresh folder."""
    lock, uv = ROOT / "requirements-peers.lock", ROOT / ".venv" / "bin" / "uv"
    env = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    if not (VENV / "bin" / "superset").exists():
        subprocess.run([uv, "--quiet", "venv", "--clear", VENV], check=True, env=env)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "-r", lock]
        subprocess.run(install, check=True, env=env)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    config = FOLDER / "superset_config.py"
    config.write_text(CONFIG.format(secret=secrets.token_hex(32), folder=FOLDER))
    return {
        **env,
        "SUPERSET_CONFIG_PATH": str(config),
        "FLASK_APP": "superset.app:create_app()",
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
    }


def _rolled_up(rows: list[str]) -> None:
    """The days in a DuckDB file, as whoever uses Superset would keep them."""
    (FOLDER / "rows.csv").write_text("date,package,downloads\n" + "\n".join(rows) + "\n")
    with duckdb.connect(str(FOLDER / "days.duckdb")) as database:
        database.execute(f"CREATE TABLE days AS FROM read_csv('{FOLDER / 'rows.csv'}')")


def _prepared(env: dict[str, str]) -> str:
    """Its database, a user; its version."""
    person = ("--username", "bench", "--firstname", "b", "--lastname", "b", "--password", "bench")
    for words in (
        ("db", "upgrade"),
        ("fab", "create-admin", *person, "--email", "bench@example.org"),
        ("init",),
    ):
        with (FOLDER / "log").open("ab") as log:
            subprocess.run(["superset", *words], check=True, env=env, stdout=log, stderr=log)
    version = "from importlib.metadata import version as v; print(v('apache-superset'))"
    command = [VENV / "bin" / "python", "-c", version]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def _serving(env: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["gunicorn", "-b", address, *GUNICORN]
    with (FOLDER / "log").open("ab") as log:
        serve = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        _until_up(f"http://{address}/health")
        yield f"http://{address}"
    finally:
        os.killpg(serve.pid, signal.SIGTERM)
        serve.wait(30)


def _until_up(url: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=30).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise TimeoutError(f"Superset did not start: {FOLDER / 'log'}")


def _dataset(client: httpx.Client) -> int:
    """Sign in, and make the table known; its number."""
    who = {"username": "bench", "password": "bench", "provider": "db", "refresh": False}
    token = _posted(client, "security/login", who)["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    uri = f"duckdb:///{FOLDER / 'days.duckdb'}"
    named = {"database_name": "days", "sqlalchemy_uri": uri}
    database = _posted(client, "database/", named)["id"]
    table = {"database": database, "schema": "main", "table_name": "days"}
    return int(_posted(client, "dataset/", table)["id"])


def _posted(client: httpx.Client, what: str, body: Any) -> Any:
    answer = client.post(f"/api/v1/{what}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def _asked(client: httpx.Client, dataset: int, rows: list[str]) -> float:
    downloads = {"expressionType": "SQL", "sqlExpression": "SUM(downloads)", "label": "downloads"}
    query = {
        "columns": ["date", "package"],
        "metrics": [downloads],
        "orderby": [["date", True], ["package", True]],
        "row_limit": 1_000_000,
        "filters": [],
    }
    body = {
        "datasource": {"id": dataset, "type": "table"},
        "queries": [query],
        "result_format": "csv",
        "result_type": "full",
        "force": True,
    }
    took_s = []
    for _ in range(TIMES + 1):
        with timed() as timing:
            answer = client.post("/api/v1/chart/data", json=body)
        assert answer.is_success, answer.text
        took_s.append(timing.s)
    found = answer.content.decode("utf-8-sig").splitlines()[1:]
    assert found == rows
    return median(took_s[1:])
