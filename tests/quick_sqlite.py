"""What keeps a long transaction on SQLite quick."""

from django.db import connection


def settle_schema() -> None:
    """After anything that made a temporary table inside a transaction that goes on.

    SQLite then takes its schema for changed until the transaction's end: every rollback to a savepoint throws it away, and the
    next statement reads it again, seven milliseconds for our tables. Reading it once on purpose settles it.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA writable_schema = RESET")
