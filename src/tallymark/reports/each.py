"""The same work for many files: some at once, where their store is far away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tallymark.files import Files

WAITING = 1000
"""So many wait for their turn: a run may have 100,000 files."""
T = TypeVar("T")
R = TypeVar("R")


def each(files: Files, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """In their order. The first error ends the rest."""
    waiting, done = list(items), list[R]()
    if files.at_once == 1:
        return [work(item) for item in waiting]
    with ThreadPoolExecutor(files.at_once) as pool:
        for n in range(0, len(waiting), WAITING):
            done += pool.map(work, waiting[n : n + WAITING])
    return done
