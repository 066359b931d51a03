"""Java servers from their published artifacts: jars by Maven, our few lines compiled beside them.

`python -m tests.servers.jars` fetches all of them, so that no test has to wait for it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.servers.shared import cached, need, run

JAVA = Path(__file__).with_name("java")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"


def need_java() -> None:
    need("java", "javac", "mvn")


def program(name: str) -> str:
    """The class path of a server of `java/`: its classes and its jars."""
    return ":".join(f"{_built(name)}/{part}" for part in ("classes", "lib/*"))


def settings(name: str, folder: Path, **values: object) -> None:
    """Copy the settings of a server into the folder where it runs, with its values put in."""
    for file in (JAVA / name).iterdir():
        if file.suffix in {".properties", ".options", ".xml"} and file.name != "pom.xml":
            text = file.read_text()
            for key, value in values.items():
                text = text.replace(f"@{key}@", str(value))
            (folder / file.name).write_text(text)


def _built(name: str) -> Path:
    sources = sorted((JAVA / name).glob("*.java"))
    pom = JAVA / name / "pom.xml"
    lib = cached(f"{name}-jars-{_digest(pom)}", lambda half: _fetch(pom, half))
    return cached(f"{name}-{_digest(pom, *sources)}", lambda half: _compile(sources, lib, half))


def _fetch(pom: Path, half: Path) -> None:
    (half / "pom.xml").write_bytes(pom.read_bytes())
    run(["mvn", "-q", "-B", COPY, f"-DoutputDirectory={half}/lib"], cwd=half)


def _compile(sources: list[Path], jars: Path, half: Path) -> None:
    (half / "lib").symlink_to(jars / "lib")
    (half / "classes").mkdir()
    run(["javac", "-cp", f"{jars}/lib/*", "-d", half / "classes", *sources])


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


if __name__ == "__main__":
    for one in ("druid", "kafka"):
        program(one)
