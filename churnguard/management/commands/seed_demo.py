"""``manage.py seed_demo [--customers N] [--seed S] [--tenants K] [--out file.csv]``"""

import sys
import tempfile
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from churnguard import seeding
from core.console import ProgressBar, foreground
from core.errors import Refused
from customers import samples
from customers import services as customers
from tenants.scoping import tenant_scope


class Command(BaseCommand):
    help = (
        "Sample data: companies, people, customers with months of use and past campaigns; or only a file of customers."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--customers", type=int, default=7000)
        parser.add_argument("--seed", type=int, default=seeding.DEMO_SEED)
        parser.add_argument("--tenants", type=int, default=2, help="how many companies; each has customers of its own")
        parser.add_argument("--out", help="only write the customers' file here, touch no database")
        parser.add_argument("--password", default="", help="password of the demonstration accounts")

    def handle(self, *, customers: int, seed: int, tenants: int, out: str | None, password: str, **_) -> None:
        if customers < 1 or tenants < 1:
            raise CommandError("--customers and --tenants take a number from 1.")
        if out:
            path = samples.write_sample_file(path=Path(out), customers=customers, seed=seed)
            self.stdout.write(f"{customers:,} customers in {path}")
            return
        try:
            for number, tenant in enumerate(seeding.seed_companies(count=tenants, password=password)):
                with tenant_scope(tenant):
                    self._fill(tenant.name, customers if number == 0 else max(customers // 10, 200), seed + number)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal

    def _fill(self, name: str, count: int, seed: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = samples.write_sample_file(path=Path(folder) / f"customers-{seed}.csv", customers=count, seed=seed)
            run = customers.open_import(path=path)
        foreground(f"{name}: customers", run, lambda: customers.run_import(import_id=run.pk, follow=False))
        run.refresh_from_db()
        bar = ProgressBar(f"{name}: history", sys.stderr)
        months = samples.record_sample_history(customers=count, seed=seed, progress=bar.draw)
        bar.close()
        self.stdout.write(
            f"{name}: {run.rows_created:,} customers created, {run.rows_unchanged:,} unchanged, {months:,} months of use"
        )
