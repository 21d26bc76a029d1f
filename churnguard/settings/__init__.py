"""Chooses the settings by ``DJANGO_ENV``: ``development`` (the default) or ``production``."""

from django.core.exceptions import ImproperlyConfigured

from core.env import env  # first: the variable may stand in .env

_kind = env("DJANGO_ENV", default="development") or "development"
if _kind == "production":
    from .prod import *
elif _kind == "development":
    from .dev import *
else:  # a slip of the pen must not serve customers by the settings of a demonstration
    raise ImproperlyConfigured(f"DJANGO_ENV is “{_kind}”: development or production.")
