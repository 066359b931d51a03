"""Which columns of an answer stand in the file, and what they are called there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tallymark.engines import DATE, Output
from tallymark.errors import FatalError, WrongField
from tallymark.reports.define import ReportSpec

FIELD = "output_field_names"
Headings = tuple[tuple[str, str], ...]


def headings(
    output: Output | None, output_field_names: Any
) -> tuple[Headings, tuple[str, ...], tuple[WrongField, ...]]:
    """Column → heading, or the list as it is where the columns are not known yet, or what is wrong.

    A map names the columns and their order. A list has one heading for each column, or one for each
    post-aggregation: then the date and the dimensions keep their names and stand before them, and
    bare aggregations are left out.
    """
    wrong = _shape(output_field_names)
    named: Headings = ()
    listed: tuple[str, ...] = ()
    if not wrong:
        if isinstance(output_field_names, dict):
            named = tuple(output_field_names.items())
            wrong = [] if output is None else _unknown(list(output_field_names), output.columns)
        elif output is None:
            listed = tuple(output_field_names)
        else:
            named, wrong = _listed(output, output_field_names)
    wrong = wrong or _twice(listed or [heading for _, heading in named])
    return ((), (), tuple(wrong)) if wrong else (named, listed, ())


def resolve(columns: Sequence[str], spec: ReportSpec) -> Headings:
    """The same once an answer has come.

    Raises: FatalError where the report and the answer do not fit.
    """
    if len(set(columns)) < len(columns):
        raise FatalError(f"two columns of the answer have one name: {', '.join(columns)}")
    chosen = spec.headings
    if not chosen and spec.field_list:
        if len(spec.field_list) != len(columns):
            raise FatalError(
                f"{FIELD} has {len(spec.field_list)} headings, and the answer "
                f"{len(columns)} columns ({', '.join(columns)}): give one for each"
            )
        chosen = tuple(zip(columns, spec.field_list, strict=True))
    chosen = chosen or tuple((column, column) for column in columns)
    wanted = [column for column, _ in chosen] + list(spec.group_by)
    absent = [column for column in wanted if column not in columns]
    if absent:
        raise FatalError(
            f"the answer has no column {', '.join(dict.fromkeys(absent))}: "
            f"its columns are {', '.join(columns)}"
        )
    return chosen


def _shape(names: Any) -> list[WrongField]:
    right = "a map of columns to headings, or a list of headings"
    if not isinstance(names, dict | list) or not names:
        return [WrongField(FIELD, f"must be {right}, and not empty")]
    keyed = names.items() if isinstance(names, dict) else enumerate(names)
    return [
        WrongField(
            f"{FIELD}[{key}]" if isinstance(key, int) else f"{FIELD}.{key}",
            f"must be a text that is not empty, not {heading!r}",
        )
        for key, heading in keyed
        if not isinstance(heading, str) or not heading.strip()
    ]


def _unknown(named: Sequence[str], columns: Sequence[str]) -> list[WrongField]:
    return [
        WrongField(f"{FIELD}.{column}", f"is no column of the query: it has {', '.join(columns)}")
        for column in named
        if column not in columns
    ]


def _listed(output: Output, names: Sequence[str]) -> tuple[Headings, list[WrongField]]:
    columns, post = output.columns, output.post_aggregations
    if len(names) == len(columns):
        return tuple(zip(columns, names, strict=True)), []
    if post and len(names) == len(post):
        kept = ((DATE,) if output.date else ()) + output.dimensions
        return tuple((c, c) for c in kept) + tuple(zip(post, names, strict=True)), []
    right = f"one for each column of the query ({', '.join(columns)})"
    if post and len(post) != len(columns):
        right += f", or one for each post-aggregation ({', '.join(post)})"
    text = f"has {len(names)} {'heading' if len(names) == 1 else 'headings'}: right is {right}"
    return (), [WrongField(FIELD, text)]


def _twice(texts: Sequence[str]) -> list[WrongField]:
    """Two columns of one name would be one in JSON."""
    twice = dict.fromkeys(text for text in texts if texts.count(text) > 1)
    return [WrongField(FIELD, f"the heading {text!r} stands for two columns") for text in twice]
