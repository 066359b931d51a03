"""What each format holds, read back by others: DuckDB, and Python's own json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tallymark.errors import FatalError
from tallymark.reports.formats import discover, parquet
from tests.unit.reports.spooled import spooled

TEXT_FORMATS = ("csv", "json", "jsonl")
FORMATS = (*TEXT_FORMATS, "parquet")
COLUMNS = ("date", "id", "share", "live", "text")
BIG = 2**53 + 1
ROWS: list[list[Any]] = [
    ["2026-11-21", BIG, 0.1, True, "plain"],
    ["2026-11-22", -(2**63), 1e300, False, ""],
    ["2026-11-23", 0, -0.0, None, 'a "quoted", cell'],
    ["2026-11-24", None, None, True, None],
    ["2026-11-25", 7, 5e-324, False, "two\nlines"],
    ["2026-11-26", 8, 2.0, True, "a lone\rreturn"],
    ["2026-11-27", 9, 1 / 3, True, "=1+1"],
    ["2026-11-28", 10, 123456789.125, True, "अ 🙂 \t\x00 é"],
    ["2026-11-29", 11, 2.5, True, "True, null"],
]
TYPES = {
    "date": "VARCHAR",
    "id": "BIGINT",
    "share": "DOUBLE",
    "live": "BOOLEAN",
    "text": "VARCHAR",
}


def read(path: Path, output_format: str, types: dict[str, str]) -> list[tuple[Any, ...]]:
    if output_format == "parquet":
        query = f"SELECT * FROM read_parquet('{path}')"
        return duckdb.sql(query).fetchall()
    if output_format == "csv":
        query = f"""SELECT * FROM read_csv('{path}', header = true, columns = {types},
                    auto_detect = false, allow_quoted_nulls = false, quote = '"', escape = '"',
                    delim = ',', strict_mode = true, parallel = false)"""
        return duckdb.sql(query).fetchall()
    text = path.read_bytes().decode()
    found = json.loads(text) if output_format == "json" else map(json.loads, text.split("\n")[:-1])
    return [tuple(row[heading] for heading in types) for row in found]


def test_a_format_is_found_by_being_there() -> None:
    assert sorted(discover()) == sorted(FORMATS)


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_value_comes_back_as_it_was(output_format: str, tmp_path: Path) -> None:
    (file,) = spooled(tmp_path / "a", COLUMNS, ROWS, output_format).files
    back = read(file.local, output_format, TYPES)
    assert back == [tuple(row) for row in ROWS]
    assert [list(map(type, row)) for row in back] == [list(map(type, row)) for row in ROWS]
    assert math.copysign(1, back[2][2]) == -1


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_bytes_do_not_depend_on_the_parts(output_format: str, tmp_path: Path) -> None:
    rows = [[*row[:1], n, *row[2:]] for n in range(1000) for row in ROWS]
    made = [
        spooled(tmp_path / str(n), COLUMNS, rows, output_format, at_once=n).files[0]
        for n in (len(rows), 5000, 77)
    ]
    assert len({file.sha256 for file in made}) == 1


def test_row_groups_do_not_depend_on_the_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 100)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 300)
    monkeypatch.setattr(parquet, "GROUP_BYTES", 20_000)
    rows = [[n, "x" * (n // 5)] for n in range(2000)]
    made = [
        spooled(tmp_path / str(n), ["a", "b"], rows, "parquet", at_once=n).files[0]
        for n in (len(rows), 250, 7)
    ]
    assert len({file.sha256 for file in made}) == 1
    cuts = duckdb.sql(
        f"SELECT DISTINCT row_group_num_rows FROM parquet_metadata('{made[0].local}')"
    ).fetchall()
    # by rows, by bytes, and what is left
    assert {n for (n,) in cuts} >= {300, 100}


@pytest.mark.parametrize("output_format", FORMATS)
def test_without_rows_there_is_a_whole_file(output_format: str, tmp_path: Path) -> None:
    (file,) = spooled(tmp_path / "a", COLUMNS, [], output_format).files
    assert file.rows == 0
    assert read(file.local, output_format, dict.fromkeys(COLUMNS, "VARCHAR")) == []
    if output_format == "csv":
        assert file.local.read_bytes() == b"date,id,share,live,text\r\n"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("output_format", FORMATS)
def test_what_is_no_number_fails_the_run(wrong: float, output_format: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"holds -?(nan|inf)"):
        spooled(tmp_path / "a", ["a", "b"], [[None, "x"], [1, "y"], [wrong, None]], output_format)


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_text_that_spells_no_number_is_a_text(output_format: str, tmp_path: Path) -> None:
    (file,) = spooled(tmp_path / "a", ["a", "b"], [["NaN", "Infinity"]], output_format).files
    types = {"a": "VARCHAR", "b": "VARCHAR"}
    assert read(file.local, output_format, types) == [("NaN", "Infinity")]


def test_csv_tells_null_from_an_empty_text(tmp_path: Path) -> None:
    rows = [["", None], [None, ""], ["", ""], [None, None], [1, "x"]]
    (file,) = spooled(tmp_path / "a", ["a", "b"], rows).files
    assert file.local.read_bytes() == b'a,b\r\n"",\r\n,""\r\n"",""\r\n,\r\n1,x\r\n'
    (texts,) = spooled(tmp_path / "c", ["a", "b"], [["", "x"], ["y", ""]]).files
    assert texts.local.read_bytes() == b'a,b\r\n"",x\r\ny,""\r\n'
    (one,) = spooled(tmp_path / "b", ["a"], [[None], [""], ["x"]]).files
    assert one.local.read_bytes() == b'a\r\n\r\n""\r\nx\r\n'


@pytest.mark.parametrize("whole", [2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**40])
def test_csv_writes_whole_numbers_to_their_last_digit(whole: int, tmp_path: Path) -> None:
    (file,) = spooled(tmp_path / "a", ["a"], [[0], [whole], [-7]]).files
    assert file.local.read_bytes() == f"a\r\n0\r\n{whole}\r\n-7\r\n".encode()


def test_csv_writes_truth_and_lists_as_json_does(tmp_path: Path) -> None:
    rows = [[True, ["a", 'b"']], [False, []]]
    (file,) = spooled(tmp_path / "a", ["a", "b"], rows).files
    assert file.local.read_bytes().decode().split("\r\n")[1:-1] == [
        'true,"[""a"",""b\\""""]"',
        "false,[]",
    ]


@pytest.mark.parametrize("output_format", TEXT_FORMATS)
def test_a_column_may_change_its_type_where_the_format_takes_it(
    output_format: str, tmp_path: Path
) -> None:
    (file,) = spooled(tmp_path / "a", ["a", "b"], [[1, 1], ["x", 2.5]], output_format).files
    types = {"a": "VARCHAR", "b": "DOUBLE"}
    wanted: list[tuple[Any, ...]] = [("1" if output_format == "csv" else 1, 1), ("x", 2.5)]
    assert read(file.local, output_format, types) == wanted


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv"])
def test_a_whole_number_of_more_than_64_bits_keeps_its_digits(
    output_format: str, tmp_path: Path
) -> None:
    (file,) = spooled(tmp_path / "a", ["a", "b"], [[2**70, "é"]], output_format).files
    back = read(file.local, output_format, {"a": "HUGEINT", "b": "VARCHAR"})
    assert back == [(2**70, "é")]


@pytest.mark.parametrize(
    ("values", "type_", "back"),
    [
        ([1, 2.5, None], "DOUBLE", [1.0, 2.5, None]),
        ([None, 2**53], "BIGINT", [None, 2**53]),
        (["a", ["b", "c"], None], "VARCHAR[]", [["a"], ["b", "c"], None]),
        ([None, None], "VARCHAR", [None, None]),
        ([True, None], "BOOLEAN", [True, None]),
    ],
)
def test_parquet_has_the_type_that_holds_all_values(
    values: list[Any], type_: str, back: list[Any], tmp_path: Path
) -> None:
    (file,) = spooled(tmp_path / "a", ["a"], [[v] for v in values], "parquet", at_once=1).files
    found = duckdb.sql(f"SELECT a, typeof(a) FROM read_parquet('{file.local}')").fetchall()
    assert [row[0] for row in found] == back
    assert {row[1] for row in found} == {type_}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, "x"], "texts and whole numbers"),
        ([True, 1], "true or false and whole numbers"),
        ([2.5, "x"], "numbers with a fraction and texts"),
        ([2**53 + 1, 2.5], "does not hold"),
        ([2**63], "does not hold"),
        ([["a"], [1]], "does not hold"),
    ],
)
def test_parquet_refuses_a_change_of_type(values: list[Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=f"the column 'a'.*{told}"):
        spooled(tmp_path / "a", ["a"], [[v] for v in values], "parquet", at_once=1)


def test_parquet_files_of_one_run_have_the_same_types(tmp_path: Path) -> None:
    rows = [["x", 1], ["y", 2.5], ["z", None]]
    made = spooled(tmp_path / "a", ["a", "b"], rows, "parquet", at_once=1, group_by=("a",))
    files = [str(file.local) for file in made.files]
    found = duckdb.sql(f"SELECT a, b, typeof(b) FROM read_parquet({files}) ORDER BY a").fetchall()
    assert found == [("x", 1.0, "DOUBLE"), ("y", 2.5, "DOUBLE"), ("z", None, "DOUBLE")]
