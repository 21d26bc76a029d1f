"""The start of every process: what is wrong with its settings is said in lines for a person, and no trace."""

from __future__ import annotations

import sys
from typing import NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def require_settings() -> None:
    """Read the settings; where they cannot be, end this process with a line for each reason."""
    try:
        settings.INSTALLED_APPS  # noqa: B018 - the first look reads them all
    except (ImproperlyConfigured, ValueError) as error:
        refuse(str(error).splitlines() or [type(error).__name__])


def refuse(reasons: list[str]) -> NoReturn:
    """End this process, exit code 1."""
    sys.exit("\n".join(f"ChurnGuard does not start: {reason}" for reason in reasons))
