"""``manage.py release_mail --reason TEXT [--tenant SLUG]``: after a restore, mail may go out from here."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refused
from tenants.mail_hold import release_mail
from tenants.models import Tenant
from tenants.scoping import tenant_scope


class Command(BaseCommand):
    help = "After a restore: let mail go out from this installation again, of one company or of all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="why it may; it stands in each company's trail")
        parser.add_argument("--tenant", default="", metavar="SLUG", help="short name of one company (default: all)")

    def handle(self, *, reason: str, tenant: str, **_: Any) -> None:
        found = Tenant.objects.filter(slug=tenant) if tenant else Tenant.objects.all()
        released = 0
        for one in found.order_by("slug").iterator(chunk_size=200):
            try:
                with tenant_scope(one):
                    release_mail(actor=None, reason=reason)
            except Refused as refusal:
                if refusal.code != "not_held":
                    raise CommandError(refusal.message) from refusal
            else:
                released += 1
                self.stdout.write(f"{one.slug}: mail may go out. Resume its campaigns where they were running.")
        if not released:
            raise CommandError("Mail is not held back." if found.exists() else f"There is no company {tenant!r}.")
