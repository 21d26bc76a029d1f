"""Sessions in a table of ours (``SESSION_ENGINE``): Django's own, with whose it is beside it.

Django keeps the person inside the sealed text only. With a column for them, a person's sessions can be listed and ended.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

# What is kept inside a session about itself: times as ISO 8601 text, since a session is JSON.
BROWSER, ADDRESS, SIGNED_IN = "_browser", "_address", "_signed_in_at"


class SessionStore(DatabaseStore):
    seen_at: datetime | None = None  # as the row said when it was read

    @classmethod
    def get_model_class(cls):
        from .models import BrowserSession

        return BrowserSession

    def create_model_instance(self, data: dict):
        row = super().create_model_instance(data)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.browser, row.address = data.get(BROWSER, ""), data.get(ADDRESS, "")
        row.signed_in_at = _moment(data.get(SIGNED_IN))
        row.seen_at = timezone.now() if row.user_id else None
        return row

    def _get_session_from_db(self):
        row = super()._get_session_from_db()
        if row is not None:
            self.seen_at = row.seen_at
        return row


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
