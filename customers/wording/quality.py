"""Sentences about what a file brought: each column's values, and how they moved since the file before."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.templatetags.ui import decimal, percent, thousands

from ..ingest.profiles import CATEGORY, EMPTY, NUMERIC

_THIN_BELOW = 0.5  # share of filled cells, for "mostly empty"


def number(value: float | None) -> str:
    """A measure of any size: 1,869, 29.85 or 0.0123, in the reader's language."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return f"{value:.3g}"
    digits = 0 if float(value).is_integer() or size >= 10_000 else 2 if size >= 1 else 4
    text = number_format(round(size, digits), digits, force_grouping=True)
    return f"−{text}" if value < 0 else text


def share(value: float | None) -> str:
    """A share of cells, rounded down: 100 % says that none is missing."""
    if value is None or value in (0, 1):
        return percent(value)
    return percent(max(floor(1000 * value) / 1000, 0.001), 1)


# ---------------------------------------------------------------- one column


def kind(column: Mapping[str, object]) -> str:
    return {EMPTY: _("empty"), CATEGORY: _("text"), NUMERIC: _("numbers")}.get(str(column["kind"]), "")


def fullness(column: Mapping[str, object]) -> str:
    """How full the column is, in a sentence."""
    missing = column["rows"] - column["known"]
    if not column["known"]:
        return _("Empty in every row.")
    if not missing:
        return _("Filled in for every row.")
    return ngettext(
        "%(missing)s of %(rows)s rows has no value.", "%(missing)s of %(rows)s rows have no value.", missing
    ) % {"missing": thousands(missing), "rows": thousands(column["rows"])}


def distinct(column: Mapping[str, object]) -> str:
    """How many different values there are; "about" where there were too many to count one by one."""
    n = column["distinct"]
    text = thousands(n) if column["distinct_is_exact"] else _("about %(n)s") % {"n": thousands(round(n, -2))}
    return ngettext("%(n)s different value", "%(n)s different values", n) % {"n": text}


def outliers(column: Mapping[str, object]) -> str:
    """How many values lie far outside, beyond which bounds, and the farthest; "" where none does."""
    found = column.get("outliers")
    if not found or not found["count"]:
        return ""
    sentence = ngettext(
        "%(n)s value (%(share)s of the rows looked at) lies far from all others, below %(low)s or above %(high)s: %(examples)s.",
        "%(n)s values (%(share)s of the rows looked at) lie far from all others, below %(low)s or above %(high)s, such as "
        "%(examples)s.",
        found["count"],
    )
    return sentence % {
        "n": thousands(found["count"]),
        "share": percent(found["share"], 1 if found["share"] >= 0.001 else 2),
        "low": number(found["low"]),
        "high": number(found["high"]),
        "examples": pgettext("between items of a list", "; ").join(map(number, found["examples"][:3])),
    }


def drift(column: Mapping[str, object]) -> dict[str, str] | None:
    """How the column moved since the previous import: ``title``, ``sentence`` and ``tone``; None without one before."""
    found = column.get("drift")
    if not found:
        return None
    verdict = str(found["verdict"])
    title, sentence, tone = {
        "same": (_("as before"), _("No change beyond chance since the previous import."), "low"),
        "moved": (_("moved"), _("It moved since the previous import, beyond what chance explains."), "medium"),
        "moved_much": (_("moved a lot"), _("It moved a lot since the previous import."), "high"),
        "too_few": (_("too few rows"), _("Too few rows, here or before, to tell a move from chance."), "neutral"),
        "new_kind": (
            _("other kind"),
            _(
                "It holds another kind of values than in the previous import: numbers where there was text, or the reverse."
            ),
            "high",
        ),
        "not_compared": (
            _("not compared"),
            _("Nearly every customer has a value of their own, so there is nothing to compare."),
            "neutral",
        ),
        "new": (_("new"), _("The previous import did not have this column."), "accent"),
    }.get(verdict, (verdict, verdict, "neutral"))
    return {
        "verdict": verdict,
        "title": title,
        "sentence": " ".join([sentence, *_drift_figures(column, found)]),
        "tone": tone,
    }


def _drift_figures(column: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    said = []
    if found.get("psi") is not None:
        said.append(
            _("Stability index (PSI) %(psi)s, limit %(limit)s.")
            % {"psi": decimal(found["psi"], 2), "limit": decimal(found["threshold"], 2)}
        )
    before = found.get("fullness_before")
    if before is not None and abs(before - column["fullness"]) >= 0.005:
        said.append(
            _("Filled in for %(now)s of the rows, %(before)s before.")
            % {"now": share(column["fullness"]), "before": share(before)}
        )
    return said


def by_class(column: Mapping[str, object]) -> list[dict[str, str]]:
    """The column among those who left and among those who stayed: ``who``, ``fullness``, ``figures``; [] without labels."""
    found = column.get("by_class") or {}
    rows = []
    for key, who in (("left", _("Left")), ("stayed", _("Stayed"))):
        if key not in found:
            continue
        part = found[key]
        if "median" in part:
            figures = _("median %(median)s, half of them between %(low)s and %(high)s") % {
                "median": number(part["median"]),
                "low": number(part["q25"]),
                "high": number(part["q75"]),
            }
        else:
            shares = sorted(part.get("shares", {}).items(), key=lambda pair: -pair[1])[:3]
            figures = " · ".join(f"{value} {percent(often)}" for value, often in shares)
        rows.append({"key": key, "who": who, "fullness": share(part["fullness"]), "figures": figures})
    return rows


def remarks(column: Mapping[str, object]) -> list[dict[str, str]]:
    """What deserves a look, as badges: ``words`` and ``tone``. An ordinary column has none."""
    found = []
    if column["kind"] == EMPTY:
        found.append({"words": _("empty"), "tone": "high"})
    elif column["distinct"] == 1:
        found.append({"words": _("one value only"), "tone": "medium"})
    elif column["fullness"] < _THIN_BELOW:
        found.append({"words": _("mostly empty"), "tone": "medium"})
    if (column.get("outliers") or {}).get("count"):
        n = column["outliers"]["count"]
        found.append({"words": ngettext("%(n)s outlier", "%(n)s outliers", n) % {"n": thousands(n)}, "tone": "medium"})
    moved = drift(column)
    if moved and moved["verdict"] in ("moved", "moved_much", "new_kind", "new"):
        found.append({"words": moved["title"], "tone": moved["tone"]})
    return found


def quantiles(column: Mapping[str, object]) -> list[dict[str, str]]:
    """Where the numbers lie: ``name`` and ``value`` of mean, smallest, quartiles and largest; [] for text."""
    if column["kind"] != NUMERIC or not column.get("quantiles"):
        return []
    places = column["quantiles"]
    named = (
        (_("Smallest"), places["0.0"]),
        (_("A quarter below"), places["0.25"]),
        (_("Half below"), places["0.5"]),
        (_("Three quarters below"), places["0.75"]),
        (_("Largest"), places["1.0"]),
        (_("Mean"), column["mean"]),
    )
    return [{"name": name, "value": number(value)} for name, value in named]
