"""The backend: named in ``DATABASES`` as ``core.postgresql``."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe

from .cursors import ScopedCursor, ScopedServerCursor


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with cursors that say the company in scope. ``server_side_binding`` is refused: a message that binds its
    values at the server holds one statement."""

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params["cursor_factory"] = ScopedCursor
        return params

    @async_unsafe
    def create_cursor(self, name: str | None = None):
        if not name:
            return super().create_cursor()
        cursor = ScopedServerCursor(self.connection, name=name, scrollable=False, withhold=self.connection.autocommit)
        # As Django does: moments in this connection's time zone, where that is not every connection's.
        loader = self.connection.adapters.get_loader(base.TIMESTAMPTZ_OID, base.Format.TEXT)
        if self.timezone != loader.timezone:
            base.register_tzloader(self.timezone, cursor)
        return cursor
