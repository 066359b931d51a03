"""What an object may be called, and whether two reports can meet in one.

What meets is judged by writing names out: reports are drawn by seed, filled with every value of a
small alphabet, and those that have a name in common must have been found out.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tallymark.files import check_key
from tallymark.reports.define import DEFAULT_PATTERN
from tallymark.reports.meet import Fixed, can_meet, fixed
from tallymark.reports.pattern import Naming, object_path, render, wrong
from tests.unit.reports.spooled import REPORT, names, spec

NAMES = names(spec(["a"], "csv", channel_id="in.ekstep"))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (DEFAULT_PATTERN, "clicks-0123abcd-2026-11-21.csv"),
        ("{start_date}..{end_date}.{output_format}", "2026-11-15..2026-11-21.csv"),
        ("{report_name}/{end_date}/{timestamp}", "clicks/2026-11-21/20261122T040506Z"),
        ("a {channel_id}+{end_date}", "a in.ekstep+2026-11-21"),
    ],
)
def test_the_placeholders_have_their_values(pattern: str, path: str) -> None:
    assert wrong(pattern, (), latest=False) == []
    assert render(pattern, NAMES, {}) == path


def test_a_name_is_encoded_as_one_part() -> None:
    odd = replace(NAMES, report_name="../../x y", channel_id="")
    assert render("{report_name}/{channel_id}.{end_date}", odd, {}) == (
        "..%2F..%2Fx%20y/(empty).2026-11-21"
    )


def test_a_group_is_a_folder_and_may_be_named_too() -> None:
    groups = {"device id": None, "n": 5}
    assert object_path("{n}-{end_date}.csv", NAMES, groups) == "unknown/5/5-2026-11-21.csv"
    # grouped by the field of that name, it is the row's and not the report's
    groups = {"channel_id": "a/b"}
    assert object_path("{channel_id}.{end_date}", NAMES, groups) == "a%2Fb/a%2Fb.2026-11-21"


def test_a_value_does_not_spell_what_is_ours() -> None:
    made = render("{a}/{end_date}.{b}.json", NAMES, {"a": "backup", "b": "query"})
    assert made == "%62ackup/2026-11-21%2Equery.json"


REFUSED = [
    ("", "empty"),
    ("x.csv", "needs {end_date}"),
    ("../{end_date}", "begins or ends with a dot"),
    ("a/../{end_date}", "begins or ends with a dot"),
    ("a/./{end_date}", "begins or ends with a dot"),
    (".{end_date}", "begins or ends with a dot"),
    ("{end_date}.", "begins or ends with a dot"),
    ("/{end_date}", "absolute"),
    ("//{end_date}", "absolute"),
    ("a//{end_date}", "empty part"),
    ("{end_date}/", "empty part"),
    ("{end_date}\0", "control character"),
    ("{end_date}\n", "control character"),
    ("a\\{end_date}", "control character or one of"),
    ("%2e%2e/{end_date}", "control character or one of"),
    ("s3://other/{end_date}", "control character or one of"),
    ("{end_date}?x=1", "control character or one of"),
    ("\ud800{end_date}", "control character"),
    ("x" * 5000 + "{end_date}", "longer than 255 bytes"),
    ("é" * 120 + "{end_date}{report_name}", "longer than 255 bytes"),
    ("/".join(["x" * 200] * 4) + "/{end_date}", "longer than 700 bytes"),
    ("{x.__class__}{end_date}", "is no placeholder"),
    ("{end_date.__class__}", "is no placeholder"),
    ("{end_date[0]}", "is no placeholder"),
    ("{end_date:%Y}", "is no placeholder"),
    ("{end_date!r}", "is no placeholder"),
    ("{0}{end_date}", "is no placeholder"),
    ("{}{end_date}", "is no placeholder"),
    ("{{end_date}}", "a brace without its partner"),
    ("{end_date", "a brace without its partner"),
    ("backup/{end_date}", "begins with backup/"),
    ("Backup/{end_date}", "begins with backup/"),
    ("{end_date}.query.json", "ends like .query.json"),
    ("{end_date}.query.{output_format}", "ends like .query.json"),
    ("{report_id}-{end_date}.manifest.json", "ends like .query.json or .manifest.json"),
]


@pytest.mark.parametrize(("pattern", "why"), REFUSED, ids=[p[:30] for p, _ in REFUSED])
def test_a_wrong_pattern_is_refused(pattern: str, why: str) -> None:
    found = wrong(pattern, (), latest=False)
    assert why in " ".join(one.text for one in found)
    assert {one.field for one in found} == {"output_file_pattern"}
    assert all(len(one.text) < 300 for one in found)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(wrong("../{nope}\\", ("a",), latest=False)) == 4


def test_only_the_newest_needs_no_end_date() -> None:
    assert wrong("newest.csv", (), latest=True) == []


def test_a_group_by_field_is_a_placeholder() -> None:
    assert wrong("{device id}-{end_date}", ("device id",), latest=False) == []
    assert wrong("{device id}-{end_date}", ("device",), latest=False) != []
    assert [one.field for one in wrong(DEFAULT_PATTERN, "abcdefghijklmnopq", latest=False)] == [
        "group_by_fields"
    ]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_not_wrong_gives_a_key_below_the_prefix(seed: int) -> None:
    """Patterns of pieces that mean something somewhere, and values that do."""
    draw = random.Random(seed)
    pieces = [
        *(
            "{end_date}",
            "{report_name}",
            "{channel_id}",
            "{g}",
            "{timestamp}",
            "/",
            "backup/",
            "..",
        ),
        *(".", "%", "x", " ", "{", "}", "\\", ".query.json", ".manifest", "{output_format}", "{h}"),
    ]
    values = [
        "..",
        "/",
        "\\",
        "backup",
        "a.query",
        "query",
        "manifest",
        "",
        ".",
        "x" * 900,
        "é" * 99,
    ]
    allowed = 0
    for _ in range(2000):
        pattern = "".join(draw.choices(pieces, k=draw.randint(1, 6)))
        groups = {"g": draw.choice(values), "h": draw.choice([*values, None])}
        if wrong(pattern, ("g", "h"), latest=False):
            continue
        allowed += 1
        given = replace(
            NAMES,
            report_name=draw.choice(values),
            channel_id=draw.choice(values),
            output_format="json",
        )
        for path in (
            object_path(pattern, given, groups),
            render(pattern, given, {name: value or "" for name, value in groups.items()}),
        ):
            check_key(f"druid-reports/{path}")
            assert not path.lower().startswith("backup/")
            assert not path.lower().endswith((".query.json", ".manifest.json"))
            assert "2026-11-21" in path
    assert allowed > 50


def report(pattern: str, *, of: str = REPORT, **more: object) -> Fixed:
    made = fixed(of, spec(["a"], pattern=pattern))
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        (report(DEFAULT_PATTERN), report(DEFAULT_PATTERN, of="hits-4567abcd"), False),
        (report(DEFAULT_PATTERN), report(DEFAULT_PATTERN), True),
        (report("a-{end_date}"), report("b-{end_date}"), False),
        (report("a-{end_date}"), report("a-{start_date}"), True),
        (report("{end_date}.csv"), report("{end_date}.json"), False),
        (report("{end_date}"), report("{timestamp}"), False),
        (report("{end_date}"), report("2026-11-21"), True),
        (report("{end_date}"), report("2026-11-2x"), False),
        (report("{report_name}-{end_date}", report_name="a b"), report("a b-{end_date}"), False),
        (report("x/{end_date}"), report("{end_date}", group_by=("g",)), True),
        (report("x y/{end_date}"), report("{end_date}", group_by=("g",)), False),
        (report("{end_date}", group_by=("g", "h")), report("{end_date}", group_by=("g",)), False),
        (report("{channel_id}-{end_date}", channel_id="x"), report("y-{end_date}"), False),
        (
            report("{channel_id}-{end_date}", channel_id="x", group_by=("channel_id",)),
            report("y/y-{end_date}"),
            True,
        ),
        # an object store has no folders: a name may go on where another one ends
        (report("{end_date}"), report("{end_date}/{report_id}"), False),
        # prefixes that lead into each other, and into the other's backups
        (report("{end_date}", prefix="a/b"), report("b/{end_date}", prefix="a"), True),
        (report("{end_date}", prefix="a/b"), report("c/{end_date}", prefix="a"), False),
        (report("{end_date}", prefix=f"a/backup/{REPORT}"), report("{end_date}", prefix="a"), True),
        (report("backup-{end_date}", prefix="a"), report("{end_date}", prefix="a"), False),
    ],
)
def test_two_reports_meet_where_one_can_give_an_object_of_the_other(
    one: Fixed, other: Fixed, meets: bool
) -> None:
    assert can_meet(one, other) is meets
    assert can_meet(other, one) is meets


VALUES = ("a", "b", "aa", "-", "2026-01-01")
DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(2)]


def written(fixed: Fixed) -> set[str]:
    """Every object of a report over a small alphabet."""
    made = set()
    for groups, start, end in itertools.product(
        itertools.product(VALUES, repeat=len(fixed.group_by)), DAYS, DAYS
    ):
        naming = Naming(
            report_id=fixed.report_id,
            report_name=fixed.report_name,
            channel_id=fixed.channel_id,
            output_format=fixed.output_format,
            start_date=start.isoformat(),
            end_date=end.isoformat(),
            timestamp="20260102T000000Z",
        )
        values = dict(zip(fixed.group_by, groups, strict=True))
        made.add(f"{fixed.prefix}/{object_path(fixed.pattern, naming, values)}")
    return made


@pytest.mark.parametrize("seed", range(10))
def test_no_two_reports_share_a_name_without_being_found_out(seed: int) -> None:
    draw = random.Random(seed)
    pieces = [
        "{g}",
        "{end_date}",
        "{start_date}",
        "{report_id}",
        "a",
        "-",
        "b/",
        "a",
        "{timestamp}",
    ]

    def drawn() -> Fixed:
        group_by = draw.choice([(), (), ("g",), ("g", "channel_id")])
        usable = [p for p in pieces if p != "{g}" or group_by]
        pattern = "".join(draw.choices(usable, k=draw.randint(1, 4))).strip("/")
        some = draw.choice(["a", "b"])
        return report(
            pattern, of=some, channel_id=some, report_name=some, group_by=group_by, prefix="a"
        )

    reports = [drawn() for _ in range(80)]
    objects = [written(one) for one in reports]
    pairs = list(itertools.combinations(range(len(reports)), 2))
    shared = [(i, j) for i, j in pairs if objects[i] & objects[j]]
    assert len(shared) >= 10
    assert [
        (reports[i], reports[j]) for i, j in shared if not can_meet(reports[i], reports[j])
    ] == []
    # and it does not refuse whatever it is given
    assert sum(can_meet(reports[i], reports[j]) for i, j in pairs) < len(pairs) / 2
