"""What answers about how a company sends look like; bodies are described by what reads them."""

from __future__ import annotations

from core.shapes import (
    ADDRESS,
    COUNT,
    MOMENT,
    NUMBER,
    SHARE,
    TEXT,
    YES_NO,
    many,
    maybe,
    named,
    one_of,
    record,
    says,
    table_of,
)

from .models import SenderProfile

_TIME = says(TEXT, "By the company's own clock.", like="21:00")
_WEEKDAY = {"type": "integer", "minimum": 0, "maximum": 6}
_WHO = {"from_name": TEXT, "from_address": TEXT, "reply_to": TEXT, "postal_address": TEXT, "support_contact": TEXT}
_WAY = {
    "transport": one_of(*SenderProfile.Transport.values),
    "host": TEXT,
    "port": COUNT,
    "security": one_of(*SenderProfile.Security.values),
    "username": TEXT,
    "has_password": YES_NO,
    "provider": maybe(TEXT),
    "has_provider_settings": YES_NO,
    "provider_options": table_of(TEXT, says="Those of the provider's settings that are no secrets, by name."),
    "provider_secrets": says(many(TEXT), "Names of the provider's secrets that are kept."),
    "dkim_selector": TEXT,
}
_PACE = {"per_second": NUMBER, "daily_cap": says(maybe(COUNT), "Null: no cap."), "ramps_up": YES_NO}
_WHEN = {
    "most_mails": COUNT,
    "within_days": COUNT,
    "quiet_from": maybe(_TIME),
    "quiet_until": maybe(_TIME),
    "quiet_weekdays": says(many(_WEEKDAY, at_most=6), "Days without mail; 0 is Monday."),
    "keeps_holidays": YES_NO,
    "keeps_ramadan": YES_NO,
}
_MEASURED = {"holdout_share": SHARE, "universal_share": SHARE, "tracks_links": YES_NO, "tracks_opens": YES_NO}
_WRITER = {
    "uses_server_writer": YES_NO,
    "personal_drafts": YES_NO,
    "monthly_tokens": COUNT,
    "has_writer": says(YES_NO, "Whether a language model is set up on this site."),
}
_BASIS = record(
    {
        "basis": one_of(*SenderProfile.Basis.values),
        "reason": TEXT,
        "set_by": says(maybe(TEXT), "Who decided so last; null: nobody yet, or somebody who is gone."),
    },
    says="Whom the company may write to.",
)
_FINDING = record(
    {
        "about": TEXT,
        "severity": TEXT,
        "code": TEXT,
        "sentence": TEXT,
        "publish": says(maybe(record({"name": TEXT, "text": TEXT})), "The TXT record that would mend it."),
    }
)
_DOMAIN = record(
    {
        "name": says(maybe(TEXT), "Null until there is an address to send from."),
        "checked_at": maybe(MOMENT),
        "is_ready": says(maybe(YES_NO), "Null: not looked at since address, server or selector changed."),
        "findings": many(_FINDING),
    },
    says="What the domain publishes, worst first.",
)
_REPORTS = record(
    {
        "has_key": says(YES_NO, "Whether a key was made for who reports; the page makes one."),
        "addresses": many(record({"provider": TEXT, "name": TEXT, "url": ADDRESS})),
    },
    says="Where providers send bounces and complaints.",
)
SENDER = named(
    "Sender",
    record(
        _WHO | _WAY | _PACE | _WHEN | _MEASURED | _WRITER
        | {
            "has_public_url": says(YES_NO, "Without it nobody could unsubscribe, and no campaign starts."),
            "basis": _BASIS,
            "domain": _DOMAIN,
            "reports": _REPORTS,
        }
    ),
)  # fmt: skip
DOMAIN = named("SenderDomain", _DOMAIN)
REPORT_KEY = record({"key": says(TEXT, "The password that the provider sends with its reports; shown once.")})
TRIED = record({"offers": says(many(TEXT), "What the server said that it can do.")})
UPLOAD = record(
    {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "An mbox, a zip of .eml files, or one .eml; up to 16 MB.",
        }
    }
)
TAKEN = record(
    {
        "hard": COUNT,
        "soft": COUNT,
        "complaint": COUNT,
        "repeated": COUNT,
        "unknown": says(COUNT, "About mail that is not ours, or that nobody can place."),
        "other": says(COUNT, "Automatic answers, and mail that is no report."),
        "unreadable": COUNT,
        "suppressed": says(COUNT, "Addresses that are let alone from now on."),
    }
)
