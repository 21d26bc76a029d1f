"""``manage.py database_roles [--apply]``: the three roles of a PostgreSQL installation, as SQL or at once."""

from __future__ import annotations

import os

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection, transaction

from core.postgresql.roles import Roles, as_script, statements

_PASSWORDS = {
    "owner": "DATABASE_OWNER_PASSWORD",
    "app": "DATABASE_APP_PASSWORD",
    "watch": "DATABASE_WATCH_PASSWORD",
}


class Command(BaseCommand):
    help = (
        "Print the SQL that makes the roles of the tables' owner, of the application and of who looks after it, for psql as a "
        "superuser; or apply it through DATABASE_URL. May be repeated. With --apply, passwords are taken from "
        f"{', '.join(_PASSWORDS.values())}; printed, none is shown: set them with \\password."
    )

    def add_arguments(self, parser) -> None:
        names = Roles()
        parser.add_argument("--owner", default=names.owner, help="role that migrates and owns the tables")
        parser.add_argument("--app", default=names.app, help="role of the web server and the workers")
        parser.add_argument("--watch", default=names.watch, help="role that reads every company's rows, for backups")
        parser.add_argument("--apply", action="store_true", help="run it now; DATABASE_URL must be a superuser's")

    def handle(self, *, owner: str, app: str, watch: str, apply: bool, **_: object) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("SQLite has no roles: set DATABASE_URL to a PostgreSQL server.")
        if len({owner, app, watch}) < 3:
            raise CommandError("The three roles need three names.")
        given = {key: os.environ[name] for key, name in _PASSWORDS.items() if os.environ.get(name)} if apply else {}
        roles = Roles(owner, app, watch, given)
        try:
            version = connection.get_database_version()[0]
            wanted = statements(roles, connection.settings_dict["NAME"], version=version)
            if not apply:
                self.stdout.write(as_script(wanted), ending="")
                return
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in wanted:
                    cursor.execute(statement.as_string(None))
        except Error as error:
            raise CommandError(f"Not applied: {str(error).splitlines()[0]}") from error
        self.stdout.write(self.style.SUCCESS(f"Roles are ready: {owner} (migrates), {app} (works), {watch} (reads)."))
