"""Verbs about models and scores: the only writers of this stage's tables.

training: from labelled customers to a version (survival: and when they leave; contacted: who had been in campaigns) · registry: versions and their sealed files ·
promotion: who is in charge · scoring: everybody, a run at a time · watch: drift, and estimates held against outcomes ·
profit: what contacting would earn · routine: what happens by itself
"""

from .profit import FIELDS as ECONOMICS_FIELDS
from .profit import account_profit, needs_account, open_account, set_economics, valued_blocks
from .promotion import promote, roll_back
from .registry import load_model, load_survival, model_json, reseal_models
from .routine import may_learn, read_alarms, set_routine, take_due
from .scoring import needs_scoring, open_scoring, require_scoring, score_customers, scoring_json
from .training import open_training, train_model
from .watch import check_drift, drift_json, open_check, require_check

__all__ = [
    "ECONOMICS_FIELDS",
    "account_profit",
    "check_drift",
    "drift_json",
    "load_model",
    "load_survival",
    "may_learn",
    "model_json",
    "needs_account",
    "needs_scoring",
    "open_account",
    "open_check",
    "open_scoring",
    "open_training",
    "promote",
    "read_alarms",
    "require_check",
    "require_scoring",
    "reseal_models",
    "roll_back",
    "score_customers",
    "scoring_json",
    "set_economics",
    "set_routine",
    "take_due",
    "train_model",
    "valued_blocks",
]
