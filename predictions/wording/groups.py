"""Words for groups of customers: how well a model serves each part of the base, and whether people are treated alike."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.templatetags.ui import decimal, signed
from customers.selectors import CAMPAIGN_STANDING
from customers.wording.features import feature_name

from ..learning.fairness import FAIR
from . import value_name

STANDINGS = {
    "written_to": gettext_lazy("written to"),
    "left_alone": gettext_lazy("left alone by lot"),
    "no_campaign": gettext_lazy("in no campaign"),
}


def group_name(column: str, group: dict) -> str:
    """A group of a column: a level as the company writes it, a band of numbers, all others, or the unknown."""
    kind, name = group.get("kind", "level"), group.get("name")
    if column == CAMPAIGN_STANDING and name in STANDINGS:
        return str(STANDINGS[name])
    if kind == "other":
        return _("all others")
    if kind == "unknown" or name in (None, ""):
        return _("not known")
    if column == "tenure" and kind == "band":
        low, dash, high = name.partition("-")
        if not dash:
            return _("%(low)s months and more") % {"low": name.rstrip("+")}
        return _("%(low)s to %(high)s months") % {"low": low, "high": high}
    return value_name(name)


def listed(parts: Sequence[str]) -> str:
    """“a”, “a and b”, “a, b and c”."""
    if len(parts) < 2:
        return "".join(parts)
    return _("%(most)s and %(last)s") % {"most": ", ".join(parts[:-1]), "last": parts[-1]}


def slices(found: Sequence[dict]) -> list[dict[str, object]]:
    """The table by part of the base: for each column its groups with their ranking, its interval, and told minus met."""
    return [
        {
            "name": feature_name(one["column"]),
            "groups": [
                {
                    "name": group_name(one["column"], group),
                    "n": group["n"],
                    "rate": group["rate"],
                    "is_judged": group["state"] == "judged",
                    **_slice_figures(group),
                }
                for group in one["groups"]
            ],
        }
        for one in found
    ]


def _slice_figures(group: dict) -> dict[str, str]:
    if group["state"] != "judged":
        return {}
    figures, ranges = group["metrics"], group["intervals"]
    low, high = ranges["roc_auc"]
    least, most = ranges["calibration_gap"]
    return {
        "area": decimal(figures["roc_auc"], 3),
        "area_range": _range(decimal(low, 3), decimal(high, 3)),
        "gap": points(figures["calibration_gap"]),
        "gap_range": _range(points(least), points(most)),
        "gap_words": _("told too high") if least > 0 else _("told too low") if most < 0 else "",
    }


MEASURES = {
    "selection_ratio": gettext_lazy("Called at risk"),
    "opportunity_difference": gettext_lazy("Leavers found"),
    "calibration_difference": gettext_lazy("Risk told, against what happened"),
}
VERDICTS = {
    "passed": gettext_lazy("alike"),
    "issue": gettext_lazy("differs"),
    "cannot_tell": gettext_lazy("too uncertain to tell"),
}
_TONES = {"passed": "low", "issue": "medium", "cannot_tell": "none"}


def fairness(found: Sequence[dict]) -> list[dict[str, object]]:
    """The fairness table: for each column the groups against the largest, each measure with a sentence and a verdict."""
    return [
        {
            "name": feature_name(one["column"]),
            "reference": None if one["reference"] is None else group_name(one["column"], {"name": one["reference"]}),
            "groups": [_fair_group(one, group) for group in one["groups"]],
        }
        for one in found
    ]


def _fair_group(column: dict, group: dict) -> dict[str, object]:
    reference = group_name(column["column"], {"name": column["reference"]})
    return {
        "name": group_name(column["column"], group),
        "n": group["n"],
        "rate": group["rate"],
        "is_reference": group["state"] == "reference",
        "is_judged": group["state"] == "judged",
        "measures": [
            {
                "title": str(MEASURES[name]),
                "tone": _TONES[measure["verdict"]],
                "verdict": str(VERDICTS[measure["verdict"]]),
                "sentence": _measured(name, measure, reference),
            }
            for name, measure in group["measures"].items()
            if name in MEASURES
        ],
    }


def _measured(name: str, measure: dict, reference: str) -> str:
    """What was measured of a group, with its range; never a judgement of why."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return _("Nobody of the largest group is called at risk, so there is nothing to compare with.")
    if name == "selection_ratio":
        return _("%(times)s times as often as “%(reference)s” (%(range)s).") % {
            "times": decimal(value, 2),
            "reference": reference,
            "range": _range(decimal(low, 2), decimal(high, 2)),
        }
    if name == "opportunity_difference":
        text = (
            _("%(n)s points more of those who left were called at risk than of “%(reference)s” (%(range)s).")
            if value >= 0
            else _("%(n)s points fewer of those who left were called at risk than of “%(reference)s” (%(range)s).")
        )
    else:
        text = (
            _("The risk told, less what happened, lies %(n)s points above that of “%(reference)s” (%(range)s).")
            if value >= 0
            else _("The risk told, less what happened, lies %(n)s points below that of “%(reference)s” (%(range)s).")
        )
    return text % {
        "n": decimal(abs(100 * value), 1),
        "reference": reference,
        "range": _range(points(low), points(high)),
    }


def points(value: float) -> str:
    """A difference of shares in percentage points, signed."""
    return signed(100 * value, 1)


def _range(low: str, high: str) -> str:
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def tolerance() -> list[str]:
    """What the fairness table measures, and how far groups may differ before it says so."""
    least, most = FAIR["selection_ratio"]
    return [
        _(
            "Called at risk: how often the group is called at risk, against the largest group. Between %(low)s and %(high)s times as often is tolerated."
        )
        % {"low": decimal(least, 1), "high": decimal(most, 2)},
        _(
            "Leavers found: of those who did leave, the share that was called at risk. A difference of %(points)s points is tolerated."
        )
        % {"points": round(100 * FAIR["opportunity_difference"][1])},
        _(
            "Risk told, against what happened: the mean risk told minus the share that left. A difference of %(points)s points is tolerated."
        )
        % {"points": round(100 * FAIR["calibration_difference"][1])},
    ]
