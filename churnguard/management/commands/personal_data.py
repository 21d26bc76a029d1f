"""``manage.py personal_data``: the page about personal data, from the declarations; refuses where they are not whole."""

from django.core.management.base import BaseCommand, CommandError

from churnguard import personal_data


class Command(BaseCommand):
    help = "Print docs/personal-data.md: what is kept of whom, why, how long, and how it goes."

    def handle(self, *args, **options) -> None:
        if wrong := personal_data.problems():
            raise CommandError("\n".join(wrong))
        self.stdout.write(personal_data.page(), ending="")
