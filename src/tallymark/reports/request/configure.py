"""A request's text becomes what is stored, or every mistake in it.

text ─▶ received ─▶ parse ─▶ the engine's check ─▶ complete ─▶ no other report's object
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from tallymark.engines import Checked, Window
from tallymark.errors import BadRequest, ConfigError, Conflict, WrongFields
from tallymark.reports import made, store
from tallymark.reports.define import ONCE, ReportSpec
from tallymark.reports.meet import Fixed, can_meet, fixed, objects_of
from tallymark.reports.parts import Parts
from tallymark.reports.preview import window
from tallymark.reports.request.parse import Draft, Known, complete, parse
from tallymark.reports.request.received import read
from tallymark.reports.store import Configured, Report

_APART = "put {report_id} into it, or give another prefix"


@dataclass(frozen=True, kw_only=True)
class Configure:
    parts: Parts
    formats: Collection[str]
    addresses: Mapping[str, str]
    """Of the stores, by name, as people know them: `s3://lake/reports`."""

    @property
    def known(self) -> Known:
        return Known(
            engines=self.parts.engines,
            stores=self.parts.stores,
            formats=self.formats,
            calendar=self.parts.calendar,
        )

    def understood(self, text: str) -> tuple[Draft, Configured]:
        """Raises: BadRequest; WrongFields with every mistake, also those that its engine finds."""
        received = read(text)
        draft = parse(received.request, self.known, self.parts.clock.now())
        # what stands in place of an unsound value is nobody's question
        unsound = any(one.field.startswith("query") for one in received.wrong)
        checked = Checked() if unsound else self._checked(draft)
        draft = complete(draft, checked)
        if wrong := (*received.wrong, *draft.wrong):
            raise WrongFields(wrong, draft.warnings)
        return draft, Configured(
            spec=draft.spec,
            config=text,
            warnings=tuple(dict.fromkeys(draft.warnings)),
            unchecked=checked.unchecked,
            location=self._location(draft.spec),
        )

    def _checked(self, draft: Draft) -> Checked:
        if not draft.askable:
            return Checked()
        spec, engine = draft.spec, self.parts.engines[draft.spec.engine]
        return engine.check(spec.query, spec.availability, self._now(draft), self.parts.around)

    def _now(self, draft: Draft) -> Window:
        """What a run would cover now; yesterday, where that is wrong itself."""
        now = self.parts.clock.now()
        try:
            return window(draft.spec, draft.calendar, now)
        except (BadRequest, ConfigError, ValueError):
            plain = replace(draft.spec, frequency=ONCE, interval="YESTERDAY")
            return window(plain, draft.calendar, now)

    def _location(self, spec: ReportSpec) -> str:
        return f"{self.addresses[spec.store].rstrip('/')}/{spec.prefix}"

    def check_free(self, tx: Connection, report: Report) -> None:
        """Raises: Conflict where it is another report once more, or can give an object of one,
        also of a disabled one: it may be enabled again."""
        mine, spec = _objects(report), report.spec
        others = {one.report_id: one for one in store.load(tx)}
        del others[report.report_id]
        for other in others.values():
            if (other.report_name, other.spec.dates) == (spec.report_name, spec.dates):
                raise Conflict(
                    f"there is a report {other.report_id} already, with this name and interval: "
                    "change it, or give another name"
                )
            if can_meet(mine, _objects(other)):
                raise Conflict(
                    f"output_file_pattern: {spec.pattern!r} can give an object of "
                    f"{other.report_id}, whose pattern is {other.spec.pattern!r} and whose files "
                    f"go to {other.location}: {_APART}"
                )
        # a report that was given another pattern keeps what it made until it is made anew
        can_give = objects_of(mine)
        with closing(made.of_others(tx, report.report_id)) as files:
            for report_id, path in files:
                if can_give.fullmatch(key := f"{others[report_id].location}/{path}"):
                    raise Conflict(
                        f"output_file_pattern: {spec.pattern!r} can give {key}, a file that "
                        f"{report_id} has made: {_APART}"
                    )


def _objects(report: Report) -> Fixed:
    # by the whole address: two names of stores may lead to one folder
    return replace(fixed(report.report_id, report.spec), prefix=report.location)
