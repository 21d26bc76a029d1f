"""Judges whether a trained model should take charge: a gate for each judgement, with what hangs on it and its words.

A gate answers "passed", "issue" or "cannot_judge", never a silent pass. It blocks or it warns; one that blocks must
have passed for the model to serve (``may_serve``). A verdict's reason and facts are enough to say it in another
language; ``sentence`` says it in English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from predictions.learning import judgements
from predictions.learning.judgements import PASSED, Evidence, Judgement

BLOCKS, WARNS = "blocks", "warns"


@dataclass(frozen=True, slots=True)
class Verdict:
    """code: the gate's; state; severity: what a state other than "passed" does; reason: which case; facts: JSON."""

    code: str
    state: str
    severity: str
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def blocks(self) -> bool:
        return self.state != PASSED and self.severity == BLOCKS


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate; title is English and a key for translation, as are messages: reason -> text with {facts}.

    softer: reasons that only warn, though the gate blocks.
    """

    code: str
    title: str
    severity: str
    judge: Callable[[Evidence], Judgement]
    messages: dict[str, str]
    softer: frozenset[str] = frozenset()


def judge(evidence: Evidence) -> tuple[Verdict, ...]:
    """Every gate's verdict, in the order of GATES."""
    verdicts = []
    for gate in GATES:
        state, reason, facts = gate.judge(evidence)
        severity = WARNS if reason in gate.softer else gate.severity
        verdicts.append(Verdict(gate.code, state, severity, reason, facts))
    return tuple(verdicts)


def may_serve(verdicts: Iterable[Verdict]) -> bool:
    """Whether nothing speaks against putting the model in charge; what a blocking gate cannot judge, does."""
    return not any(verdict.blocks for verdict in verdicts)


def sentence(verdict: Verdict) -> str:
    """The verdict in English."""
    gate = next(gate for gate in GATES if gate.code == verdict.code)
    return gate.messages[verdict.reason].format(**verdict.facts)


_NOT_MEASURED = "This version was stored without the figures that this takes."

GATES: tuple[Gate, ...] = (
    Gate(
        "baseline",
        "Better than telling everybody the same",
        BLOCKS,
        judgements.beats_the_baseline,
        {
            "not_measured": _NOT_MEASURED,
            "no_gain": "No better than telling everybody the same: a gain of {gain:.4f} ± {gain_error:.4f} in log loss.",
            "no_order": "Who leaves is not ranked before who stays: ROC AUC {low:.3f} to {high:.3f}.",
            "better": "A gain of {gain:.4f} ± {gain_error:.4f} in log loss over telling everybody the same.",
        },
    ),
    Gate(
        "overfit",
        "What it learned holds for others",
        WARNS,
        judgements.holds_for_others,
        {
            "not_measured": _NOT_MEASURED,
            "nothing_learned": "It learned too little to ask whether it holds.",
            "overfit": "Of what it gains on its own customers {kept:.0%} is left on others; {needed:.0%} is needed.",
            "too_uncertain": "Between {low:.0%} and {high:.0%} of what it learned holds for others: too wide to judge.",
            "holds": "Of what it gains on its own customers {kept:.0%} is left on others.",
        },
    ),
    Gate(
        "leak",
        "Not too good to be true",
        WARNS,
        judgements.is_not_leaking,
        {
            "not_measured": _NOT_MEASURED,
            "forced_in": "Learned from columns that seem to know the answer, forced in by a person: {named}.",
            "too_good": "ROC AUC {roc_auc:.3f}, and {column} alone carries {share:.0%} of it: does it know the answer?",
            "plausible": "ROC AUC {roc_auc:.3f} is not too good to be true.",
            "many_columns": "ROC AUC {roc_auc:.3f} rests on more than one column.",
        },
    ),
    Gate(
        "calibration",
        "As many leave as it says",
        WARNS,  # what it costs is in the log loss, by which the gates that block judge
        judgements.is_calibrated,
        {
            "not_measured": _NOT_MEASURED,
            "ece": "Chances are off by {ece:.3f} on average; {allowed:.3f} could be luck.",
            "overconfident": "Too sure of itself: calibration slope {slope_low:.2f} to {slope_high:.2f}.",
            "underconfident": "Not sure enough: calibration slope {slope_low:.2f} to {slope_high:.2f}.",
            "too_uncertain": "Calibration slope {slope_low:.2f} to {slope_high:.2f}: too wide to judge.",
            "flat": "Everybody is told about the same, and as many leave.",
            "calibrated": "Chances are off by {ece:.3f} on average, of which {by_luck:.3f} is luck.",
        },
    ),
    Gate(
        "fairness",
        "Groups of people are treated alike",
        WARNS,
        judgements.treats_people_alike,
        {
            "unfair": "Treated otherwise than the largest group: {named}.",
            "no_groups": "No group of people is known, or large enough to judge.",
            "too_uncertain": "{open} measures of {groups} groups are too uncertain to judge.",
            "alike": "{groups} groups are treated like the largest, within what is tolerated.",
        },
    ),
    Gate(
        "evidence",
        "It rests on enough customers",
        WARNS,
        judgements.rests_on_enough,
        {
            "few_churners": "Learned from {churners} customers who left; {needed} are wanted.",
            "wide_interval": "ROC AUC lies between {low:.3f} and {high:.3f}: more customers would tell.",
            "enough": "Learned from {churners} customers who left.",
        },
    ),
    Gate(
        "champion",
        "No worse than the model in charge",
        BLOCKS,
        judgements.beats_the_champion,
        {
            "no_champion": "No model is in charge to compare with.",
            "nobody_in_common": "No customer was learned from by both models, so they cannot be compared.",
            "worse": "Worse than the model in charge: log loss {log_loss:+.4f} ± {log_loss_error:.4f} on {rows} customers.",
            "no_better": "Neither better nor worse than the model in charge, by {rows} customers.",
            "better": "Better than the model in charge: log loss {log_loss:+.4f} ± {log_loss_error:.4f}.",
        },
        softer=frozenset({"no_champion", "nobody_in_common", "no_better"}),
    ),
    Gate(
        "slices",
        "Every part of the base is served",
        WARNS,
        judgements.serves_every_slice,
        {
            "no_groups": "No part of the base is known, or large enough to judge.",
            "poor_slice": "Ranks much worse than on the whole among: {named}.",
            "narrow_slice": "Ranks much worse than on the whole where customers are alike: {named}.",
            "alike": "None of {groups} parts of the base is served much worse than the whole.",
        },
    ),
)
