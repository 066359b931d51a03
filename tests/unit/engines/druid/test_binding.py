from __future__ import annotations

import pytest

from tallymark.engines.druid.binding import bind

TIMES = "__time >= :from AND __time < :to"
BOUND = "__time >= ? AND __time < ?"


@pytest.mark.parametrize(
    ("sql", "text", "names"),
    [
        (f"SELECT a FROM t WHERE {TIMES}", f"SELECT a FROM t WHERE {BOUND}", "from to"),
        (
            "WITH x AS (SELECT :to) SELECT :from,:to",
            "WITH x AS (SELECT ?) SELECT ?,?",
            "to from to",
        ),
        (
            f"""-- :from ? ;
            SELECT ':from', 'it''s :to', ":to", "a "":to", `:from` /* ; ? */ WHERE {TIMES} ; """,
            f"""-- :from ? ;
            SELECT ':from', 'it''s :to', ":to", "a "":to", `:from` /* ; ? */ WHERE {BOUND} """,
            "from to",
        ),
        (
            f"(SELECT a::bigint FROM t WHERE {TIMES})",
            f"(SELECT a::bigint FROM t WHERE {BOUND})",
            "from to",
        ),
        ("SELECT 1 -- it's\n WHERE :from < :to", "SELECT 1 -- it's\n WHERE ? < ?", "from to"),
        # the other line comment of Druid's parser
        ("SELECT 1 // it's\n WHERE :from < :to", "SELECT 1 // it's\n WHERE ? < ?", "from to"),
        (
            f"SELECT a // up :to\nFROM t WHERE {TIMES}",
            f"SELECT a // up :to\nFROM t WHERE {BOUND}",
            "from to",
        ),
        (
            "SELECT 'a//b' /* // */ WHERE :from < :to",
            "SELECT 'a//b' /* // */ WHERE ? < ?",
            "from to",
        ),
        # of JSON_OBJECT a name and its value
        (
            f"SELECT JSON_OBJECT('a':b, 'it''s':c) WHERE {TIMES}",
            f"SELECT JSON_OBJECT('a':b, 'it''s':c) WHERE {BOUND}",
            "from to",
        ),
    ],
)
def test_only_what_stands_by_itself_is_bound(sql: str, text: str, names: str) -> None:
    bound = bind(sql)
    assert bound.wrong == ()
    assert (bound.text, " ".join(bound.names)) == (text, names)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 WHERE x < :to", "`:from` has to stand in it"),
        ("SELECT ':from', ':to'", "`:to` has to stand in it"),
        (f"SELECT 1 WHERE {TIMES}; SELECT 2", "one statement"),
        (f"SET a = 1; SELECT 1 WHERE {TIMES}", "it begins with SET"),
        (f"INSERT INTO t SELECT 1 WHERE {TIMES}", "it begins with INSERT"),
        (f"EXPLAIN PLAN FOR SELECT 1 WHERE {TIMES}", "it begins with EXPLAIN"),
        (f"/* SELECT */ DELETE FROM t WHERE {TIMES}", "it begins with DELETE"),
        ("", "it begins with nothing"),
        (f"SELECT ? WHERE {TIMES}", "a `?` cannot be bound"),
        (f"SELECT :from_on WHERE {TIMES}", "there is no `:from_on`"),
        (f"SELECT 1 WHERE {TIMES} AND a = 'x", "a text is opened"),
        (f'SELECT 1 WHERE {TIMES} AND a = "x', "a quoted name is opened"),
        (f"SELECT 1 WHERE {TIMES} /* x", "a comment is opened"),
    ],
)
def test_what_is_more_than_one_bound_question_is_refused(sql: str, said: str) -> None:
    assert any(said in text for text in bind(sql).wrong)


def test_every_mistake_is_said_at_once() -> None:
    assert len(bind("DELETE ? :x ; /*").wrong) == 7
