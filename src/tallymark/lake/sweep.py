"""Files that no kept snapshot reaches: PyIceberg removes none of them.

Files are listed first and the metadata read afterwards, so that a file which a commit brings in
between is either not listed or known. Only files older than three days go, by the real clock: a
writer whose files are that old has lost its claim and cannot commit. A clock that is set forward by
a day makes every file a day older, those of a commit under way too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from pyiceberg.table import Table

from tallymark.lake.synced import path_of

AGE = timedelta(days=3)


def sweep(load: Callable[[], Table], real_now: datetime) -> list[str]:
    """Remove the table's orphans; returns their paths."""
    old = list(_older(Path(path_of(load().location())), (real_now - AGE).timestamp()))
    live = reachable(load())
    orphans = [str(path) for path in old if str(path) not in live]
    for orphan in orphans:
        Path(orphan).unlink(missing_ok=True)
    return orphans


def _older(root: Path, than_s: float) -> list[Path]:
    found: list[Path] = []
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory) / name
            try:
                if path.stat().st_mtime < than_s:
                    found.append(path)
            except FileNotFoundError:
                # another node sweeps too, or a commit dropped its old metadata
                continue
    return found


def reachable(table: Table) -> set[str]:
    """The paths of all files that the table's kept snapshots and metadata name."""
    metadata = table.metadata
    locations = {
        table.metadata_location,
        *(entry.metadata_file for entry in metadata.metadata_log),
        *(file.statistics_path for file in metadata.statistics),
        *(file.statistics_path for file in metadata.partition_statistics),
    }
    read: set[str] = set()
    for snapshot in metadata.snapshots:
        locations.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in read:
                read.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(table.io)
                locations.update(entry.data_file.file_path for entry in entries)
    # compared as paths: Spark writes file:/x where PyIceberg writes file:///x
    return {path_of(location) for location in locations | read}
