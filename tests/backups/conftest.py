"""Small databases and a store of the test's own; nothing here asks Django's database unless it says so."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.backups import taking
from core.backups.store import Store

KEY = "a-key-for-backups-" + "k" * 32


@pytest.fixture(autouse=True)
def place(settings, tmp_path) -> Path:
    """An installation's folder, with nothing in it."""
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    settings.PRIVATE_ROOT = settings.VAR_DIR / "files"
    settings.RAW_DATA_PATH = tmp_path / "raw"
    settings.BACKUP_DIR = tmp_path / "store"
    settings.BACKUP_KEY = ""
    settings.BACKUP_DATABASE_URL = settings.BACKUP_DRILL_DATABASE_URL = settings.INSTANCE_ID = ""
    return settings.VAR_DIR


@pytest.fixture
def store(settings) -> Store:
    return Store.open(settings.BACKUP_DIR, "", make=True)


@pytest.fixture
def sealed(tmp_path) -> Store:
    return Store.open(tmp_path / "sealed", KEY, make=True)


@pytest.fixture
def database(place, monkeypatch) -> Path:
    """A SQLite database as an installation has it (WAL, a few tables), named as the one to back up."""
    path = place / "churnguard.sqlite3"
    fill(path, customers=4_000)
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": path}
    monkeypatch.setattr(taking, "source", lambda: entry)
    return path


def fill(path: Path, *, customers: int) -> None:
    rng = random.Random(5)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            "PRAGMA journal_mode=WAL;"
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, charge REAL, note BLOB);"
            "CREATE TABLE mail (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id), state TEXT);"
            "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT);"
            "INSERT INTO django_migrations (app, name) VALUES ('tenants', '0001_initial');"
        )
        rows = [(n, f"Élodie {rng.random()}", rng.random() * 90, rng.randbytes(300)) for n in range(customers)]
        db.executemany("INSERT INTO customer VALUES (?, ?, ?, ?)", rows)
        db.executemany("INSERT INTO mail VALUES (?, ?, 'sent')", [(n, n) for n in range(customers)])


def run(path: Path, statement: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(path, timeout=20)) as db, db:
        return db.execute(statement, values).fetchall()


def upload(place: Path, name: str, content: bytes) -> Path:
    path = place / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
