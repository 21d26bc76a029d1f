"""The company that a command works for, and all of them one after another for what beat asks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone, translation

from core import logs
from core.errors import Refused

from .models import Tenant
from .scoping import tenant_scope

logger = logging.getLogger(__name__)


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


def for_each(work: Callable[[Tenant], object]) -> None:
    """Do this within the scope of every company. What goes wrong in one is logged and keeps no other from its turn."""
    for tenant in Tenant.objects.iterator(chunk_size=200):
        with logs.about(company_id=tenant.pk):
            try:
                with tenant_scope(tenant):
                    work(tenant)
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                logger.exception("a company's turn failed, the others go on")
