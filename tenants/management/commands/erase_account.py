"""``manage.py erase_account``: for a person who wants to be forgotten, once the operator knows who asks."""

from django.core.management.base import BaseCommand, CommandError

from core.errors import Refused
from tenants import erasing
from tenants.models import User


class Command(BaseCommand):
    help = "Erase a person's account for good, in every company. What they did there stays, without their name."

    def add_arguments(self, parser) -> None:
        parser.add_argument("email")
        parser.add_argument("--yes", action="store_true", help="do it; without it the command says what would go")

    def handle(self, *, email, yes, **_) -> None:
        user = User.objects.of_address(email)
        if user is None:
            raise CommandError(f"Nobody has the address {email}.")
        places = (
            ", ".join(user.memberships.order_by("tenant__name").values_list("tenant__name", flat=True)) or "no company"
        )
        if not yes:
            self.stdout.write(f"{email} is in {places}. Nothing was erased: say --yes.")
            return
        try:
            erasing.erase(user=user)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{email} is erased; they were in {places}.")
