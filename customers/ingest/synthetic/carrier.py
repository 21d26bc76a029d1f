"""The carrier: blocks put together, cut into batches of any size, streamed, and written as a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from customers.ingest import schema
from customers.ingest.synthetic.causal import CausalTruth, draw_fate
from customers.ingest.synthetic.names import LARGEST_CARRIER, draw_identity
from customers.ingest.synthetic.outreach import WINDOW_DAYS, draw_contacts, write_outcomes
from customers.ingest.synthetic.population import Columns, draw_population
from customers.ingest.synthetic.randomness import BLOCK
from customers.ingest.synthetic.usage import draw_usage

AS_OF = date(2026, 10, 31)


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of customers, column by column (name -> array, aligned; the fields are told in ``FIELDS``)."""

    start: int  # index of the first customer in the carrier
    customers: Columns  # one row a customer, keys = names of schema.COLUMNS in its order
    usage: Columns  # one row a customer and month
    outreach: Columns  # one row a customer who was in a campaign
    truth: CausalTruth  # one row a customer; for tests, never for a model

    def __len__(self) -> int:
        return len(self.customers["external_id"])


@dataclass(frozen=True, slots=True)
class _Block:
    tables: dict[str, Columns]
    offsets: dict[str, np.ndarray]  # rows of customer i in a table: offsets[i]:offsets[i + 1]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A telephone company's customers as a function of ``seed``: customer ``i`` is the same in any batch of any run.

    ``as_of`` is the day the file was written: usage ends with its month, campaigns are dated before it.
    """

    seed: int = 7
    as_of: date = AS_OF

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"the seed is a whole number from 0 to 2**63 - 1, not {self.seed}")

    def batches(self, customers: int, size: int = 5000, start: int = 0) -> Iterator[Batch]:
        """Yield customers ``start`` to ``customers - 1`` in batches of ``size``, holding one batch at a time.

        Raises ``ValueError`` at the call for a number of customers that is negative or over ten million, or size < 1.
        """
        if not 0 <= start <= customers <= LARGEST_CARRIER:
            raise ValueError(f"customers {start} to {customers}: a carrier has between 0 and {LARGEST_CARRIER} of them")
        if size < 1:
            raise ValueError(f"a batch has at least one customer, not {size}")
        return self._batches(customers, size, start)

    def _batches(self, customers: int, size: int, start: int) -> Iterator[Batch]:
        # One block is remembered: a batch that ends inside a block leaves the rest of it to the next.
        block_at = lru_cache(maxsize=1)(self._block)
        for first in range(start, customers, size):
            yield self._batch(block_at, first, min(first + size, customers))

    def _batch(self, block_at: Callable[[int], _Block], first: int, stop: int) -> Batch:
        pieces: dict[str, list[Columns]] = {}
        for number in range(first // BLOCK, (stop - 1) // BLOCK + 1):
            block = block_at(number)
            low, high = max(first - number * BLOCK, 0), min(stop - number * BLOCK, BLOCK)
            for name, columns in block.tables.items():
                rows = slice(block.offsets[name][low], block.offsets[name][high])
                pieces.setdefault(name, []).append({key: values[rows] for key, values in columns.items()})
        tables = {
            name: {key: np.concatenate([piece[key] for piece in parts]) for key in parts[0]}
            for name, parts in pieces.items()
        }
        truth = CausalTruth(**tables["truth"])
        return Batch(first, tables["customers"], tables["usage"], tables["outreach"], truth)

    def _block(self, number: int) -> _Block:
        population = draw_population(self.seed, number)
        known = population.columns | draw_identity(self.seed, number, population.columns)
        fate = draw_fate(self.seed, number, population.terms, known["tenure"])
        contacts = draw_contacts(self.seed, number, known, population.terms)
        usage, usage_offsets, group = draw_usage(
            self.seed, number, self.as_of, known, population.terms, fate.disengaging
        )
        outreach, outreach_offsets = write_outcomes(self.as_of, known, contacts, fate)
        known["churn_label"] = fate.left(contacts.treated)
        truth = {
            "external_id": known["external_id"],
            "risk": fate.risk(contacts.treated),
            "risk_if_left_alone": fate.left_alone,
            "risk_if_contacted": fate.contacted,
            "kind": fate.kind,
            "disengaging": fate.disengaging,
            "usage_group": group,
        }
        customers = {column.name: known[column.name] for column in schema.COLUMNS}
        each = np.arange(BLOCK + 1)
        return _Block(
            {"customers": customers, "usage": usage, "outreach": outreach, "truth": truth},
            {"customers": each, "usage": usage_offsets, "outreach": outreach_offsets, "truth": each},
        )


def write_csv(path: str | Path, customers: int, seed: int = 7, *, as_of: date = AS_OF, size: int = 5000) -> int:
    """Write the customers file with the schema's headers and the published spelling; return the number of rows.

    UTF-8, comma, line feed. Flags are Yes and No but ``SeniorCitizen`` 0 and 1; a total that is not known yet is a
    single space; an address that the company has not is an empty cell.
    """
    batches = Carrier(seed, as_of).batches(customers, size)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.header for column in schema.COLUMNS])
        for batch in batches:
            writer.writerows(zip(*(_spell(c, batch.customers[c.name]) for c in schema.COLUMNS), strict=True))
    return customers


def _spell(column: schema.Column, values: np.ndarray) -> list[object]:
    """A column as text cells (or what csv writes the same way)."""
    if column.name == "senior_citizen":
        return values.astype(int).tolist()
    if column.kind is schema.Kind.FLAG:
        return np.where(values, "Yes", "No").tolist()
    if column.kind is schema.Kind.MONEY:
        return [" " if v != v else repr(v).removesuffix(".0") for v in values.tolist()]
    return values.tolist()


FIELDS: dict[str, dict[str, str]] = {
    "customers": {column.name: f"{column.kind.value}, header {column.header}" for column in schema.COLUMNS}
    | {
        "email": "text at example.com, .org or .net; None for 2 %",
        "phone": "text, +216 0X XXX XXX, a range that is given to nobody; None for 1 %",
        "age": "whole years, 65 and over exactly for seniors",
        "tenure": "whole months, 0 to 72",
        "monthly_charges": "currency units a month, float64 of whole cents: Decimal(str(value)) is exact",
        "total_charges": "currency units, float64 of whole cents; NaN (not known) when tenure is 0",
        "churn_label": f"bool, left within the {WINDOW_DAYS} days before the file's date",
    },
    "usage": {
        "external_id": "the customer",
        "month": "datetime.date, first day of the month; at most 12 a customer, none before they came",
        "montant_consommation": "currency units spent in the month: the monthly charge and what went beyond the plan",
        "nombre_appels": "number of calls, int64",
        "volume_data": "gigabytes, float64",
        "nombre_sms": "number of SMS, int64",
    },
    "outreach": {
        "external_id": "the customer, in one campaign at most",
        "campaign": "code of the campaign",
        "channel": "email, phone or sms",
        "sent_on": "datetime.date",
        "treated": "bool: contacted (True) or held out by lot (False)",
        "left": "bool: left within HORIZON_DAYS of sent_on; the same as the customer's churn_label",
        "left_on": "datetime.date of leaving, None for who stayed",
    },
    "truth": {
        "external_id": "the customer",
        "risk": "probability with which churn_label was drawn",
        "risk_if_left_alone": "probability of leaving if no campaign reaches the customer",
        "risk_if_contacted": "probability of leaving if one does",
        "kind": "persuadable, sure, lost or do_not_disturb",
        "disengaging": "bool, the hidden state",
        "usage_group": "planted persona: streamer, talker, texter, family or light",
    },
}
