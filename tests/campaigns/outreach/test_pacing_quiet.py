"""When customers may be written to: nights, days of rest, Ramadan, and the days on which clocks change."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest

from campaigns.outreach.pacing import (
    Holidays,
    PacingRefused,
    Policy,
    RamadanHours,
    allowed_until,
    is_allowed,
    next_allowed,
    ramadan_of,
    why_not,
)
from campaigns.outreach.pacing.sunset import TUNIS, sunset

TUNIS_TIME = ZoneInfo("Africa/Tunis")
SECOND = dt.timedelta(seconds=1)


def at(text: str, zone: str = "Africa/Tunis", fold: int = 0) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def plain(zone: str = "Africa/Tunis", begins: str | None = "20:00", ends: str | None = "08:00", **more) -> Policy:
    hours = [dt.time.fromisoformat(text) if text else None for text in (begins, ends)]
    return Policy(
        **{"time_zone": zone, "holidays": None, "ramadan": None, **more}, quiet_from=hours[0], quiet_until=hours[1]
    )


# ---------------------------------------------------------------- the calendar


@pytest.mark.parametrize(
    ("day", "number"),
    [
        ("2024-03-10", 0), ("2024-03-11", 1), ("2024-04-09", 30), ("2024-04-10", 0),
        ("2025-03-01", 1), ("2025-03-29", 29), ("2026-02-18", 1), ("2026-03-19", 30),
        ("2030-01-05", 1), ("2030-12-26", 1), ("2031-01-10", 16), ("2035-11-30", 30),
    ],
)  # fmt: skip
def test_ramadan_is_when_the_calendar_has_it(day, number):
    assert ramadan_of(dt.date.fromisoformat(day)) == number


def test_every_ramadan_has_29_or_30_days_and_comes_earlier_each_year():
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(12 * 365 + 3)]
    firsts = [day for day in days if ramadan_of(day) == 1]
    assert len(firsts) == 13  # twice in 2030
    for first in firsts:
        length = next(n for n in range(1, 40) if not ramadan_of(first + dt.timedelta(days=n)))
        assert length in (29, 30)
        assert Holidays().on(first + dt.timedelta(days=length)).code == "eid_al_fitr"
    assert {(b - a).days for a, b in itertools.pairwise(firsts)} <= {354, 355}


def test_month_that_began_a_day_later_here_is_moved():
    assert ramadan_of(dt.date(2024, 3, 11), shift_days=1) == 0
    assert ramadan_of(dt.date(2024, 3, 12), shift_days=1) == 1


@pytest.mark.parametrize(
    ("day", "code", "may_differ"),
    [
        ("2024-04-10", "eid_al_fitr", True), ("2024-04-11", "eid_al_fitr", True), ("2024-06-16", "eid_al_adha", True),
        ("2025-03-30", "eid_al_fitr", True), ("2025-06-06", "eid_al_adha", True), ("2025-06-26", "hijri_new_year", True),
        ("2025-09-04", "mawlid", True), ("2026-03-20", "eid_al_fitr", True), ("2026-05-27", "eid_al_adha", True),
        ("2026-01-01", "new_year", False), ("2027-03-20", "independence", False),
        ("2026-04-09", "martyrs", False), ("2026-05-01", "labour", False), ("2026-07-25", "republic", False),
        ("2026-08-13", "women", False), ("2026-10-15", "evacuation", False), ("2026-12-17", "revolution", False),
    ],
)  # fmt: skip
def test_days_of_rest_are_known(day, code, may_differ):
    found = Holidays().on(dt.date.fromisoformat(day))
    assert (found.code, found.may_differ) == (code, may_differ)


def test_usual_days_are_none_and_a_year_has_its_fourteen():
    assert Holidays().on(dt.date(2026, 1, 14)) is None  # no longer since 2021
    assert Holidays().on(dt.date(2026, 6, 3)) is None
    year = Holidays().between(dt.date(2027, 1, 1), dt.date(2027, 12, 31))
    assert len(year) == 8 + 1 + 1 + 2 + 2
    assert [day.on for day in year] == sorted(day.on for day in year)


def test_company_corrects_the_moon_by_its_own_days():
    moved = Holidays(
        removed=frozenset({dt.date(2025, 3, 30)}), added=frozenset({dt.date(2025, 4, 1), dt.date(2040, 1, 2)})
    )
    assert moved.on(dt.date(2025, 3, 30)) is None
    assert moved.on(dt.date(2025, 3, 31)).code == "eid_al_fitr"
    assert moved.on(dt.date(2025, 4, 1)).code == moved.on(dt.date(2040, 1, 2)).code == "own"


def test_margin_keeps_the_days_around_feasts_of_the_moon_only():
    careful = Holidays(margin_days=1)
    assert careful.on(dt.date(2025, 3, 29)).code == careful.on(dt.date(2025, 4, 1)).code == "eid_al_fitr"
    assert careful.on(dt.date(2025, 3, 28)) is None
    assert careful.on(dt.date(2025, 5, 2)) is None


@pytest.mark.parametrize(
    ("day", "place", "utc"),
    [  # from the almanac
        ("2024-06-21", TUNIS, "18:41"), ("2024-12-21", TUNIS, "16:07"), ("2024-03-11", TUNIS, "17:23"),
        ("2024-06-21", (51.5074, -0.1278), "20:21"), ("2024-12-21", (-33.8688, 151.2093), "09:05"),
    ],
)  # fmt: skip
def test_sun_sets_when_the_almanac_says(day, place, utc):
    found = sunset(dt.date.fromisoformat(day), *place)
    expected = dt.datetime.combine(dt.date.fromisoformat(day), dt.time.fromisoformat(utc), tzinfo=dt.UTC)
    assert abs(found - expected) < dt.timedelta(minutes=3)


def test_sun_does_not_set_at_the_pole_in_summer():
    assert sunset(dt.date(2024, 6, 21), 80, 0) is None


# ---------------------------------------------------------------- nights and days


@pytest.mark.parametrize(
    ("clock", "why"),
    [("19:59:59", ""), ("20:00:00", "quiet_hours"), ("23:59:59", "quiet_hours"), ("00:00:00", "quiet_hours"),
     ("07:59:59", "quiet_hours"), ("08:00:00", "")],
)  # fmt: skip
def test_quiet_hours_go_over_midnight(clock, why):
    assert why_not(at(f"2026-06-03T{clock}"), plain()) == why


def test_quiet_hours_within_a_day_none_and_always():
    lunch = plain(begins="12:00", ends="14:00")
    assert (why_not(at("2026-06-03T13:00"), lunch), why_not(at("2026-06-03T14:00"), lunch)) == ("quiet_hours", "")
    assert is_allowed(at("2026-06-03T03:00"), plain(begins=None, ends=None))
    with pytest.raises(PacingRefused) as refused:
        next_allowed(at("2026-06-03T03:00"), plain(begins="08:00", ends="08:00"))
    assert refused.value.code == "no_time_left"


def test_next_time_skips_the_night_the_weekend_and_the_feast():
    policy = Policy(weekdays=frozenset(range(5)), ramadan=None)
    # Thursday evening; Friday 20 March 2026 is Eid (and Saturday); then the weekend.
    assert next_allowed(at("2026-03-19T21:00"), policy) == at("2026-03-23T08:00")
    assert next_allowed(at("2026-03-19T12:00"), policy) == at("2026-03-19T12:00")
    assert allowed_until(at("2026-03-19T12:00"), policy) == at("2026-03-19T20:00")
    assert allowed_until(at("2026-03-20T12:00"), policy) == at("2026-03-20T12:00")
    assert (why_not(at("2026-03-20T12:00"), policy), why_not(at("2026-03-22T12:00"), policy)) == ("holiday", "weekday")


def test_no_day_at_all_is_refused():
    with pytest.raises(PacingRefused):
        next_allowed(at("2026-03-19T12:00"), Policy(weekdays=frozenset()))


def test_always_allowed_has_no_end():
    assert allowed_until(at("2026-06-03T12:00"), plain(begins=None, ends=None)) is None


def test_ramadan_has_its_own_night_and_is_silent_around_iftar():
    policy = Policy()
    iftar = sunset(dt.date(2026, 3, 4), *TUNIS)
    assert why_not(at("2026-03-04T09:30"), policy) == "ramadan_hours"
    assert why_not(at("2026-03-04T10:00"), policy) == ""
    assert why_not(iftar - dt.timedelta(hours=1), policy) == why_not(iftar, policy) == "iftar"
    assert why_not(iftar - dt.timedelta(hours=1) - SECOND, policy) == ""
    assert next_allowed(iftar, policy) == iftar + dt.timedelta(hours=2)
    assert (
        why_not(at("2026-03-04T22:30"), policy) == why_not(at("2026-03-05T00:59"), policy) == ""
    )  # the evenings are long
    assert why_not(at("2026-03-05T01:00"), policy) == "ramadan_hours"
    assert why_not(at("2026-02-10T22:30"), policy) == "quiet_hours"  # and not before
    late = Policy(ramadan=RamadanHours(shift_days=1))
    assert why_not(at("2026-02-18T21:30"), late) == "quiet_hours"
    assert why_not(at("2026-02-18T21:30"), policy) == ""


def test_night_before_the_feast_belongs_to_the_feast():
    # The last night of Ramadan 2026: allowed until midnight, then it is Eid for two days.
    assert allowed_until(at("2026-03-19T22:00"), Policy()) == at("2026-03-20T00:00")
    assert next_allowed(at("2026-03-20T00:00"), Policy()) == at("2026-03-22T08:00")


# ---------------------------------------------------------------- the days on which clocks change


def test_eight_oclock_is_eight_oclock_when_clocks_change():
    paris = plain("Europe/Paris")
    assert next_allowed(at("2026-03-28T21:00", "Europe/Paris"), paris).isoformat() == "2026-03-29T06:00:00+00:00"
    assert next_allowed(at("2026-10-24T21:00", "Europe/Paris"), paris).isoformat() == "2026-10-25T07:00:00+00:00"
    assert next_allowed(at("2026-10-23T21:00", "Europe/Paris"), paris).isoformat() == "2026-10-24T06:00:00+00:00"


def test_end_that_the_clock_jumps_over_is_the_jump():
    paris = plain("Europe/Paris", "22:00", "02:30")  # 02:30 is not there on 29 March: after 01:59:59 comes 03:00
    assert next_allowed(at("2026-03-29T00:00", "Europe/Paris"), paris).isoformat() == "2026-03-29T01:00:00+00:00"


def test_hour_that_comes_twice_is_quiet_twice():
    paris = plain("Europe/Paris", "02:00", "03:00")
    begin = dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC)  # 02:00 for the first time
    assert not is_allowed(begin, paris)
    assert next_allowed(begin, paris).isoformat() == "2026-10-25T02:00:00+00:00"
    half = plain("Europe/Paris", "02:00", "02:30")
    assert next_allowed(begin, half).isoformat() == "2026-10-25T00:30:00+00:00"
    assert allowed_until(next_allowed(begin, half), half).isoformat() == "2026-10-25T01:00:00+00:00"


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Paris", "2026-03-29"), ("Europe/Paris", "2026-10-25"), ("America/New_York", "2026-11-01"),
     ("Australia/Lord_Howe", "2026-04-05"), ("Africa/Casablanca", "2026-02-15"), ("Africa/Tunis", "2026-03-19"),
     ("Asia/Kathmandu", "2026-05-01")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("begins", "ends"), [("20:00", "08:00"), ("01:15", "02:45"), ("02:30", "01:30"), ("00:00", "00:30")]
)
def test_next_time_is_what_a_walk_minute_by_minute_finds(zone, day, begins, ends):
    policy = plain(zone, begins, ends, holidays=Holidays(), weekdays=frozenset({0, 1, 2, 3, 5, 6}))
    walk = dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC) - dt.timedelta(hours=12)
    minutes = [walk + dt.timedelta(minutes=n) for n in range(60 * 60)]
    allowed = [is_allowed(minute, policy) for minute in minutes]
    assert True in allowed
    assert False in allowed
    for start in range(0, 36 * 60, 97):
        if True in allowed[start:]:
            assert next_allowed(minutes[start], policy) == minutes[allowed.index(True, start)]
        if allowed[start] and False in allowed[start:]:
            assert allowed_until(minutes[start], policy) == minutes[allowed.index(False, start)]


def test_instants_need_a_zone_and_policies_a_known_one():
    with pytest.raises(ValueError, match="time zone"):
        is_allowed(dt.datetime(2026, 1, 1), plain())
    for zone in ("Mars/Olympus", "", "../../etc/passwd"):
        with pytest.raises(PacingRefused) as refused:
            plain(zone)
        assert refused.value.code == "unknown_time_zone"
    with pytest.raises(PacingRefused):
        Policy(quiet_from=None)
    with pytest.raises(PacingRefused):
        Policy(weekdays=frozenset({7}))
