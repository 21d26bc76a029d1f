"""Words for a check of drift: the verdict, what moved in each column, and bins with their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from math import floor

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.templatetags.ui import percent, percent_sign, thousands
from customers.wording.features import feature_name

from ..learning import drift
from . import value_name

MOVED = (drift.MOVED, drift.MOVED_MUCH)
_NAMED = 3  # columns in a headline
_TOLD = 5  # new levels in a sentence
_WHOLE = {"tenure", "age", "silence_days", "recent_contacts"}
_MONEY = {"monthly_charges", "total_charges"}
_GONE_UNKNOWN = 0.05  # more unknown than then, as a share of customers, to be worth a sentence


def verdict(findings: Mapping) -> dict[str, str]:
    """A check in a headline and a sentence: ``title``, ``text``, ``tone``."""
    code = findings["verdict"]
    moved = moved_names(findings)
    if code in MOVED:
        if moved:
            title = ngettext("%(n)s column moved: %(names)s", "%(n)s columns moved: %(names)s", len(moved)) % {
                "n": thousands(len(moved)),
                "names": _some(moved),
            }
        else:
            title = _("The risks are spread otherwise than when the model learned")
        text = _(
            "Look at what moved. Where it is a mistake in the last file, mend the file; where your customers have changed, train again."
        )
        return {"title": title, "text": text, "tone": "high" if code == drift.MOVED_MUCH else "medium"}
    if code == drift.STABLE:
        return {
            "title": _("Your customers are still those the model learned from"),
            "text": _("No column, nor the risks, moved by more than what is usual and what chance explains."),
            "tone": "low",
        }
    text = _(
        "With so few, even a large change could be chance. At least %(least)s customers are needed on either side, and often some hundreds."
    )
    return {
        "title": _("Not enough customers to tell"),
        "text": text % {"least": drift.MIN_CUSTOMERS},
        "tone": "neutral",
    }


def is_about_everybody(findings: Mapping) -> bool:
    """Whether all customers were compared, too few waiting to be known as leavers or stayers."""
    return findings.get("basis") == "everybody"


def badge(code: str) -> dict[str, str]:
    """One verdict in two words, and its tone."""
    return {
        drift.STABLE: {"words": pgettext("a column", "unchanged"), "tone": "low"},
        drift.MOVED: {"words": _("moved"), "tone": "medium"},
        drift.MOVED_MUCH: {"words": _("moved a lot"), "tone": "high"},
        drift.TOO_FEW: {"words": _("too few to tell"), "tone": "neutral"},
    }.get(code, {"words": code, "tone": "neutral"})


def moved_names(findings: Mapping) -> list[str]:
    """Names of the columns that moved, farthest first."""
    moved = [finding for finding in findings["features"] if finding["verdict"] in MOVED]
    return [feature_name(finding["name"]) for finding in sorted(moved, key=lambda one: -(one["psi"] or 0.0))]


def _some(names: Sequence[str]) -> str:
    listed = pgettext("between items of a list", ", ").join(names[:_NAMED])
    rest = len(names) - _NAMED
    if rest <= 0:
        return listed
    return ngettext("%(names)s and %(n)s other", "%(names)s and %(n)s others", rest) % {"names": listed, "n": rest}


# ---------------------------------------------------------------- bins


def bins(finding: Mapping, currency: str = "", *, is_date: bool = False) -> list[str]:
    """A label for each bin, in the order of the shares, with its unit."""
    if finding["kind"] == "category":
        unknown = _("not known, or new") if _new_are_unknown(finding) else _("not known")
        return [*map(value_name, finding["levels"]), _("all others"), unknown]
    edges = finding["edges"]
    if not edges:
        return [_("known"), _("not known")]
    name = finding["name"]
    if finding["kind"] == "score":
        ranges = _ranges([_number(round(100 * edge, 1)) for edge in edges])
        return [*(text + percent_sign() for text in ranges), _("not known")]
    is_whole = is_date or name in _WHOLE or (name.startswith("nombre_") and name.endswith("_last"))
    ranges = _whole_ranges(edges) if is_whole else _ranges([_written(name, edge) for edge in edges])
    return [*(_with_unit(text, name, currency, is_date=is_date) for text in ranges), _("not known")]


def _ranges(edges: Sequence[str]) -> list[str]:
    between = [_("%(low)s to %(high)s") % {"low": low, "high": high} for low, high in pairwise(edges)]
    return [_("up to %(n)s") % {"n": edges[0]}, *between, _("over %(n)s") % {"n": edges[-1]}]


def _whole_ranges(edges: Sequence[float]) -> list[str]:
    """Of whole numbers: 5.5 and 11.5 mean 6 to 11."""
    tops = [floor(edge) for edge in edges]
    found = [_("up to %(n)s") % {"n": _number(tops[0])}]
    for below, top in pairwise(tops):
        low, high = _number(below + 1), _number(top)
        found.append(high if below + 1 == top else _("%(low)s to %(high)s") % {"low": low, "high": high})
    return [*found, _("%(n)s or more") % {"n": _number(tops[-1] + 1)}]


def _written(name: str, edge: float) -> str:
    if name.endswith("_trend_3m"):
        change = 100 * (edge - 1)
        return ("+" if change > 0 else "") + _number(change) + percent_sign()
    return _number(edge)


def _with_unit(text: str, name: str, currency: str, *, is_date: bool) -> str:
    if is_date:
        return _("%(range)s days before the last import") % {"range": text}
    if name == "tenure":
        return _("%(range)s months") % {"range": text}
    if name == "age":
        return _("%(range)s years") % {"range": text}
    if name == "silence_days":
        return _("%(range)s days without any use") % {"range": text}
    is_money = name in _MONEY or name.startswith("montant_consommation_")
    if name.endswith("_trend_3m"):
        return text
    if is_money:
        text = f"{text}\u00a0{currency}".strip()
    return _("%(range)s a month") % {"range": text} if name.endswith("_slope_3m") else text


def _number(value: float) -> str:
    """As many digits as an edge has, four after the point at most."""
    digits = 0 if abs(value) >= 1000 else min(4, max(0, -Decimal(f"{value:.6g}").normalize().as_tuple().exponent))
    text = number_format(round(abs(value), digits), digits, force_grouping=True)
    return f"−{text}" if value < 0 else text


# ---------------------------------------------------------------- one column


def sentences(finding: Mapping, labels: Sequence[str]) -> list[str]:
    """What happened to a column, the plainest first; nothing where nothing stands out."""
    if finding["vanished"]:
        return [_("Nobody has a value any more: the column seems to have left your files.")]
    found = []
    if finding["verdict"] in MOVED:
        found.append(_most_moved(finding, labels))
    unknown = finding["unknown_cur"] - _share_of_new(finding) * _new_are_unknown(finding)
    if finding["kind"] != "score" and unknown - finding["unknown_ref"] > _GONE_UNKNOWN:
        found.append(
            _("Not known of %(now)s of the customers, against %(then)s when the model learned.")
            % {"now": share(unknown), "then": share(finding["unknown_ref"])}
        )
    if finding["new_levels"]:
        found.append(_new_levels(finding["new_levels"]))
    return found


def _new_are_unknown(finding: Mapping) -> bool:
    """Whether new levels were counted as unknown, the model having met no rare ones that it could put them with."""
    return bool(finding["new_levels"]) and finding["kind"] == "category" and not finding["current"][-2]


def _share_of_new(finding: Mapping) -> float:
    return sum(count for _level, count in finding["new_levels"] or ()) / max(1, finding["n_cur"])


def _most_moved(finding: Mapping, labels: Sequence[str]) -> str:
    then, now = finding["reference"], finding["current"]
    at = max(range(len(then)), key=lambda place: abs(now[place] - then[place]))
    facts = {"what": labels[at], "then": share(then[at]), "now": share(now[at])}
    if finding["kind"] == "score":
        return _("The largest move is at a risk of %(what)s: from %(then)s of the customers to %(now)s.") % facts
    return _("The largest move is at “%(what)s”: from %(then)s of the customers to %(now)s.") % facts


def _new_levels(levels: Sequence[Sequence]) -> str:
    told = [
        ngettext("“%(level)s” (%(n)s customer)", "“%(level)s” (%(n)s customers)", count)
        % {"level": value_name(level), "n": thousands(count)}
        for level, count in levels[:_TOLD]
    ]
    return _("New since the model learned, so it knows nothing of them: %(levels)s.") % {
        "levels": pgettext("between items of a list", ", ").join(told)
    }


def share(value: float) -> str:
    """A share of customers: a digit more where it is small."""
    return percent(value, 0 if value == 0 or value >= 0.1 else 1)
