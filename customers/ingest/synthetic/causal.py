"""Who leaves, and how contact changes it: the causal model as code (in words: the package's docstring)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from customers.ingest.synthetic import parameters as p
from customers.ingest.synthetic.population import Columns
from customers.ingest.synthetic.randomness import BLOCK, Subject, chance, log_odds, stream

# Receptiveness to contact: what of it the file shows. Chosen, not fitted (the published file has no contacts), and
# on purpose not the order of risk: electronic cheques and seniors leave more *and* take contact badly.
RECEPTIVE: p.Logistic = {
    "const": -0.45, "streaming": 0.8, "dear": 0.45, "middle": 0.55, "no_support": 0.35,
    "electronic_check": -1.25, "senior": -0.7, "no_internet": -0.4,
}  # fmt: skip
RECEPTIVE_SPREAD = 0.6  # the hidden part, in the same unit
WELCOME_ABOVE, ANNOYED_BELOW = 0.35, -1.05  # between the two contact changes nothing
WELCOME_EFFECT, ANNOYED_EFFECT = -2.0, 1.7  # log odds, the most that contact can do either way
NOTICEABLE = 0.04  # a change of probability below this is called no change

KINDS = np.array(["sure", "lost", "persuadable", "do_not_disturb"], dtype=object)


@dataclass(frozen=True, slots=True)
class CausalTruth:
    """What no company ever sees of its customers; every field an array of shape ``(customers,)``.

    ``risk`` is the probability that the label was drawn with: ``risk_if_contacted`` for those a campaign reached
    within the window, ``risk_if_left_alone`` for everybody else. ``kind`` follows from the last two.
    """

    external_id: np.ndarray  # str
    risk: np.ndarray  # probability
    risk_if_left_alone: np.ndarray  # probability
    risk_if_contacted: np.ndarray  # probability
    kind: np.ndarray  # "persuadable", "sure", "lost", "do_not_disturb"
    disengaging: np.ndarray  # bool: the hidden state that raises the risk and, mostly, shows in the usage
    usage_group: np.ndarray  # str: the planted persona, a key of usage.GROUPS

    def columns(self) -> Columns:
        """Field name -> array, as the other tables of a batch."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Fate:
    """Both futures of a block of customers, before anyone is contacted; arrays of shape ``(BLOCK,)``."""

    disengaging: np.ndarray  # bool
    left_alone: np.ndarray  # probability
    contacted: np.ndarray  # probability
    kind: np.ndarray
    dice: np.ndarray  # uniform: one for both futures, so that a helpful contact never makes anyone leave

    def risk(self, treated: np.ndarray) -> np.ndarray:
        return np.where(treated, self.contacted, self.left_alone)

    def left(self, treated: np.ndarray) -> np.ndarray:
        """The observed label, bool."""
        return self.dice < self.risk(treated)


def draw_fate(seed: int, block: int, terms: Columns, tenure: np.ndarray) -> Fate:
    """Draw the hidden states of a block and work out both risks from them."""
    rng = stream(seed, block, Subject.CAUSAL)
    disengaging = rng.random(BLOCK) < p.DISENGAGING_SHARE
    odds = log_odds(p.LEAVING, terms) + p.DISENGAGING_EFFECT * disengaging
    shift = contact_effect(receptiveness(terms, tenure) + RECEPTIVE_SPREAD * rng.standard_normal(BLOCK))
    billed = tenure > 0  # who has had no bill yet cannot have left: so it is in the published file
    left_alone, contacted = np.where(billed, chance(odds), 0.0), np.where(billed, chance(odds + shift), 0.0)
    return Fate(disengaging, left_alone, contacted, kind_of(left_alone, contacted), rng.random(BLOCK))


def receptiveness(terms: Columns, tenure: np.ndarray) -> np.ndarray:
    """The part of receptiveness that follows from what a company knows; no unit, about -3 to 2."""
    seen = {
        "streaming": np.maximum(terms["streaming_tv"], terms["streaming_movies"]),
        "dear": (terms["monthly"] - 65) / 30,
        "middle": ((tenure >= 6) & (tenure < 36)).astype(float),
        "no_support": (1 - terms["no_internet"]) * (1 - terms["tech_support"]),
        "electronic_check": terms["electronic_check"],
        "senior": terms["senior"],
        "no_internet": terms["no_internet"],
    }
    return log_odds(RECEPTIVE, seen)


def contact_effect(receptive: np.ndarray) -> np.ndarray:
    """Change of the log odds of leaving when contacted: negative is good, exactly 0 in the middle."""
    welcome = np.tanh(np.maximum(receptive - WELCOME_ABOVE, 0) * 1.5)
    annoyed = np.tanh(np.maximum(ANNOYED_BELOW - receptive, 0) * 1.5)
    return WELCOME_EFFECT * welcome + ANNOYED_EFFECT * annoyed


def kind_of(left_alone: np.ndarray, contacted: np.ndarray) -> np.ndarray:
    """Name the four kinds: by the noticeable effect of contact, else by the likelier future."""
    index = np.where(left_alone < 0.5, 0, 1)
    index = np.where(contacted - left_alone <= -NOTICEABLE, 2, index)
    return KINDS[np.where(contacted - left_alone >= NOTICEABLE, 3, index)]
