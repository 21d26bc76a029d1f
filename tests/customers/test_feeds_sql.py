"""A query against a company's own database: streamed, read-only whatever it says, and its address kept from everybody."""

import csv
import datetime as dt
import decimal
import sqlite3
import uuid

import pytest
from django.conf import settings as configured
from django.db import connection
from sqlalchemy.engine import URL

from core import secrets
from core.errors import Refused, Unreachable
from core.models import JobState
from customers import services
from customers.channels import databases, sql
from customers.models import Customer, Feed, FeedRun
from customers.services import Given
from tenants.models import AuditEntry, Notification
from tests.customers.feeding import agree_to_shape, look, make_feed

LIMITS = sql.Limits(seconds=20, max_rows=1000, max_bytes=1 << 20)
QUERY = 'SELECT id AS "customerID", months AS tenure, gone AS "Churn" FROM people ORDER BY id'


@pytest.fixture
def crm(tmp_path, settings):
    """A company's database in a file, in a folder that the operator opened."""
    folder = tmp_path / "databases"
    folder.mkdir()
    settings.FEED_SQLITE_FOLDERS = [str(folder)]
    with sqlite3.connect(folder / "crm.sqlite") as database:
        database.execute("CREATE TABLE people (id TEXT, months INTEGER, gone TEXT, fee REAL, note TEXT)")
        rows = [(f"C{i}", i, "Yes" if i % 3 == 0 else "No", i + 0.5, None) for i in range(1, 31)]
        database.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?)", rows)
    return folder / "crm.sqlite"


def read(path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def bring(url: str, query: str, target, **options):
    limits = options.pop("limits", LIMITS)
    return sql.bring(sql.check_url(url), query, target, limits=limits, name="crm.csv", **options)


# ---------------------------------------------------------------- a file


def test_rows_come_as_a_table_in_batches(crm, tmp_path, monkeypatch):
    monkeypatch.setattr(sql, "BATCH_ROWS", 10)
    told = []
    brought = bring(f"sqlite:///{crm}", QUERY, tmp_path / "out.csv", progress=told.append)
    rows = read(tmp_path / "out.csv")
    assert rows[0] == ["customerID", "tenure", "Churn"]
    assert len(rows) == 31 and rows[1] == ["C1", "1", "No"]
    assert told == [10, 20, 30]
    assert (brought.name, brought.facts["rows"], brought.is_cut) == ("crm.csv", 30, False)


def test_test_takes_the_first_rows_only(crm, tmp_path):
    brought = bring(f"sqlite:///{crm}", "SELECT * FROM people", tmp_path / "out.csv", only_rows=7)
    assert len(read(tmp_path / "out.csv")) == 8
    assert brought.is_cut


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "Yes"), (False, "No"), (3, "3"), (2.5, "2.5"), (float("nan"), ""), ("a\x00b", "ab"),
        (decimal.Decimal("1E+3"), "1000"), (decimal.Decimal("NaN"), ""), (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"), (b"\x01\xff", "01ff"), ({"a": [1]}, '{"a": [1]}'),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    ],
)  # fmt: skip
def test_cells_are_written_as_our_own_reader_reads_them(value, text):
    assert sql.as_text(value) == text


@pytest.mark.parametrize(
    ("query", "limits", "code"),
    [
        ("SELECT * FROM nobody", LIMITS, "query_failed"),
        ("SELECT * FROM people", sql.Limits(20, 29, 1 << 20), "too_many_rows"),
        ("SELECT *, hex(randomblob(90000)) FROM people", LIMITS, "too_large"),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
            sql.Limits(0.3, 9, 99),
            "too_slow",
        ),
    ],
)
def test_query_that_fails_or_costs_too_much_is_refused(crm, tmp_path, query, limits, code):
    with pytest.raises(Refused) as refused:
        bring(f"sqlite:///{crm}", query, tmp_path / "out.csv", limits=limits)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM people", "INSERT INTO people (id) VALUES ('x')", "CREATE TABLE t (a)", "PRAGMA query_only = OFF",
     "SELECT 1; DELETE FROM people"],
)  # fmt: skip
def test_database_itself_refuses_what_the_reading_of_the_query_would_miss(crm, tmp_path, monkeypatch, statement):
    """The other fences, with the first one taken away."""
    monkeypatch.setattr(sql, "check_statement", lambda text, *, engine: text)
    try:
        bring(f"sqlite:///{crm}", statement, tmp_path / "out.csv")
    except (Refused, Unreachable):
        pass
    with sqlite3.connect(crm) as database:
        assert database.execute("SELECT count(*) FROM people").fetchone() == (30,)
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_only_files_below_the_operators_folders_are_read(crm, tmp_path, settings):
    outside = tmp_path / "outside.sqlite"
    sqlite3.connect(outside).close()
    (crm.parent / "link.sqlite").symlink_to(outside)
    ours = configured.VAR_DIR
    for url in (
        f"sqlite:///{outside}",
        f"sqlite:///{crm.parent}/../outside.sqlite",
        f"sqlite:///{crm.parent}/link.sqlite",
        f"sqlite:///{crm.parent}/absent.sqlite",
        f"sqlite:///{crm.parent}",
        f"sqlite:///{ours}/churnguard.sqlite3",
        "sqlite://",
        "sqlite:///:memory:",
        f"sqlite:///file:{crm}?mode=rw",
    ):
        with pytest.raises(Refused) as refused:
            sql.check_url(url)
        assert refused.value.code in ("no_file", "bad_option")
    settings.FEED_SQLITE_FOLDERS = []
    with pytest.raises(Refused):
        sql.check_url(f"sqlite:///{crm}")


def test_our_own_database_is_no_source_even_where_its_folder_is_open(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    settings.FEED_SQLITE_FOLDERS = [str(tmp_path)]
    sqlite3.connect(settings.VAR_DIR / "churnguard.sqlite3").close()
    with pytest.raises(Refused) as refused:
        sql.check_url(f"sqlite:///{settings.VAR_DIR}/churnguard.sqlite3")
    assert refused.value.code == "no_file"


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("not an address", "bad_url"),
        ("oracle://a:b@db/x", "unknown_engine"),
        ("mssql+pyodbc://a:b@db/x", "unknown_engine"),
        ("postgresql:///x", "bad_url"),
        ("postgresql://db/x", "bad_url"),
        ("postgresql://a:b@/x", "bad_url"),
        ("postgresql://a:b@one,two/x", "bad_url"),
        ("postgresql://a:b@db", "bad_url"),
        ("postgresql://a:b@/x?host=/var/run/postgresql", "bad_option"),
        ("postgresql://a:b@db/x?hostaddr=127.0.0.1", "bad_option"),
        ("postgresql://a:b@db/x?options=-c%20default_transaction_read_only=off", "bad_option"),
        ("postgresql://a:b@db/x?passfile=/etc/passwd", "bad_option"),
        ("postgresql://a:b@db/x?sslmode=allow", "bad_option"),
        ("mysql://a:b@db/x?unix_socket=/run/mysqld.sock", "bad_option"),
        ("mysql://a:b@db/x?read_default_file=/root/.my.cnf", "bad_option"),
        ("mysql://a:b@db/x?local_infile=1", "bad_option"),
        ("mysql://a:b@db/x?charset=utf8'", "bad_option"),
    ],
)
def test_address_that_could_do_more_than_name_a_database_is_refused(url, code):
    with pytest.raises(Refused) as refused:
        sql.check_url(url)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "url", ["postgres://reader:s3cret@db.example.com/crm", "mariadb://reader:s3cret@db.example.com:3307/crm"]
)
def test_place_shows_neither_name_nor_password(url):
    place = sql.check_url(url).place
    assert "db.example.com" in place and "crm" in place
    assert "reader" not in place and "s3cret" not in place


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "[::1]", "169.254.169.254"])
def test_private_machine_is_refused_unless_the_operator_opens_it(engine, host, tmp_path):
    with pytest.raises(Refused) as refused:
        bring(f"{engine}://a:b@{host}/x", "SELECT 1", tmp_path / "out.csv")
    assert refused.value.code == "private_address"


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_machine_where_nobody_answers_is_worth_another_try(engine, tmp_path, settings):
    settings.FEED_PRIVATE_HOSTS = ["127.0.0.1"]
    with pytest.raises(Unreachable) as ended:
        bring(f"{engine}://reader:s3cret@127.0.0.1:1/x", "SELECT 1", tmp_path / "out.csv")
    assert "s3cret" not in ended.value.message


def test_missing_driver_is_said_in_words(monkeypatch):
    monkeypatch.setattr(databases.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refused) as refused:
        sql.check_url("mysql://a:b@db/x")
    assert refused.value.code == "driver_missing" and "pymysql" in refused.value.message


# ---------------------------------------------------------------- a feed of it


@pytest.fixture
def feed(crm, atlas_scope, alice) -> Feed:
    return make_feed("sql", actor=alice, name="CRM", url=f"sqlite:///{crm}", query=QUERY)


def test_feed_brings_what_the_query_gives(feed, tmp_path):
    agree_to_shape(tmp_path)
    run = look(feed)
    assert (run.state, run.outcome, run.found) == (JobState.SUCCEEDED, FeedRun.Outcome.IMPORTED, "CRM.csv")
    assert Customer.objects.count() == 30
    assert look(feed, scheduled=True).outcome == FeedRun.Outcome.UNCHANGED
    with sqlite3.connect(feed_path(feed)) as database:
        database.execute("UPDATE people SET months = 99 WHERE id = 'C5'")
    assert look(feed, scheduled=True).outcome == FeedRun.Outcome.IMPORTED
    assert Customer.objects.get(external_id="C5").subscription.tenure == 99


def feed_path(feed: Feed) -> str:
    return secrets.unseal(feed.secret, scope=feed.secret_scope).removeprefix("sqlite:///")


def test_columns_nobody_agreed_to_wait_for_a_person(feed, alice):
    run = look(feed)
    assert (run.state, run.import_run.step) == (JobState.AWAITING, "map")
    note = Notification.objects.get(code="feed_waits")
    assert note.recipient == alice and str(run.import_run.public_id) in note.url
    assert not Customer.objects.exists()


def test_query_without_rows_brings_nothing(feed, alice):
    services.change_feed(feed=feed, given=Given(query="SELECT id FROM people WHERE 1 = 0"), actor=alice)
    assert look(feed).outcome == FeedRun.Outcome.NOTHING


def test_address_is_sealed_and_shown_nowhere(atlas_scope, alice, settings, caplog):
    settings.FEED_PRIVATE_HOSTS = ["127.0.0.1"]
    url = "postgresql://reader:s3cret-word@127.0.0.1:1/crm"
    feed = make_feed("sql", actor=alice, name="CRM", url=url, query="SELECT 1")
    assert secrets.unseal(feed.secret, scope=feed.secret_scope) == url
    settings.JOB_MAX_ATTEMPTS = 1
    run = look(feed)
    assert run.error_code == "unreachable"
    seen = [feed.secret, str(feed.options), run.error_message, str(run.report), caplog.text]
    seen += [str(entry.facts) for entry in AuditEntry.objects.all()]
    seen += [note.sentence for note in Notification.objects.all()]
    assert "s3cret-word" not in " ".join(seen)
    assert "reader" not in str(feed.options)


def test_sealed_address_opens_for_its_own_company_and_feed_only(feed, atlas_scope, borealis):
    other = Feed(kind="sql", name="Copied", tenant=borealis, public_id=feed.public_id)
    same_company = Feed(kind="sql", name="Copied", tenant=feed.tenant)
    for thief in (other, same_company):
        with pytest.raises(secrets.SealBroken):
            secrets.unseal(feed.secret, scope=thief.secret_scope)
    copied = make_feed("sql", name="Copied", url=f"sqlite:///{feed_path(feed)}", query=QUERY)
    Feed.objects.filter(pk=copied.pk).update(secret=feed.secret)
    run = look(copied)
    assert run.error_code == "secret_lost"


# ---------------------------------------------------------------- PostgreSQL itself

needs_postgres = pytest.mark.skipif(
    "postgresql" not in configured.DATABASES["default"]["ENGINE"], reason="asks a PostgreSQL server"
)


@pytest.fixture
def server(db, settings):
    """(address, schema) of tables that another connection committed."""
    import psycopg

    if connection.vendor != "postgresql":
        pytest.skip("asks a PostgreSQL server")
    here = connection.settings_dict
    settings.FEED_PRIVATE_HOSTS = [here["HOST"] or "127.0.0.1"]
    url = URL.create(
        "postgresql",
        here["USER"],
        here["PASSWORD"],
        here["HOST"] or "127.0.0.1",
        int(here["PORT"] or 5432),
        here["NAME"],
    )
    schema = f"feed_{uuid.uuid4().hex[:10]}"
    plain = url.render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as other:
        other.execute(f"CREATE SCHEMA {schema}")
        other.execute(
            f"CREATE TABLE {schema}.people (id text, months int, gone boolean, fee numeric(10,3), since date, extra jsonb)"
        )
        other.execute(
            f"INSERT INTO {schema}.people SELECT 'C' || i, i, i % 3 = 0, i + 0.125, '2026-01-01'::date + i, "
            f"jsonb_build_object('n', i) FROM generate_series(1, 120) i"
        )
        other.execute(f"CREATE SEQUENCE {schema}.numbers")
        other.execute(
            f"CREATE FUNCTION {schema}.wipe() RETURNS int LANGUAGE plpgsql AS "
            f"$$ BEGIN DELETE FROM {schema}.people; RETURN 1; END $$"
        )
        yield plain, schema, other
        other.execute(f"DROP SCHEMA {schema} CASCADE")


@needs_postgres
def test_postgresql_rows_come_in_batches(server, tmp_path, monkeypatch):
    url, schema, _other = server
    monkeypatch.setattr(sql, "BATCH_ROWS", 50)
    told = []
    brought = bring(
        url,
        f"SELECT id, months, gone, fee, since, extra, NULL AS nothing, 'a%b:c' AS words FROM {schema}.people ORDER BY months",
        tmp_path / "out.csv",
        progress=told.append,
        only_rows=None,
    )
    rows = read(tmp_path / "out.csv")
    assert rows[0] == ["id", "months", "gone", "fee", "since", "extra", "nothing", "words"]
    assert rows[3] == ["C3", "3", "Yes", "3.125", "2026-01-04", '{"n": 3}', "", "a%b:c"]
    assert (len(rows), told, brought.facts["rows"]) == (121, [50, 100, 120], 120)


@needs_postgres
@pytest.mark.parametrize(
    "query",
    [
        "SELECT {schema}.wipe()",
        "SELECT nextval('{schema}.numbers')",
        "SELECT set_config('transaction_read_only', 'off', true), {schema}.wipe()",
        "SELECT set_config('transaction_read_only', 'off', false), {schema}.wipe()",
        "SELECT lo_create(0)",
    ],
)
def test_postgresql_refuses_a_query_that_writes_behind_its_words(server, tmp_path, query):
    url, schema, other = server
    with pytest.raises(Refused) as refused:
        bring(url, query.format(schema=schema), tmp_path / "out.csv")
    assert refused.value.code == "query_failed"
    assert other.execute(f"SELECT count(*) FROM {schema}.people").fetchone() == (120,)


@needs_postgres
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1; DELETE FROM {schema}.people",
        "SELECT 1; COMMIT; SET default_transaction_read_only = off; DELETE FROM {schema}.people",
        "WITH gone AS (DELETE FROM {schema}.people RETURNING *) SELECT * FROM gone",
        "DELETE FROM {schema}.people",
        "SELECT * INTO {schema}.copied FROM {schema}.people",
        "SELECT * FROM {schema}.people FOR UPDATE",
        "COPY {schema}.people TO PROGRAM 'cat > /tmp/stolen'",
        "COPY {schema}.people TO '/tmp/stolen'",
    ],
)
def test_postgresql_itself_refuses_what_the_reading_of_the_query_would_miss(server, tmp_path, monkeypatch, statement):
    """Read-only, one statement by the protocol, behind a cursor: with the first fence taken away."""
    url, schema, other = server
    monkeypatch.setattr(sql, "check_statement", lambda text, *, engine: text)
    with pytest.raises((Refused, Unreachable)):
        bring(url, statement.format(schema=schema), tmp_path / "out.csv")
    assert other.execute(f"SELECT count(*) FROM {schema}.people").fetchone() == (120,)
    assert other.execute("SELECT to_regclass(%s)", [f"{schema}.copied"]).fetchone() == (None,)


@needs_postgres
def test_postgresql_query_ends_with_its_time(server, tmp_path):
    with pytest.raises(Refused) as refused:
        bring(server[0], "SELECT pg_sleep(5)", tmp_path / "out.csv", limits=sql.Limits(0.4, 10, 1000))
    assert refused.value.code == "too_slow"


@needs_postgres
def test_postgresql_says_who_is_not_let_in_without_the_password(server, tmp_path):
    wrong = databases.make_url(server[0]).set(password="s3cret-word").render_as_string(hide_password=False)
    with pytest.raises(Refused) as refused:
        bring(wrong, "SELECT 1", tmp_path / "out.csv")
    assert refused.value.code == "access_denied"
    assert "s3cret-word" not in refused.value.message


@needs_postgres
def test_nothing_of_the_sites_own_account_is_used(server, tmp_path, monkeypatch):
    url = databases.make_url(server[0])
    monkeypatch.setenv("PGPASSWORD", url.password)
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{url.password}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    without = f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    with pytest.raises(Refused) as refused:
        bring(without, "SELECT 1", tmp_path / "out.csv")
    assert refused.value.code == "access_denied"


@needs_postgres
def test_feed_from_postgresql_brings_customers(server, atlas_scope, alice, tmp_path):
    url, schema, _other = server
    agree_to_shape(tmp_path, "customerID,tenure,Churn", "A1,1,Yes", "A2,2,No")
    query = f'SELECT id AS "customerID", months AS tenure, gone AS "Churn" FROM {schema}.people'
    run = look(make_feed("sql", actor=alice, url=url, query=query))
    assert run.outcome == FeedRun.Outcome.IMPORTED, run.error_message
    assert run.import_run.rows_created == 120
    assert Customer.objects.filter(churn_label=True).count() == 40 + 1
