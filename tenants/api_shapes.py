"""What bodies and answers about the workspace look like: notifications, people, invitations, webhooks."""

from __future__ import annotations

from core.models import JobState
from core.shapes import (
    ADDRESS,
    COUNT,
    IDENTIFIER,
    MOMENT,
    TEXT,
    WHOLE,
    YES_NO,
    body,
    many,
    maybe,
    named,
    one_of,
    record,
    says,
    text,
)  # fmt: skip

from .models import Level
from .models_webhooks import EVENTS
from .notice_kinds import KINDS, Way
from .roles import Role

AFTER = says(TEXT, "Goes on where the answer of before ended, by its `next`.")
NEXT = says(maybe(ADDRESS), "Where the following ones are; null on the last page.")
CURSOR = says(TEXT, "What to ask `after` for the following ones; empty at the end.")

# ---------------------------------------------------------------- notifications

NOTIFICATIONS = named(
    "Notifications",
    record(
        {
            "unread": says(COUNT, "How many are unread; no more than 100 are counted."),
            "notifications": many(
                record(
                    {
                        "id": WHOLE,
                        "event": TEXT,
                        "kind": TEXT,
                        "level": one_of(*Level.values),
                        "text": TEXT,
                        "url": says(TEXT, "The page that it is about, without the site's name; may be empty."),
                        "at": MOMENT,
                        "read": YES_NO,
                    }
                ),
                at_most=100,
            ),
            "next": CURSOR,
        }
    ),
)
SIFT = {
    "after": AFTER,
    "show": says(one_of("unread"), "The unread ones alone."),
    "kind": says(one_of(*(kind.name for kind in KINDS)), "One kind alone; a kind that is not your role's is not listened to."),
    "level": says(one_of(*Level.values), "One level alone."),
    "size": says({"type": "integer", "minimum": 1, "maximum": 100}, "How many at most; 20 unless told."),
}  # fmt: skip
MARK = body(
    ids=says(
        many({"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, at_most=200), "Which; without it, all of them."
    ),
    unread=says(YES_NO, "Show them as unread again, which needs `ids`."),
)
_KIND = one_of(*(kind.name for kind in KINDS))
_WAY = one_of(*Way.values)
WAYS = named(
    "NotificationSettings", record({"kinds": many(record({"kind": _KIND, "label": TEXT, "way": _WAY}), at_most=len(KINDS))})
)  # fmt: skip
CHOICES = body({"kinds": says(many(body({"kind": _KIND, "way": _WAY})), "Those that are to change.")})

# ---------------------------------------------------------------- people

_ROLE = one_of(*Role.values)
ME = named(
    "Me",
    record(
        {
            "email": TEXT,
            "name": TEXT,
            "language": says(maybe(TEXT), "Null: the one that the request asks for."),
            "time_zone": TEXT,
            "company": record({"id": IDENTIFIER, "name": TEXT, "short_name": TEXT}),
            "role": _ROLE,
            "capabilities": says(many(TEXT), "What this caller may do: the role's, within the key's scopes."),
            "key": says(maybe(record({"id": IDENTIFIER, "name": TEXT})), "Null for a session."),
        }
    ),
)
MEMBER = named(
    "Member",
    record(
        {
            "id": IDENTIFIER,
            "url": ADDRESS,
            "email": TEXT,
            "name": TEXT,
            "role": _ROLE,
            "since": MOMENT,
            "second_factor": says(YES_NO, "Whether they sign in with one."),
            "is_active": says(YES_NO, "False: the account is closed, and signs in nowhere."),
        }
    ),
)
MEMBERS = record({"members": many(MEMBER, at_most=100), "next": NEXT})
ROLE_BODY = body({"role": _ROLE})
INVITATION = named(
    "Invitation",
    record(
        {
            "id": IDENTIFIER,
            "url": ADDRESS,
            "email": TEXT,
            "role": _ROLE,
            "invited_by": says(TEXT, "Their e-mail address."),
            "made_at": MOMENT,
            "sent_at": says(maybe(MOMENT), "When the mail left; null until then."),
            "expires_at": MOMENT,
            "is_expired": YES_NO,
        }
    ),
)
INVITATIONS = record({"invitations": many(INVITATION, at_most=100), "next": NEXT})
INVITE = body({"email": text(254, like="nadia@example.com"), "role": _ROLE})

# ---------------------------------------------------------------- webhooks

_WEBHOOK = {
    "id": IDENTIFIER,
    "url": TEXT,
    "description": TEXT,
    "events": many(TEXT),
    "active": YES_NO,
    "stopped_by_itself": says(YES_NO, "It was switched off because nothing was taken for too long."),
    "failures": says(COUNT, "Attempts in a row that failed, up to now."),
    "failing_since": maybe(MOMENT),
    "delivered_at": says(maybe(MOMENT), "When something was last taken."),
    "created_at": MOMENT,
}
WEBHOOK = named("Webhook", record(_WEBHOOK))
MADE_WEBHOOK = named(
    "WebhookWithSecret", record(_WEBHOOK | {"secret": says(TEXT, "What signs each event. It is shown this once.")})
)
WEBHOOKS = record({"webhooks": many(WEBHOOK, at_most=10)})
_URL = text(500, says="An https address of yours.", like="https://example.com/churnguard")
_ABOUT = text(120, says="What it is for.")
_EVENTS = many(one_of(*EVENTS), at_most=len(EVENTS)) | {"minItems": 1}
NEW_WEBHOOK = body({"url": _URL, "events": _EVENTS}, description=_ABOUT)
CHANGED_WEBHOOK = body(
    url=_URL, events=_EVENTS, description=_ABOUT, active=says(YES_NO, "Switch it on, with a clean count of failures, or off.")
)  # fmt: skip
DELIVERY = named(
    "WebhookDelivery",
    record(
        {
            "id": IDENTIFIER,
            "message": says(TEXT, "The `webhook-id` that is sent."),
            "event": TEXT,
            "state": one_of(*JobState.values),
            "attempts": COUNT,
            "status": says(maybe(WHOLE), "What the receiver answered last; null where nobody answered."),
            "note": says(TEXT, "Why the last attempt failed; may be empty."),
            "last_tried_at": maybe(MOMENT),
            "next_attempt_at": maybe(MOMENT),
            "created_at": MOMENT,
        }
    ),
)
DELIVERIES = record({"deliveries": many(DELIVERY, at_most=200), "next": CURSOR})
DELIVERIES_PAGE = {
    "after": AFTER,
    "size": says({"type": "integer", "minimum": 1, "maximum": 200}, "How many at most; 50 unless told."),
}
