"""Learns who leaves, and says so with reasons. Plain Python: frames and arrays in, frozen dataclasses out.

    from predictions import learning

    fitted = learning.fit(frame, label, keys, seed=0)     # races candidates over folds; NotEnoughEvidence if it cannot
    scored = learning.score(fitted, frame, keys, top=3)   # probabilities and the strongest reasons
    answer = learning.what_if(fitted, row, key, {"contract": "Two year"})     # the same customer, otherwise
    paired = learning.compare_models(fitted, champion, frame, label, keys)    # on customers that neither had seen
    verdicts = learning.gates.judge(learning.gates.Evidence(fitted.report, champion=paired))
    seal = learning.artefact.save(fitted, path, secret=..., tenant=..., version=...)

Reading order:

    evidence      what is too little to learn from, said in words
    columns       one raw column: a number, a category, or set aside
    features      the frame as one matrix, without looking at the label
    tables        additive models as look-up tables
    linear        logistic regression, straight and bent        -> tables
    groves        boosted trees as arrays and bit masks
    trees         stumps -> tables; deeper trees -> groves
    candidates    who runs in the race
    folds         who is held out when
    blend         weights on out-of-fold log odds, and the rule towards the additive blend
    evaluation    figures on rows not seen, with intervals
    targeting     lift by tenth, a threshold's confusion, the hundred most at risk
    slices        the same by part of the base, and where there are too few to tell
    fairness      groups of people against the largest
    race          folds, choice, the models that serve
    reasons       contributions of each column
    fitted        what is kept, and how it scores
    histograms    customers in bins, those learned from and those of today
    drift         whether they are still the same
    estimate      how good the scores are before outcomes are known, and whether that was right
    profit        what contacting is expected to earn
    empc          the expected maximum profit of a ranking
    backtest      what contacting would have earned
    effects       what breaking a column costs, and how the chance goes along its values
    training      fit(), start to end
    kaplan_meier  who is still here, as observed
    time_columns  columns that know the time, left out of what follows
    hazard, hazard_design, hazard_fit   the monthly odds of leaving
    survival_figures, survival_model, survival   when customers leave, and how well that is known
    outlook       what lies ahead of each customer
    whatif        one customer, if some of their columns were otherwise
    comparison    challenger and champion, paired
    judgements    is it better than nothing, honest, calibrated, fair, no worse than the champion?
    gates         what hangs on each judgement, and its words
    storage       a Fitted as plain parts and back
    artefact      kept on disk, sealed, and refused if touched
"""

from predictions.learning import artefact, gates
from predictions.learning.artefact import ArtefactRefused, Seal
from predictions.learning.comparison import Paired, compare, compare_models
from predictions.learning.evaluation import METRICS
from predictions.learning.evidence import NotEnoughEvidence
from predictions.learning.fairness import PROTECTED
from predictions.learning.features import Feature
from predictions.learning.fitted import Fitted, Report, Scored, explain, score
from predictions.learning.slices import SLICES
from predictions.learning.training import Contest, fit
from predictions.learning.whatif import Difference, ImpossibleChange, WhatIf, what_if

__all__ = [
    "METRICS",
    "PROTECTED",
    "SLICES",
    "ArtefactRefused",
    "Contest",
    "Difference",
    "Feature",
    "Fitted",
    "ImpossibleChange",
    "NotEnoughEvidence",
    "Paired",
    "Report",
    "Scored",
    "Seal",
    "WhatIf",
    "artefact",
    "compare",
    "compare_models",
    "explain",
    "fit",
    "gates",
    "score",
    "what_if",
]
