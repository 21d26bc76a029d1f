"""What a rule may ask: the kinds of fields, the operators of each kind, and the catalogue of one company's fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from string import ascii_lowercase, ascii_uppercase


class Kind(StrEnum):
    """What a field holds of a customer: one value or None, but for SEGMENT."""

    NUMBER = "number"
    MONEY = "money"  # Decimal, never a float
    CATEGORY = "category"
    YES_NO = "yes_no"
    DATE = "date"  # ISO text, as it stands in JSON
    TEXT = "text"
    SEGMENT = "segment"  # what the customer belongs to: a set of codes, perhaps empty, never unknown


_KNOWN = ("known", "unknown")
_MEASURE = ("equals", "not_equals", "less", "at_most", "more", "at_least", "between", *_KNOWN)
_LABEL = ("equals", "not_equals", "one_of", "none_of", *_KNOWN)

OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.NUMBER: _MEASURE,
    Kind.MONEY: _MEASURE,
    Kind.CATEGORY: _LABEL,
    Kind.YES_NO: ("equals", "not_equals", *_KNOWN),
    Kind.DATE: ("equals", "before", "after", "between", "last_days", "next_days", *_KNOWN),
    Kind.TEXT: _LABEL,
    Kind.SEGMENT: ("one_of", "none_of", "some", "nothing"),
}
WITHOUT_VALUE = frozenset((*_KNOWN, "some", "nothing"))
LISTS = frozenset(("one_of", "none_of"))
DAYS = frozenset(("last_days", "next_days"))  # both reckon with today: within the last, or the coming, N days


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``code`` is its name in JSON; all that is for people is compared by nobody.

    values          (value, words) of a label or a segment, the commonest first; ``is_closed``: there are no others
    operators       fewer than the kind has, where some would make no sense
    is_whole        a number that counts
    low, high       what a number may be asked for
    folds           whether texts compare without the case of A to Z
    decides_offer   False: one may look by it, but no offer may be decided by it
    needs_approval  an offer may hang on it only by a rule that a person approved
    """

    code: str
    kind: Kind
    label: object = field(default="", compare=False)
    group: str = field(default="", compare=False)
    unit: str = field(default="", compare=False)
    values: tuple[tuple[str, object], ...] = field(default=(), compare=False)
    is_closed: bool = False
    operators: tuple[str, ...] = ()
    is_whole: bool = False
    low: float = -1e15
    high: float = 1e15
    folds: bool = True
    decides_offer: bool = True
    needs_approval: bool = False

    @property
    def offered(self) -> tuple[str, ...]:
        """The operators that this field is asked with."""
        return self.operators or OPERATORS[self.kind]

    def words(self, value: str) -> object:
        """What people call one of its values."""
        return dict(self.values).get(value, value)


class Catalogue:
    """The fields that a company's rules may ask, in the order in which they are offered."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = {found.code: found for found in fields}

    def get(self, code: object, default: Field | None = None) -> Field | None:
        return self._fields.get(code, default) if isinstance(code, str) else default

    def __getitem__(self, code: str) -> Field:
        return self._fields[code]

    def __contains__(self, code: object) -> bool:
        return code in self._fields

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)


_FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(text: str) -> str:
    """Lower case of A to Z only: what SQLite, PostgreSQL and Python agree upon."""
    return text.translate(_FOLD)
