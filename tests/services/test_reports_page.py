"""What `docs/reports.md` begins with, as a reader would type it, on a real Druid."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tallymark.reports.define import report_id
from tests.servers.druid import Druid
from tests.tools.procs import environment

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
FIVE = re.findall(r"^```\n(.*?)^```", PAGE.split("\n## ")[1], re.DOTALL | re.MULTILINE)
SOURCE = "summary-clicks"
PAGES = ["/", "/docs", '/a,"b"']


def test_five_commands_make_a_file_from_nothing(druid: Druid, tmp_path: Path) -> None:
    """Also where midnight comes between them: what the file holds goes by its own name."""
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=n)) for n in range(9)]
    events = [
        {"ts": f"{day}T{hour:02d}:59:59.999Z", "page": page, "clicks": n * 7 + hour}
        for n, day in enumerate(days)
        for hour in (0, 12, 23)
        for page in PAGES[: 1 + n % 3]
    ]
    druid.load(SOURCE, events, types={"clicks": "long"})
    assert len(FIVE) == 5
    addresses = {"http://druid:8082": druid.broker, "http://druid:8081": druid.coordinator}
    said = typed("\n".join(FIVE), addresses, tmp_path)
    (file,) = (tmp_path / "tallymark/lake/reports/druid-reports").glob("*.csv")
    name, end_on = file.stem[:-11], file.stem[-10:]
    request = json.loads((tmp_path / "tallymark" / "clicks.json").read_text())
    assert name == report_id(request["report_name"], request["report_interval"])
    assert f"{name}-2026-11-21.csv" in PAGE
    assert f"{end_on}  1         SUCCESS" in said
    with file.open(newline="") as lines:
        head, *rows = csv.reader(lines)
    assert head == request["output_field_names"]
    first_on = str(datetime.fromisoformat(end_on).date() - timedelta(days=6))
    true: Counter[tuple[str, str]] = Counter()
    for event in events:
        day = str(event["ts"])[:10]
        if first_on <= day <= end_on:
            true[day, str(event["page"])] += int(str(event["clicks"]))
    assert {(day, page): int(clicks) for day, page, clicks in rows} == true
    assert len(rows) == len(true) > 7
    asked = json.loads(file.with_name(f"{name}.query.json").read_text())
    assert asked == request["query_json"]
    shown = typed("cd ~/tallymark && tallymark report preview clicks.json", addresses, tmp_path)
    assert [word for word in shown.split() if word in head] == head


def typed(commands: str, addresses: dict[str, str], home: Path) -> str:
    """What a shell prints that stops at the first command that fails."""
    for told, true in addresses.items():
        commands = commands.replace(told, true)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = environment({"HOME": str(home), "PATH": path})
    if "TALLYMARK_HOME" not in commands:
        env["TALLYMARK_HOME"] = str(home / "tallymark")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
