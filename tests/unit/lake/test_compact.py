from __future__ import annotations

from datetime import UTC, datetime

from tallymark.lake.compact import BIN_ROWS, OPEN_FILES, SMALL_ROWS, DataFile, bins, period_of
from tallymark.model import Period

DAY = 20_513  # 2026-03-01
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, tzinfo=UTC)


def files(n: int, *, partition: int = DAY, n_rows: int = 10, name: str = "f") -> list[DataFile]:
    return [DataFile(f"{name}{k:03}", partition, k, n_rows) for k in range(n)]


def paths(found: list[DataFile], now: datetime) -> list[list[str]]:
    return list(bins(found, "day", now))


def test_partitions_are_the_days_and_months_since_1970() -> None:
    assert period_of("day", DAY) == Period(datetime(2026, 3, 1, tzinfo=UTC), LATER)
    assert period_of("month", 12 * 56 + 11) == Period(
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    )


def test_a_closed_partition_becomes_one_file() -> None:
    assert paths(files(3), LATER) == [["f000", "f001", "f002"]]


def test_a_partition_of_one_file_stays() -> None:
    assert paths(files(1), LATER) == []


def test_an_open_partition_waits_for_many_small_files() -> None:
    assert paths(files(OPEN_FILES - 1), NOON) == []
    assert len(paths(files(OPEN_FILES), NOON)) == 1


def test_large_files_stay() -> None:
    large = files(2, n_rows=SMALL_ROWS, name="large")
    assert paths(large, LATER) == []
    assert paths([*large, *files(2)], LATER) == [["f000", "f001"]]


def test_what_is_joined_fits_in_memory_and_is_next_to_each_other() -> None:
    found = paths(files(5, n_rows=BIN_ROWS // 3), LATER)
    assert found == [["f000", "f001", "f002"], ["f003", "f004"]]


def test_partitions_are_not_mixed_and_the_oldest_comes_first() -> None:
    both = [*files(2, name="new"), *files(2, partition=DAY - 1, name="old")]
    assert paths(both, LATER) == [["old000", "old001"], ["new000", "new001"]]


def test_a_file_with_deletes_is_rewritten_alone_and_at_once() -> None:
    dead = DataFile("dead", DAY, 0, BIN_ROWS * 2, has_deletes=True)
    assert paths([dead], NOON) == [["dead"]]
