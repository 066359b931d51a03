"""A real nginx and a real syslog-ng that ships its access log, with the documents' own settings."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.ports import free_port
from tests.tools.procs import ROOT, Process

SETTINGS = ROOT / "docs" / "shipper"
LOGS = "/var/log/nginx/tallymark"
NGINX = """
daemon off;
worker_processes 1;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 256; }}
http {{
  include {folder}/tallymark.conf;
  client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
  uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/tmp;
    default_type text/html;
    location / {{ return 200 "<!doctype html><title>A page</title><p>hello"; }}
    location = /favicon.ico {{ return 204; }}
  }}
}}
"""


def need() -> None:
    """Skip the test by name where a package is missing."""
    for program, package in (("nginx", "nginx-light"), ("syslog-ng", "syslog-ng-core")):
        if shutil.which(program, path="/usr/sbin:/usr/bin") is None:
            pytest.skip(f"{package} is not installed")
    if not list(Path("/usr/lib/syslog-ng").glob("*/libhttp.so")):
        pytest.skip("syslog-ng-mod-http is not installed")


class Site:
    """A web site with its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.port = free_port()
        for name in ("logs", "tmp", "buffer"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        settings = (SETTINGS / "nginx.conf").read_text().replace(LOGS, str(self.logs))
        (folder / "tallymark.conf").write_text(settings)
        user = "nobody nogroup" if os.geteuid() == 0 else "nobody"
        whole = NGINX.format(folder=folder, port=self.port, user=user)
        (folder / "nginx.conf").write_text(whole)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[str]:
        return [
            line for log in sorted(self.logs.iterdir()) for line in log.read_text().splitlines()
        ]

    def serve(self) -> Process:
        command = ["/usr/sbin/nginx", "-p", f"{self.folder}/", "-c", self.folder / "nginx.conf"]
        command += ["-e", self.folder / "nginx-error.log"]
        return Process(command, log=self.folder / "nginx.out")

    def ship(self, to: str, token: str) -> Process:
        command = ["/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", SETTINGS / "syslog-ng.conf"]
        command += ["--persist-file", self.folder / "persist"]
        command += ["--pidfile", self.folder / "syslog-ng.pid"]
        command += ["--control", self.folder / "control"]
        settings = {
            "TALLYMARK_LOGS": str(self.logs),
            "TALLYMARK_BUFFER": str(self.folder / "buffer"),
            "TALLYMARK_TO": to,
            "TALLYMARK_TOKEN": token,
        }
        return Process(command, log=self.folder / "syslog-ng.out", env=settings)


@contextlib.contextmanager
def site() -> Iterator[Site]:
    """A site that is up. Its folder lies where nginx's workers, who are nobody, can enter."""
    need()
    with tempfile.TemporaryDirectory(prefix="tallymark-site-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Site(folder)
        with made.serve() as nginx:
            nginx.wait_http(made.url + "/favicon.ico", status=204)
            yield made
