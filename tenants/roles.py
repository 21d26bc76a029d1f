"""The five roles, by name. What each may do stands in ``permissions``."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    ADMIN = "admin", _("admin")
    OPERATOR = "operator", _("operator")
    ANALYST = "analyst", _("analyst")
    VIEWER = "viewer", _("viewer")
