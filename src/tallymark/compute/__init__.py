"""Who scans raw tables and computes buckets: Arrow out, and never a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from tallymark.model import CubeSpec, Period


class Compute(Protocol):
    """One engine that reads the lake."""

    def buckets(
        self,
        metadata_location: str,
        spec: CubeSpec,
        base: pa.Table,
        scans: Sequence[Period],
    ) -> pa.Table:
        """The base buckets (hours; days of a stream of labels) of the rows that `base` names.

        `base` (columns slot, start_us) says which quarter hours count, and in which bucket;
        `scans` are ranges of `ts` that hold all of them: nothing outside is read.
        Shape: a row a bucket and combination of dimensions, in that order; columns start_us, the
        dimensions as text ('' for no value), the measures, `<name>_at` after each `last`.
        Units: start_us and `_at` are microseconds from 1970.
        Raises: RetryableError where a file is gone or memory short; FatalError for a table that
        this engine cannot read.
        """
        ...
