"""What is due next for one company of the demonstration: a decision from facts, with no database in sight."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """One thing to do, or to wait for where it is under way already."""

    IMPORT = "import"
    WAIT_IMPORT = "wait for the import"
    HISTORY = "history"
    TRAIN = "train"
    WAIT_TRAINING = "wait for the training"
    SCORE = "score"
    WAIT_SCORING = "wait for the scoring"
    CAMPAIGNS = "campaigns"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a company is, as its rows say."""

    import_open: bool = False
    is_imported: bool = False  # the wanted file, or a larger sample of the same customers
    has_history: bool = False  # months of use and past contacts of these customers
    training_open: bool = False
    is_judged: bool = False  # a training asked for after the data was complete has ended, with a model or a refusal
    has_champion: bool = False
    scoring_open: bool = False
    is_scored: bool = False  # the scores shown are those of the model in charge
    has_campaigns: bool = False  # consents, messages and the campaign of three months ago


def due(stand: Stand, *, remembers: bool = True, learns: bool = True, writes: bool = True) -> Step:
    """The next step. ``remembers``: the company has a history to record; ``learns``: it is trained and scored; ``writes``: it
    has a past campaign to show."""
    if stand.import_open:
        return Step.WAIT_IMPORT
    if not stand.is_imported:
        return Step.IMPORT
    if remembers and not stand.has_history:
        return Step.HISTORY
    if not learns:
        return Step.NOTHING
    if stand.training_open:
        return Step.WAIT_TRAINING
    # Before a training: one that ends while an older scoring is open would find the company's one place taken.
    if stand.scoring_open:
        return Step.WAIT_SCORING
    if not stand.is_judged:
        return Step.TRAIN
    if stand.has_champion and not stand.is_scored:
        return Step.SCORE
    # A step of its own: after a training the worker scores by itself, and may be done before anybody asks what is due.
    if writes and stand.is_scored and not stand.has_campaigns:
        return Step.CAMPAIGNS
    return Step.NOTHING
