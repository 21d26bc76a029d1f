"""Verbs about models and scores: the only writers of this stage's tables.

training: from labelled customers to a version · registry: versions and their sealed files · scoring: everybody, a run at a time
"""

from .registry import load_model, model_json
from .scoring import needs_scoring, open_scoring, require_scoring, score_customers, scoring_json
from .training import open_training, train_model

__all__ = [
    "load_model",
    "model_json",
    "needs_scoring",
    "open_scoring",
    "open_training",
    "require_scoring",
    "score_customers",
    "scoring_json",
    "train_model",
]
