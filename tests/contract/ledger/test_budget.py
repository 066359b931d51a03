from __future__ import annotations

import threading
import time
from datetime import timedelta

from tallymark.clock import SystemClock
from tallymark.ledger.budget import Budgets

from .conftest import Ledger


def test_requests_are_taken_until_the_burst_is_used_up(ledger: Ledger) -> None:
    budgets = Budgets(ledger.engine, ledger.clock)
    assert [budgets.take("github", 1, 2, 3) for _ in range(4)] == [0, 0, 0, 0.5]
    assert budgets.take("npm", 1, 2, 3) == 0
    ledger.clock.advance(0.5)
    assert budgets.take("github", 1, 2, 3) == 0


def test_a_blocked_budget_gives_nothing_until_its_instant(ledger: Ledger) -> None:
    budgets = Budgets(ledger.engine, ledger.clock)
    budgets.block("github", ledger.clock.now() + timedelta(seconds=90))
    assert budgets.take("github", 1, 1, 5) == 90
    ledger.clock.advance(90)
    assert budgets.take("github", 1, 1, 5) == 0


def test_a_bigger_request_than_the_burst_is_paid_afterwards(ledger: Ledger) -> None:
    budgets = Budgets(ledger.engine, ledger.clock)
    assert budgets.take("github", 10, 1, 5) == 0
    assert budgets.take("github", 1, 1, 5) == 6


def test_a_bucket_over_two_nodes_holds_its_bound(ledger: Ledger) -> None:
    """10 a second with a burst of 5: never more than those 5 and what has flowed in since."""
    taken: list[float] = []
    began = time.monotonic()
    end = began + 3

    def node() -> None:
        budgets = Budgets(ledger.engine, SystemClock())
        while time.monotonic() < end:
            wait_s = budgets.take("github", 1, 10, 5)
            if wait_s == 0:
                taken.append(time.monotonic())
            else:
                time.sleep(min(wait_s, 0.05))

    threads = [threading.Thread(target=node) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.sort()
    for n, at in enumerate(taken, 1):
        assert n <= 5 + 10 * (at - began) + 1
    assert len(taken) >= 25
