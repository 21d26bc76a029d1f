"""``manage.py export_figures --tenant SLUG [--json]``"""

from __future__ import annotations

from core.console import JobCommand
from segmentation import figures
from tenants.company import company


class Command(JobCommand):
    help = "Write each chart of the segments to FIGURES_PATH: HTML, JSON, and PNG where a renderer is installed."

    def run_in_company(self, *, tenant, **_) -> dict[str, object]:
        with company(tenant):
            return figures.write_all()

    def say(self, result: dict[str, object]) -> None:
        self.stdout.write(f"{len(result['files'])} files in {result['folder']}")
        if result["why_no_png"]:
            self.stdout.write(result["why_no_png"])
