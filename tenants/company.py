"""The company that a command works for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone, translation

from core.errors import Refused

from .models import Tenant
from .scoping import tenant_scope


@contextmanager
def company(slug: str) -> Iterator[Tenant]:
    """Enter the scope of the company with this short name; Refused where there is none."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        known = ", ".join(Tenant.objects.order_by("slug").values_list("slug", flat=True)[:10])
        raise Refused(
            "no_company",
            f"There is no company with the short name “{slug}”. "
            + (f"There are: {known}. " if known else "")
            + f"Create it with: manage.py create_company {slug} --name NAME",
        )
    with tenant_scope(tenant), timezone.override(tenant.time_zone), translation.override("en"):
        yield tenant
