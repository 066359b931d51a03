"""The files of docs/calendar-suite, made from what both oracles say."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg
import tzdata

from tests.oracle import oracles
from tests.oracle.cases import ZONES, Case, chosen
from tests.oracle.oracles import Fields
from tests.oracle.zone_files import compile_zones, distinct

FOLDER = Path(__file__).parents[2] / "docs" / "calendar-suite"
CASES = FOLDER / "cases.jsonl"
DIFFERENCES = FOLDER / "differences.md"

FORMAT = "calendar-suite/1"
PERIOD = ("start_at", "end_at", "start_date", "end_date", "key")
OVERLAY = ("of_start_at", "of_end_at", "of_key", *PERIOD, "days", "compare_days", "whole")

_DIFFERENCES = """\
# Where date_trunc and atStartOfDay differ from the rule

Made by `make oracle` with tzdata {release}: of each zone the days and hours around every change of
its clock from 1980 to 2037 that begin elsewhere. Zones without a difference are left out; of zones
with the same data one is named.
[What lies behind the numbers](README.md#date_trunc-and-atstartofday).

| zone | days, `date_trunc` | hours, `date_trunc` | days, `atStartOfDay` |
|---|---:|---:|---:|
"""


class OraclesDiffer(Exception):
    """The two oracles do not say the same of a case."""


def made() -> dict[Path, str]:
    """The text of each file, as the oracles say it now."""
    with pinned_zones() as zones, oracles.postgres_on(zones) as connection:
        cases = chosen(zones)
        answers = answered(zones, connection, cases)
        changed = recent_changes(zones)
        hours = oracles.date_trunc_differs(connection, changed)
        days = oracles.start_of_day_differs(zones, changed)
    counts = {zone: (*hours[zone], days[zone]) for zone in changed}
    text = "".join(f"{line}\n" for line in [header(len(cases)), *lines(cases, answers)])
    return {CASES: text, DIFFERENCES: differences_text(counts)}


@contextmanager
def pinned_zones() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tallymark-zones-") as folder:
        yield compile_zones(Path(folder))


def answered(zones: Path, connection: psycopg.Connection, cases: Sequence[Case]) -> list[Fields]:
    """What both oracles say, asked at the same time. Raises: OraclesDiffer."""
    with ThreadPoolExecutor() as pool:
        java = pool.submit(oracles.ask_java, zones, cases)
        postgres = oracles.ask_postgres(connection, cases)
        for case, one, other in zip(cases, postgres, java.result(), strict=True):
            if one != other:
                raise OraclesDiffer(f"{case}\n  PostgreSQL: {one}\n  Java:       {other}")
    return postgres


def recent_changes(zones: Path) -> dict[str, list[int]]:
    start, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1980, 2038))
    return {
        zone: [change.at for change in changes if start <= change.at < end]
        for zone, changes in distinct(zones, ZONES).items()
    }


def header(cases: int) -> str:
    return _json(
        {
            "format": FORMAT,
            "tzdata": tzdata.IANA_VERSION,
            "tzdata_package": version("tzdata"),
            "cases": cases,
        }
    )


def lines(cases: Sequence[Case], answers: Sequence[Fields]) -> list[str]:
    return [
        _json(question(case) | {"answer": _answer(case, fields)})
        for case, fields in zip(cases, answers, strict=True)
    ]


def _json(line: dict[str, object]) -> str:
    return json.dumps(line, separators=(",", ":"))


def question(case: Case) -> dict[str, object]:
    """A case's line without its answer."""
    told: dict[str, object] = {"zone": case.zone, "at": oracles.iso(case.at)}
    told |= {"week_start": case.week_start, "fiscal_start": case.fiscal_start}
    told |= {"question": case.question}
    for name in ("grain", "align", "n", "through"):
        if getattr(case, name) is not None:
            told[name] = getattr(case, name)
    return told if case.cut_at is None else told | {"cut_at": oracles.iso(case.cut_at)}


def _answer(case: Case, fields: Fields) -> dict[str, object]:
    if fields == ["refused"]:
        return {"refused": True}
    names = PERIOD if case.grain is None else OVERLAY
    answer = {name: _value(name, field) for name, field in zip(names, fields, strict=True)}
    if case.cut_at is None:
        answer.pop("whole", None)
    return answer


def _value(name: str, field: str | None) -> object:
    if field is None:
        return None
    if name.endswith("_at"):
        return oracles.iso(int(field))
    if name == "whole":
        return field == "true"
    return int(field) if name in ("days", "compare_days") else field


def differences_text(counts: Mapping[str, tuple[int, ...]]) -> str:
    rows = {zone: numbers for zone, numbers in counts.items() if any(numbers)}
    sums = [sum(numbers[n] for numbers in rows.values()) for n in range(3)]
    lines = [f"| {zone} | {' | '.join(map(str, numbers))} |\n" for zone, numbers in rows.items()]
    total = f"| {len(rows)} of {len(counts)} zones | {' | '.join(map(str, sums))} |\n"
    return _DIFFERENCES.format(release=tzdata.IANA_VERSION) + "".join([*lines, total])
