"""``manage.py create_company SLUG --name N [--owner E-MAIL]``"""

import getpass
import sys

from django.core.management.base import BaseCommand, CommandError

from core.errors import Refused
from tenants import services


class Command(BaseCommand):
    help = "Create a company (a workspace) and, where named, its owner."

    def add_arguments(self, parser) -> None:
        parser.add_argument("slug", help="short name, such as atlas-telecom")
        parser.add_argument("--name", help="name shown on every page (default: the short name)")
        parser.add_argument("--owner", default="", metavar="E-MAIL", help="the owner's e-mail, which is their login")
        parser.add_argument("--locale", default="en", choices=["en", "fr"])
        parser.add_argument("--time-zone", default="UTC")
        parser.add_argument("--currency", default="USD")

    def handle(self, *, slug, name, owner, locale, time_zone, currency, **_) -> None:
        password = None
        if owner and sys.stdin.isatty():
            password = getpass.getpass(f"Password for {owner} (empty: they set it by “forgotten password”): ") or None
        try:
            tenant = services.create_company(
                slug=slug,
                name=name or slug,
                owner_email=owner,
                owner_password=password,
                locale=locale,
                time_zone=time_zone,
                currency=currency,
            )
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(self.style.SUCCESS(f"{tenant.name} ({tenant.slug}) is ready: {tenant.pk}"))
