"""Chooses the settings by ``DJANGO_ENV``: ``development`` (the default) or ``production``."""

import os

if os.environ.get("DJANGO_ENV", "development") == "production":
    from .prod import *
else:
    from .dev import *
