"""What the tests of imports share: the tables as they are, an import with its person, the files that are kept."""

from __future__ import annotations

import io
import json
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from customers import services
from customers.models import Customer, CustomerChange, Import, Subscription, UsageRecord
from tests.customers.ingest.tables import DATA

IBM_TELCO = DATA / "ibm_telco" / "Telco-Customer-Churn.csv"
STAMPS = ("created_at", "updated_at", "at")
KEYS = ("id", "public_id", "customer", "tenant", "brought_by", *STAMPS)
TRACES = ("created_by_import", "changed_by_import")


def rows(model, *, without: tuple[str, ...] = (*KEYS, *TRACES), by: str = "external_id", **also: str) -> list[dict]:
    """Every row of a model in scope as a dictionary, sorted; ``also``: name -> a path to a related value."""
    names = [f.name for f in model._meta.local_fields if f.name not in without]
    found = model.objects.order_by(by).values(*names, *also.values())
    return [{**{n: row[n] for n in names}, **{n: row[path] for n, path in also.items()}} for row in found]


def base() -> dict[str, list[dict]]:
    """Customers, subscriptions and months of use without keys, times, and which import touched them."""
    number = {"customer_number": "customer__external_id"}
    return {
        "customers": rows(Customer),
        "subscriptions": rows(Subscription, by="customer__external_id", **number),
        "months": sorted(rows(UsageRecord, by="month", **number), key=str),
    }


def whole_base() -> dict[str, list[dict]]:
    """The same with keys and which import touched them: what an import that is taken back must leave as it was."""
    number = {"customer_number": "customer__external_id"}
    return {
        "customers": rows(Customer, without=STAMPS),
        "subscriptions": rows(Subscription, without=STAMPS, by="customer__external_id", **number),
        "months": sorted(rows(UsageRecord, without=STAMPS, by="month", **number), key=str),
    }


def images(run: Import) -> list[dict]:
    """What an import found before it, without keys and times."""
    found = CustomerChange.objects.filter(brought_by=run).order_by("pk")
    return [
        {"number": c.customer.external_id, "kind": c.kind, "month": c.month, "before": _without_keys(c.before)}
        for c in found.select_related("customer")
    ]


def _without_keys(before: dict) -> dict:
    return {name: value for name, value in before.items() if name not in TRACES}


def kept_files() -> list[Path]:
    """Everything in the store of files."""
    return [path for path in settings.PRIVATE_ROOT.rglob("*") if path.is_file()]


def command(file, *options: str, tenant: str = "atlas-telecom") -> dict:
    """``manage.py import_customers`` with --json: what it printed."""
    out = io.StringIO()
    call_command("import_customers", str(file), "--tenant", tenant, "--json", *options, stdout=out)
    return json.loads(out.getvalue())


def counts(result: dict) -> tuple[int, ...]:
    """(read, created, updated, unchanged, refused) of a result, a preview, or an Import."""
    if isinstance(result, Import):
        result = result.result()
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "refused"))


def step(run: Import) -> Import:
    """Let a worker do what the import waits for."""
    return services.run_import(import_id=run.pk, follow=False)


def attended(path, **options) -> Import:
    """An import that waits for a person to look at its columns."""
    run = services.open_import(path=path, attended=True, **options)
    return run if run.is_awaiting else step(run)


def checked(
    path, *, mapping: dict | None = None, actor=None, empty_clears=False, usage_month=None, **options
) -> Import:
    """The same after the dry run of what was proposed, or of ``mapping``."""
    run = attended(path, **options)
    run = services.map_import(
        run=run, mapping=mapping or run.mapping, actor=actor, empty_clears=empty_clears, usage_month=usage_month
    )
    return step(run)


def agreed(path, **options) -> Import:
    """The same once it is written."""
    run = checked(path, **options)
    return step(services.agree_import(run=run, actor=options.get("actor")))


def undone(run: Import) -> Import:
    """The import taken back."""
    run.refresh_from_db()
    return step(services.undo_import(run=run, actor=None))
