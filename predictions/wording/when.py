"""Words for when customers leave: medians, the verdict against Kaplan-Meier, calibration, caveats and refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, percent, thousands
from customers.wording.features import feature_name

from ..learning import NotEnoughEvidence
from . import not_enough, value_name

LEAST_FOLLOWED = 20  # customers at risk; with fewer, a curve's end is mostly chance
_MANY_MISSES = 0.2  # of the groups looked at; one in twenty is to be expected


def group_name(name: str, column: str) -> str:
    """A group of customers by the value they share; yes and no with what is asked."""
    if name in ("Yes", "No"):
        return f"{value_name(name)} ({feature_name(column)})"
    return value_name(name)


def followed(points: Sequence[Mapping]) -> list[Mapping]:
    """The points of a curve up to where enough customers can be followed."""
    return [point for point in points if point["at_risk"] >= LEAST_FOLLOWED]


def grouping(column: str) -> str:
    """What customers are grouped by."""
    return feature_name(column)


def median(curve: Mapping, column: str = "") -> dict[str, str]:
    """When half of a group has left, in a sentence; how many it rests on."""
    name, points = curve["name"], followed(curve["points"])
    group = _("all customers") if name is None else group_name(name, column)
    if curve["median"] is not None:
        months = round(curve["median"])
        facts = {"n": thousands(months), "group": group}
        if name is None:
            told = ngettext(
                "Half of all customers have left after %(n)s month.",
                "Half of all customers have left after %(n)s months.",
                months,
            )
        else:
            told = ngettext(
                "%(group)s: half have left after %(n)s month.", "%(group)s: half have left after %(n)s months.", months
            )
    elif points:
        months = round(points[-1]["time"])
        facts = {"n": thousands(months), "group": group, "share": percent(points[-1]["survival"])}
        if name is None:
            told = ngettext(
                "After %(n)s month, as far as enough can be followed, %(share)s of all customers are still here.",
                "After %(n)s months, as far as enough can be followed, %(share)s of all customers are still here.",
                months,
            )
        else:
            told = ngettext(
                "%(group)s: after %(n)s month, as far as enough can be followed, %(share)s are still here.",
                "%(group)s: after %(n)s months, as far as enough can be followed, %(share)s are still here.",
                months,
            )
    else:
        facts, told = {"group": group}, _("%(group)s: nothing can be told.")
    basis = ngettext("%(n)s customer, %(left)s left", "%(n)s customers, %(left)s left", curve["customers"])
    return {
        "sentence": told % facts,
        "basis": basis % {"n": thousands(curve["customers"]), "left": thousands(curve["events"])},
    }


def apart(segment: Mapping) -> str:
    """How far what the model expects strays from what was observed, at most."""
    pairs = zip(segment["observed"]["points"], segment["expected"], strict=True)
    gaps = [(abs(point["survival"] - share), point["time"]) for point, (_time, share) in pairs]
    if not gaps:
        return ""
    gap, month = max(gaps)
    return _(
        "At its farthest, in month %(month)s, what the model expects lies %(gap)s points from what was observed."
    ) % {
        "month": thousands(round(month)),
        "gap": decimal(100 * gap, 1),
    }


def verdict(told: Mapping, watched: int | None) -> dict[str, object]:
    """Whether telling customers apart helps, against one curve for everybody: ``title``, ``text``, ``tone``, ``figures``."""
    base = told["brier_kaplan_meier"]
    facts = {
        "skill": percent(abs(told["skill"])),
        "low": percent(-told["high"] / base) if base else "–",
        "high": percent(-told["low"] / base) if base else "–",
    }
    if told["better_than_kaplan_meier"]:
        title = _("It tells early leavers from late ones")
        text = _(
            "Its errors are %(skill)s smaller than those of one curve for everybody (between %(low)s and %(high)s)."
        )
        tone = "low"
    elif told["low"] > 0:
        title = _("It does worse than one curve for everybody")
        text = _("Read the curves of groups below; do not build on what it says of single customers.")
        tone = "high"
    else:
        title = _("It does no better than one curve for everybody, beyond chance")
        text = _("Read the curves of groups below; what it says of single customers adds nothing that is sure.")
        tone = "medium"
    first, last = told["months"]
    if watched is None:
        scored = _("Measured on %(n)s customers it had not seen, from month %(first)s to month %(last)s.")
    else:
        scored = _("Measured on %(n)s customers it had not seen, after the %(last)s months that were watched.")
    return {
        "title": title,
        "text": text % facts,
        "tone": tone,
        "measured": scored % {"n": thousands(told["customers"]), "first": first, "last": last},
        "figures": {
            "brier": decimal(told["brier"], 4),
            "baseline": decimal(base, 4),
            "difference": _signed(told["difference"]),
            "low": _signed(told["low"]),
            "high": _signed(told["high"]),
        },
    }


def _signed(value: float) -> str:
    return ("−" if round(value, 4) < 0 else "+" if round(value, 4) > 0 else "") + decimal(abs(value), 4)


def choice(picked: Mapping) -> str:
    """Whether effects may change with tenure, and why."""
    names = [feature_name(name) for name in picked["facts"]["features"]]
    if picked["code"] == "drifting" and names:
        return _(
            "What drives customers away changes with time for: %(names)s. Letting it change was measured to help."
        ) % {"names": ", ".join(names)}
    return _(
        "What drives customers away is taken to be the same early and late: letting it change did not help beyond chance."
    )


# ---------------------------------------------------------------- does it keep its word?


def calibration(found: Sequence[Mapping]) -> list[dict[str, object]]:
    """A table for each moment that is looked ahead from: ``title``, ``horizons``, ``rows`` (a group of like prospects:
    ``name`` and ``cells``, one a horizon), ``misses`` (cells outside their interval) and ``cells`` in all."""
    tables = []
    for start in dict.fromkeys(cell["tenure"] for cell in found):
        cells = [cell for cell in found if cell["tenure"] == start]
        horizons = list(dict.fromkeys(cell["months"] for cell in cells))
        groups = sorted({cell["group"] for cell in cells})
        rows = [
            {
                "name": _prospects(place, len(groups)),
                "cells": [
                    _cell(one)
                    for months in horizons
                    for one in cells
                    if (one["group"], one["months"]) == (group, months)
                ],
            }
            for place, group in enumerate(groups)
        ]
        misses = sum(not cell["holds"] for row in rows for cell in row["cells"])
        tables.append(
            {
                "title": _start(start),
                "horizons": [ngettext("%(n)s month on", "%(n)s months on", n) % {"n": n} for n in horizons],
                "rows": rows,
                "misses": misses,
                "count": len(cells),
            }
        )
    return tables


def trust(tables: Sequence[Mapping]) -> str:
    """A warning where more groups than chance explains lie outside their range; nothing otherwise."""
    misses, count = (sum(table[name] for table in tables) for name in ("misses", "count"))
    if not count or misses <= _MANY_MISSES * count:
        return ""
    return _(
        "In %(misses)s of %(count)s cells what was said lies outside the range: trust the order in which it puts customers more than its percentages."
    ) % {"misses": misses, "count": count}


def _start(tenure: int | None) -> str:
    if tenure is None:
        return _("From when watching began")
    if tenure == 0:
        return _("From the day they joined")
    return ngettext(
        "From month %(n)s on, for who was still here", "From month %(n)s on, for who was still here", tenure
    ) % {"n": tenure}


def _prospects(place: int, of: int) -> str:
    """The groups are sorted by their chance to stay, the lowest first."""
    if of == 1:
        return _("everybody")
    if place == 0:
        return _("the fifth most likely to leave") if of == 5 else _("most likely to leave")
    if place == of - 1:
        return _("the fifth most likely to stay") if of == 5 else _("most likely to stay")
    return _("group %(n)s of %(of)s") % {"n": place + 1, "of": of}


def _cell(cell: Mapping) -> dict[str, object]:
    low, high = cell["low"], cell["high"]
    if cell["observed"] >= 1:  # nobody left: no spread to reckon with, so the rule of three (Hanley, Lippman-Hand 1983)
        low = max(0.0, 1 - 3 / cell["n"])
    holds = low <= cell["predicted"] <= high
    return {
        "predicted": percent(cell["predicted"]),
        "observed": percent(cell["observed"]),
        "low": percent(low),
        "high": percent(high),
        "n": thousands(cell["n"]),
        "holds": holds,
        "words": _("as said")
        if holds
        else _("stayed more")
        if cell["observed"] > cell["predicted"]
        else _("stayed less"),
    }


# ---------------------------------------------------------------- what must be known of it


def caveats(codes: Sequence[str], longest: int, watched: int | None) -> list[str]:
    """What the figures rest on, in sentences."""
    said = {
        "columns_of_today": _(
            "A customer counts in all earlier months with the contract and plan of today, for earlier ones are not kept."
        ),
        "tail_held_constant": _(
            "Beyond %(n)s months nobody was watched: from there on the risk of the last months is held."
        )
        % {"n": longest},
        "whole_lives_assumed": _(
            "It takes your file to hold everybody who ever joined. If customers who left long ago are not in it, people leave sooner than is said here."
        ),
        "period_life_table": _(
            "Only the last %(n)s months were watched, so a curve puts together how customers of each age left in them; nobody was followed from the first day."
        )
        % {"n": watched},
        "checked_within_the_window_only": _("It was checked over the %(n)s months that were watched, and not beyond.")
        % {"n": watched},
    }
    return [said[code] for code in codes if code in said]


def left_out(found: Sequence[Mapping]) -> list[dict[str, str]]:
    """Columns that were not learned from because they know the time: ``name`` and ``why``."""
    told = []
    for column in found:
        facts = {"strength": decimal(column["strength"], 2), "by": feature_name(column["by"]) if column["by"] else ""}
        why = {
            "is_tenure": _("it is the time itself"),
            "asked": _("it was asked for"),
            "follows_tenure": _("it grows with the time a customer has been here (rank correlation %(strength)s)")
            % facts,
            "times_tenure": _("it is the time here times “%(by)s” (rank correlation %(strength)s)") % facts,
        }.get(column["why"], column["why"])
        told.append({"name": feature_name(column["name"]), "why": why})
    return told


def refusal(told: Mapping) -> str:
    """Why nothing is told of when customers leave, and what to collect."""
    code, facts = told.get("code", ""), told.get("facts", {})
    if code == "no_tenure":
        return _(
            "Nothing says how long customers have been here: import a column “Tenure”, in months, for leavers and stayers alike."
        )
    if code == "constant_tenure":
        return _(
            "Tenure has only %(different)s different values, and at least %(needed)s are needed to tell early from late: import the true number of months for each customer."
        ) % {"different": facts.get("different", 0), "needed": facts.get("needed", 3)}
    if code == "too_few_events_in_time":
        missing = int(facts.get("missing", 0))
        return ngettext(
            "Only %(churners)s customers with a known tenure left within months that can be judged; at least %(needed)s are needed, %(n)s more. Import more customers who left, with how long they had been here.",
            "Only %(churners)s customers with a known tenure left within months that can be judged; at least %(needed)s are needed, %(n)s more. Import more customers who left, with how long they had been here.",
            missing,
        ) % {"churners": facts.get("churners", 0), "needed": facts.get("needed", 0), "n": missing}
    fallback = _("There is not enough to learn from.")
    return not_enough(NotEnoughEvidence(code, fallback, **facts)).message
