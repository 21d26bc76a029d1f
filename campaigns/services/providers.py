"""What opens a mail provider's API: which there are, what of it may be shown, and what is kept when a person changes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from core.errors import Refused
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


def secrets_kept(profile: SenderProfile) -> list[str]:
    """Names of the secrets that are kept of the provider in use."""
    known = PROVIDERS.get(profile.provider)
    held = _held(profile)
    return [one.code for one in known.settings if one.is_secret and one.code in held] if known else []


def changed(profile: SenderProfile, provider: str, said: Mapping[str, str]) -> str:
    """The settings to keep, as JSON: as they were while the provider stays, but for those that are said; "" takes one away.

    Raises Refused(``unknown_provider``, ``unknown_setting``, ``provider_settings``), with the setting in ``facts``.
    """
    held = _held(profile) if profile.provider == provider else {}
    options = options_of(provider, json.dumps({**held, **said}))
    if unknown := sorted(set(said) - {one.code for one in PROVIDERS[provider].settings}):
        raise Refused("unknown_setting", _("The provider has no such setting."), field=unknown[0][:100])
    return json.dumps(options)


def typed(profile: SenderProfile, provider: str, whole: Mapping[str, str]) -> str:
    """The same of a form that holds all of them: a secret that was left empty is as it was."""
    secret = {one.code for one in PROVIDERS[provider].settings if one.is_secret}
    return changed(profile, provider, {name: value for name, value in whole.items() if value or name not in secret})


def _held(profile: SenderProfile) -> dict[str, str]:
    """What was kept; nothing where its seal is broken: a person says it anew."""
    try:
        return json.loads(senders.provider_settings(profile) or "{}")
    except (SealBroken, ValueError):
        return {}
