"""What a data scientist would have fitted instead of the product: plain models, each as its library gives it.

Every peer is a function of (frame n x k, label float64 [n], frame to score m x k) that gives probabilities (float64 [m]).
Frames are typed: numbers as float64, categories as text with None for unknown. One thread each.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Peer = Callable[[pd.DataFrame, np.ndarray, pd.DataFrame, int], np.ndarray]

_TUNED_LEAVES = (2, 4, 15, 31)
_TUNED_RATE, _TUNED_ROUNDS, _TUNED_FOLDS = 0.05, 400, 3


def _one_hot(*, scaled: bool):
    numbers = [SimpleImputer(strategy="median"), *([StandardScaler()] if scaled else [])]
    return make_column_transformer(
        (make_pipeline(*numbers), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )


def _categories(frame: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both frames with text as pandas categories, the levels those of the first."""
    frame, other = frame.copy(), other.copy()
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            levels = pd.CategoricalDtype(sorted(frame[name].dropna().unique()))
            for one in (frame, other):
                one[name] = one[name].where(one[name].isin(levels.categories)).astype(levels)
    return frame, other


def logistic(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int) -> np.ndarray:
    model = make_pipeline(_one_hot(scaled=True), LogisticRegression(max_iter=1000))
    return model.fit(frame, label).predict_proba(other)[:, 1]


def random_forest(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int) -> np.ndarray:
    model = make_pipeline(_one_hot(scaled=False), RandomForestClassifier(random_state=seed))
    return model.fit(frame, label).predict_proba(other)[:, 1]


def hist_gradient_boosting(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int) -> np.ndarray:
    frame, other = _categories(frame, other)
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    return model.fit(frame, label).predict_proba(other)[:, 1]


def lightgbm(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int, **settings) -> np.ndarray:
    from lightgbm import LGBMClassifier

    frame, other = _categories(frame, other)
    model = LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1, **settings)
    return model.fit(frame, label).predict_proba(other)[:, 1]


def lightgbm_tuned(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int) -> np.ndarray:
    """Leaves and rounds by the log loss of three inner folds, then fitted on every row."""
    from lightgbm import LGBMClassifier

    coded, _ = _categories(frame, other)
    best, chosen = np.inf, {}
    parts = list(StratifiedKFold(_TUNED_FOLDS, shuffle=True, random_state=seed).split(coded, label))
    for leaves in _TUNED_LEAVES:
        settings = {"num_leaves": leaves, "learning_rate": _TUNED_RATE}
        losses = np.zeros(_TUNED_ROUNDS)
        for train, held in parts:
            model = LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1, n_estimators=_TUNED_ROUNDS, **settings)
            model.fit(coded.iloc[train], label[train], eval_X=coded.iloc[held], eval_y=label[held])
            losses += model.evals_result_["valid_0"]["binary_logloss"]
        if losses.min() < best:
            best, chosen = losses.min(), {**settings, "n_estimators": int(losses.argmin()) + 1}
    return lightgbm(frame, label, other, seed, **chosen)


def catboost(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int, **settings) -> np.ndarray:
    from catboost import CatBoostClassifier

    texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    frame, other = (one.assign(**{n: one[n].astype(object).fillna("unknown") for n in texts}) for one in (frame, other))
    model = CatBoostClassifier(
        random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False, cat_features=texts, **settings
    )
    return model.fit(frame, label).predict_proba(other)[:, 1]


def catboost_500(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int) -> np.ndarray:
    return catboost(frame, label, other, seed, iterations=500, depth=5)


PEERS: dict[str, tuple[str, Peer]] = {
    "logistic": ("LogisticRegression, one-hot and scaled", logistic),
    "random_forest": ("RandomForest, defaults", random_forest),
    "hist_gradient_boosting": ("HistGradientBoosting, defaults", hist_gradient_boosting),
    "lightgbm": ("LightGBM, defaults", lightgbm),
    "lightgbm_tuned": ("LightGBM, tuned on inner folds", lightgbm_tuned),
    "catboost": ("CatBoost, defaults", catboost),
    "catboost_500": ("CatBoost, 500 rounds of depth 5", catboost_500),
}

warnings.filterwarnings("ignore", message="X does not have valid feature names")
