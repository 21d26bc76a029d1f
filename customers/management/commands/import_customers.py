"""``manage.py import_customers FILE --tenant SLUG``: read a file into customers here, with a bar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.console import JobCommand, foreground
from core.errors import Refused
from customers import services, wording
from tenants.company import company


class Command(JobCommand):
    help = "Read a file (CSV, Excel, Parquet; also gzip or zip of one) into customers and their subscriptions, or into months of use."

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", help="a table with a header: one line a customer, or one a customer and month")
        parser.add_argument("--mapping", metavar="M.JSON", help="what each column is, as written by --print-mapping")
        parser.add_argument(
            "--print-mapping", action="store_true", help="say what each column would be taken for, and write nothing"
        )
        parser.add_argument(
            "--id-column",
            metavar="C",
            default="",
            help="column of the customer number; or row_hash (made from each row: a row that changes is a new customer), "
            "or row_number (counted: the order of the file must stay)",
        )
        parser.add_argument("--label-column", metavar="C", default="", help="column that says who left")
        parser.add_argument(
            "--label-yes", metavar="V", action="append", default=[], help="its value that means left (may be repeated)"
        )
        parser.add_argument("--sheet", metavar="S", default="", help="sheet of a workbook; else the likeliest")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
        parser.add_argument("--refused", metavar="FILE", help="write all refused rows there, to mend and load again")
        parser.add_argument("--empty-means-empty", action="store_true", help="empty cells empty what was known")
        parser.add_argument(
            "--usage-month", metavar="YYYY-MM", help="month of usage columns without one; else the last"
        )
        parser.add_argument(
            "--without-label", action="store_true", help="take a file that does not say who left, on purpose"
        )

    def run_in_company(self, *, tenant: str, file: str, **options: Any) -> dict[str, object]:
        with company(tenant):
            only_asks = options["dry_run"] or options["print_mapping"]
            run = services.open_import(
                path=Path(file),
                without_label=options["without_label"],
                dry=only_asks,
                attended=options["print_mapping"],
                sheet=options["sheet"],
                mapping=_read_mapping(options["mapping"]),
                id_column=options["id_column"],
                label_column=options["label_column"],
                label_yes=options["label_yes"],
                empty_clears=options["empty_means_empty"],
                usage_month=services.read_month(options["usage_month"]) if options["usage_month"] else None,
            )
            try:
                if run.is_open:
                    foreground("Importing", run, lambda: services.run_import(import_id=run.pk, is_watched=True))
                run.refresh_from_db()
                if options["refused"] and run.refused_path:
                    services.copy_refused(run=run, target=Path(options["refused"]))
                if options["print_mapping"]:
                    return run.ordered_mapping
                return {"dry_run": True, **run.preview, "kept_columns": run.kept_columns} if only_asks else run.result()
            finally:
                if only_asks or run.rows_read == 0:
                    services.forget_import(run=run)

    def say(self, result: dict[str, object]) -> None:
        if "columns" in result:
            self.stdout.write(json.dumps(result, ensure_ascii=False, indent=2))
            return
        if result.get("dry_run"):
            self.stdout.write("Dry run: nothing was written.")
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


def _read_mapping(path: str | None) -> dict | None:
    if not path:
        return None
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Refused("mapping_unreadable", f"The mapping {path} cannot be opened: {error.strerror}.") from error
    except ValueError as error:
        raise Refused("mapping_not_json", f"The mapping {path} is no JSON: {error}.") from error
