"""The paged vendor of the tests, as large as the measurement needs it: vendor.py PER_DAY PAGES.

It makes each page once: what is measured is who asks, not who answers. Its records are nested, as
those of most vendors are.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from threading import Event

from tallymark.clock import SystemClock
from tallymark.demo.vendors.server import Answer, Asked
from tallymark_paged.vendor import PagedVendor, Records


class Quick(PagedVendor):
    """Answers from memory."""

    def __init__(self, world: Records) -> None:
        super().__init__(world, SystemClock())
        self._made: dict[tuple[tuple[str, str], ...], Answer] = {}

    def answer(self, asked: Asked) -> Answer:
        key = tuple(sorted(asked.query.items()))
        if key not in self._made:
            self._made[key] = nested(super().answer(asked))
        return self._made[key]


def nested(answer: Answer) -> Answer:
    """The same records, each with its author and its place."""
    body = json.loads(answer.body)
    for n, record in enumerate(body["records"]):
        author = {
            "login": f"person-{n % 97}",
            "id": n % 97,
            "kind": {"name": "user", "staff": False},
        }
        record |= {"author": author, "place": {"country": "de", "city": f"city-{n % 13}"}}
    return replace(answer, body=json.dumps(body).encode())


def main(per_day: int, pages: int) -> None:
    vendor = Quick(Records(per_day=per_day, pages=pages, overlap=0))
    vendor.start()
    sys.stdout.write(f"{vendor.url}\n")
    sys.stdout.flush()
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    vendor.stop()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
