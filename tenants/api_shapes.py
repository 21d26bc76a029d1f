"""What the workspace's answers look like."""

from __future__ import annotations

from core.shapes import COUNT, MOMENT, TEXT, WHOLE, YES_NO, many, named, record

NOTIFICATIONS = named(
    "Notifications",
    record(
        {
            "unread": COUNT,
            "notifications": many(
                record(
                    {
                        "id": WHOLE,
                        "event": TEXT,
                        "kind": TEXT,
                        "level": TEXT,
                        "text": TEXT,
                        "url": TEXT,
                        "at": MOMENT,
                        "read": YES_NO,
                    }
                )
            ),
            "next": TEXT,
        }
    ),
)
