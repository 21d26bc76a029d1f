"""Counters by a window that slides: so many in any such time, whoever counts at once, and no fall with the cache."""

import threading

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as CacheDown

from core import rates
from core.rates import Rate, rate_of, take

NOON = "2026-03-01T12:00:00Z"


@pytest.fixture(autouse=True)
def own_cache(settings, request):
    """A cache in this process, which no other test has written to."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
    cache.clear()


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/min", Rate(600, 60)),
        ("5/s", Rate(5, 1)),
        ("10/15m", Rate(10, 900)),
        (" 3/2hours ", Rate(3, 7200)),
        ("1000/day", Rate(1000, 86_400)),
        ("", None),
        (None, None),
    ],
)
def test_rate_is_read_from_a_setting(text, rate):
    assert rate_of(text) == rate


@pytest.mark.parametrize(
    "text", ["x", "10", "10/", "0/min", "10/0m", "-1/min", "10/year", "1.5/s", "10/min/min", "١/min"]
)
def test_what_is_no_rate_is_named(text):
    with pytest.raises(ValueError, match="is no rate"):
        rate_of(text)


def test_so_many_and_no_more(time_machine):
    time_machine.move_to(NOON, tick=False)
    assert [take("a", Rate(3, 60)) > 0 for _ in range(5)] == [False, False, False, True, True]
    assert take("b", Rate(3, 60)) == 0
    assert [take("a", None) for _ in range(5)] == [0] * 5


def test_wait_that_is_told_is_long_enough_and_not_much_longer(time_machine):
    """Whoever waits as long as they are told is let in; at every point of the window."""
    from datetime import UTC, datetime, timedelta

    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for number, offset in enumerate((0, 7, 31, 59)):
        now = start + timedelta(seconds=offset)
        time_machine.move_to(now, tick=False)
        while not (wait := take(f"n{number}", Rate(10, 60))):
            pass
        assert 1 <= wait <= 67
        time_machine.move_to(now + timedelta(seconds=wait), tick=False)
        assert take(f"n{number}", Rate(10, 60)) == 0
        assert take(f"n{number}", Rate(10, 60)) > 0


def test_no_window_of_any_place_holds_more_than_about_the_rate(time_machine):
    """Two bursts around a boundary of fixed windows: the weighed count lets no double portion through."""
    from datetime import UTC, datetime, timedelta

    moments, start = [], datetime(2026, 3, 1, 12, tzinfo=UTC)
    for second in range(240):
        time_machine.move_to(start + timedelta(seconds=second), tick=False)
        for _ in range(3):
            if not take("a", Rate(20, 60)):
                moments.append(second)
    most = max(sum(1 for m in moments if s <= m < s + 60) for s in range(180))
    assert 20 <= most <= 24
    assert len(moments) >= 60


def test_what_was_refused_is_not_counted(time_machine):
    time_machine.move_to(NOON, tick=False)
    for _ in range(100):
        take("a", Rate(2, 60))
    rates.give_back("a", Rate(2, 60))
    assert [take("a", Rate(2, 60)) > 0 for _ in range(2)] == [False, True]


def test_many_at_once_are_counted_one_by_one():
    answers: list[int] = []
    gate = threading.Barrier(16)

    def go():
        gate.wait()
        answers.extend(take("a", Rate(20, 86_400)) for _ in range(5))

    threads = [threading.Thread(target=go) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0) <= 20
    assert len(answers) == 80


def test_cache_that_is_down_stops_nobody_and_is_logged(monkeypatch, caplog):
    def broken(*_args, **_kwargs):
        raise CacheDown("gone")

    monkeypatch.setattr(type(cache._connections["default"]), "add", broken)
    monkeypatch.setattr(type(cache._connections["default"]), "decr", broken)
    assert [take("a", Rate(1, 60)) for _ in range(3)] == [0, 0, 0]
    rates.give_back("a", Rate(1, 60))
    assert "cache does not answer" in caplog.text


def test_nothing_of_a_name_stands_in_the_cache(monkeypatch):
    seen = []
    monkeypatch.setattr(type(cache._connections["default"]), "add", lambda self, key, *a, **k: seen.append(key))
    take("sign-in/account/alice@atlas.example.com", Rate(1, 60))
    assert seen and "alice" not in seen[0]
