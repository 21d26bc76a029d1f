"""Indexes of the lists' orders: for the run that is shown, built when its rows are there.

Live indexes on all runs took three quarters of a scoring on SQLite and a third on PostgreSQL (docs/benchmarks.md). The order
by risk is there before the run is shown; the others follow within seconds, and a list in one of them is slower until then.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import partitions

from ..models import Score, ScoringRun

FIRST = "by_risk"
# Unknown comes last, as lists have it (core.keyset); SQLite has no other way.
ORDERS = {
    "by_risk": '"risk" DESC, "id" DESC',
    "by_contract": '"contract_code", "risk" DESC, "id" DESC',
    "by_charges": '"monthly_charges" DESC {last}, "id" DESC',
    "by_tenure": '"tenure" DESC {last}, "id" DESC',
}


def build(run: ScoringRun, *titles: str, part: str = "") -> Iterator[None]:
    """The named orders of a run, or all of them: one for each step; those that are there cost nothing.

    ``part``: the table that holds its rows while it is not attached.
    """
    last = "NULLS LAST" if partitions.is_partitioned(Score) else ""
    for title in titles or ORDERS:
        partitions.index_run(Score, "run_id", run.pk, title, ORDERS[title].format(last=last), part=part)
        yield


def forget(keys: list[int]) -> None:
    """Runs that are no longer shown need no order."""
    partitions.drop_indexes(Score, keys, ORDERS)
