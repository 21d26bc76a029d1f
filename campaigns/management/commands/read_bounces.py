"""``manage.py read_bounces --tenant SLUG FILE [--json]``"""

from __future__ import annotations

from pathlib import Path

from campaigns.services import reports
from core.console import JobCommand
from tenants.company import company


class Command(JobCommand):
    help = (
        "Take in bounces and complaints that came back as mail: an mbox, a Maildir, a zip of .eml files, or one .eml."
    )

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="the file or folder")

    def run_in_company(self, *, tenant, file, **_) -> dict[str, object]:
        with company(tenant):
            return dict(reports.take_file(file).as_json())

    def say(self, result: dict[str, object]) -> None:
        self.stdout.write(
            f"{result['hard']} bounced for good, {result['soft']} for now, {result['complaint']} complained: "
            f"{result['suppressed']} addresses let alone."
        )
        self.stdout.write(
            f"Left aside: {result['repeated']} known already, {result['unknown']} not about mail of this company, "
            f"{result['other']} that report nothing, {result['unreadable']} unreadable."
        )
