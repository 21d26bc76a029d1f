"""``manage.py demo [--port N] [--customers N] [--data FILE]``: what ``make demo`` runs, once the packages are there."""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from churnguard.demo.__main__ import add_arguments


class Command(BaseCommand):
    help = "The whole platform on 127.0.0.1: broker, worker, beat, sample companies (or your own file), and the site."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser.add_argument)

    def handle(self, *, port: str, customers: str, data: str | None, **_: object) -> None:
        """Become the demonstration: it starts the broker before the settings are read, and here they are already."""
        arguments = ["--port", port, "--customers", customers, *(["--data", os.path.abspath(data)] if data else [])]
        os.chdir(settings.BASE_DIR)
        os.execv(  # noqa: S606  our own interpreter and our own module
            sys.executable, [sys.executable, "-m", "churnguard.demo", *arguments]
        )
