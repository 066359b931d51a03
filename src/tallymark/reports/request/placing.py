"""Where a request's files go, and where those lie that it waits for. Pure.

A request names one of the workspace's stores and a folder in it, never an address.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from tallymark.calendar.names import nearest
from tallymark.reports import pattern
from tallymark.reports.define import DEFAULT_PREFIX, LAKE_STORE
from tallymark.reports.request.fields import Fields

END_DATE = "{end_date}"
LONGEST_PREFIX_BYTES = 200
_AVAILABILITY = ("both", "segments", "none")
_SECTION = '{"store": "…", "prefix": "…"}'
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def destination(fields: Fields, stores: Collection[str]) -> tuple[str, str]:
    """Store and prefix; without one the lake's `reports/` and the prefix of the founding design."""
    given = fields.given.get("destination")
    if given is None or isinstance(given, str):
        return _store(fields, "destination", stores), DEFAULT_PREFIX
    section = fields.section("destination", f"the name of a store, or {_SECTION}")
    if section is None:
        return LAKE_STORE, DEFAULT_PREFIX
    store = _store(section, "store", stores)
    prefix = section.optional("prefix", "a folder such as monthly/sales") or DEFAULT_PREFIX
    section.done()
    reason = wrong_folder(prefix)
    if reason:
        section.blame("prefix", reason)
        prefix = DEFAULT_PREFIX
    return store, prefix


def _store(fields: Fields, name: str, stores: Collection[str]) -> str:
    found = fields.optional(name, "the name of a store")
    if not found or found in stores:
        return found
    known = sorted(one for one in stores if one)
    if _ADDRESS.match(found) or "/" in found:
        said = "an address cannot be given here: name a store of the workspace"
        fields.blame(name, f"{said}, {nearest(found, known)}" if known else said)
    elif known:
        fields.blame(name, f"there is no store {found!r}: {nearest(found, known)}")
    else:
        said = "the workspace's YAML names none, under `stores`; without one files go to the lake"
        fields.blame(name, f"there is no store {found!r}: {said}")
    return LAKE_STORE


def wrong_folder(prefix: str) -> str:
    """Why files cannot lie there; empty: they can."""
    if "{" in prefix or "}" in prefix:
        return "is fixed: placeholders go into `output_file_pattern`"
    if len(prefix.encode()) > LONGEST_PREFIX_BYTES:
        return f"is longer than {LONGEST_PREFIX_BYTES} bytes"
    found = pattern.wrong(f"{prefix}/{END_DATE}", (), latest=False)
    return found[0].text if found else ""


def availability(fields: Fields) -> tuple[str, str]:
    """The rule by which data counts as there, or the prefix below which a file must lie."""
    given = fields.value("availability")
    if given is None:
        return "", ""
    if not isinstance(given, dict):
        return fields.one_of("availability", _AVAILABILITY, "rule"), ""
    section = Fields(given, "availability.", fields.wrong)
    found = section.text("files", f"a prefix with {END_DATE}")
    section.done()
    if found:
        rest = found.replace(END_DATE, "2026-11-21").removesuffix("/")
        if END_DATE not in found:
            section.blame("files", f"holds no {END_DATE}: such as raw/{END_DATE}/")
        elif reason := wrong_folder(rest):
            section.blame("files", reason)
    return "", found
