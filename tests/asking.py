"""What a client needs to ask a simulated vendor: no budget, and the last answers kept in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tallymark.clock import Clock
from tallymark.demo.vendors.server import Running
from tallymark.model import Page
from tallymark.net import Client, Known, Net


@dataclass
class Kept:
    """Pages by address; hand in what `pages` yielded, as collecting does."""

    blocked: list[datetime] = field(default_factory=list)
    taken: int = 0
    pages: dict[str, Known] = field(default_factory=dict)

    def take(self) -> None:
        self.taken += 1

    def block(self, until_at: datetime) -> None:
        self.blocked.append(until_at)

    def last(self, url: str) -> Known | None:
        return self.pages.get(url)

    def keep(self, page: Page) -> Page:
        if page.repeats is None and "etag" in page.headers:
            key = f"archive/{len(self.pages)}"
            self.pages[page.url] = Known(page.headers["etag"], key, page)
        return page


@contextmanager
def client_of(vendor: Running, clock: Clock, kept: Kept | None = None) -> Iterator[Client]:
    """A client that may call this vendor and nothing else on loopback."""
    kept = kept or Kept()
    net = Net(frozenset({vendor.url.removeprefix("http://")}), clock, 5.0)
    try:
        yield net.client(kept, kept)
    finally:
        net.close()
