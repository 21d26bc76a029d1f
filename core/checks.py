"""What ``manage.py check --deploy`` says of the database's walls between companies."""

from __future__ import annotations

from django.core import checks
from django.db import Error, connection

from . import row_security

_WHY = {
    "superuser": "The database role is a superuser, whom no row-level security binds.",
    "bypassrls": "The database role has BYPASSRLS: no row-level security binds it.",
}


def row_security_binds(**_: object) -> list[checks.CheckMessage]:
    """Warns where PostgreSQL would show this site more than one company's rows; says where one role is everything."""
    if connection.vendor != "postgresql":
        return []
    try:
        why, bare, is_owner = row_security.bypasses(), row_security.uncovered(), row_security.owns_tables()
    except Error as error:
        return [checks.Warning(f"The database could not be asked: {str(error).splitlines()[0]}", id="core.W003")]
    found: list[checks.CheckMessage] = []
    hint = "See manage.py database_roles."
    if why:
        found.append(checks.Warning(_WHY[why], hint=hint, id="core.W001"))
    if bare:
        text = f"No row-level security is in force on {len(bare)} tables of companies, such as {bare[0]}."
        found.append(checks.Warning(text, hint="Run manage.py migrate to its end.", id="core.W002"))
    if is_owner and not why:
        text = "One database role owns the tables and serves the site: a statement of its own could lift the policies."
        found.append(checks.Info(text, hint=hint, id="core.I001"))
    return found
