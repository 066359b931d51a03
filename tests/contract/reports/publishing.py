"""Runs of a report to publish, and what a reader finds in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tallymark.errors import NotFound
from tallymark.files import Files, StillOurs
from tallymark.model import Reached, nobody
from tallymark.reports.publish import Publication, Published, publish
from tallymark.reports.spool import Spooled, SpooledFile

REPORT, END_ON = "avg-1", "2026-11-21"
MANIFEST = f"out/{REPORT}-{END_ON}.manifest.json"
MADE_AT = datetime(2026, 11, 22, 6, tzinfo=UTC)


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Runs:
    """One end date of one report: what its database knows, and a folder to spool in."""

    store: Files
    scratch: Path
    present: Sequence[Published] = ()
    present_revision: int = 0
    begun: set[str] = field(default_factory=set)

    def publish(
        self,
        revision: int,
        files: Mapping[str, str],
        *,
        grouped: bool = True,
        reached: Reached = nobody,
        still_ours: StillOurs = lambda: None,
    ) -> list[Published]:
        """An attempt, noted where it comes to its end."""

        def intend(paths: Sequence[str]) -> None:
            still_ours()
            self.begun.update(paths)
            reached("intended")

        job = Publication(
            store=self.store,
            prefix="out",
            report_id=REPORT,
            end_on=END_ON,
            revision=revision,
            grouped=grouped,
            made_at=MADE_AT,
            before=self.present,
            before_revision=self.present_revision,
            begun=frozenset(self.begun),
            intend=intend,
            still_ours=still_ours,
            reached=reached,
        )
        done = publish(job, self.spooled(files))
        self.present, self.present_revision, self.begun = done, revision, set()
        return done

    def spooled(self, files: Mapping[str, str]) -> Spooled:
        found = []
        for path, content in files.items():
            data = content.encode()
            local = self.scratch / hashlib.sha256(data).hexdigest()
            local.write_bytes(data)
            rows, digest = content.count("\n"), hashlib.sha256(data).hexdigest()
            found.append(SpooledFile(path, local, rows, len(data), digest))
        return Spooled(tuple(found), sum(file.rows for file in found), ())

    def by_manifest(self) -> dict[str, str] | None:
        """What a reader gets who goes by the manifest: path of the run → content.

        Raises: AssertionError where a file is not what the manifest says.
        """
        try:
            told = orjson.loads(self.store.get(MANIFEST))
        except NotFound:
            return None
        found = {}
        for file in told["files"]:
            data = self.store.get(f"out/{file['path']}")
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
            assert data.count(b"\n") == file["rows"]
            found[without_backup(file["path"])] = data.decode()
        return found

    def all(self) -> dict[str, str]:
        """Everything in the store but manifests."""
        keys = [key for key in self.store.list("") if not key.endswith(".manifest.json")]
        return {key: self.store.get(key).decode() for key in keys}


def without_backup(path: str) -> str:
    return path.split("/", 3)[3] if path.startswith("backup/") else path
