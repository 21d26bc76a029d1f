"""Why a person decided so: kept whole for whoever asks later, or refused; never cut."""

from __future__ import annotations

from django.utils.translation import gettext as _

from .errors import Refused

LONGEST = 300


def reason(said: str, *, most: int = LONGEST, field: str = "reason") -> str:
    """The text without its outer spaces and control zeros. Raises Refused("reason_too_long") above ``most`` characters."""
    kept = said.replace("\x00", "").strip()
    if len(kept) > most:
        raise Refused(
            "reason_too_long", _("The reason is longer than %(most)s characters.") % {"most": most}, field=field
        )
    return kept
