"""Seals every stored credential under the newest key, so that an older one can leave CREDENTIALS_KEY_FALLBACKS."""

from django.core.management.base import BaseCommand, CommandError

from customers import services
from tenants import second_factor, webhooks
from tenants.models import Tenant
from tenants.scoping import tenant_scope


class Command(BaseCommand):
    help = "Seal every stored credential under CREDENTIALS_KEY; afterwards CREDENTIALS_KEY_FALLBACKS may be emptied."

    def handle(self, *args, **options) -> None:
        done, lost = second_factor.reseal_all()
        for tenant in Tenant.objects.iterator(chunk_size=200):
            with tenant_scope(tenant):
                for sealed, unopened in (services.reseal_feeds(), webhooks.reseal_webhooks()):
                    done, lost = done + sealed, lost + unopened
        self.stdout.write(f"{done} credentials are sealed under the newest key.")
        if lost:
            raise CommandError(f"{lost} could not be opened with any key: they must be entered again.")
