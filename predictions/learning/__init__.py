"""Learns who leaves, and says so with reasons. Plain Python: frames and arrays in, frozen dataclasses out.

    from predictions import learning

    fitted = learning.fit(frame, label, keys, seed=0)     # races candidates over folds; NotEnoughEvidence if it cannot
    scored = learning.score(fitted, frame, keys, top=3)   # probabilities and the strongest reasons
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
    race          folds, choice, the models that serve
    reasons       contributions of each column
    fitted        what is kept, and how it scores
    training      fit(), start to end
    storage       a Fitted as plain parts and back
    artefact      kept on disk, sealed, and refused if touched
"""

from predictions.learning import artefact
from predictions.learning.artefact import ArtefactRefused, Seal
from predictions.learning.evaluation import METRICS
from predictions.learning.evidence import NotEnoughEvidence
from predictions.learning.features import Feature
from predictions.learning.fitted import Fitted, Report, Scored, explain, score
from predictions.learning.training import fit

__all__ = [
    "METRICS",
    "ArtefactRefused",
    "Feature",
    "Fitted",
    "NotEnoughEvidence",
    "Report",
    "Scored",
    "Seal",
    "artefact",
    "explain",
    "fit",
    "score",
]
