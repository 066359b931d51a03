"""`serve`, `work` and `demo`: processes that stay."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Annotated

import typer
import uvicorn

from tallymark.cli.common import Home, WorkspaceDir, app, node_of, say, settings
from tallymark.cli.demo import DAY_GAP_S, demo_of
from tallymark.errors import ConfigError
from tallymark.receive.listening import GAP_S
from tallymark.receive.patience import Patient
from tallymark.wiring.serving import Server
from tallymark.wiring.watch import Watch, watching

LOOPBACK = ("127.0.0.1", "localhost", "::1")

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0: a free one.")]
Host = Annotated[str, typer.Option("--host", help="Loopback only, until there is a sign-in.")]


@app.command()
def serve(
    home: Home = None, workspace: WorkspaceDir = None, port: Port = 8320, host: Host = "127.0.0.1"
) -> None:
    """Serve the web and work, in one process."""
    with listen(host, port) as sock:
        server = Server(node_of(settings(home, workspace=workspace)))
        run_web(server, sock, lambda: server.node.worker.run(server.stop))


@app.command()
def work(home: Home = None, workspace: WorkspaceDir = None) -> None:
    """Only work: collect, flush and roll up, beside other processes of the same database."""
    with closing(node_of(settings(home, workspace=workspace), stored=True)) as node:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        node.prepare()
        say("working")
        with watching(Watch(node)):
            node.worker.run(stop)


@app.command()
def demo(home: Home = None, port: Port = 8320) -> None:
    """Show thirteen months of a made-up project, collected from simulated vendors."""
    path = settings(home).home
    with listen("127.0.0.1", port) as sock, demo_of(path) as program:
        gap_s = GAP_S if program.position.live else DAY_GAP_S
        program.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        server = Server(program.node, progress=program.progress, gap_s=gap_s)
        run_web(server, sock, lambda: program.run(server))


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on.

    Raises: ConfigError for an address that is not loopback, or a port that is taken.
    """
    if host not in LOOPBACK:
        raise ConfigError(
            f"--host {host}: only {', '.join(LOOPBACK)} until there is a sign-in; "
            "put a reverse proxy with a login in front"
        )
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(256)
    except OSError as error:
        sock.close()
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"is refused, {error.strerror}"
        raise ConfigError(f"--port {port} {reason}: give another, or 0 for a free one") from error
    return sock


def run_web(server: Server, sock: socket.socket, work: Callable[[], None]) -> None:
    """Answer at once; prepare and work in a thread beside; end cleanly on SIGTERM and SIGINT."""
    try:
        _run_web(server, sock, work)
    finally:
        server.close()


def _run_web(server: Server, sock: socket.socket, work: Callable[[], None]) -> None:
    host, port = sock.getsockname()[:2]
    web = uvicorn.Server(
        uvicorn.Config(
            server.app(),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=8,
            http=Patient,
        )
    )

    def end(*_: object) -> None:
        web.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        # until uvicorn takes them over; at its end it raises them once more with what it found
        signal.signal(number, end)
    # whoever has read the address may end it at once
    say(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    broken: list[Exception] = []

    def run() -> None:
        try:
            server.run(work)
        except Exception as error:  # noqa: BLE001 - a process that only answers is of no use
            broken.append(error)
            web.should_exit = True

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        web.run(sockets=[sock])
    finally:
        server.stop.set()
        thread.join(12)
    if broken:
        raise broken[0]
