"""The inventory of personal data, put together from what each stage declares, checked against the models and written as a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from django.apps import apps
from django.conf import settings
from django.db import models

from campaigns import personal as campaigns
from core.inventory import ALL, Goes, Held, Whose
from core.models import Job
from customers import personal as customers
from customers.models import Customer
from predictions import personal as predictions
from segmentation import personal as segmentation
from tenants import personal as tenants
from tenants.models import User

STAGES = (("tenants", tenants), ("customers", customers), ("predictions", predictions), ("segmentation", segmentation),
          ("campaigns", campaigns))  # fmt: skip
INVENTORY: tuple[Held, ...] = tuple(line for _stage, module in STAGES for line in module.HELD)
NOBODYS = {f"{stage}.{name}": columns for stage, module in STAGES for name, columns in module.NOBODYS.items()}
# Of every job: where it stands, and in the product's own words why it ended.
OF_JOBS = frozenset({"state", "progress_note", "error_code", "error_message"})
_TEXT = (models.CharField, models.TextField, models.JSONField, models.BinaryField, models.GenericIPAddressField,
         models.FileField)  # fmt: skip


def tables() -> list[type[models.Model]]:
    """The models of all stages."""
    stages = {stage for stage, _module in STAGES}
    return [model for model in apps.get_models() if model._meta.app_label in stages and not model._meta.proxy]


def problems(found: Iterable[type[models.Model]] | None = None, lines: Iterable[Held] = INVENTORY) -> list[str]:
    """What the inventory does not say, or says and is not so; empty: it is whole."""
    found, lines = list(tables() if found is None else found), list(lines)
    known = {model._meta.label for model in found}
    said = [
        f"{label}: there is no such table"
        for label in {line.table for line in lines} | set(NOBODYS)
        if label not in known
    ]
    for model in found:
        said += _problems_of(model, [line for line in lines if line.table == model._meta.label])
    said += [
        f"{line.table}: no setting {line.setting}"
        for line in lines
        if line.setting and not hasattr(settings, line.setting)
    ]
    return sorted(said)


def _problems_of(model: type[models.Model], lines: list[Held]) -> Iterator[str]:
    label, own = model._meta.label, {field.name: field for field in model._meta.concrete_fields}
    nobodys = set(NOBODYS.get(label, ())) | (OF_JOBS if issubclass(model, Job) else set())
    named = [column for line in lines for column in line.columns if column != ALL]
    for column in {*named, *NOBODYS.get(label, ())} - set(own):
        yield f"{label}.{column}: there is no such column"
    for column in {one for one in named if named.count(one) > 1} | (set(named) & nobodys):
        yield f"{label}.{column} is declared twice"
    if not any(ALL in line.columns for line in lines):
        for column, field in own.items():
            if isinstance(field, _TEXT) and not field.remote_field and column not in nobodys and column not in named:
                yield f"{label}.{column} is not declared: say in personal.py whose it is, or that it is nobody's"
        if reaches(model, Customer) and not any(line.whose is Whose.CUSTOMER for line in lines):
            yield f"{label} hangs on a customer and says nothing of them"
    for line in lines:
        whole = {Goes.WITH_CUSTOMER: Customer, Goes.WITH_PERSON: User}.get(line.goes)
        if whole and not reaches(model, whole):
            yield f"{label}: its rows do not go {line.goes}"


def reaches(model: type[models.Model], whole: type[models.Model], seen: frozenset[type] = frozenset()) -> bool:
    """Whether a row goes when the ``whole`` that it belongs to goes: by a key, or by a key to a row that does."""
    if model is whole:
        return True
    keys = [field for field in model._meta.concrete_fields if field.remote_field]
    return any(
        field.remote_field.on_delete is models.CASCADE and reaches(field.related_model, whole, seen | {model})
        for field in keys
        if field.related_model not in seen
    )


def deeds() -> list[tuple[str, str]]:
    """(column, what becomes of it) of every key that says which person of the company did something."""
    becomes = {
        "CASCADE": "the row goes with the account",
        "SET_NULL": "stays without the name",
        "PROTECT": "keeps the account",
    }
    return [
        (f"{model._meta.label}.{field.name}", becomes[field.remote_field.on_delete.__name__])
        for model in tables()
        for field in model._meta.concrete_fields
        if field.remote_field and field.related_model is User
    ]


def page() -> str:
    """``docs/personal-data.md``."""
    by_whose: dict[Whose, list[Held]] = defaultdict(list)
    for line in INVENTORY:
        by_whose[line.whose].append(line)
    parts = [_HEAD]
    for whose in Whose:
        parts.append(
            f"\n## Of {whose.value}\n\n| columns | why | kept | erased | seen and taken out by |\n|---|---|---|---|---|"
        )
        parts += [_row(line) for line in by_whose[whose]]
    parts.append(f"\n## Who did it\n\n{_DEEDS}\n\n| column | when the account goes |\n|---|---|")
    parts += [f"| `{column}` | {becomes} |" for column, becomes in deeds()]
    return "\n".join([*parts, _TAIL])


def _row(line: Held) -> str:
    columns = "all others that say something" if line.columns == (ALL,) else ", ".join(f"`{c}`" for c in line.columns)
    until = f"{line.until} (`{line.setting}`)" if line.setting else line.until
    return f"| **{line.table.split('.')[1]}**: {columns} | {line.why} | {until} | {line.goes.value} | {line.leaves or '–'} |"


_HEAD = """# Personal data: what is kept of whom, why, how long, and how it goes

Written by `manage.py personal_data` from the declarations of each stage (`*/personal.py`); a test is red where this page, the
declarations and the tables do not say the same, and where a column of text is declared nowhere."""
_DEEDS = "Keys that say which person of the company did something. Generated from the tables."
_TAIL = """
## Beside the tables

| what | holds | kept | erased |
|---|---|---|---|
| files of imports (`VAR_DIR`) | customers, as they were uploaded | `IMPORT_FILES_DAYS` (30) after the import ended | by age |
| what a campaign's measurement is made from (files) | features of its customers, by number | two years after it was measured | with the customer, at the next nightly tidying |
| models | figures of many; no customer can be read out of them | with the company | – |
| logs | identifiers, no names and no addresses (`core/logs.py`) | `LOG_DAYS` (30) | by age |
| backups | everything above, as it was | `BACKUP_KEEP_…`: up to a year by default | by age: who was erased is in older snapshots until they go |

## Erasing somebody

A **customer** is erased in the back office or by `DELETE /api/customers/<id>` (`erase_customers`), with a reason: their row and all that goes with
it are deleted at once; the trail keeps the row's identifier and the reason, and the suppression list its hash. What was restored from an older
backup has them again: erase anew after a restore.

A **person of the company** leaves by their profile or is removed by an administrator; their account stays for other companies. Whoever runs the site
erases an account with `manage.py erase_account ADDRESS --yes`: what goes with it and what stays without the name is the table above. The trail keeps
the number of the account, which names nobody any more.
"""
