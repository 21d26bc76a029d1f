"""Sample customers through the product's own doors: a file to import, then their months of use and past contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from . import services
from .ingest import synthetic

_BATCH = 5_000


def write_sample_file(*, path: Path, customers: int, seed: int) -> Path:
    """A CSV of made-up customers with the IBM Telco headers. The same seed and number give the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    synthetic.write_csv(path, customers=customers, seed=seed)
    return path


def record_sample_history(*, customers: int, seed: int, progress: Callable[[float], None] | None = None) -> int:
    """Months of use and past campaigns of customers who were imported from the sample file. Returns months written."""
    months = 0
    for batch in synthetic.Carrier(seed=seed).batches(customers=customers, size=_BATCH):
        months += services.record_usage(rows=_months(batch.usage))
        services.record_interactions(rows=_contacts(batch.outreach))
        if progress:
            progress((batch.start + len(batch)) / customers)
    return months


_USAGE = ("external_id", "month", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms")


def _rows(table: dict, names: tuple[str, ...]) -> Iterator[tuple]:
    return zip(*(table[name].tolist() for name in names), strict=True)


def _months(table: dict) -> Iterator[tuple]:
    """The carrier counts data in gigabytes, the product in megabytes."""
    for external_id, month, spend, calls, gigabytes, texts in _rows(table, _USAGE):
        yield external_id, month, spend, calls, round(gigabytes * 1024, 1), texts


def _contacts(table: dict) -> Iterator[tuple]:
    for external_id, campaign, sent_on, treated, left in _rows(
        table, ("external_id", "campaign", "sent_on", "treated", "left")
    ):
        yield external_id, campaign, "contacted" if treated else "held_out", sent_on, left
