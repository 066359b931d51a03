"""PyIceberg's transaction, less its copies of the whole metadata."""

from __future__ import annotations

from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate


class LeanTransaction(Transaction):
    """Works its metadata out once a change; PyIceberg does so, with a deep copy, at every look.

    A commit looks twenty times, and the metadata holds up to twenty snapshots: a quarter of its
    time. Nobody writes to what was looked at: changes are new updates.
    """

    _seen: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        base, updates = self._table.metadata, self._updates
        if self._seen is None or self._seen[0] is not base or self._seen[1] is not updates:
            self._seen = (base, updates, super().table_metadata)
        return self._seen[2]
