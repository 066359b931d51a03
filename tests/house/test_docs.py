"""The documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tallymark.connectors import discover
from tallymark.definitions.workspace import load

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
DECISIONS = (ROOT / "docs" / "decisions.md").read_text()


def test_the_reference_says_what_the_code_says() -> None:
    """In a process of its own: connectors of the tests are not in the reference."""
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docs/reference.md is stale: make fix\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_page_links_to_what_is_there(page: Path) -> None:
    targets = [page.parent / found[1] for found in LINK.finditer(page.read_text())]
    assert [str(target) for target in targets if not target.exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [page.parent / found[1] for found in LINK.finditer(page.read_text())]
    assert {str(page.relative_to(ROOT)) for page in PAGES} - {
        str(page.relative_to(ROOT.resolve())) for page in seen
    } == set()


def test_every_dependency_has_its_line_in_the_decisions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[\[<>=~]", one)[0] for one in project["dependencies"]]
    assert [name for name in names if f"`{name}`" not in DECISIONS] == []


def test_every_decision_is_a_question_with_a_dated_answer() -> None:
    for section in re.split(r"^## ", DECISIONS, flags=re.MULTILINE)[1:]:
        question, answer = section.split("\n", 1)
        assert question.endswith("?"), question
        assert re.match(r"\n\d{4}-\d\d-\d\d\. ", answer), question


def test_every_word_of_the_makefile_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    words = re.findall(r"^([a-z]+):(.*)$", makefile, re.MULTILINE)
    assert {"setup", "run", "test", "check", "bench", "fix", "wheel"} <= {word for word, _ in words}
    assert [word for word, rest in words if "## " not in rest] == []


def test_the_scripts_can_be_read_by_bash() -> None:
    scripts = [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True)
        assert script.stat().st_mode & 0o100, f"{script} is not executable"


def test_every_workspace_in_the_documents_is_valid(tmp_path: Path) -> None:
    """Each block on its own, as a reader would copy it."""
    connectors = discover()
    for page in PAGES:
        for n, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
            folder = tmp_path / f"{page.stem}-{n}"
            folder.mkdir()
            (folder / "all.yaml").write_text(block)
            found = load(folder, connectors)
            assert found.metrics or block.startswith("calendar:"), page


def test_the_commands_of_the_documents_are_there() -> None:
    leaves = re.findall(r"^\| `tallymark ([a-z ]+?)(?: [A-Z ]+)?`", REFERENCE, re.MULTILINE)
    first = {words.split()[0] for words in leaves}
    told = {word for page in PAGES for word in re.findall(r"`?tallymark ([a-z]+)\b", code(page))}
    assert told <= first, told - first


def code(page: Path) -> str:
    """The blocks of a page that are commands."""
    return "\n".join(re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL))


def test_every_dependency_is_used() -> None:
    """By import, or by the address of a database, or as a file of a wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = {"pyyaml": "yaml", "prometheus-client": "prometheus_client"}
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    for one in project["dependencies"]:
        name = re.split(r"[\[<>=~]", one)[0]
        if name.startswith("duckdb-extension-"):
            assert f'"{name.removeprefix("duckdb-extension-")}"' in source
            continue
        module = modules.get(name, name)
        found = re.search(rf"(import|from) {module}\b|[\"+]{module}[\":]", source)
        assert found, f"{name} is not used"
