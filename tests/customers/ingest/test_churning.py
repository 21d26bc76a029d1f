"""What leaving means as a rule over months: found as it was drawn, never from the future, unknown where the data ends."""

import datetime as dt

import numpy as np
import pytest

from customers.ingest.churning import ContractEnd, Outcome, People, Silence, first_day, month_of, months_of
from customers.ingest.synthetic import prepaid
from customers.ingest.timing import (
    Calendar,
    Tally,
    counts_on,
    find_dates,
    gone_now,
    is_known,
    read_calendar,
    tenure_then,
)

JANUARY = month_of(dt.date(2026, 1, 1))
ABSENT, STAYED, LEFT, TOO_SOON, FADING = Outcome


def people(*used: str, ends: list | None = None, since: list | None = None) -> People:
    """Each customer's months from January 2026 on as text: x used something, . nothing."""
    bits = [sum(1 << k for k, mark in enumerate(text) if mark == "x") for text in used]
    unknown = [np.nan] * len(used)
    days = [np.nan if day is None else (day - dt.date(1970, 1, 1)).days for day in ends or [None] * len(used)]
    return People(
        JANUARY, np.array(bits, dtype=np.int64), np.array(days, dtype=float), np.array(since or unknown, float)
    )


def calendar(months: int, *holes: int) -> Calendar:
    return Calendar(JANUARY, JANUARY + months, tuple(k not in holes for k in range(months)))


# ---------------------------------------------------------------- silence


def test_silence_that_begins_within_the_horizon_is_leaving():
    rule = Silence(silent=2, horizon=2, gap=1)
    found = rule.outcomes(
        people("xxxxxxxx", "xxxx..xx", "xxxxx...", "xxxxxx..", "xxx...xx", "xxxx.xxx", "xx......", "x......."),
        JANUARY + 3,
    )
    assert found.tolist() == [STAYED, LEFT, LEFT, STAYED, TOO_SOON, STAYED, FADING, ABSENT]


def test_months_after_the_last_that_is_needed_change_nothing():
    rng = np.random.default_rng(0)
    rule, month = Silence(silent=3, horizon=1, gap=1), JANUARY + 4
    used = rng.integers(0, 1 << 12, 500)
    known = (1 << (rule.known_from(month) - JANUARY)) - 1
    unknown = np.full(500, np.nan)
    before = rule.outcomes(People(JANUARY, used, unknown, unknown), month)
    after = rule.outcomes(
        People(JANUARY, used & known | rng.integers(0, 1 << 12, 500) & ~known, unknown, unknown), month
    )
    assert before.tolist() == after.tolist()
    assert set(before.tolist()) == set(Outcome)


def test_outcome_that_the_data_does_not_reach_is_unknown():
    rule = Silence(silent=3, horizon=1, gap=1)
    assert is_known(rule, calendar(12), JANUARY + 8)
    assert not is_known(rule, calendar(12), JANUARY + 9)
    tally = Tally(rule, calendar(12))
    tally.add(people("x" * 9 + "...", "x" * 12), np.array([np.nan, np.nan]))
    counted = dict(tally.months())
    assert counted[JANUARY + 8] == {
        "at_risk": 2, "left": 1, "too_soon": 0, "fading": 0, "labelled": 0, "agree": 0,
    }  # fmt: skip
    assert counted[JANUARY + 9] is None


def test_month_that_is_missing_is_not_silence():
    rule = Silence(silent=1, horizon=1, gap=0)
    assert not is_known(rule, calendar(8, 4), JANUARY + 4), (
        "April's leavers would have used nothing in the month that is missing"
    )
    assert not is_known(rule, calendar(8, 4), JANUARY + 5), "nobody knows who used something before"
    assert is_known(rule, calendar(8, 4), JANUARY + 6)
    gone = gone_now(rule, people("xxxxxxx."), calendar(8, 7))
    assert gone.tolist() == [False]


def test_gone_by_now_is_silent_long_enough_and_not_who_never_came():
    rule = Silence(silent=2, horizon=1, gap=0)
    assert gone_now(rule, people("xxxx", "xx..", "xxx.", "...."), calendar(4)).tolist() == [False, True, False, False]


@pytest.mark.parametrize(("silent", "horizon", "gap"), [(2, 1, 0), (2, 1, 1), (2, 3, 1), (3, 1, 2)])
def test_rule_finds_who_was_drawn_to_leave(silent, horizon, gap):
    company = prepaid.draw_prepaid(seed=3, customers=2000, until=dt.date(2027, 1, 1))
    first = month_of(company.months[0])
    place = {name: i for i, name in enumerate(company.customers["external_id"])}
    used = np.zeros(2000, dtype=np.int64)
    for name, month in zip(company.usage["external_id"], company.usage["month"], strict=True):
        used[place[name]] |= 1 << (month_of(month) - first)
    unknown = np.full(2000, np.nan)
    rule = Silence(silent, horizon, gap)
    month = find_dates(rule, Calendar(first, first + 12, (True,) * 12)).newest
    found = rule.outcomes(People(first, used, unknown, unknown), month)
    begins = np.where(company.last_month == prepaid.NEVER, 99, company.last_month + 1) + first
    at_risk = np.isin(found, (STAYED, LEFT, TOO_SOON))
    assert at_risk.sum() > 500 and (found == LEFT).sum() > 10
    assert ((found == LEFT) == (at_risk & (begins >= month + gap) & (begins < month + gap + horizon))).all()
    assert ((found == TOO_SOON) == (at_risk & (begins < month + gap))).all()


# ---------------------------------------------------------------- a contract's end


def test_contract_that_ends_unrenewed_and_unused_is_leaving():
    rule = ContractEnd(grace=0, horizon=60, gap=30, sees_use=True)
    ends = [
        dt.date(2026, 6, 15),  # within the horizon of 1 April, and July is empty
        dt.date(2026, 6, 15),  # July is used: stayed without a new date
        dt.date(2027, 6, 15),  # moved to another year
        dt.date(2026, 4, 20),  # too soon to be reached
        dt.date(2026, 3, 31),  # over before
        None,
    ]
    used = ("xxxxxx..", "xxxxxxxx", "xxxxxxxx", "xxxx....", "xxx.....", "xxxxxxxx")
    found = rule.outcomes(people(*used, ends=ends), JANUARY + 3)
    assert found.tolist() == [LEFT, STAYED, STAYED, TOO_SOON, FADING, ABSENT]


def test_grace_asks_for_a_later_month():
    ends = [dt.date(2026, 5, 20)]
    used = people("xxxxxx.x", ends=ends)
    at = JANUARY + 4
    assert ContractEnd(0, 30, 0, True).outcomes(used, at).tolist() == [STAYED], "June is used"
    assert ContractEnd(15, 30, 0, True).outcomes(used, at).tolist() == [LEFT], "July is not"
    assert ContractEnd(45, 30, 0, True).outcomes(used, at).tolist() == [STAYED], "August is"


def test_without_months_of_use_the_date_decides():
    rule = ContractEnd(grace=10, horizon=30, gap=0, sees_use=False)
    found = rule.outcomes(people("", "", ends=[dt.date(2026, 3, 10), dt.date(2026, 12, 1)]), JANUARY + 2)
    assert found.tolist() == [LEFT, STAYED]
    assert first_day(rule.known_from(JANUARY + 2)) == dt.date(2026, 5, 1), "1 March, 30 days, 10 of grace"
    assert first_day(ContractEnd(10, 30, 0, True).known_from(JANUARY + 2)) == dt.date(2026, 6, 1), "after all of May"


def test_who_came_later_was_not_there():
    rule = ContractEnd(0, 30, 0, False)
    ends = [dt.date(2026, 12, 1)] * 2
    assert rule.outcomes(people("", "", ends=ends, since=[JANUARY + 1, JANUARY + 2]), JANUARY + 2).tolist() == [
        STAYED,
        ABSENT,
    ]


def test_gone_by_now_waits_for_the_month_that_tells():
    ends = [dt.date(2026, 3, 10), dt.date(2026, 4, 10), dt.date(2026, 3, 10)]
    found = gone_now(ContractEnd(0, 30, 0, True), people("xxx..", "xxxx.", "xxxx.", ends=ends), calendar(5))
    assert found.tolist() == [True, True, False]
    found = gone_now(ContractEnd(0, 30, 0, True), people("xxx.", "xxxx", "xxxx", ends=ends), calendar(4))
    assert found.tolist() == [True, False, False]


# ---------------------------------------------------------------- which months


def test_month_brought_in_part_is_not_known():
    users = {JANUARY + k: n for k, n in enumerate([900, 1000, 950, 100, 1010, 990, 80])}
    found = read_calendar(users, JANUARY + 9)
    assert (found.first, found.now) == (JANUARY, JANUARY + 6), "the last one is not over yet as far as the data goes"
    assert found.holes == [JANUARY + 3]
    assert read_calendar({}, JANUARY) == Calendar(JANUARY, JANUARY)


def test_learning_was_all_known_when_the_test_begins():
    rule = Silence(silent=3, horizon=1, gap=1)
    found = find_dates(rule, calendar(12))
    assert (found.train, found.test) == (JANUARY + 4, JANUARY + 8)
    assert rule.known_from(found.train) <= found.test
    assert rule.known_from(found.test) <= JANUARY + 12


@pytest.mark.parametrize("silent", [1, 2, 3])
@pytest.mark.parametrize("holes", [(), (2,)])
def test_so_many_more_months_are_enough(silent, holes):
    """What is said to be missing is what is missing: with that many months more it can be done, with one less not."""
    rule = Silence(silent=silent, horizon=2, gap=1)
    for months in range(4, 9) if holes else range(1, 8):
        found = find_dates(rule, calendar(months, *holes))
        if found.train is None:
            assert find_dates(rule, calendar(months + found.missing, *holes)).train is not None
            assert find_dates(rule, calendar(months + found.missing - 1, *holes)).train is None
        if found.test is None:
            assert find_dates(rule, calendar(months + found.missing_to_test, *holes)).test is not None
            assert find_dates(rule, calendar(months + found.missing_to_test - 1, *holes)).test is None


def test_days_become_whole_months():
    assert [months_of(days) for days in (0, 1, 30, 31, 90)] == [0, 1, 1, 2, 3]


# ---------------------------------------------------------------- held against the label, and tenure


def test_preview_says_how_far_the_label_agrees():
    tally = Tally(Silence(silent=1, horizon=1, gap=0), calendar(4))
    label = np.array([1.0, 0.0, 1.0, np.nan, 0.0])
    tally.add(people("xxx.", "xxx.", "xxxx", "xxx.", "xxxx"), label)
    tally.add(people("...."), np.array([1.0]))
    assert tally.against_label.tolist() == [[1, 1], [1, 1]]
    assert (tally.customers, tally.unjudged) == (6, 1)
    line = dict(tally.months())[JANUARY + 3]
    assert (line["left"], line["labelled"], line["agree"]) == (3, 2, 1)


def drawn_people(company: prepaid.Prepaid) -> People:
    first = month_of(company.months[0])
    n = len(company.last_month)
    place = {name: i for i, name in enumerate(company.customers["external_id"])}
    used = np.zeros(n, dtype=np.int64)
    for name, month in zip(company.usage["external_id"], company.usage["month"], strict=True):
        used[place[name]] |= 1 << (month_of(month) - first)
    return People(first, used, np.full(n, np.nan), np.full(n, np.nan))


@pytest.mark.parametrize("goes_on", [True, False])
def test_tenure_of_a_past_day_is_told_whichever_way_the_company_counts(goes_on):
    company = prepaid.draw_prepaid(seed=5, customers=2000, until=dt.date(2027, 1, 1))
    drawn = drawn_people(company)
    whole = Calendar(drawn.first, drawn.first + 12, (True,) * 12)
    today = company.customers["tenure"].astype(float)
    truth = today - 8  # on 1 May, eight months before
    if not goes_on:
        left = company.last_month
        today = np.where(left == prepaid.NEVER, today, today - (11 - left))
    gone = gone_now(Silence(silent=2, horizon=1, gap=0), drawn, whole)
    assert counts_on(today, drawn, whole, gone) is goes_on
    assert counts_on(today, drawn, whole, gone & (np.arange(2000) < 100)) is None, "too few to say"
    there = drawn.use_in(drawn.first + 3) & (gone | drawn.use_in(drawn.first + 11))
    assert (there & gone).sum() > 100
    then = tenure_then(today, drawn, whole, drawn.first + 4, np.zeros(2000, dtype=bool) if goes_on else gone)
    assert (then[there] == truth[there]).all()


def test_drawing_the_same_company_twice_gives_the_same():
    one, two = (prepaid.draw_prepaid(seed=1, customers=50, until=dt.date(2026, 6, 1)) for _ in range(2))
    assert all((one.usage[name] == two.usage[name]).all() for name in one.usage)
    assert one.months[-1] == dt.date(2026, 5, 1)
