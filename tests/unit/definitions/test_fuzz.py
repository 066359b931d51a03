"""Random workspaces: whatever stands there, it is taken whole or refused with its reasons."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml

from tallymark.definitions.store import current, save
from tallymark.state.database import open_databases, reading, writing
from tests.clock import FakeClock

from .given import GOOD, problems, read

WORDS = [
    *re.findall(r"[\w./${}-]+", GOOD),
    *("~", "true", "1e999", "-1", "0x1f", "2026-01-01", ".inf", "''", "&a", "*a", "<<", "!!int"),
    *("[", "]", "{", "}", ":", "- ", "? ", "| ", "> ", "%", "@", "\t", "\n", "\x07", "ü", "𝒳"),
    *("[[]]", "{}", "[1, a]", "{a: {b: c}}", "null", "00:00", "1_000", "9" * 30, "x" * 600),
]
LINE = re.compile(r"all\.yaml:\d+: \S")


def torn(random_: random.Random) -> str:
    """The good text with lines, words and signs exchanged, doubled or taken away."""
    text = GOOD
    for _ in range(random_.randint(1, 6)):
        match random_.randrange(4):
            case 0:
                at = random_.randrange(len(text))
                text = text[:at] + random_.choice(WORDS) + text[at + random_.randrange(8) :]
            case 1:
                words = list(re.finditer(r"[^\s,:\[\]{}]+", text))
                word = random_.choice(words)
                text = text[: word.start()] + random_.choice(WORDS) + text[word.end() :]
            case 2:
                lines = text.splitlines()
                at = random_.randrange(len(lines))
                lines[at:at] = lines[at : at + random_.randint(1, 3)]
                text = "\n".join(lines)
            case _:
                lines = text.splitlines()
                at = random_.randrange(len(lines))
                del lines[at : at + random_.randint(1, 2)]
                text = "\n".join(lines) or "a: 1"
    return text


def grown(random_: random.Random, depth: int = 0) -> object:
    """Any value where a workspace has its keys."""
    keys = [word for word in WORDS if word.isidentifier()]
    match random_.randrange(7 if depth < 4 else 4):
        case 0:
            return random_.choice(WORDS)
        case 1:
            return random_.choice([0, -1, 2**70, 1.5, float("nan"), True, None])
        case 2:
            return random_.choice(["${A}", "", " ", "count", "sum(x)", "1d", "npm"])
        case 3:
            return []
        case 4:
            return [grown(random_, depth + 1) for _ in range(random_.randrange(3))]
        case _:
            return {
                random_.choice(keys): grown(random_, depth + 1)
                for _ in range(random_.randint(1, 5))
            }


@pytest.mark.parametrize("seed", range(4))
def test_a_torn_workspace_is_taken_or_refused_with_its_lines(seed: int, tmp_path: Path) -> None:
    random_ = random.Random(seed)
    taken = 0
    for _ in range(100):
        found = problems(tmp_path, torn(random_))
        taken += not found
        assert all(LINE.match(line) for line in found if not line.startswith(" ")), found
    assert taken < 100


@pytest.mark.parametrize("seed", range(2))
def test_any_values_are_refused_with_their_lines(seed: int, tmp_path: Path) -> None:
    random_ = random.Random(seed)
    for _ in range(150):
        top = {
            name: {word: grown(random_) for word in ("a", "b-1")}
            for name in ("calendar", "sources", "metrics", "boards")
        }
        assert problems(tmp_path, yaml.safe_dump(top, allow_unicode=True))


def test_what_is_taken_can_be_stored(tmp_path: Path, home: Path, sqlite_template: Path) -> None:
    for file in sqlite_template.glob("*.db"):
        (home / file.name).write_bytes(file.read_bytes())
    databases, random_, kept = open_databases(None, home), random.Random(7), 0
    for _ in range(250):
        text = torn(random_)
        if problems(tmp_path / "w", text):
            continue
        workspace = read(tmp_path / "w", text)
        with writing(databases.control) as tx:
            save(tx, workspace, FakeClock().now())
        with reading(databases.control) as conn:
            assert current(conn) == workspace
        kept += 1
    databases.close()
    assert kept > 3
