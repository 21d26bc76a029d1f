"""Past campaigns: whom the carrier contacted in the window, whom it held out at random, and who left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from customers.ingest.synthetic.causal import Fate
from customers.ingest.synthetic.population import Columns
from customers.ingest.synthetic.randomness import BLOCK, Subject, stream

WINDOW_DAYS = 90  # the label says: left within this many days before the file's date
HORIZON_DAYS = 60  # outcome of a campaign: left within this many days after it was sent


@dataclass(frozen=True, slots=True)
class PastCampaign:
    """A campaign of the carrier's past. Audience and holdout are drawn by lot among the eligible."""

    code: str
    channel: str
    days_before: int  # sent so many days before the file's date
    share: float  # of the eligible
    holdout: float  # of the audience


CAMPAIGNS: tuple[PastCampaign, ...] = (
    PastCampaign("FORFAIT-PLUS", "email", 90, 0.25, 0.2),  # to those with internet and an e-mail address
    PastCampaign("ENGAGEMENT-12", "phone", 75, 0.25, 0.2),  # to those without a contract's term
    PastCampaign("MERCI-FIDELE", "sms", 60, 0.15, 0.2),  # to all
)


@dataclass(frozen=True, slots=True)
class Contacts:
    """Who was in which campaign; arrays of shape ``(BLOCK,)``."""

    campaign: np.ndarray  # index in CAMPAIGNS, -1 for none
    treated: np.ndarray  # bool, False for the held out and for those in no campaign
    dice: np.ndarray  # uniform, for the day of leaving


def draw_contacts(seed: int, block: int, customers: Columns, terms: Columns) -> Contacts:
    """Draw audiences and holdouts of a block; nobody is in two campaigns, and new customers came after them all."""
    dice = stream(seed, block, Subject.OUTREACH).random((len(CAMPAIGNS) + 2, BLOCK))
    known = customers["tenure"] > WINDOW_DAYS // 30
    eligible = (
        known & (terms["no_internet"] == 0) & np.not_equal(customers["email"], None),
        known & (terms["one_year"] + terms["two_year"] == 0),
        known,
    )
    campaign = np.full(BLOCK, -1)
    holdout = np.ones(BLOCK)
    for k, past in enumerate(CAMPAIGNS):
        chosen = (campaign < 0) & eligible[k] & (dice[k] < past.share)
        campaign[chosen], holdout[chosen] = k, past.holdout
    return Contacts(campaign, (campaign >= 0) & (dice[-2] >= holdout), dice[-1])


def write_outcomes(as_of: date, customers: Columns, contacts: Contacts, fate: Fate) -> tuple[Columns, np.ndarray]:
    """Return (outreach columns, offsets): one row for each customer in a campaign, ``left_on`` None for the stayed."""
    inside = contacts.campaign >= 0
    campaign, left = contacts.campaign[inside], fate.left(contacts.treated)[inside]
    days = np.array([past.days_before for past in CAMPAIGNS])[campaign]
    left_after = 1 + (contacts.dice[inside] * HORIZON_DAYS).astype(int)
    calendar = np.array([as_of - timedelta(days=d) for d in range(WINDOW_DAYS + 1)], dtype=object)
    columns: Columns = {
        "external_id": customers["external_id"][inside],
        "campaign": np.array([past.code for past in CAMPAIGNS], dtype=object)[campaign],
        "channel": np.array([past.channel for past in CAMPAIGNS], dtype=object)[campaign],
        "sent_on": calendar[days],
        "treated": contacts.treated[inside],
        "left": left,
        "left_on": np.where(left, calendar[days - left_after], None),
    }
    return columns, np.concatenate(([0], np.cumsum(inside)))
