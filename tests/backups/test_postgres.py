"""A PostgreSQL database backed up under writes, brought back into another, tried; in databases of the test's own."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.conf import settings as site

from core.backups import drilling, postgres, reports, restoring, taking
from core.backups.postgres import Address
from core.backups.restoring import Target
from core.errors import Refused

from .conftest import upload

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif("postgresql" not in site.DATABASES["default"]["ENGINE"], reason="needs PostgreSQL"),
]


def connected(address: Address, **more) -> psycopg.Connection:
    return address.connect(autocommit=True, **more)


def as_setting(address: Address) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": address.host,
        "PORT": address.port,
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password,
        "OPTIONS": {},
    }


@pytest.fixture
def server() -> Address:
    """The server of the test run, seen from its template: no test database is touched."""
    return Address.of({**site.DATABASES["default"], "NAME": "postgres"})


@pytest.fixture
def database(server, place, monkeypatch):
    with postgres.scratch(server) as address:
        with connected(address) as db:
            db.execute("CREATE TABLE customer (id bigserial PRIMARY KEY, name text, charge float8, at timestamptz)")
            db.execute("CREATE TABLE account (id int PRIMARY KEY, money bigint)")
            db.execute("CREATE TABLE django_migrations (id serial PRIMARY KEY, app text, name text)")
            db.execute("INSERT INTO django_migrations (app, name) VALUES ('tenants', '0001_initial')")
            db.execute(
                "INSERT INTO customer (name, charge, at) SELECT 'Élodie' || n || E'\\n\\t' || md5(n::text), n / 7.0, now() FROM generate_series(1, 40000) n"
            )
            db.execute("INSERT INTO account SELECT n, 0 FROM generate_series(0, 999) n")
        monkeypatch.setattr(taking, "source", lambda: as_setting(address))
        monkeypatch.setattr(drilling, "source", lambda: as_setting(address))
        yield address


def back_up() -> taking.Taken:
    return taking.back_up(version="test", say=lambda _: None)


def bring_back(folder, address: Address, *, replace: bool = False) -> restoring.Outcome:
    store = taking.open_store()
    target = Target.into(folder, "postgresql", as_setting(address))
    return restoring.restore(store, restoring.choose(store), target, replace=replace, say=lambda _: None)


def test_what_comes_back_is_what_was_there_and_numbers_go_on(database, server, place, tmp_path):
    upload(place, "atlas/upload", b"one")
    taken = back_up()
    tables = taken.snapshot.database.tables
    assert (tables["customer"].rows, tables["account"].rows) == (40_000, 1_000)
    assert taken.snapshot.database.schema == ("tenants.0001_initial",)
    with postgres.scratch(server) as other:
        outcome = bring_back(tmp_path / "there", other)
        assert outcome.differences == []
        assert (tmp_path / "there" / "files" / "atlas" / "upload").read_bytes() == b"one"
        with connected(other) as db:
            assert db.execute("INSERT INTO customer (name) VALUES ('x') RETURNING id").fetchone() == (40_001,)
        with pytest.raises(Refused) as refusal:
            bring_back(tmp_path / "elsewhere", other)
        assert refusal.value.code == "not_empty"
        assert bring_back(tmp_path / "elsewhere", other, replace=True).differences == []
        with connected(other) as db:
            assert db.execute("SELECT count(*) FROM customer").fetchone() == (40_000,)


def test_empty_database_is_left_empty_where_what_comes_back_is_not_what_was_noted(
    database, server, place, tmp_path, monkeypatch
):
    upload(place, "atlas/upload", b"one")
    back_up()
    with postgres.scratch(server) as other:
        with monkeypatch.context() as patched:
            patched.setattr(restoring, "differences", lambda *_: ["customer: 39999 rows instead of 40000"])
            outcome = bring_back(tmp_path / "there", other)
        assert (len(outcome.differences), outcome.hold) == (1, "")
        assert postgres.is_empty(other)
        assert list((tmp_path / "there").iterdir()) == []
        assert bring_back(tmp_path / "there", other).differences == []


def test_functions_are_replaced_and_the_trial_is_made_where_it_may_be(database, server, tmp_path, settings):
    """As with three roles: the tables' owner makes no database, and its functions are in the way of those of the dump."""
    with connected(database) as db:
        db.execute("CREATE FUNCTION twice(n int, OUT m int) LANGUAGE sql AS 'SELECT 2 * n'")
        db.execute("CREATE PROCEDURE \"Odd name\"(n int) LANGUAGE sql AS 'SELECT 1'")
    back_up()
    with postgres.scratch(server) as other, postgres.scratch(server) as trial:
        assert bring_back(tmp_path / "there", other).differences == []
        settings.BACKUP_DRILL_DATABASE_URL = f"postgres://{server.user}:{server.password}@{server.host}:1/{trial.name}"
        with pytest.raises(Refused) as refusal:
            bring_back(tmp_path / "there", other, replace=True)
        assert refusal.value.code == "database_unreachable"  # nobody is asked there; the target is as it was
        settings.BACKUP_DRILL_DATABASE_URL = (
            f"postgres://{server.user}:{server.password}@{server.host}:{server.port}/{trial.name}"
        )
        assert bring_back(tmp_path / "there", other, replace=True).differences == []
        with connected(other) as db:
            assert db.execute("SELECT twice(21)").fetchone() == (42,)
            db.execute('CALL "Odd name"(1)')


def test_second_dump_keeps_only_what_changed(database):
    first = back_up()
    assert first.new_bytes > 500_000
    with connected(database) as db:
        db.execute("UPDATE customer SET name = 'Zoé' WHERE id = 20000")
    second = back_up()
    assert second.snapshot.database.tables["customer"].digest != first.snapshot.database.tables["customer"].digest
    assert second.new_bytes < 0.5 * first.new_bytes


def test_backup_under_writes_is_of_one_moment_and_its_digests_are_those_of_the_dump(database, server, tmp_path):
    ended, moves = threading.Event(), []

    def move() -> None:
        with database.connect() as db:
            while not ended.is_set():
                one = len(moves) % 1000
                db.execute("UPDATE account SET money = money - 1 WHERE id = %s", [one])
                db.execute("UPDATE account SET money = money + 1 WHERE id = %s", [999 - one])
                db.execute("INSERT INTO customer (name) VALUES ('new')")
                db.commit()
                moves.append(1)

    writer = threading.Thread(target=move)
    writer.start()
    try:
        while len(moves) < 20:
            ended.wait(0.01)
        before = len(moves)
        back_up()
        assert len(moves) > before, "the writer was kept waiting"
    finally:
        ended.set()
        writer.join()
    with postgres.scratch(server) as other:
        assert bring_back(tmp_path / "there", other).differences == []
        with connected(other) as db:
            assert db.execute("SELECT sum(money), max(abs(money)) > 0 FROM account").fetchone() == (0, True)


def test_drill_makes_a_database_and_leaves_none(database, server):
    back_up()
    done = drilling.drill(say=lambda _: None)
    assert (done.wrong, done.tables) == ([], 3)
    assert reports.reports()["drill"].succeeded
    with connected(server) as db:
        left = db.execute("SELECT datname FROM pg_database WHERE datname LIKE 'churnguard_drill_%'").fetchall()
    assert left == [(database.name,)]  # the test's own


def test_database_that_a_killed_drill_left_goes_with_a_later_one(server):
    with connected(server) as db:
        db.execute("CREATE DATABASE churnguard_drill_1700000000_abcdef01")
    with postgres.scratch(server) as young, postgres.scratch(server), connected(server) as db:
        left = {name for (name,) in db.execute("SELECT datname FROM pg_database").fetchall()}
        assert young.name in left and "churnguard_drill_1700000000_abcdef01" not in left


def test_rows_that_security_binds_its_owner_to_are_not_left_out(database, server, tmp_path):
    """With FORCE the owner sees none of these rows: a dump that left them out would pass for whole."""
    with connected(database) as db:
        db.execute("ALTER TABLE customer ENABLE ROW LEVEL SECURITY")
        db.execute("CREATE POLICY mine ON customer USING (name = current_setting('app.tenant', true))")
    back_up()  # the owner is not bound yet
    with postgres.scratch(server) as other:
        outcome = bring_back(tmp_path / "there", other)
        assert outcome.differences == []
        with connected(other) as db:
            db.execute("ALTER TABLE customer FORCE ROW LEVEL SECURITY")
        assert postgres.tables(other)["customer"].rows == 40_000
        with connected(other) as db:
            assert db.execute("SELECT count(*) FROM customer").fetchone() == (0,), "lifted for good"
    with connected(database) as db:
        db.execute("ALTER TABLE customer FORCE ROW LEVEL SECURITY")
    with pytest.raises(Refused) as refusal:
        back_up()
    assert refusal.value.code in ("no_rights", "dump_failed")


def test_database_that_somebody_works_on_is_not_filled(database, server, tmp_path):
    back_up()
    with postgres.scratch(server) as other, connected(other), pytest.raises(Refused, match="connected"):
        bring_back(tmp_path / "there", other)


def test_server_that_is_not_there_is_said_in_a_sentence(place, monkeypatch, server):
    monkeypatch.setattr(taking, "source", lambda: {**as_setting(server), "PORT": "1"})
    with pytest.raises(Refused) as refusal:
        back_up()
    assert refusal.value.code == "database_unreachable"
    assert reports.reports()["backup"].code == "database_unreachable"


def test_programs_older_than_the_server_are_refused():
    with pytest.raises(Refused, match="older than the server"):
        postgres.program("pg_dump", "990001")
    assert postgres.program("pg_dump", "140000").exists()
