"""The rules of CONTRIBUTING.md that a linter does not know."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tallymark"
MODULES = sorted(path.relative_to(ROOT) for path in SOURCE.rglob("*.py"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))
LONGEST_MODULE = 250
LONGEST_FUNCTION = 50

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "func": {"now", "current_timestamp"},
}
SQL_CLOCK = re.compile(r"\b(FROM|SELECT|SET|VALUES)\b[^;]*(\bCURRENT_TIMESTAMP\b|\bnow\(\))")

# written in pieces, so that this file does not hold what it looks for
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("repo1", "maven", "org"),
        ("deb", "debian", "org"),
    )
)
MARKS = ("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")
UNFINISHED = re.compile(rf"\b({'|'.join(MARKS)})\b")
UNWRITTEN = "NotImplemented" + "Error"
WORKPLACE = re.compile("/wo" + r"rk/(main|shared)|\bcla" + "ude|anthro" + "pic", re.IGNORECASE)


def tracked() -> list[Path]:
    """The committed files."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text())


def clock_readings(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if node.attr in CLOCKS.get(name, ()):
                yield f"{module}:{node.lineno}: {name}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            for alias in node.names:
                if alias.name in CLOCKS["time"]:
                    yield f"{module}:{node.lineno}: from time import {alias.name}"
        elif isinstance(node, ast.Constant) and SQL_CLOCK.search(str(node.value)):
            yield f"{module}:{node.lineno}: SQL reads the clock"


def test_only_the_clock_reads_the_clock() -> None:
    modules = [module for module in MODULES if module.name != "clock.py"]
    assert [reading for module in modules for reading in clock_readings(module)] == []


def test_the_clock_rule_sees_a_reading(tmp_path: Path) -> None:
    code = "import time, datetime\na = time.monotonic()\nb = datetime.datetime.now()\n"
    (tmp_path / "bad.py").write_text(code)
    assert len(list(clock_readings(tmp_path / "bad.py"))) == 2


def test_every_module_says_what_it_is_for() -> None:
    assert [str(module) for module in MODULES if not ast.get_docstring(tree(module))] == []


def test_no_module_is_too_long() -> None:
    lengths = {
        str(module): len((ROOT / module).read_text().splitlines())
        for module in MODULES
        # tables and migrations are lists
        if "versions" not in module.parts and module.name != "schema.py"
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_no_function_is_too_long() -> None:
    long = [
        f"{module}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for module in MODULES
        if "versions" not in module.parts  # a migration is a list of tables, written once
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        if path.suffix in {".py", ".ts", ".c", ".sh", ".html", ".css", ".md", ".yaml"}
        for number, line in enumerate(text(path).splitlines(), 1)
        if UNFINISHED.search(line) or UNWRITTEN in line
    ]
    assert found == []


def test_no_registry_is_named() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in REGISTRIES
        if host in text(path)
    ]
    assert found == []


def test_the_repository_speaks_of_the_product_only() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if (match := WORKPLACE.search(text(path)))
    ]
    assert found == []


@pytest.mark.parametrize(
    "lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name
)
def test_a_lock_holds_hashes_and_no_addresses(lock: Path) -> None:
    content = lock.read_text()
    assert "://" not in content
    pinned = re.findall(r"^[a-z0-9].*$", content, re.MULTILINE)
    assert pinned
    assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == []


def test_the_front_end_lock_holds_no_addresses() -> None:
    content = (ROOT / "frontend" / "package-lock.json").read_text()
    assert '"integrity"' in content
    assert '"resolved"' not in content
