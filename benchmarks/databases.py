"""A database of its own for each measurement, so that none stands on the tables and files that another one left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

SQLITE = "churnguard.sqlite3"


class Databases:
    """``with Databases() as databases: environment = databases.fresh()``: migrated, empty, gone at the end.

    On the server that DATABASE_URL names, whose role must be allowed to create databases; else SQLite files.
    """

    def __init__(self) -> None:
        self._url = os.environ.get("DATABASE_URL", "")
        self.folder = Path(tempfile.mkdtemp(prefix="churnguard-benchmark-"))
        self._made: list[str] = []

    def __enter__(self) -> Databases:
        self._template = self._make("template")
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=self._template, check=True)
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(self._made):
            self._drop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self) -> dict[str, str]:
        """The environment of a process that shall work on a new one."""
        environment = self._make(uuid.uuid4().hex[:8], template=self._made[0] if self._made else "")
        if not self._url:
            shutil.copy(Path(self._template["VAR_DIR"]) / SQLITE, Path(environment["VAR_DIR"]) / SQLITE)
        return environment

    def forget(self, environment: dict[str, str]) -> None:
        """Give its room back before the next one is measured."""
        shutil.rmtree(environment["VAR_DIR"], ignore_errors=True)
        if self._url:
            self._drop(urlsplit(environment["DATABASE_URL"]).path[1:])

    def _make(self, name: str, template: str = "") -> dict[str, str]:
        var = self.folder / name
        var.mkdir()
        environment = {**os.environ, "VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "churnguard.settings"}
        environment |= dict.fromkeys(("API_RATE_KEY", "API_RATE_PERSON", "API_RATE_ADDRESS"), "")  # as fast as it goes
        if self._url:
            database = f"benchmark_{uuid.uuid4().hex[:12]}"
            self._execute(f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else ""))
            self._made.append(database)
            environment["DATABASE_URL"] = urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))
        return environment

    def _drop(self, name: str) -> None:
        import psycopg

        from core.backups.postgres import drop_database

        with psycopg.connect(self._url, autocommit=True) as connection:
            drop_database(connection, name)

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)
