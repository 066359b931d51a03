"""What the system is asked for: every file is on the disk before the ledger names it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tallymark.lake.catalog import open_catalog
from tallymark.lake.sweep import reachable
from tests.crash.scenes import Scene, Vendor, Zygote

CALLS = "trace=fsync,fdatasync,pwrite64,rename,renameat,renameat2"
BEGUN = re.compile(r"^(\d+) +(\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")


@dataclass(frozen=True)
class Done:
    """A call that ended, or a write that began."""

    name: str
    text: str


@pytest.fixture
def strace(tmp_path: Path) -> list[str]:
    tried = ["strace", "-f", "-o", "/dev/null", "true"]
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: the order of the calls cannot be seen")
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here: the order of the calls cannot be seen")
    # -y: files by their paths; -s: a page of a database whole
    options = ["-f", "-y", "-qq", "-s", "5000", "-e", CALLS, "-o", str(tmp_path / "trace")]
    return ["strace", *options]


def in_order(trace: Path) -> Iterator[Done]:
    open_calls: dict[str, Done] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if resumed := RESUMED.match(line):
            if resumed[1] in open_calls:
                yield open_calls.pop(resumed[1])
        elif begun := BEGUN.match(line):
            done = Done(begun[2], begun[3])
            # what is written counts from its beginning, what is synced from its end
            if line.endswith("<unfinished ...>") and done.name != "pwrite64":
                open_calls[begun[1]] = done
            else:
                yield done


def first(calls: list[Done], names: tuple[str, ...], *texts: str) -> int:
    """Where a call stands that names all of these."""
    for n, call in enumerate(calls):
        if call.name in names and all(text in call.text for text in texts):
            return n
    raise AssertionError(f"no {names} of {texts}")


def test_files_are_synced_before_the_ledger_names_them(
    strace: list[str], home: Path, tmp_path: Path
) -> None:
    vendor, zygote = Vendor("mixed", tmp_path), Zygote(*strace)
    vendor.control(set={"per_day": 30, "pages": 2})
    scene = Scene("mixed", home, None, zygote, vendor)
    try:
        assert scene.run() == 0, scene.logs()
    finally:
        zygote.stop()
        vendor.stop()
    calls = list(in_order(tmp_path / "trace"))
    sync, log = ("fsync", "fdatasync"), "tallymark.db-wal"

    def named_at(name: str) -> int:
        return first(calls, ("pwrite64",), log, name)

    with scene.databases() as databases:
        catalog = open_catalog(databases.control, home / "lake" / "tables")
        tables = [catalog.load_table(name) for name in ("paged.records", "site.requests")]
    for table in tables:
        at = named_at(Path(table.metadata_location).name)
        files = reachable(table)
        assert {Path(file).suffix for file in files} == {".parquet", ".avro", ".json"}
        for file in files:
            assert first(calls, sync, f"{file}>") < at
            assert first(calls, sync, f"{Path(file).parent}>") < at
        # and what the ledger says is on the disk before anything else is done
        assert first(calls[at:], sync, log) > 0
    pages = scene.select("SELECT archive_key FROM calls")
    assert len(pages) == 3
    for (key,) in pages:
        renamed = first(calls, ("rename", "renameat", "renameat2"), str(home / "lake" / key))
        unfinished = re.findall(r'"([^"]*/\.unfinished/[^"]*)"', calls[renamed].text)[0]
        folder = first(calls[renamed:], sync, f"{(home / 'lake' / key).parent}>") + renamed
        assert first(calls, sync, f"{unfinished}>") < renamed < folder < named_at(key)
