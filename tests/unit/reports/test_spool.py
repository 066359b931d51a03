"""One file a combination, with little in memory and nothing held open."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallymark.engines import Rows
from tallymark.errors import FatalError, RetryableError
from tallymark.reports import spool as spooling
from tallymark.reports.scratch import Scratch
from tallymark.reports.spool import SpooledFile, spool
from tests.unit.reports.spooled import names, spec, spooled

FORMATS = ("csv", "json", "jsonl")
END = "clicks-0123abcd-2026-11-21"
ROWS: list[list[Any]] = [
    ["in.ekstep", "a", 1],
    ["in.ekstep", "b", 2],
    [None, "a", 3],
    ["unknown", "a", 4],
    ["in.ekstep", "a", 5],
    ["", "..", 6],
]


def lines(file: SpooledFile) -> list[Any]:
    return [json.loads(line) for line in file.local.read_text().splitlines()]


def test_the_chosen_columns_stand_in_their_order(tmp_path: Path) -> None:
    made = spooled(
        tmp_path / "a",
        ["a", "b", "c"],
        [[1, 2, 3], [4, 5, 6]],
        headings=(("c", "C"), ("a", "A")),
    )
    assert made.headings == ("C", "A")
    assert made.files[0].local.read_bytes() == b"C,A\r\n3,1\r\n6,4\r\n"
    one = spooled(tmp_path / "b", ["a", "b"], [[1, 2], [3, 4]], headings=(("b", "B"),))
    assert one.files[0].local.read_bytes() == b"B\r\n2\r\n4\r\n"


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_each_combination_is_a_file(at_once: int, tmp_path: Path) -> None:
    made = spooled(
        tmp_path / "a",
        ["channel_id", "device_id", "n"],
        ROWS,
        "jsonl",
        at_once=at_once,
        headings=(("n", "N"),),
        group_by=("channel_id", "device_id"),
    )
    # null and the text `unknown` share a file, and a step upwards is none
    assert {file.path: [row["N"] for row in lines(file)] for file in made.files} == {
        f"(empty)/%2E%2E/{END}.jsonl": [6],
        f"in.ekstep/a/{END}.jsonl": [1, 5],
        f"in.ekstep/b/{END}.jsonl": [2],
        f"unknown/a/{END}.jsonl": [3, 4],
    }
    assert [file.path for file in made.files] == sorted(file.path for file in made.files)
    assert (made.rows, [file.rows for file in made.files]) == (6, [1, 2, 1, 2])


def test_values_that_python_takes_for_one_are_three_folders(tmp_path: Path) -> None:
    rows = [[1, "int"], [True, "bool"], [1.0, "float"], ["1", "text"], [0.0, "+"], [-0.0, "-"]]
    made = spooled(tmp_path / "a", ["g", "v"], rows, "jsonl", group_by=("g",))
    found = {file.path.split("/")[0]: [row["v"] for row in lines(file)] for file in made.files}
    assert found == {
        "1": ["int", "text"],
        "true": ["bool"],
        "1.0": ["float"],
        "0.0": ["+"],
        "-0.0": ["-"],
    }


def test_a_list_is_a_value_to_group_by(tmp_path: Path) -> None:
    rows = [[["a", "b"], 1], [["a"], 2], [["a", "b"], 3]]
    made = spooled(tmp_path / "a", ["g", "v"], rows, "jsonl", group_by=("g",))
    assert [file.rows for file in made.files] == [2, 1]


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_rows_are_an_empty_file_and_no_groups(output_format: str, tmp_path: Path) -> None:
    plain = spooled(tmp_path / "a", ["a", "b"], [], output_format)
    assert [(file.path, file.rows) for file in plain.files] == [(f"{END}.{output_format}", 0)]
    grouped = spooled(tmp_path / "b", ["a", "b"], [], output_format, group_by=("a",))
    assert (grouped.files, grouped.rows) == ((), 0)


@pytest.mark.parametrize("output_format", [*FORMATS, "parquet"])
def test_bytes_and_checksum_are_those_of_the_file(output_format: str, tmp_path: Path) -> None:
    rows = [[f"g{n % 7}", n] for n in range(5000)]
    made = spooled(tmp_path / "a", ["g", "n"], rows, output_format, at_once=300, group_by=("g",))
    assert len(made.files) == 7
    for file in made.files:
        data = file.local.read_bytes()
        assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_nothing_stays_open_and_what_waits_is_bounded(tmp_path: Path) -> None:
    """More files than the process may open, written in turn, with far too small a memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = Scratch(tmp_path, waiting_bytes=1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        files = [room.file() for _ in range(500)]
        for n in range(3):
            for file in files:
                file.write(f"{n} {file.number:04}\n".encode())
        sums = [file.close() for file in files]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for file, (n_bytes, sha256) in zip(files, sums, strict=True):
        data = file.path.read_bytes()
        assert data.decode() == "".join(f"{n} {file.number:04}\n" for n in range(3))
        assert (n_bytes, sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_more_files_than_anybody_wants_fail_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spooling, "MOST_FILES", 3)
    rows = [[n, n] for n in range(4)]
    with pytest.raises(FatalError, match="more than 3 combinations of g"):
        spooled(tmp_path / "a", ["g", "n"], rows, group_by=("g",))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([], "gave no answer"),
        ([Rows(("a", "b"), [(1, 2)]), Rows(("b", "a"), [(1, 2)])], "columns changed"),
        ([Rows(("a", "b"), [(1, 2), (1,)])], "1 values for 2 columns"),
        ([Rows(("a", "c"), [(1, 2)])], "no column b"),
    ],
)
def test_an_answer_that_cannot_be_right_fails_the_run(
    parts: list[Rows], told: str, tmp_path: Path
) -> None:
    report = spec(["a", "b"])
    with pytest.raises(FatalError, match=told):
        spool(iter(parts), report, names(report), tmp_path)


def test_what_breaks_the_answer_breaks_the_spool(tmp_path: Path) -> None:
    def cut() -> Iterator[Rows]:
        yield Rows(("a", "b"), [(1, 2)])
        raise RetryableError("cut")

    report = spec(["a", "b"])
    with pytest.raises(RetryableError, match="cut"):
        spool(cut(), report, names(report), tmp_path)


MANY = """
import re, sys
from pathlib import Path
from tallymark.engines import Rows
from tallymark.reports.formats import discover
from tallymark.reports.spool import spool
from tests.unit.reports.spooled import names, spec

def parts():
    for n in range(0, int(sys.argv[2]), 500):
        yield Rows(("a", "b"), [(i, f"{i}" + "x" * 2000) for i in range(n, n + 500)])

def peak_kb():
    return int(re.search("VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1])

discover()
before = peak_kb()
report = spec(["a", "b"], sys.argv[1])
spool(parts(), report, names(report), Path("."))
print(peak_kb() - before)
"""


@pytest.mark.parametrize(
    ("output_format", "rows", "most_mb"), [("jsonl", 50_000, 60), ("parquet", 150_000, 220)]
)
def test_memory_does_not_grow_with_the_answer(
    output_format: str, rows: int, most_mb: int, tmp_path: Path
) -> None:
    """100 MB of text, and 300 MB for Parquet, which holds a row group in two forms besides."""
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", MANY, output_format, str(rows)],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{root}:{root}/src"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < most_mb << 10
