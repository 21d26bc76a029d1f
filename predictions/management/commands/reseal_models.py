"""Seals every stored model under the newest key, so that an older one can leave MODEL_SIGNING_KEY_FALLBACKS."""

from django.core.management.base import BaseCommand, CommandError

from predictions import services
from tenants.models import Tenant
from tenants.scoping import tenant_scope


class Command(BaseCommand):
    help = "Seal every stored model under MODEL_SIGNING_KEY; afterwards MODEL_SIGNING_KEY_FALLBACKS may be emptied."

    def handle(self, *args, **options) -> None:
        done = lost = 0
        for tenant in Tenant.objects.iterator(chunk_size=200):
            with tenant_scope(tenant):
                sealed, refused = services.reseal_models()
                done, lost = done + sealed, lost + refused
        self.stdout.write(f"{done} models are sealed under the newest key.")
        if lost:
            raise CommandError(
                f"{lost} could not be sealed: their files are gone, were changed, or were signed by another key."
            )
