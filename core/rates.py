"""How often something may happen: counters in the cache, by a window that slides.

Two fixed windows, the earlier one weighed by how much of it still lies within the last ``seconds`` (the sliding window counter
of Cloudflare, 2017: two numbers a name instead of a list of moments, and wrong for 0.003 % of requests there). Counting
is one atomic increment, so a hundred at once are a hundred. With the cache down everything is allowed, and it is logged:
a limit protects the house, it is not what the house stands on.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import time
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SHAPE = re.compile(r"(\d{1,9})/(\d{0,5})([smhd])[a-z]*", re.ASCII)
_DOWN = (RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``allowed`` in any ``seconds``."""

    allowed: int
    seconds: int


def rate_of(text: str | None) -> Rate | None:
    """``600/min``, ``10/15m``, ``5/s``; empty or None: no limit. Raises ValueError for anything else."""
    if not text:
        return None
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None or not int(shape[1]) or shape[2] == "0":
        raise ValueError(f"{text!r} is no rate: write one such as 600/min or 10/15m, or nothing for no limit.")
    return Rate(int(shape[1]), int(shape[2] or 1) * _UNITS[shape[3]])


def take(name: str, rate: Rate | None) -> int:
    """Count one more under ``name``. 0: it may happen; else the seconds until it may, and it was not counted."""
    if rate is None:
        return 0
    now = time.time()
    window, spent = divmod(now, rate.seconds)
    this, last = _key(name, rate, int(window)), _key(name, rate, int(window) - 1)
    try:
        cache.add(this, 0, timeout=2 * rate.seconds)
        count = cache.incr(this)
        before = cache.get(last, 0)
        wait = _wait(count, before, spent, rate)
        if wait:
            cache.decr(this)
        return wait
    except ValueError:  # it ran out between the two lines: a window ago
        return 0
    except _DOWN as error:
        logger.warning("Rates are not counted: the cache does not answer (%s).", type(error).__name__)
        return 0


def give_back(name: str, rate: Rate | None) -> None:
    """Count one less: it happened, and does not count."""
    if rate is None:
        return
    try:
        cache.decr(_key(name, rate, int(time.time() // rate.seconds)))
    except ValueError:
        return
    except _DOWN:
        return


def _wait(count: int, before: int, spent: float, rate: Rate) -> int:
    """Seconds until one more fits, where ``count`` holds that one already; 0 where it fits now."""
    if count + before * (1 - spent / rate.seconds) <= rate.allowed:
        return 0
    if count <= rate.allowed and before:  # it fits once enough of the earlier window has slid out
        seconds = rate.seconds * (1 - (rate.allowed - count) / before) - spent
    else:  # it fits once enough of this one has: ``count - 1`` stay when the refused one is taken off
        stay = max(count - 1, 1)
        seconds = rate.seconds - spent + rate.seconds * max(0.0, 1 - (rate.allowed - 1) / stay)
    return max(1, math.ceil(seconds))


def _key(name: str, rate: Rate, window: int) -> str:
    """Hashed: a name holds addresses, of people and of machines, and may hold anything that a stranger sent."""
    return f"rate:{hashlib.sha256(name.encode()).hexdigest()[:40]}:{rate.seconds}:{window}"
