"""A run's files get to where readers look for them, and what was there before is kept beside.

    look ─▶ back up what was there ─▶ its manifest leads to the backups
         ─▶ intend ─▶ put each file ─▶ the manifest leads to the new files
         ─▶ sweep what the new run does not have

Whoever reads by the manifest sees a whole run at every instant: the old one or the new one. All of
it can be done again from any step: backups are never written over, and a put that has happened
already is found out by its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tallymark.errors import NotFound
from tallymark.files import Files, Stat
from tallymark.model import Reached
from tallymark.reports import manifest
from tallymark.reports.each import each
from tallymark.reports.paths import key_below
from tallymark.reports.spool import Spooled, SpooledFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A file of a run as it was published. `path` lies below the report's prefix."""

    path: str
    kind: str
    """`file` or `manifest`."""
    rows: int
    bytes: int
    sha256: str
    etag: str
    backup: str | None
    """Where what lay under its path before was copied to, below the prefix too."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is published, over what, and how to say how far it got."""

    store: Files
    prefix: str
    report_id: str
    end_on: str
    revision: int
    grouped: bool
    made_at: datetime
    before: Sequence[Published]
    """The files of the end date's earlier revision that are present; none: there was no run."""
    before_revision: int
    """0: none."""
    begun: frozenset[str]
    """Paths that an earlier attempt of this revision may have put."""
    intend: Callable[[Sequence[str]], None]
    """Persists the paths before the first of them is put."""
    still_ours: Callable[[], None]
    reached: Reached

    def key(self, path: str) -> str:
        return key_below(self.prefix, path)

    @property
    def manifest_path(self) -> str:
        return f"{self.report_id}-{self.end_on}.manifest.json"


def backup_path(job: Publication, path: str) -> str:
    """Where a file of the earlier revision is kept, below the prefix."""
    return f"backup/{job.report_id}/{job.end_on}-{job.before_revision}/{path}"


def publish(job: Publication, spooled: Spooled) -> list[Published]:
    """The files as they lie in the store now; of a grouped run the manifest is the last.

    Raises: as `Files.publish`; then readers see the earlier run, or this one, whole.
    """
    paths = [file.path for file in spooled.files]
    if job.grouped:
        paths.append(job.manifest_path)
    # before the claim is looked at again: what is put goes over exactly this
    looked_at = {*paths, *(file.path for file in job.before if file.kind == "manifest")}
    seen = dict(each(job.store, lambda path: (path, job.store.stat(job.key(path))), looked_at))
    kept = _back_up(job)
    job.reached("report.backed_up")
    if job.manifest_path in kept:
        seen[job.manifest_path] = _lead_to_backups(job, seen[job.manifest_path])
    job.intend(paths)
    done = each(job.store, lambda file: _put(job, file, seen[file.path], kept), spooled.files)
    if job.grouped:
        done.append(_put_manifest(job, done, seen[job.manifest_path], kept))
        job.reached("report.manifest")
    _sweep(job, {*job.begun, *(file.path for file in job.before)} - set(paths))
    job.reached("report.swept")
    return done


def _back_up(job: Publication) -> frozenset[str]:
    """The paths of the earlier revision's files that have a backup now."""
    paths = [file.path for file in job.before]
    backed_up = each(job.store, lambda path: _backed_up(job, path), paths)
    return frozenset(path for path, done in zip(paths, backed_up, strict=True) if done)


def _backed_up(job: Publication, path: str) -> bool:
    backup = job.key(backup_path(job, path))
    if path in job.begun:
        # what lies there may be new: it was copied before the first put, or was not there
        return job.store.exists(backup)
    try:
        job.store.copy_if_absent(job.key(path), backup, job.still_ours)
    except NotFound:
        return False
    return True


def _lead_to_backups(job: Publication, seen: Stat | None) -> Stat | None:
    """Where the earlier manifest cannot be read, it is left as it is."""
    old = job.store.get(job.key(backup_path(job, job.manifest_path)))
    data = manifest.moved(old, lambda path: backup_path(job, path))
    return seen if data is None else _put_bytes(job, job.manifest_path, data, seen)


def _put(job: Publication, file: SpooledFile, seen: Stat | None, kept: frozenset[str]) -> Published:
    there = job.store.publish(job.key(file.path), file.local, seen, job.still_ours)
    job.reached("report.put")
    return Published(
        path=file.path,
        kind="file",
        rows=file.rows,
        bytes=file.bytes,
        sha256=file.sha256,
        etag=there.etag,
        backup=backup_path(job, file.path) if file.path in kept else None,
    )


def _put_manifest(
    job: Publication, done: Sequence[Published], seen: Stat | None, kept: frozenset[str]
) -> Published:
    data = manifest.of(job.report_id, job.end_on, job.revision, job.made_at, done)
    path = job.manifest_path
    return Published(
        path=path,
        kind="manifest",
        rows=sum(file.rows for file in done),
        bytes=len(data),
        sha256=sha256(data).hexdigest(),
        etag=_put_bytes(job, path, data, seen).etag,
        backup=backup_path(job, path) if path in kept else None,
    )


def _put_bytes(job: Publication, path: str, data: bytes, seen: Stat | None) -> Stat:
    with TemporaryDirectory() as scratch:
        local = Path(scratch) / "data"
        local.write_bytes(data)
        return job.store.publish(job.key(path), local, seen, job.still_ours)


def _sweep(job: Publication, paths: Iterable[str]) -> None:
    def delete(path: str) -> None:
        job.still_ours()
        job.store.delete(job.key(path))

    # none of them is what a manifest leads to: that of the earlier run leads to its backups
    each(job.store, delete, sorted(paths))
