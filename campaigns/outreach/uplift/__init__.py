"""Learns whom to write to, and whom to leave alone, from one's own campaigns with holdouts. Frames and arrays in, frozen
dataclasses out; codes and figures, no sentences.

    learned = fit(features, treated, left, propensity=0.9, experiment=campaigns, keys=numbers, seed=0)   # UpliftRefused
    learned.model.report.ready           # else .why_not, and risk x value decides
    benefit = learned.model.benefit(later_features)
    learned.model.kinds(benefit)         # persuadable, do_not_disturb, neither: only lists that are proven
    content, seal = artefact.dump(learned.model, secret=..., tenant=..., version=...)

Reading order:

    refusal    what cannot be learned from, by a code
    encoding   columns as one matrix
    trees      boosted trees as arrays
    learners   T- and X-learner; folds
    ranking    benefit scores, Qini curve and coefficient, uplift at the top, intervals
    lists      the persuadable and the ones not to disturb
    model      fit(), start to end
    storage    a model as plain parts and back
    artefact   sealed, and refused if touched
"""

from campaigns.outreach.uplift import artefact, ranking, storage
from campaigns.outreach.uplift.lists import DO_NOT_DISTURB, NEITHER, PERSUADABLE, CustomerList
from campaigns.outreach.uplift.model import Learned, Report, UpliftModel, fit
from campaigns.outreach.uplift.ranking import Figure, Ranking, benefit_scores, rank
from campaigns.outreach.uplift.refusal import UpliftRefused

__all__ = [
    "DO_NOT_DISTURB", "NEITHER", "PERSUADABLE", "CustomerList", "Figure", "Learned", "Ranking", "Report", "UpliftModel",
    "UpliftRefused", "artefact", "benefit_scores", "fit", "rank", "ranking", "storage",
]  # fmt: skip
