"""The files that runs made: where they lie, and what they were when they were published."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from tallymark.reports.publish import Published
from tallymark.reports.runs import Run
from tallymark.state.schema import report_files, report_runs

_FILE = ("path", "kind", "rows", "bytes", "sha256", "etag", "backup")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def files(conn: Connection, run_id: int) -> list[Published]:
    """What a run published, also what was replaced since."""
    return [_published(row) for row in conn.execute(_files(report_files.c.run_id == run_id))]


def present(conn: Connection, run_id: int, limit: int) -> list[Published]:
    """What of a run's files is still its own: its manifest, then the others by their paths."""
    mine = and_(report_files.c.run_id == run_id, report_files.c.present == 1)
    manifest_first = (report_files.c.kind.desc(), report_files.c.path)
    found = select(report_files).where(mine).order_by(*manifest_first).limit(limit)
    return [_published(row) for row in conn.execute(found)]


def note_etags(tx: Connection, run_id: int, etags: Mapping[str, str]) -> None:
    """By path: the same bytes lie there as another file."""
    this = (report_files.c.run_id == run_id, report_files.c.path == bindparam("at"))
    noted = update(report_files).where(*this).values(etag=bindparam("now"))
    tx.execute(noted, [{"at": path, "now": etag} for path, etag in etags.items()])


def older_than(conn: Connection, report_id: str, before_on: str) -> dict[int, list[str]]:
    """By run: the paths, also of backups, of end dates before a date that were not removed yet."""
    found = (
        select(report_files.c.run_id, report_files.c.path, report_files.c.backup)
        .add_columns(report_files.c.present)
        .join(report_runs, report_runs.c.id == report_files.c.run_id)
        .where(report_runs.c.report_id == report_id, report_runs.c.end_on < before_on)
        .where(or_(report_files.c.present == 1, report_files.c.backup.is_not(None)))
    )
    old: dict[int, list[str]] = {}
    for row in conn.execute(found):
        paths = old.setdefault(row.run_id, [])
        paths += [row.path] * row.present + [row.backup] * (row.backup is not None)
    return old


def removed(tx: Connection, run_id: int) -> None:
    """Its files and their backups are no longer in the store."""
    mine = report_files.c.run_id == run_id
    tx.execute(update(report_files).where(mine).values(present=0, backup=None))


def forget(tx: Connection, report_id: str) -> None:
    """None of the files is the report's any more: they stay where they lie."""
    mine = select(report_runs.c.id).where(report_runs.c.report_id == report_id)
    of_report = report_files.c.run_id.in_(mine)
    tx.execute(update(report_files).where(of_report).values(present=0, backup=None))
    tx.execute(delete(report_files).where(of_report, report_files.c.sha256 == ""))


def of_others(conn: Connection, report_id: str) -> Generator[tuple[str, str], None, None]:
    """The reports that files belong to, and their paths, but those of one report."""
    found = (
        select(report_runs.c.report_id, report_files.c.path)
        .join(report_runs, report_runs.c.id == report_files.c.run_id)
        .where(report_runs.c.report_id != report_id, report_files.c.present == 1)
        .execution_options(yield_per=10_000)
    )
    with conn.execute(found) as rows:
        for row in rows:
            yield row.report_id, row.path


def present_before(conn: Connection, run: Run) -> tuple[int, list[Published]]:
    """The files of the newest earlier revision of its end date that has any, and which that is."""
    found = (
        select(report_files, report_runs.c.revision)
        .join(report_runs, report_runs.c.id == report_files.c.run_id)
        .where(
            report_runs.c.report_id == run.report_id,
            report_runs.c.end_on == run.end_on,
            report_runs.c.revision < run.revision,
            report_files.c.present == 1,
        )
    )
    rows = list(conn.execute(found))
    revision = max((row.revision for row in rows), default=0)
    return revision, [_published(row) for row in rows if row.revision == revision]


def intended(conn: Connection, run: Run) -> frozenset[str]:
    """The paths that an earlier attempt may have put, also one of a revision that failed; and
    those of a run that is made again."""
    of_date = select(report_runs.c.id).where(
        report_runs.c.report_id == run.report_id, report_runs.c.end_on == run.end_on
    )
    mine = and_(report_files.c.run_id == run.id, report_files.c.present == 1)
    # what was published, and then replaced or removed, has its checksum
    begun = and_(report_files.c.run_id.in_(of_date), report_files.c.sha256 == "")
    return frozenset(conn.execute(select(report_files.c.path).where(or_(mine, begun))).scalars())


def of_other_dates(conn: Connection, run: Run) -> frozenset[str]:
    """The paths of what the report's other dates have in the store."""
    others = _others(run).where(report_runs.c.end_on != run.end_on)
    theirs = (report_files.c.run_id.in_(others), report_files.c.present == 1)
    return frozenset(conn.execute(select(report_files.c.path).where(*theirs)).scalars())


def intend(tx: Connection, run_id: int, paths: Sequence[str]) -> None:
    """Note what is about to be put."""
    there = set(
        tx.execute(select(report_files.c.path).where(report_files.c.run_id == run_id)).scalars()
    )
    blank = {"kind": "file", "present": 0, "rows": 0, "bytes": 0, "sha256": "", "etag": ""}
    new = [{"run_id": run_id, "path": path, **blank} for path in paths if path not in there]
    if new:
        tx.execute(insert(report_files), new)


def published(
    tx: Connection,
    run: Run,
    done: Sequence[Published],
    backups: Mapping[str, str],
    swept: Collection[str] = (),
) -> None:
    """These are the run's files now; no other run of the report has one of them any more.

    `backups`: where the files of the earlier revision were copied to, by their paths; `swept`: what
    other dates had, and was removed.
    """
    tx.execute(delete(report_files).where(report_files.c.run_id == run.id))
    same_date = _others(run).where(report_runs.c.end_on == run.end_on)
    of_date = report_files.c.run_id.in_(same_date)
    if backups:
        old = (of_date, report_files.c.path == bindparam("at"), report_files.c.present == 1)
        kept = update(report_files).where(*old).values(present=0, backup=bindparam("to"))
        tx.execute(kept, [{"at": path, "to": backup} for path, backup in backups.items()])
    if done:
        # what a revision put that failed is swept by now
        tx.execute(delete(report_files).where(of_date, report_files.c.sha256 == ""))
        tx.execute(insert(report_files), [_row(run, one) for one in done])
        _take(tx, run, (one.path for one in done))
    if swept:
        theirs = (report_files.c.run_id.in_(_others(run)), report_files.c.path == bindparam("at"))
        gone = update(report_files).where(*theirs).values(present=0)
        tx.execute(gone, [{"at": path} for path in swept])


def _take(tx: Connection, run: Run, paths: Iterable[str]) -> None:
    """The same object for every date, where the pattern has no end date.

    For 100,000 files of each of some hundred dates it must not look for every one in every other:
    a date whose paths all hold it can share only such a path that holds it too.
    """
    named = {on for path in paths for on in _DATE.findall(path)}
    of_run = report_files.c.run_id == report_runs.c.id
    first = select(func.min(report_files.c.path)).where(of_run, report_files.c.kind == "file")
    undated = ~first.correlate(report_runs).scalar_subquery().contains(report_runs.c.end_on)
    others = _others(run).where(or_(undated, report_runs.c.end_on.in_({*named, run.end_on})))
    own = select(report_files.c.path).where(report_files.c.run_id == run.id)
    taken = (report_files.c.run_id.in_(others), report_files.c.path.in_(own))
    tx.execute(update(report_files).where(*taken, report_files.c.present == 1).values(present=0))


def _others(run: Run) -> Select[tuple[int]]:
    of_others = (report_runs.c.report_id == run.report_id, report_runs.c.id != run.id)
    return select(report_runs.c.id).where(*of_others)


def _row(run: Run, one: Published) -> dict[str, Any]:
    return {"run_id": run.id, "present": 1, **{name: getattr(one, name) for name in _FILE}}


def _files(wanted: ColumnElement[bool]) -> Any:
    return select(report_files).where(wanted).order_by(report_files.c.path)


def _published(row: Row[Any]) -> Published:
    return Published(**{name: getattr(row, name) for name in _FILE})
