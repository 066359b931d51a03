from __future__ import annotations

from tallymark.lake.quarantine import TEXT_BYTES, clean


def test_text_is_cut_to_4_kb_between_two_characters() -> None:
    assert clean("x" * 5000) == "x" * TEXT_BYTES
    assert clean("x" + "ä" * 5000) == "x" + "ä" * ((TEXT_BYTES - 1) // 2)


def test_what_no_database_holds_is_shown_as_replaced() -> None:
    assert clean("a\0b") == "a\N{REPLACEMENT CHARACTER}b"
    assert clean("a\ud800b") == "a?b"
