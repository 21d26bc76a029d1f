"""The days of rest of Tunisia, those of the sun and those of the moon, and when Ramadan is.

Fixed days: those of the law in force since 2021 (17 December in place of 14 January). Days of the moon: the Umm al-Qura
calendar, which is computed ahead; in Tunisia the crescent is looked for, so that **each may be a day earlier or later**:
a company corrects them by its own days. The table holds the years 2024 to 2035.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

FIRST_YEAR, LAST_YEAR = 2024, 2035

_FIXED = {
    (1, 1): "new_year",
    (3, 20): "independence",
    (4, 9): "martyrs",
    (5, 1): "labour",
    (7, 25): "republic",
    (8, 13): "women",
    (10, 15): "evacuation",
    (12, 17): "revolution",
}

# Hijri year: 1 Muharram, 12 Rabi I, 1 Ramadan, 1 Shawwal, 10 Dhu al-Hijja, by Umm al-Qura.
_UMM_AL_QURA = {
    1445: ("2023-07-19", "2023-09-27", "2024-03-11", "2024-04-10", "2024-06-16"),
    1446: ("2024-07-07", "2024-09-15", "2025-03-01", "2025-03-30", "2025-06-06"),
    1447: ("2025-06-26", "2025-09-04", "2026-02-18", "2026-03-20", "2026-05-27"),
    1448: ("2026-06-16", "2026-08-25", "2027-02-08", "2027-03-09", "2027-05-16"),
    1449: ("2027-06-06", "2027-08-14", "2028-01-28", "2028-02-26", "2028-05-05"),
    1450: ("2028-05-25", "2028-08-03", "2029-01-16", "2029-02-14", "2029-04-24"),
    1451: ("2029-05-14", "2029-07-24", "2030-01-05", "2030-02-04", "2030-04-13"),
    1452: ("2030-05-03", "2030-07-13", "2030-12-26", "2031-01-24", "2031-04-02"),
    1453: ("2031-04-23", "2031-07-02", "2031-12-15", "2032-01-14", "2032-03-22"),
    1454: ("2032-04-11", "2032-06-20", "2032-12-04", "2033-01-02", "2033-03-11"),
    1455: ("2033-04-01", "2033-06-09", "2033-11-23", "2033-12-23", "2034-03-01"),
    1456: ("2034-03-21", "2034-05-30", "2034-11-12", "2034-12-12", "2035-02-18"),
    1457: ("2035-03-11", "2035-05-20", "2035-11-01", "2035-12-01", "2036-02-07"),
}
_MOON = (("hijri_new_year", 1), ("mawlid", 1), ("", 0), ("eid_al_fitr", 2), ("eid_al_adha", 2))  # code, days of rest


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day of rest. ``day_number`` counts the days of one feast from 1; ``may_differ``: by a day, the moon decides."""

    on: dt.date
    code: str
    day_number: int = 1
    may_differ: bool = False


def _read() -> tuple[dict[dt.date, Holiday], tuple[tuple[dt.date, dt.date], ...]]:
    days: dict[dt.date, Holiday] = {}
    fasts = []
    for row in _UMM_AL_QURA.values():
        dates = [dt.date.fromisoformat(text) for text in row]
        fasts.append((dates[2], dates[3] - dt.timedelta(days=1)))
        for (code, length), first in zip(_MOON, dates, strict=True):
            for number in range(length):
                on = first + dt.timedelta(days=number)
                days[on] = Holiday(on, code, number + 1, may_differ=True)
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        for (month, day), code in _FIXED.items():
            on = dt.date(year, month, day)
            days.setdefault(on, Holiday(on, code))
    return {on: found for on, found in sorted(days.items()) if FIRST_YEAR <= on.year <= LAST_YEAR}, tuple(fasts)


_DAYS, _FASTS = _read()


def ramadan_of(day: dt.date, *, shift_days: int = 0) -> int:
    """Which day of Ramadan it is, from 1; 0 outside of it. ``shift_days``: how much later than computed it began here."""
    for first, last in _FASTS:
        begins, ends = first + dt.timedelta(days=shift_days), last + dt.timedelta(days=shift_days)
        if begins <= day <= ends:
            return (day - begins).days + 1
    return 0


@dataclass(frozen=True, slots=True)
class Holidays:
    """Tunisia's days of rest as a company keeps them.

    ``added``: days that it rests besides; ``removed``: days of the list that it does not keep (or that fell on another
    day: remove one, add one); ``margin_days``: days before and after a feast of the moon that are kept as well.
    """

    added: frozenset[dt.date] = frozenset()
    removed: frozenset[dt.date] = frozenset()
    margin_days: int = 0

    def on(self, day: dt.date) -> Holiday | None:
        """The day of rest that ``day`` is. None also outside the years of the table, but for the company's own days."""
        if day in self.added:
            return Holiday(day, "own")
        if day in self.removed:
            return None
        found = _DAYS.get(day)
        for distance in range(1, self.margin_days + 1):
            for near in (day - dt.timedelta(days=distance), day + dt.timedelta(days=distance)):
                moon = _DAYS.get(near)
                if found is None and moon is not None and moon.may_differ and near not in self.removed:
                    found = Holiday(day, moon.code, 0, may_differ=True)
        return found

    def between(self, first: dt.date, last: dt.date) -> list[Holiday]:
        """The days of rest from ``first`` to ``last``, both counted, in order: for a page that shows them."""
        days = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
        return [found for day in days if (found := self.on(day)) is not None]
