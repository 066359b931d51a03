"""What is told of a request's values and of its envelope, all at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tallymark.errors import BadRequest, WrongField
from tallymark.reports.request.received import Received, envelope, read

HALF = "holds a control character or half a character: remove it"


def wrong(received: Received) -> dict[str, str]:
    return {one.field: one.text for one in received.wrong}


@pytest.mark.parametrize("field", ["report_name", "channel_id", "group_by_fields", "query"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[2J", "a\x7f"])
def test_a_control_character_is_refused_wherever_it_stands(field: str, text: str) -> None:
    value = [text] if field == "group_by_fields" else text
    found = read(json.dumps({"a": 1, field: value}))
    assert [one.field.partition("[")[0] for one in found.wrong] == [field]


def test_a_name_with_a_control_character_is_refused_and_shown_without_it() -> None:
    found = read('{"query_json": {"a\\ud800": {"b": "\\u0000"}, "c": "\\u0000"}}')
    assert found.wrong == (
        WrongField("query_json", "holds the name 'a\\ud800', with a control or half a character"),
        WrongField("query_json.c", HALF),
    )


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", str(2**63), "-1" + "0" * 30])
def test_a_number_that_cannot_be_sent_is_refused(number: str) -> None:
    found = read(f'{{"query_json": {{"x": [0, {number}]}}}}')
    assert wrong(found)["query_json.x[1]"].startswith("is ")


def test_what_stands_in_place_of_an_unsound_value_can_be_stored_and_sent() -> None:
    given = '{"a": NaN, "b": "x\\ud800", "c": [1e999, {"d\\u0000": 1}], "e": 9999999999999999999}'
    found = read(given)
    assert found.request == {"a": 0, "b": "x\ufffd", "c": [0, {}], "e": 0}
    assert list(wrong(found)) == ["a", "b", "c[0]", "c[1]", "e"]


def test_a_name_that_stands_twice_is_told_so_that_it_can_be_sent() -> None:
    assert list(wrong(read('{"\\ud800": 1, "\\ud800": 2}'))) == ["\ufffd", "request"]


def test_a_path_within_an_envelope_is_that_of_the_request() -> None:
    found = read(
        '{"params": {"msgid": "\\u0000"}, "request": {"report_name": NaN, "x": ["\\ud800"]}}'
    )
    assert list(wrong(found)) == ["params.msgid", "report_name", "x[0]"]


def test_a_field_beside_a_request_that_nobody_reads_is_refused() -> None:
    given = {"id": "a", "ver": "1", "ts": "x", "params": {}, "output_format": "csv", "request": {}}
    assert wrong(read(json.dumps(given))) == {
        "output_format": "is not known here: beside `request` stand id, ver, ts, params"
    }


@pytest.mark.parametrize("inner", ["5", "null", "{}", '{"a": NaN, "b": "\\ud800", "a": 1}'])
def test_an_envelope_is_found_whatever_is_wrong_with_the_request(inner: str) -> None:
    found = envelope(f'{{"id": "x", "params": {{"msgid": 7}}, "request": {inner}}}')
    assert (found["id"], found["params"]) == ("x", {"msgid": 7})


@pytest.mark.parametrize("text", ["", "{", "[1]", "5", '{"a":' * 100_000])
def test_what_is_no_object_has_no_envelope(text: str) -> None:
    assert envelope(text) == {}


@pytest.mark.parametrize(
    "deep", ['{"a":' * 61 + "1" + "}" * 61, '{"x": ' + "[" * 61 + "]" * 61 + "}"]
)
def test_depth_has_an_end(deep: str) -> None:
    with pytest.raises(BadRequest, match="nested deeper than 60 levels"):
        read(deep)


def test_what_is_sound_comes_through_as_it_is() -> None:
    given: dict[str, Any] = {"a": [1, 2.5, None, True, "é\n\t"], "b": {"c": {"d": 2**63 - 1}}}
    assert read(json.dumps(given)) == Received(given, ())
