"""When, how fast and how often customers may be written to.

quiet: whether now is a time for it, and which is the next (holidays: the days of rest and Ramadan · sunset: iftar) ·
ramp: how many a day a sender may send, and how fast (bucket) · pressure: how many mails one customer gets.
"""

from .bucket import TokenBucket, share_of_rate
from .holidays import Holiday, Holidays, ramadan_of
from .pressure import Pressure, free_at, is_pressed, may_be_written
from .quiet import Policy, RamadanHours, allowed_until, is_allowed, next_allowed, why_not
from .ramp import Allowance, Ramp, allowance, day_of_sender
from .refusal import PacingRefused

__all__ = [
    "Allowance",
    "Holiday",
    "Holidays",
    "PacingRefused",
    "Policy",
    "Pressure",
    "RamadanHours",
    "Ramp",
    "TokenBucket",
    "allowance",
    "allowed_until",
    "day_of_sender",
    "free_at",
    "is_allowed",
    "is_pressed",
    "may_be_written",
    "next_allowed",
    "ramadan_of",
    "share_of_rate",
    "why_not",
]
