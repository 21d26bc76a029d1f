"""Words for what the engine says in codes: refusals, steps of a training, drivers, and a model's quality."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Refused
from core.templatetags.ui import money, percent_sign
from customers.wording import findings as finding_words
from customers.wording.features import feature_name

from .learning import NotEnoughEvidence


def not_enough(thin: NotEnoughEvidence) -> Refused:
    """The engine's "not enough evidence", in the reader's language, with what to collect."""
    facts = {"missing": 0, "needed": 0, **thin.facts}
    churners = facts.get("churners", 0)
    if thin.code == "no_label":
        sentence = (
            _(
                "Nobody is known to have left or stayed, so nothing can be learned: import customers with a column “Churn” (at least %(missing)s of them)."
            )
            % facts
        )
    elif thin.code == "one_class" and facts.get("only") == "left":
        sentence = _("Every known customer left: customers who stayed are needed too, at least %(missing)s.") % facts
    elif thin.code == "one_class":
        sentence = _("Every known customer stayed: customers who left are needed too, at least %(missing)s.") % facts
    elif thin.code == "too_few_churners":
        sentence = (
            ngettext(
                "Only %(churners)s customer is known to have left; at least %(needed)s are needed, %(missing)s more.",
                "Only %(churners)s customers are known to have left; at least %(needed)s are needed, %(missing)s more.",
                churners,
            )
            % facts
        )
    elif thin.code == "too_few_stayers":
        sentence = (
            _("Too few customers are known to have stayed; at least %(needed)s are needed, %(missing)s more.") % facts
        )
    elif thin.code == "too_few_rows":
        sentence = (
            _("Only %(rows)s customers have a known outcome; at least %(needed)s are needed, %(missing)s more.") % facts
        )
    elif thin.code == "no_features":
        sentence = _("No column can be learned from: each is empty, constant, or different for everybody.")
    else:
        sentence = thin.message
    return Refused(thin.code, sentence, **{k: v for k, v in thin.facts.items() if isinstance(v, int | float | str)})


TITLES = {
    "Random forest, defaults (a baseline)": gettext_lazy("Random forest, defaults (a baseline)"),
    "Logistic regression": gettext_lazy("Logistic regression"),
    "Splines": gettext_lazy("Splines"),
    "Stumps": gettext_lazy("Stumps"),
    "Boosted trees of 4 leaves": gettext_lazy("Boosted trees of 4 leaves"),
    "Boosted trees of 15 leaves": gettext_lazy("Boosted trees of 15 leaves"),
    "Boosted trees of 31 leaves": gettext_lazy("Boosted trees of 31 leaves"),
    "Random forest, leaves of 10 or more": gettext_lazy("Random forest, leaves of 10 or more"),
    "Additive blend": gettext_lazy("Additive blend"),
    "Blend of all": gettext_lazy("Blend of all"),
    "Blend": gettext_lazy("Blend"),
}


def algorithm(title: str) -> str:
    """A model's name in the reader's language: ``Additive blend (splines + stumps)`` part by part."""
    if title in TITLES:
        return str(TITLES[title])
    head, bracket, rest = title.partition(" (")
    members = rest.rstrip(")").split(" + ")
    known = {name.lower(): text for name, text in TITLES.items()}
    parts = [str(known.get(m.lower(), m)) for m in members]
    parts = [p[:1].lower() + p[1:] for p in parts]
    return f"{TITLES.get(head, head)}{bracket}{' + '.join(parts)})" if bracket else str(TITLES.get(head, head))


_STEPS = {
    "columns": gettext_lazy("Looking at the columns"),
    "figures": gettext_lazy("Measuring on customers not seen"),
    "importance": gettext_lazy("Weighing the columns"),
    "source_forest": TITLES["Random forest, defaults (a baseline)"],
    "logistic": TITLES["Logistic regression"],
    "splines": TITLES["Splines"],
    "stumps": TITLES["Stumps"],
    "trees_4": TITLES["Boosted trees of 4 leaves"],
    "trees_15": TITLES["Boosted trees of 15 leaves"],
    "trees_31": TITLES["Boosted trees of 31 leaves"],
    "forest": TITLES["Random forest, leaves of 10 or more"],
    "done": gettext_lazy("Done"),
}


def step(note: str) -> str:
    """A training's step in words; the name of a candidate stays as it is."""
    return str(_STEPS.get(note, note))


# Labels that come from files and that we know; others are shown as the company writes them.
VALUES = {
    "Yes": gettext_lazy("Yes"),
    "No": gettext_lazy("No"),
    "Male": gettext_lazy("Male"),
    "Female": gettext_lazy("Female"),
    "Month-to-month": gettext_lazy("Month-to-month"),
    "One year": gettext_lazy("One year"),
    "Two year": gettext_lazy("Two year"),
    "DSL": gettext_lazy("DSL"),
    "Fiber optic": gettext_lazy("Fiber optic"),
    "No internet service": gettext_lazy("No internet service"),
    "No phone service": gettext_lazy("No phone service"),
    "Electronic check": gettext_lazy("Electronic check"),
    "Mailed check": gettext_lazy("Mailed check"),
    "Bank transfer (automatic)": gettext_lazy("Bank transfer (automatic)"),
    "Credit card (automatic)": gettext_lazy("Credit card (automatic)"),
}


def value_name(value: object) -> str:
    return str(VALUES.get(value, value)) if isinstance(value, str) else str(value)


def driver(entry: dict, currency: str = "") -> dict[str, object]:
    """One driver for people: ``{"name", "value", "sentence", "effect", "raises", "odds", "strength"}``.

    ``odds``: by what factor this fact multiplies the odds of leaving, against the average customer.
    """
    from math import exp

    name, effect = entry["feature"], float(entry["effect"])
    shown = _value(name, entry.get("value"), currency, is_date="days" in entry)
    raises = effect > 0
    size = abs(effect)
    strength = "strong" if size >= 0.7 else "medium" if size >= 0.3 else "slight"
    template = {
        (True, "strong"): _("%(name)s: %(value)s. This raises the risk a lot."),
        (True, "medium"): _("%(name)s: %(value)s. This raises the risk."),
        (True, "slight"): _("%(name)s: %(value)s. This raises the risk a little."),
        (False, "strong"): _("%(name)s: %(value)s. This lowers the risk a lot."),
        (False, "medium"): _("%(name)s: %(value)s. This lowers the risk."),
        (False, "slight"): _("%(name)s: %(value)s. This lowers the risk a little."),
    }[raises, strength]
    return {
        "feature": name,
        "name": feature_name(name),
        "value": shown,
        "effect": effect,
        "raises": raises,
        "odds": exp(effect),
        "strength": strength,
        "sentence": template % {"name": feature_name(name), "value": shown},
    }


_MONEY = {
    "monthly_charges",
    "total_charges",
    *(f"montant_consommation_{what}" for what in ("last", "mean_3m", "slope_3m")),
}


def _value(name: str, value: object, currency: str, *, is_date: bool) -> str:
    """A customer's own value in words, with its unit."""
    if value is None:
        return _("not known")
    if is_date:
        return _days_away(round(float(value)))
    if name.endswith("_trend_3m"):
        change = round(100 * (float(value) - 1))
        return _("%(n)s%% against the three months before") % {"n": f"{change:+d}"}
    if name.endswith("_slope_3m"):
        size = abs(float(value))
        shown = money(size, currency) if name in _MONEY else _number(size)
        return _("%(n)s a month") % {"n": ("+" if value > 0 else "−" if value < 0 else "") + shown}
    if name in _MONEY:
        return money(float(value), currency)
    if name == "tenure":
        return ngettext("%(n)s month", "%(n)s months", int(value)) % {"n": int(value)}
    if name == "silence_days":
        days = int(value)
        if not days:
            return _("used in the last month")
        return ngettext("%(n)s day without any use", "%(n)s days without any use", days) % {"n": days}
    if isinstance(value, float):
        return _number(value)
    return value_name(value)


def _number(value: float) -> str:
    """Three digits or so, whatever the size: 0.034, 4.25, 41.3, 1,204."""
    size = abs(value)
    digits = 0 if value == int(value) or size >= 1000 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return number_format(round(value, digits), digits, force_grouping=True)


def _days_away(days: int) -> str:
    """A date as days before the last import (after it where negative)."""
    if not days:
        return _("on the day of the last import")
    if days > 0:
        return ngettext("%(n)s day before the last import", "%(n)s days before the last import", days) % {"n": days}
    return ngettext("%(n)s day after the last import", "%(n)s days after the last import", -days) % {"n": -days}


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


def choice(picked: dict) -> str:
    """Why this candidate won."""
    facts = picked.get("facts", {})
    sentence = {
        "additive_ties": _(
            "No model does better beyond chance on customers it had not seen, and this one is additive: its reasons are exact."
        ),
        "additive_best": _(
            "It is the best on customers that it had not seen, and it is additive: its reasons are exact."
        ),
        "interactions_matter": _(
            "In this data some facts act together, so a blend with deeper trees does better on customers that it had not seen."
        ),
    }.get(picked.get("code", ""))
    if sentence is None:
        sentence = _("It was chosen by log loss on customers that it had not seen.")
    return sentence % facts if facts and "%(" in sentence else sentence


def watched(details: dict) -> dict[str, list[dict[str, object]]]:
    """What the leak watch did to a training: columns ``kept_away``, ``forced_in`` by a person, and ``doubtful`` ones.

    Each: ``name``, ``sentences`` (the evidence); of forced ones also ``by`` (key of the person), ``at`` (ISO) and ``reason``.
    """
    return {
        group: [
            {
                **entry,
                "name": feature_name(entry["column"]),
                "sentences": finding_words.sentences(entry["codes"], entry["evidence"]),
            }
            for entry in details.get(group, [])
        ]
        for group in ("kept_away", "forced_in", "doubtful")
    }


def aside(reason: str) -> str:
    """Why a column was set aside."""
    return str(
        {
            "constant": _("the same for everybody"),
            "all_missing": _("empty"),
            "identifier": _("an identifier: different for nearly everybody"),
            "near_unique_text": _("free text: different for nearly everybody"),
            "date": _("a date"),
            "same_values": _("the same as another column"),
            "same_name": _("a second column of the same name"),
            "too_many": _("one too many: of so many other fields, those filled in most are learned from"),
        }.get(reason, reason)
    )
