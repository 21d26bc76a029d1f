"""The value of a condition: from JSON to what is compared, within bounds. Raises Wrong."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal

from .fields import DAYS, LISTS, Field, Kind
from .problems import Wrong

LONGEST_LIST, LONGEST_TEXT = 200, 200
MOST_DAYS = 3660
MONEY_DECIMALS, NUMBER_DECIMALS = 3, 10
_NUMBER = re.compile(r"[+-]?\d{1,16}(\.\d{1,20})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def read_value(given: object, field: Field, operator: str) -> object:
    """What a condition compares with."""
    if operator in LISTS:
        return _list(given, field)
    if operator in DAYS:
        return _whole_within(given, 1, MOST_DAYS)
    if operator == "between":
        return _pair(given, field)
    return _one(given, field)


def _one(given: object, field: Field) -> object:
    if field.kind is Kind.YES_NO:
        if not isinstance(given, bool):
            raise Wrong("not_yes_or_no")
        return given
    if field.kind is Kind.DATE:
        return _day(given)
    if field.kind in (Kind.NUMBER, Kind.MONEY):
        return _number(given, field)
    return _text(given, field)


def _list(given: object, field: Field) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise Wrong("not_a_list")
    if not given:
        raise Wrong("list_empty")
    if len(given) > LONGEST_LIST:
        raise Wrong("list_too_long", most=LONGEST_LIST)
    return tuple(dict.fromkeys(_at(place, one, field) for place, one in enumerate(given)))


def _pair(given: object, field: Field) -> tuple[object, object]:
    if not isinstance(given, list) or len(given) != 2:
        raise Wrong("not_a_pair")
    low, high = (_at(place, one, field) for place, one in enumerate(given))
    if low > high:
        raise Wrong("bounds_crossed")
    return low, high


def _at(place: int, given: object, field: Field) -> object:
    try:
        return _one(given, field)
    except Wrong as wrong:
        raise Wrong(wrong.code, place, **wrong.facts) from None


def _number(given: object, field: Field) -> int | float | Decimal:
    number = _decimal(given)
    if field.is_whole and number != number.to_integral_value():
        raise Wrong("not_whole")
    most = MONEY_DECIMALS if field.kind is Kind.MONEY else NUMBER_DECIMALS
    if number != round(number, most):
        raise Wrong("too_many_decimals", most=most)
    if not field.low <= number <= field.high:
        raise Wrong("out_of_range", low=field.low, high=field.high)
    if field.kind is Kind.MONEY:
        plain = number.normalize()
        return abs(plain) if not plain else plain.quantize(Decimal(1)) if plain.as_tuple().exponent > 0 else plain
    return int(number) if number == number.to_integral_value() else float(number)


def _decimal(given: object) -> Decimal:
    """A JSON number, or the text of one as an input of a page gives it."""
    if isinstance(given, str):
        text = given.strip()
        if not _NUMBER.fullmatch(text):
            raise Wrong("value_missing" if not text else "not_a_number")
        return Decimal(text)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Wrong("not_a_number")
    if not abs(given) <= 1e16:  # also what is no number at all
        raise Wrong("out_of_range", low=-1e15, high=1e15)
    return Decimal(repr(given))


def _whole_within(given: object, low: int, high: int) -> int:
    number = _decimal(given)
    if number != number.to_integral_value():
        raise Wrong("not_whole")
    if not low <= number <= high:
        raise Wrong("out_of_range", low=low, high=high)
    return int(number)


def _day(given: object) -> str:
    if given == "":
        raise Wrong("value_missing")
    if not isinstance(given, str) or not _DAY.fullmatch(given):
        raise Wrong("not_a_date")
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise Wrong("not_a_date") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise Wrong("not_a_date")
    return given


def _text(given: object, field: Field) -> str:
    if not isinstance(given, str):
        raise Wrong("not_a_text")
    text = given.strip()
    if not text:
        raise Wrong("text_empty")
    if len(text) > LONGEST_TEXT:
        raise Wrong("text_too_long", most=LONGEST_TEXT)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):  # a database would refuse some of them
        raise Wrong("not_a_text")
    if field.is_closed and text not in dict(field.values):
        raise Wrong("not_a_choice", value=text)
    return text
