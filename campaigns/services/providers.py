"""What opens a mail provider's API: which there are, what of it may be shown, and what is kept when a person changes it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.secrets import SealBroken

from ..channels.provider import PROVIDERS, Provider, options_of
from ..models import SenderProfile
from . import senders


def providers() -> Sequence[Provider]:
    return tuple(PROVIDERS.values())


def plain_settings(profile: SenderProfile) -> dict[str, str]:
    """The settings of the provider in use; of a secret one only that it is there, as ""."""
    known = PROVIDERS.get(profile.provider)
    held = _held(profile)
    if known is None:
        return {}
    return {one.code: "" if one.is_secret else held[one.code] for one in known.settings if one.code in held}


def merged(profile: SenderProfile, provider: str, typed: str) -> str:
    """The settings to keep, as JSON: as typed, and secrets left empty as they were. Raises Refused, with the setting."""
    known, given = PROVIDERS.get(provider), json.loads(typed)
    held = _held(profile) if profile.provider == provider else {}
    for one in known.settings if known else ():
        if one.is_secret and not given.get(one.code) and one.code in held:
            given[one.code] = held[one.code]
    return json.dumps(options_of(provider, json.dumps(given)))


def _held(profile: SenderProfile) -> dict[str, str]:
    """What was kept; nothing where its seal is broken: a person says it anew."""
    try:
        return json.loads(senders.provider_settings(profile) or "{}")
    except (SealBroken, ValueError):
        return {}
