"""The board's page as the server writes it, before any script runs."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import OperationalError

from tallymark.boards.health import Health, Progress
from tests.asgi import Client
from tests.web_world import World

HTML = {"Accept": "text/html"}


def page(client: Client, path: str) -> str:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_root_leads_to_the_first_board(client: Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/boards/project")


def test_a_number_card_has_its_number_before_any_script_runs(client: Client) -> None:
    text = page(client, "/boards/project?range=28d&grain=day")
    assert '<span class="number-value">1,758</span> <span class="number-unit">stars</span>' in text
    assert "complete to <strong>Mon 16 Nov</strong>" in text
    assert "7 of 28 days may still change" in text
    assert "7 of 24 days may still change, today runs" in page(client, "/boards/project?range=mtd")
    assert "Europe/Berlin" in text


def test_the_change_is_told_by_arrow_sign_and_word_before_any_script_runs(client: Client) -> None:
    text = page(client, "/boards/project?range=28d&compare=prev,year")
    found = re.search(r'<p class="change" title="([^"]+)">(.+)</p>', text)
    assert found is not None
    said = re.sub(r"<[^>]+>", "", found[2])
    assert re.fullmatch(r"▲ \+\d+ \(\+\d\.\d %\) more than the previous 28 days", said)
    assert found[1].endswith(" stars")


def test_overlays_are_kept_by_every_link_and_by_the_form(client: Client) -> None:
    text = page(client, "/boards/project?range=28d&compare=prev,year&align=weekday")
    kept = "&amp;compare=prev,year&amp;align=weekday"
    assert f'href="?range=91d&amp;grain=day{kept}"' in text
    assert f'href="?range=28d&amp;grain=week{kept}"' in text
    assert '<input type="hidden" name="compare" value="prev,year">' in text
    assert 'href="?range=28d&amp;grain=day&amp;compare=year&amp;align=weekday"' in text
    assert 'href="?range=28d&amp;grain=day&amp;compare=prev,year,week&amp;align=weekday"' in text


def test_a_board_is_as_complete_as_its_least_complete_card(client: Client) -> None:
    assert "Downloads is the one that reaches least far" in page(client, "/boards/project")
    text = page(client, "/boards/project?range=7d&grain=day")
    assert "nothing complete in this range: <strong>Downloads</strong>" in text


def test_every_choice_is_an_address(client: Client) -> None:
    text = page(client, "/boards/project?range=91d&grain=week")
    assert 'href="?range=28d&amp;grain=week"' in text
    assert 'href="?range=91d&amp;grain=month"' in text
    custom = page(client, "/boards/project?from=2026-08-03&to=2026-10-09&grain=day")
    assert 'href="?from=2026-08-03&amp;to=2026-10-09&amp;grain=week"' in custom
    assert "3 Aug–9 Oct 2026" in custom


def test_a_grain_without_sense_is_dimmed_with_its_reason(client: Client) -> None:
    text = page(client, "/boards/project?range=91d")
    link = re.search(r'<a class="segment" id="grain-hour".*?</a>', text)
    assert link is not None
    assert 'aria-disabled="true"' in link[0]
    assert "Too fine for 91 days" in link[0]
    assert "href" not in link[0]


def test_no_page_has_a_script_of_its_own_or_an_address_elsewhere(client: Client) -> None:
    for path in ("/boards/project", "/boards/broken", "/boards/none"):
        text = page(client, path)
        assert "<style" not in text
        assert " style=" not in text
        assert not re.search(r"<script(?![^>]* src=)", text)
        assert not re.search(r"\son[a-z]+=", text)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
        assert "tmk_" not in text


def test_names_from_the_workspace_are_text(client: Client, here: World) -> None:
    here.healths["stars"] = Health(last_error="<script>alert(1)</script>")
    text = page(client, "/boards/project")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_an_unknown_board_is_a_page_that_says_which_there_are(client: Client) -> None:
    answer = client.get("/boards/projekt", headers=HTML)
    assert answer.status_code == 404
    assert "did you mean: project" in answer.text
    problem = client.get("/boards/projekt/data")
    assert problem.headers["content-type"] == "application/problem+json"


def test_a_wrong_address_is_a_page_that_says_what_is_right(client: Client) -> None:
    answer = client.get("/boards/project?range=5d", headers=HTML)
    assert answer.status_code == 400
    assert "did you mean 7d" in answer.text


def test_states_are_said(client: Client, here: World) -> None:
    here.numbers.since_at = datetime(2027, 1, 1, tzinfo=UTC)
    here.healths["stars"] = Health(
        collected=False, next_run_at=datetime(2026, 11, 24, 15, tzinfo=UTC)
    )
    assert "Nothing collected yet: next run 16:00." in page(client, "/boards/project")
    assert "The database is away: try again in a moment" in page(client, "/boards/broken")
    assert "This board has no cards" in page(client, "/boards/none")


def test_a_long_first_collection_is_on_the_page_and_can_be_asked_for(
    client: Client, here: World
) -> None:
    assert client.get("/boards/project/progress").json() is None
    here.progress = Progress(text="collecting 13 months", done=0.62, left_s=140)
    said = "Collecting 13 months: 62 %, about 2 min left"
    assert said in page(client, "/boards/project")
    assert client.get("/boards/project/progress").json() == {"text": said, "done": 0.62}


def test_data_is_open_and_holds_every_chart(client: Client) -> None:
    found = client.get("/boards/project/data?range=28d&grain=day").json()
    assert [card["id"] for card in found["cards"]] == [f"card-{n}" for n in range(4, 9)]
    assert found["axes"]["day"]["labels"][0] == "Tue 27 Oct"
    stars = found["cards"][0]
    assert [line["name"] for line in stars["lines"]] == ["acme/core", "acme/docs", "acme/cli"]
    assert stars["strip"] == "c" * 15 + "mmm" + "c" * 10
    assert stars["causes"]["15"] == ["GitHub did not answer 11–13 Nov: cannot be fetched later"]
    assert stars["lines"][0]["values"][15] is None


def test_data_too_large_to_send_plain_is_packed(client: Client) -> None:
    answer = client.get("/boards/twenty/data?range=13m&grain=day")
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "path",
    [
        "/boards/twenty",
        "/boards/twenty?range=28d&grain=hour",
        "/boards/twenty?range=91d&compare=prev,year",
    ],
)
def test_twenty_cards_are_written_in_less_than_300_ms(client: Client, path: str) -> None:
    took_s = []
    for _ in range(5):  # the machine may be busy with something else
        started = time.monotonic()
        page(client, path)
        took_s.append(time.monotonic() - started)
    assert min(took_s) < 0.3


def test_a_database_that_is_away_is_503_with_what_to_do(client: Client, here: World) -> None:
    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", None, OSError("refused"))

    here.numbers.read = away  # type: ignore[method-assign, assignment]
    assert client.get("/boards/project", headers=HTML).status_code == 500
    here.reasons.append("the database does not answer: start it")
    answer = client.get("/boards/project", headers=HTML)
    assert answer.status_code == 503
    assert "the database does not answer: start it" in answer.text
    assert client.get("/boards/project/data").json()["status"] == 503
