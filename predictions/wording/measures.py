"""Words for how good a model is: a grade that a manager can repeat, and the table of measures with their intervals."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.templatetags.ui import percent_sign


def quality(metrics: dict, intervals: dict) -> dict[str, str]:
    """A model's quality in plain words: a grade and two sentences a manager can repeat."""
    auc, lift = metrics["roc_auc"], metrics["lift_at_10"]
    if intervals.get("roc_auc", [0])[0] <= 0.5:
        grade = _("No better than chance")
    elif auc >= 0.9:
        grade = _("Excellent")
    elif auc >= 0.8:
        grade = _("Good")
    elif auc >= 0.7:
        grade = _("Fair")
    else:
        grade = _("Weak")
    return {
        "grade": grade,
        "ranking": _(
            "Shown one customer who left and one who stayed, it puts the right one first %(times)s times out of 100."
        )
        % {"times": round(100 * auc)},
        "lift": _("Among the tenth it is most worried about, %(lift)s times as many left as on average.")
        % {"lift": number_format(round(lift, 1), 1)},
    }


FIGURES = (
    # (key, name, what it means, how it is written, whether more is better)
    ("roc_auc", gettext_lazy("ROC AUC"), gettext_lazy("How well it ranks: 0.5 is chance, 1 is perfect."), "3", True),
    (
        "pr_auc",
        gettext_lazy("PR AUC"),
        gettext_lazy("Ranking where few leave: chance is the share that left."),
        "3",
        True,
    ),
    (
        "log_loss",
        gettext_lazy("Log loss"),
        gettext_lazy("How good the percentages are, all in all. Lower is better."),
        "3",
        False,
    ),
    (
        "brier",
        gettext_lazy("Brier score"),
        gettext_lazy("Mean squared error of the percentages. Lower is better."),
        "4",
        False,
    ),
    (
        "ece",
        gettext_lazy("Calibration error"),
        gettext_lazy("How far the percentages stray from what happened."),
        "4",
        False,
    ),
    (
        "lift_at_10",
        gettext_lazy("Lift at 10 %"),
        gettext_lazy("Churners among the tenth most at risk, against the average."),
        "2",
        True,
    ),
    ("accuracy", gettext_lazy("Accuracy"), gettext_lazy("Right answers at a threshold of 50 %."), "%", True),
    (
        "baseline_accuracy",
        gettext_lazy("“Nobody churns”"),
        gettext_lazy("Accuracy of saying that everybody stays."),
        "%",
        True,
    ),
)


def figures(metrics: dict, intervals: dict) -> list[dict[str, object]]:
    """The table of measures: name, meaning, value and 95 % interval, written for the reader's language."""

    def written(value: float | None, how: str) -> str:
        if value is None:
            return ""
        if how == "%":
            return number_format(round(100 * value, 1), 1) + percent_sign()
        return number_format(round(value, int(how)), int(how))  # number_format alone would cut digits off

    return [
        {
            "key": key,
            "name": name,
            "meaning": meaning,
            "value": written(metrics.get(key), how),
            "low": written((intervals.get(key) or [None])[0], how),
            "high": written((intervals.get(key) or [None, None])[1], how),
        }
        for key, name, meaning, how, _better in FIGURES
    ]
