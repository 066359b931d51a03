"""A Druid that answers each query with one long scan: flood.py ROWS.

It makes few batches, once, and sends them over and over: what is measured is who asks.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.asked import COLUMNS

BATCH_ROWS = 4096
BATCHES = 16


class Flood(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rows: int
    batches: tuple[bytes, ...]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        left, n = self.rows, 0
        self._send(b"[")
        while left >= BATCH_ROWS:
            self._send((b"," if n else b"") + self.batches[n % BATCHES])
            left, n = left - BATCH_ROWS, n + 1
        self._send((b"," if n else b"") + batch(n, left) + b"]\n")
        self._send(b"")

    def _send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *arguments: object) -> None:
        """Nothing is told of a request."""


def batch(n: int, rows: int) -> bytes:
    events = [
        [
            1_772_323_200_000 + i,
            f"EVENT_{i % 12}",
            f"device-{(i * 7919 + n) % 50_000}",
            f"in.channel.{i % 40}",
            i * 1_000_003 * (n + 1),
            i / 7,
        ]
        for i in range(rows)
    ]
    told = {"segmentId": f"flood_{n}", "columns": list(COLUMNS), "events": events}
    return json.dumps(told, separators=(",", ":")).encode()


def main(rows: int) -> None:
    Flood.rows = rows
    Flood.batches = tuple(batch(n, BATCH_ROWS) for n in range(BATCHES))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flood)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
