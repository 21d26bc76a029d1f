"""Words for what a model's card shows: whom it was most worried about, whom it calls, what it lifts, what moves it."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.templatetags.ui import decimal, percent, thousands
from customers.wording.definitions import day
from customers.wording.features import feature_name

from . import value_name


def worried(found: dict) -> dict[str, object] | None:
    """“Of the 100 customers it was most worried about, 76 left”, the range of that, and a dot for each customer.

    None where the version was stored before this was measured.
    """
    if not found:
        return None
    n, left = found["customers"], found["left"]
    low, high = floor(n * found["low"] + 0.5), floor(n * found["high"] + 0.5)
    text = ngettext(
        "Of the %(n)s customer it was most worried about, %(left)s left.",
        "Of the %(n)s customers it was most worried about, %(left)s left.",
        n,
    )
    return {
        "sentence": text % {"n": thousands(n), "left": thousands(left)},
        "range": _("Of others like them it would be %(low)s to %(high)s, 19 times out of 20.")
        % {"low": thousands(low), "high": thousands(high)},
        "left": left,
        "customers": n,
        "dots": [at < left for at in range(n)],
    }


def contacts(found: dict) -> list[str]:
    """How many of those learned from had been contacted, and whether the model looks at it; nothing without campaigns."""
    if not found:
        return []
    counts = {name: thousands(found[name]) for name in ("customers", "written_to", "left_alone", "enough")}
    if found["before"] is None:
        said = _(
            "Of the %(customers)s customers learned from, %(written_to)s were contacted in a campaign at some time, and %(left_alone)s were left alone by lot."
        )
    else:
        said = _(
            "Of the %(customers)s customers learned from, %(written_to)s had been contacted in a campaign within %(days)s days before %(day)s, and %(left_alone)s had been left alone by lot."
        )
        counts |= {"days": found["days"], "day": day(found["before"])}
    why = {
        "learned": _("The model looks at how often each customer had been contacted."),
        "too_few": _(
            "That is too few to learn from: %(enough)s who were contacted are needed, and as many who were not."
        ),
        "undated": _(
            "The files do not say when customers left, so a contact may have come afterwards, and the model does not look at contacts. Say what leaving means by dates, or within how many days before a file its leavers left."
        ),
        "kept_away": _(
            "The model does not look at it: the leak watch kept it away, or there was nothing to learn from it."
        ),
    }.get(found["why"])
    return [text % counts for text in (said, why) if text]


def usual(base_rate: float | None) -> str:
    """What the sentence above is to be held against."""
    if base_rate is None:
        return ""
    return _("Of 100 customers taken at random, %(n)s left.") % {"n": thousands(round(100 * base_rate))}


_RULES = {
    "base_rate": gettext_lazy("As many are called as left"),
    "half": gettext_lazy("Called when leaving is likelier than staying"),
    "given": gettext_lazy("At the threshold that was asked for"),
}


def confusions(found: Sequence[dict], metrics: dict) -> list[dict[str, object]]:
    """The two-by-two at each threshold, with what it means to those who act on it."""
    return [
        {
            "title": str(_RULES.get(one["rule"], one["rule"])),
            "threshold": percent(one["threshold"], 1),
            "hits": one["true_positives"],
            "alarms": one["false_positives"],
            "missed": one["false_negatives"],
            "quiet": one["true_negatives"],
            "sentences": _called(one),
            "accuracy": _accuracy(one, metrics),
        }
        for one in found
    ]


def _called(one: dict) -> list[str]:
    shares, ranges = one["metrics"], one["intervals"]
    if shares["precision"] is None:
        return [_("Nobody is called at risk at this threshold.")]
    return [
        text % {"share": percent(shares[name]), "low": percent(ranges[name][0]), "high": percent(ranges[name][1])}
        for name, text in (
            ("selected", _("It calls %(share)s of the customers (%(low)s to %(high)s).")),
            ("precision", _("Of those it calls, %(share)s left (%(low)s to %(high)s).")),
            ("recall", _("Of those who left, it had called %(share)s (%(low)s to %(high)s).")),
        )
        if shares[name] is not None
    ]


def _accuracy(one: dict, metrics: dict) -> str:
    low, high = one["intervals"]["accuracy"]
    text = _(
        "It is right about %(share)s of the customers (%(low)s to %(high)s); saying “nobody leaves” is right about %(nobody)s."
    )
    return text % {
        "share": percent(one["metrics"]["accuracy"], 1),
        "low": percent(low, 1),
        "high": percent(high, 1),
        "nobody": percent(metrics.get("baseline_accuracy"), 1),
    }


def lift(found: Sequence[dict]) -> list[dict[str, object]]:
    """The table of lift and capture: a row for each tenth, the riskiest first."""
    return [
        {
            "part": one["part"],
            "customers": one["customers"],
            "left": one["left"],
            "rate": percent(one["rate"]),
            "rate_range": span(percent(one["low"]), percent(one["high"])),
            "lift": decimal(one["lift"], 2),
            "lift_range": span(decimal(one["lift_low"], 2), decimal(one["lift_high"], 2)),
            "capture": percent(one["capture"]),
            "capture_range": span(percent(one["capture_low"]), percent(one["capture_high"])),
        }
        for one in found
    ]


def captured(found: Sequence[dict]) -> str:
    """Lift in one sentence: what the two riskiest tenths hold."""
    if len(found) < 2:
        return ""
    share = sum(one["customers"] for one in found[:2]) / sum(one["customers"] for one in found)
    return _("Whoever contacts the riskiest %(share)s of the customers reaches %(capture)s of all who leave.") % {
        "share": percent(share),
        "capture": percent(found[1]["capture"]),
    }


def calibration(line: dict, luck: dict, metrics: dict) -> list[str]:
    """Whether the percentages can be taken literally."""
    said = []
    if luck:
        said.append(
            _(
                "On average a risk it tells is off by %(off)s; risks that are exactly right would seem off by %(luck)s, by luck."
            )
            % {"off": percent(metrics.get("ece"), 1), "luck": percent(luck["expected"], 1)}
        )
    if line:
        said.append(
            _("Calibration slope %(slope)s (%(low)s to %(high)s): 1 is right, less is too sure of itself.")
            % {
                name: decimal(line[key], 2)
                for name, key in (("slope", "slope"), ("low", "slope_low"), ("high", "slope_high"))
            }
        )
    return said


def permutation(
    found: Sequence[dict], features: Sequence[dict], importance: Sequence[float]
) -> list[dict[str, object]]:
    """Columns by what breaking them costs, the dearest first, each beside its mean contribution (None: not kept)."""
    mean = {feature["name"]: size for feature, size in zip(features, importance, strict=False)}
    rows = [
        {
            "name": feature_name(one["feature"]),
            "cost": one["loss_increase"],
            "error": one["error"],
            "share": one["share"],
            "contribution": mean.get(one["feature"]),
            "is_sure": one["loss_increase"] > 2 * one["error"],
        }
        for one in found
    ]
    return sorted(rows, key=lambda row: -row["cost"])


def dependence(one: dict) -> dict[str, object]:
    """One column's partial dependence: its name, where it is lowest and highest, and what the chart cannot show."""
    points = [point for point in one["points"] if not point["sparse"]] or one["points"]
    least, most = (choose(points, key=lambda point: point["chance"]) for choose in (min, max))
    said = _("Lowest at %(least)s (%(low)s), highest at %(most)s (%(high)s).") % {
        "low": percent(least["chance"]),
        "least": point_name(least),
        "high": percent(most["chance"]),
        "most": point_name(most),
    }
    notes = []
    if one["kind"] == "numeric":
        notes += [
            _("Where it is not known: %(chance)s.") % {"chance": percent(point["chance"])}
            for point in one["points"]
            if point["kind"] == "unknown"
        ]
    if one.get("left_out"):
        notes.append(
            ngettext("%(n)s rarer value is left out.", "%(n)s rarer values are left out.", one["left_out"])
            % {"n": thousands(one["left_out"])}
        )
    return {"name": feature_name(one["feature"]), "sentence": said, "notes": notes}


def point_name(point: dict) -> str:
    """A value of a column, as the chart's axis says it."""
    if point["kind"] == "unknown":
        return _("not known")
    if point["kind"] == "other":
        return _("all others")
    if point["kind"] == "number":
        value = point["value"]
        digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        return decimal(value, digits)
    return value_name(point["value"])


def span(low: str, high: str) -> str:
    return _("%(low)s to %(high)s") % {"low": low, "high": high}
