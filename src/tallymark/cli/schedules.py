"""When each stream of a workspace is read next, for `validate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallymark.calendar.runs import in_words, next_runs
from tallymark.calendar.schedule import Schedule
from tallymark.connectors import Connector
from tallymark.definitions.workspace import Workspace


@dataclass(frozen=True)
class Reads:
    """A stream, what it is declared to be read at, and its next reads."""

    stream: str
    every: str
    zone: str
    next_at: tuple[datetime, ...]

    def in_words(self, now: datetime) -> str:
        return f"{self.stream}, {self.every}: next {in_words(self.next_at, self.zone, now)}"


def reads(
    workspace: Workspace, connectors: Mapping[str, type[Connector]], now: datetime
) -> Iterator[Reads]:
    """Every stream that is read; what is pushed comes by itself."""
    for source in workspace.sources.values():
        declared = {stream.name: stream for stream in connectors[source.connector].streams}
        for spec in source.streams:
            stream = declared[spec.name]
            if stream.kind != "push":
                # what a vendor gives late is read that much after its period's end
                delay = timedelta(seconds=stream.delay_s)
                runs = next_runs(Schedule.parse(spec.every, stream.zone), now - delay)
                next_at = tuple(run + delay for run in runs)
                yield Reads(f"{source.name}.{spec.name}", spec.every, stream.zone, next_at)
