"""``manage.py import_customers FILE --tenant SLUG [--json]``"""

from pathlib import Path

from core.console import JobCommand, foreground
from customers import services, wording
from tenants.company import company


class Command(JobCommand):
    help = (
        "Bring a file of customers into a company: created, updated, unchanged and refused rows are counted and named."
    )

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", help="CSV file, one line for each customer, with a header")
        parser.add_argument("--without-label", action="store_true", help="the file does not say who left, on purpose")

    def run_in_company(self, *, tenant, file, without_label, **_) -> dict[str, object]:
        with company(tenant):
            run = services.open_import(path=Path(file), without_label=without_label)
            foreground("Importing", run, lambda: services.run_import(import_id=run.pk))
            run.refresh_from_db()
            return run.result()

    def say(self, result) -> None:
        self.stdout.write(
            f"{result['read']:,} read: {result['created']:,} created, {result['updated']:,} updated, "
            f"{result['unchanged']:,} unchanged, {result['refused']:,} refused"
        )
        for name, count in result["unknown"].items():
            self.stdout.write(f"  {name}: {count:,} unknown")
        if result["kept_columns"]:
            self.stdout.write("  kept as other fields: " + ", ".join(result["kept_columns"]))
        for row in result["refusals"][:20]:
            self.stdout.write(
                f"  line {row['line']}, {row['column'] or 'row'}: {wording.reason(row['reason'])} {row['value']!r}"
            )
