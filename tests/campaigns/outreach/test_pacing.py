"""How many, how fast and how often: the ramp of a new sender, its rate, and what one customer gets."""

import datetime as dt
import random

import numpy as np
import pytest

from campaigns.outreach.pacing import (
    PacingRefused,
    Pressure,
    Ramp,
    TokenBucket,
    allowance,
    day_of_sender,
    free_at,
    is_pressed,
    may_be_written,
    share_of_rate,
)

NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def left(**changes) -> tuple[int | None, str]:
    given = {"time_zone": "Africa/Tunis", "sent_today": 0, "day_of_sender": 1, "daily_cap": None, "ramp": None}
    found = allowance(NOON, **{**given, **changes})
    return found.left, found.because


def test_new_sender_begins_with_few_and_is_free_at_the_end():
    assert [Ramp().most(day) for day in (1, 2, 3, 10)] == [200, 500, 1000, 100_000]
    assert Ramp().most(11) is None
    assert Ramp().steps == tuple(sorted(Ramp().steps))


def test_smaller_of_cap_and_ramp_counts():
    assert left() == (None, "")
    assert left(ramp=Ramp(), sent_today=150) == (50, "ramp")
    assert left(ramp=Ramp(), daily_cap=100) == (100, "daily_cap")
    assert left(ramp=Ramp(), daily_cap=1000, day_of_sender=5, sent_today=1001) == (0, "daily_cap")
    assert left(daily_cap=0) == (0, "daily_cap")
    assert left(ramp=Ramp(), day_of_sender=30) == (None, "")


@pytest.mark.parametrize(
    ("zone", "now", "renewed"),
    [
        ("Africa/Tunis", "2026-05-04T22:59:59+00:00", "2026-05-04T23:00:00+00:00"),
        ("Africa/Tunis", "2026-05-04T23:00:00+00:00", "2026-05-05T23:00:00+00:00"),
        ("Europe/Paris", "2026-03-29T12:00:00+00:00", "2026-03-29T22:00:00+00:00"),  # a day of 23 hours
    ],
)
def test_day_is_the_companys_own(zone, now, renewed):
    found = allowance(dt.datetime.fromisoformat(now), time_zone=zone, sent_today=0, day_of_sender=1)
    assert found.renewed_at == dt.datetime.fromisoformat(renewed)


def test_days_of_a_sender_are_those_on_which_it_sent():
    today = NOON.date()
    assert day_of_sender([], today) == 1
    assert day_of_sender([today, today], today) == 1
    assert day_of_sender([today - DAY, today - DAY, today - 5 * DAY], today) == 3
    assert day_of_sender([today - 31 * DAY], today) == 1
    assert day_of_sender([today - 60 * DAY, today - 20 * DAY, today - DAY], today) == 3


def test_senseless_settings_are_refused():
    for wrong in (
        lambda: Ramp((100, 0)),
        lambda: Ramp().most(0),
        lambda: left(daily_cap=-1),
        lambda: share_of_rate(0, 1),
        lambda: share_of_rate(1, 0),
        lambda: TokenBucket(-1),
        lambda: Pressure(1, 0),
    ):
        with pytest.raises(PacingRefused) as refused:
            wrong()
        assert refused.value.code == "bad_setting"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_is_kept_over_any_stretch_of_time():
    clock, dice = Clock(), random.Random(5)
    bucket = TokenBucket(10, burst=3, clock=clock)
    sent = []
    for _number in range(500):
        clock.now += bucket.take()
        sent.append(clock.now)
        clock.now += dice.choice([0, 0, 0.01, 0.3])
    for begin in range(0, 500, 7):
        for end in range(begin + 1, 500, 13):
            assert end - begin <= 3 + 10 * (sent[end] - sent[begin]) + 1e-6
    assert sent[-1] - sent[0] < 500 / 10 + 60  # and it is not slower than it must be


def test_processes_share_one_rate():
    clock = Clock()
    buckets = [TokenBucket(share_of_rate(2, 8), burst=1, clock=clock) for _ in range(8)]
    count, waits = 0, [0.0] * 8
    while clock.now < 200:
        clock.now += 0.05
        for n, bucket in enumerate(buckets):
            if clock.now >= waits[n]:
                count += 1
                waits[n] = clock.now + bucket.take()
    assert 190 <= count <= 2 * 100 + 2 * 8


def test_right_that_was_not_used_is_given_back():
    clock = Clock()
    bucket = TokenBucket(1, burst=1, clock=clock)
    assert bucket.take() == 0
    bucket.give_back()
    assert bucket.take() == 0
    assert bucket.take() == 1


RULES = (Pressure(1, 1), Pressure(3, 30))


def test_customer_gets_so_many_mails_and_not_one_more():
    assert not is_pressed([], NOON, RULES)
    assert is_pressed([NOON], NOON, RULES)
    assert is_pressed([NOON - DAY + dt.timedelta(seconds=1)], NOON, RULES)
    assert not is_pressed([NOON - DAY], NOON, RULES)
    three = [NOON - 29 * DAY, NOON - 10 * DAY, NOON - 2 * DAY]
    assert is_pressed(three, NOON, RULES)
    assert not is_pressed(three[1:], NOON, RULES)
    assert is_pressed([], NOON, [Pressure(0, 7)])
    assert not is_pressed(three, NOON, [])


def test_next_free_instant_is_the_first_that_is_free():
    dice = random.Random(11)
    for _round in range(300):
        sent = [NOON - dt.timedelta(hours=dice.randrange(0, 900)) for _ in range(dice.randrange(0, 8))]
        free = free_at(sent, NOON, RULES)
        assert free >= NOON
        assert not is_pressed(sent, free, RULES)
        if free > NOON:
            assert is_pressed(sent, free - dt.timedelta(seconds=1), RULES)
    assert free_at([], NOON, [Pressure(0, 7)]) is None


def test_counts_of_many_customers_are_judged_at_once():
    assert may_be_written(np.array([[0, 0], [1, 1], [0, 3], [0, 2]]), RULES).tolist() == [True, False, False, True]
    assert may_be_written(np.empty((0, 2)), RULES).shape == (0,)
    with pytest.raises(ValueError, match="one column"):
        may_be_written(np.zeros(3), RULES)
