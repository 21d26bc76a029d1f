"""``manage.py end_second_factor``: for a person who lost both the phone and the recovery codes, once the operator knows who asks."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants import account_changes, second_factor, sessions
from tenants.account_mails import Change
from tenants.models import User


class Command(BaseCommand):
    help = (
        "Switch off a person's second factor and end their sessions. Make sure who asks: this is what thieves ask for."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("email")

    def handle(self, *, email, **_) -> None:
        user = User.objects.of_address(email)
        if user is None:
            raise CommandError(f"Nobody has the address {email}.")
        if not second_factor.end(user, by_operator=True):
            raise CommandError(f"{email} has no second factor.")
        sessions.end_all(user)
        account_changes.tell_by_operator(
            user, Change.FACTOR_OFF, site=settings.PUBLIC_URL, language=settings.LANGUAGE_CODE
        )
        self.stdout.write(f"{email} signs in with the password alone now, and is signed out everywhere.")
