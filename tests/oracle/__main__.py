"""`make oracle`: ask both oracles again and write what they agree on."""

from __future__ import annotations

import sys

from tests.oracle.oracles import missing
from tests.oracle.suite import CASES, made

if __name__ == "__main__":
    if why := missing():
        sys.exit(f"the oracles cannot be asked here: {why}")
    for path, text in made().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    sys.stdout.write(f"{CASES}: {CASES.read_text().count(chr(10)) - 1} cases\n")
