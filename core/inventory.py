"""The inventory of personal data: which column holds what of whom, why, how long, and how it goes (RULES 39).

Each stage declares its tables in ``personal.py``; ``churnguard/personal_data.py`` puts them together, writes the page
``docs/personal-data.md`` from them, and a test holds them against the models: a column that nobody declared is red.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ALL = "*"  # every column of the table that is not a key, an identifier of ours, or named in another line


class Whose(StrEnum):
    """Whose data a column holds."""

    CUSTOMER = "a customer"
    PERSON = "a person of the company"
    ANYBODY = "whoever is named in a text that somebody wrote"
    SECRET = "nobody: a secret, sealed or as a hash"  # noqa: S105


class Goes(StrEnum):
    """How it is erased. The first two are proved by the tables' own keys."""

    WITH_CUSTOMER = "with the customer"
    WITH_PERSON = "with the account"
    BY_AGE = "by age"
    BY_HAND = "where somebody changes or removes it"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class Held:
    """Columns of a table that are declared alike. ``until``: how long it is kept, for people; ``setting``: where that is said.
    ``leaves``: how a person gets it out (export)."""

    table: str  # label of the model
    columns: tuple[str, ...]
    whose: Whose
    why: str
    goes: Goes
    until: str
    setting: str = ""
    leaves: str = ""


def held(
    table: str, columns: str, whose: Whose, why: str, goes: Goes, until: str, *, setting: str = "", leaves: str = ""
) -> Held:
    """A line of the inventory; ``columns``: names between blanks, or ALL."""
    return Held(table, tuple(columns.split()), whose, why, goes, until, setting, leaves)


def nobodys(**tables: str) -> dict[str, tuple[str, ...]]:
    """Columns of text that say nothing of a person: codes, names of things, figures of many. By the model's name."""
    return {table: tuple(columns.split()) for table, columns in tables.items()}
