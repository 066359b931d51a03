"""The paged vendor of the tests, as large as the measurement needs it: vendor.py PER_DAY PAGES."""

from __future__ import annotations

import signal
import sys
from threading import Event

from tallymark.clock import SystemClock
from tallymark_paged.vendor import PagedVendor, Records

per_day, pages = (int(argument) for argument in sys.argv[1:])
vendor = PagedVendor(Records(per_day=per_day, pages=pages, overlap=0), SystemClock())
vendor.start()
sys.stdout.write(f"{vendor.url}\n")
sys.stdout.flush()
ended = Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
ended.wait()
vendor.stop()
