from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_a_package_is_missing():
    pytest.skip("nginx is not installed")

@pytest.mark.skipif(True, reason="no loop devices")
def test_a_device_is_missing(): ...

def test_a_folder_beside_the_repository_is_missing():
    pytest.skip("../shared/fixtures is not here")

@pytest.mark.xfail(strict=True, reason="cannot do it yet")
def test_a_known_lack():
    assert False
"""


STRICT = "1 failed, 1 skipped, 1 xfailed, 1 error"


def run(folder: Path, strict: str, tests: str) -> str:
    (folder / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (folder / "test_some.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={"TALLYMARK_NO_SKIPS": strict, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize(("strict", "closing"), [("0", "3 skipped, 1 xfailed"), ("1", STRICT)])
def test_skips_count_as_failures_when_told_so(tmp_path: Path, strict: str, closing: str) -> None:
    assert closing in run(tmp_path, strict, TESTS)


def test_a_module_that_skips_itself_counts_too(tmp_path: Path) -> None:
    tests = "import pytest\npytest.importorskip('no_such_module')\n"
    assert "1 error" in run(tmp_path, "1", tests)
