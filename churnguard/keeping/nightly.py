"""What beat asks every minute: settings that changed, backups and drills that are due; and who hears of a failure."""

from __future__ import annotations

import logging

from django.conf import settings
from django.urls import reverse

from core.backups import drilling, reports, schedule, taking
from core.errors import Refused
from tenants import services as tenants
from tenants.models import Level, Membership, Tenant
from tenants.permissions import CAPABILITIES
from tenants.scoping import tenant_scope

from ..system.version import VERSION

logger = logging.getLogger(__name__)


def is_on() -> bool:
    return bool(settings.BACKUP_NIGHTLY or settings.BACKUP_MINUTES > 0)


def keep() -> None:
    """Do what is due. Two at once do no harm: the second finds the store busy, or nothing due any more."""
    if not is_on():
        return
    due = schedule.due()
    if due.backup:
        _try("backup", lambda: taking.back_up(version=VERSION, thorough=due.thorough))
    else:
        _try("settings", lambda: taking.keep_configuration(version=VERSION))
    if due.drill:
        _try("drill", drilling.drill)
    tell()


def _try(what: str, work) -> None:
    """A failure is noted by the work itself, told by ``tell``, and tried again: here it must not stop the rest."""
    try:
        work()
    except Refused as refusal:
        if refusal.code != "busy":
            logger.error("%s: %s", what, refusal.message)
    except Exception:
        logger.exception("%s failed", what)


def tell() -> None:
    """Ring the bell of every company's operators, once for each run of failures."""
    for name, code in ((reports.BACKUP, "backup_failed"), (reports.DRILL, "drill_failed")):
        failure = reports.claim_telling(name)
        if failure is None:
            continue
        roles = [role for role, held in CAPABILITIES.items() if "view_system" in held]
        for tenant in Tenant.objects.iterator(chunk_size=200):
            members = Membership.objects.filter(tenant=tenant, role__in=roles, user__is_active=True)
            with tenant_scope(tenant):
                for member in members.select_related("user").iterator(chunk_size=200):
                    tenants.notify(
                        code, recipient=member.user, level=Level.ERROR, url=reverse("system:system"), why=failure.code
                    )
