"""Erasing the account of a person for good: in every company what is theirs goes, and what they did stays without their name.

Which is which say the tables' own keys (docs/personal-data.md lists them). Row by row of each company, since PostgreSQL shows
a statement one company's rows and a deletion of the account alone would leave the others' behind.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import models, transaction
from django.utils.translation import gettext as _

from core.errors import Refused

from . import members, services
from .models import Membership, Tenant, User
from .scoping import TenantModel, public_scope


def erase(*, user: User) -> int:
    """Delete the account, everywhere. Returns in how many companies the person was. Refused("last_owner")."""
    with transaction.atomic():
        seats = {seat.tenant_id: seat for seat in Membership.objects.filter(user=user).select_related("tenant")}
        for tenant in Tenant.objects.select_for_update().order_by("pk"):
            seat = seats.get(tenant.pk)
            with public_scope(tenant):
                if seat is not None and members.is_last_owner(seat):
                    raise Refused(
                        "last_owner",
                        _("They are the last owner of %(company)s: make somebody else an owner first.")
                        % {"company": tenant.name},
                    )
                for model, key in _keys():
                    rows = model.objects.filter(**{key.name: user.pk})
                    if key.remote_field.on_delete is models.CASCADE:
                        rows.delete()
                    else:
                        rows.update(**{key.name: None})
                if seat is not None:
                    services.record("account_erased", seat, person=user.pk, role=seat.role)
        user.delete()
    return len(seats)


def _keys() -> Iterator[tuple[type[models.Model], models.ForeignKey]]:
    """Every key of a company's table to a person."""
    for model in apps.get_models():
        if issubclass(model, TenantModel) and not model._meta.proxy:
            for field in model._meta.concrete_fields:
                if field.remote_field and field.related_model is User:
                    yield model, field
