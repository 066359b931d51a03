"""The pinned zone data as files of the old, long kind, and what changes in them."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

MARKER = "Tallymark/Pinned"
"""A zone that no other data has: who knows it reads these files."""

_MARKER_LINE = f"Z {MARKER} 1:15 - PIN\n"


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` (seconds from 1970) on the clock stands `by` seconds further ahead than before."""

    at: int
    by: int


def compile_zones(folder: Path) -> Path:
    """`zic -b fat` of the package's own source: every change until 2037 stands in the file."""
    source = folder / "tzdata.zi"
    text = files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text(encoding="utf-8")
    source.write_text(text + _MARKER_LINE)
    zones = folder / "zoneinfo"
    subprocess.run(["zic", "-b", "fat", "-d", zones, source], check=True)
    # the names of the package, not those that only its source has
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    assert [name for name in names if not (zones / name).is_file()] == []
    return zones


def distinct(zones: Path, named: tuple[str, ...]) -> dict[str, list[Change]]:
    """One name for all zones with the same data: one of `named`, or the first by the alphabet."""
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    found: dict[bytes, str] = {}
    for name in sorted(names, key=lambda name: (name not in named, "/" not in name, name)):
        found.setdefault(sha256((zones / name).read_bytes()).digest(), name)
    return {name: changes(zones / name) for name in sorted(found.values())}


def changes(file: Path) -> list[Change]:
    """The changes of the clock in the second block of a zone file (RFC 8536)."""
    data = file.read_bytes()
    _, _, leaps, times, types, chars = first = struct.unpack_from(">6l", data, 20)
    start = 44 + times * 5 + types * 6 + chars + leaps * 8 + first[1] + first[0]
    _, _, _, times, types, _ = struct.unpack_from(">6l", data, start + 20)
    instants = struct.unpack_from(f">{times}q", data, start + 44)
    kinds = struct.unpack_from(f">{times}B", data, start + 44 + times * 8)
    offsets = [
        struct.unpack_from(">l", data, start + 44 + times * 9 + 6 * n)[0] for n in range(types)
    ]
    now, found = offsets[0], []
    for at, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != now:
            found.append(Change(at, offsets[kind] - now))
        now = offsets[kind]
    return found
