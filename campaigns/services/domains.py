"""Whether the sender's domain is in order: asks what it publishes, and keeps what was found."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from core.errors import Refused
from tenants import services as tenants
from tenants.models import User

from ..channels import dns
from ..outreach.delivery import domains as engine
from . import senders


def check_domain(*, actor: User | None, ask: Any = None) -> dict[str, Any]:
    """Look at SPF, DKIM and DMARC of the sender's domain, and note it. Raises Refused(``no_from_address``).

    ``ask``: who answers questions about names; the machine's resolver where it is not given. Whether SPF names our server
    is not asked: a server that is handed mail sends it on from addresses of its own, which nobody tells.
    """
    profile = senders.sender()
    if not profile.from_address:
        raise Refused("no_from_address", _("Say from which address you write first."), field="from_address")
    report = engine.check_domain(
        senders.domain(profile),
        ask or dns.Resolver().ask,
        selector=profile.dkim_selector,
    ).as_dict()
    senders.note_domain(profile, report)
    errors = [one["code"] for one in report["findings"] if one["severity"] == "error"]
    tenants.record("domain_checked", profile, actor=actor, is_ready=report["is_ready"], errors=errors)
    return report
