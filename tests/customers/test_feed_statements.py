"""Which queries are run against a company's database: one that reads, and nothing beside it."""

import pytest

from core.errors import Refused
from customers.channels.statement import check_statement

READING = [
    "SELECT 1",
    "select * from customers;",
    "  \n-- all of them\nSELECT a, b FROM t -- the end",
    "/* a; b */ SELECT 1 /* DELETE FROM t */",
    "WITH recent AS (SELECT * FROM usage) SELECT * FROM recent",
    "SELECT 'a;b', \"c;d\" FROM t",
    "SELECT 'it''s; DELETE FROM t' AS words",
    "SELECT created_at, last_update, deleted_flag, inserted_by FROM t",
    "SELECT replace(name, ';', ',') FROM t",
    "SELECT 1 UNION SELECT 2",
    "SELECT x::text, to_char(d, 'HH24:MI') FROM t WHERE n LIKE 'a%'",
    "SELECT 1;   -- said",
    'SELECT "update" FROM t',
]


@pytest.mark.parametrize("query", READING)
@pytest.mark.parametrize("engine", ["postgresql", "mysql", "sqlite"])
def test_query_that_reads_is_taken_without_its_semicolon(query, engine):
    taken = check_statement(query, engine=engine)
    assert taken.rstrip() == taken and taken in query
    assert not taken.rstrip().endswith(";")


REFUSED = [
    ("", "no_query"),
    ("   ;", "not_a_select"),
    ("-- only words", "not_a_select"),
    ("DELETE FROM customers", "not_a_select"),
    ("UPDATE customers SET name = ''", "not_a_select"),
    ("INSERT INTO customers VALUES (1)", "not_a_select"),
    ("DROP TABLE customers", "not_a_select"),
    ("COPY customers TO PROGRAM 'sh'", "not_a_select"),
    ("COPY (SELECT 1) TO '/tmp/x'", "not_a_select"),
    ("CALL wipe()", "not_a_select"),
    ("SET default_transaction_read_only = off", "not_a_select"),
    ("PRAGMA writable_schema = 1", "not_a_select"),
    ("ATTACH 'x.db' AS x", "not_a_select"),
    ("EXPLAIN ANALYZE DELETE FROM customers", "not_a_select"),
    ("VALUES (1)", "not_a_select"),
    ("SELECT 1; DROP TABLE customers", "two_statements"),
    ("SELECT 1; COMMIT; SET default_transaction_read_only = off; DELETE FROM t", "two_statements"),
    ("SELECT 1;; ", "two_statements"),
    ("SELECT 1; SELECT 2", "two_statements"),
    ("WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone", "writes"),
    ("WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x", "writes"),
    ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "writes"),
    ("SELECT * INTO copy FROM customers", "writes"),
    ("SELECT a FROM t INTO OUTFILE '/tmp/x'", "writes"),
    ("SELECT * FROM t FOR UPDATE", "writes"),
    ("SELECT 'open", "open_quote"),
    ("SELECT 1 /* open", "open_quote"),
    ("SELECT " + "1," * 20_000 + "1", "too_long"),
]


@pytest.mark.parametrize(("query", "code"), REFUSED)
@pytest.mark.parametrize("engine", ["postgresql", "mysql", "sqlite"])
def test_anything_else_is_refused(query, code, engine):
    with pytest.raises(Refused) as refused:
        check_statement(query, engine=engine)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("engine", "query", "code"),
    [
        # A text that is harmless to one engine hides a second statement from another.
        ("postgresql", r"SELECT 'a\'; DROP TABLE t; --'", "two_statements"),
        ("mysql", r"SELECT 'a\\'; DROP TABLE t; -- '", "two_statements"),
        ("postgresql", r"SELECT E'a\\'; DROP TABLE t; --'", "two_statements"),
        ("postgresql", "SELECT $x$ a $x$; DROP TABLE t", "two_statements"),
        ("postgresql", "SELECT 1 /* a /* b */ */; DROP TABLE t", "two_statements"),
        ("mysql", "SELECT 1 /*! ; DROP TABLE t */", "hidden_code"),
        ("mysql", "SELECT 1 /*M! ; DROP TABLE t */", "hidden_code"),
        ("mysql", "SELECT 1 --1; DROP TABLE t", "two_statements"),
        ("sqlite", "SELECT [a'] FROM t; DROP TABLE t; SELECT [b'] FROM t", "two_statements"),
        ("postgresql", "SELECT $x$ never closed", "open_quote"),
        ("postgresql", "DO $$ BEGIN PERFORM 1; END $$", "not_a_select"),
    ],
)
def test_quotes_and_comments_are_read_as_the_engine_reads_them(engine, query, code):
    with pytest.raises(Refused) as refused:
        check_statement(query, engine=engine)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("engine", "query"),
    [
        ("mysql", r"SELECT 'a\'; still a text'"),
        ("postgresql", r"SELECT E'a\'; still a text'"),
        ("postgresql", "SELECT $$ a; b 'c' $$, $x$ d; $$ e; $x$"),
        ("postgresql", "SELECT 1 /* a /* ; */ ; */"),
        ("mysql", "SELECT 1 # a; b\n, 2"),
        ("mysql", "SELECT 1 -- a; b\n, 2"),
        ("sqlite", "SELECT [a;b], `c;d` FROM t"),
    ],
)
def test_what_an_engine_takes_for_text_is_text(engine, query):
    assert check_statement(query, engine=engine) == query
