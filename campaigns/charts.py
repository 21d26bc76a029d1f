"""Figures of what campaigns did: differences with their intervals, shares that left, and the curve of whom to write to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign, thousands

from .models import Campaign
from .wording_campaigns import arm_of

_ARM_COLOURS = {"holdout": "muted", "a": "accent", "b": "series-3"}
_TONES = {"kept": "low", "lost": "high"}


def differences(campaign: Campaign, found: Mapping[str, Any]) -> dict | None:
    """Each comparison's difference of leavers in points, with its interval, around nought."""
    rows = [
        (one, one["difference"] or one["provisional"])
        for one in reversed([*found["against_holdout"], *found["pairs"]])
        if one["difference"] or one["provisional"]
    ]
    if not rows:
        return None
    data = []
    for one, interval in rows:
        colour = _TONES.get(one["verdict"], "muted")
        name = _versus(campaign, one)
        data.append(
            {
                "type": "scatter", "mode": "markers", "x": [100 * interval["estimate"]], "y": [name],
                "marker": {"color": colour, "size": 11}, "showlegend": False,
                "error_x": {
                    "type": "data", "symmetric": False, "color": colour, "thickness": 2.5, "width": 7,
                    "array": [100 * (interval["high"] - interval["estimate"])],
                    "arrayminus": [100 * (interval["estimate"] - interval["low"])],
                },
                "hovertemplate": _("%{x:.1f} points") + "<extra></extra>",
            }
        )  # fmt: skip
    furthest = max(100 * max(abs(i["low"]), abs(i["high"])) for _one, i in rows)
    axis = {"range": [-1.15 * furthest, 1.15 * furthest], "nticks": 7}
    return figure(
        data,
        x=_("fewer leave  ←  points  →  more leave"),
        xaxis=axis,
        yaxis={"automargin": True, "type": "category"},
        shapes=[{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "muted", "dash": "dot"}}],
    )  # fmt: skip


def _versus(campaign: Campaign, one: Mapping[str, Any]) -> str:
    if not campaign.rival_id:
        return _("written to<br>against left alone")
    return f"{arm_of(campaign, one['arm'])}<br>{_('against')} {arm_of(campaign, one['against'])}"


def rates(campaign: Campaign, found: Mapping[str, Any]) -> dict | None:
    """Share that left in each arm."""
    arms = [one for one in found["arms"] if one["rate"] is not None]
    if not arms:
        return None
    sign = percent_sign()
    return figure(
        [
            {
                "type": "bar", "x": [arm_of(campaign, one["arm"]) for one in arms], "y": [100 * one["rate"] for one in arms],
                "marker": {"color": [_ARM_COLOURS[one["arm"]] for one in arms]}, "width": 0.5,
                "text": [f"{100 * one['rate']:.1f}{sign}" for one in arms], "textposition": "outside", "cliponaxis": False,
                "customdata": [thousands(one["known"]) for one in arms],
                "hovertemplate": _("%{x}: %{y:.1f}%(sign)s of %{customdata}").replace("%(sign)s", sign) + "<extra></extra>",
            }
        ],
        y=_("share that left"),
        xaxis={"type": "category"},
        yaxis={"ticksuffix": sign, "rangemode": "tozero", "nticks": 5},
    )  # fmt: skip


def qini(result: Mapping[str, Any]) -> dict | None:
    """Customers kept for each thousand, by the share written to in the learned order, with its band; beside it the order by
    risk, and chance."""
    rankings = result.get("rankings") or {}
    mine, risk = rankings.get(result.get("method", "")), rankings.get("risk")
    if not mine:
        return None
    sign = percent_sign()
    x = [100 * share for share in mine["share"]]

    def line(values: list[float], **more: Any) -> dict:
        return {"type": "scatter", "mode": "lines", "x": x, "y": [1000 * value for value in values], **more}

    hover = (
        _("%{x:.0f}%(sign)s written to: %{y:.1f} kept").replace("%(sign)s", sign) + "<extra>%{fullData.name}</extra>"
    )
    data = [
        line(mine["low"], line={"width": 0}, hoverinfo="skip", showlegend=False),
        line(mine["high"], line={"width": 0}, fill="tonexty", fillcolor="accent-soft", hoverinfo="skip", showlegend=False),
        {
            "type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 1000 * mine["gain"][-1]], "name": _("by chance"),
            "line": {"color": "muted", "dash": "dot", "width": 2}, "hoverinfo": "skip",
        },
    ]  # fmt: skip
    if risk:
        data.append(line(risk["gain"], name=_("by risk"), line={"color": "medium", "width": 2, "dash": "dash"}, hovertemplate=hover))  # fmt: skip
    data.append(line(mine["gain"], name=_("as learned"), line={"color": "accent", "width": 2.5}, hovertemplate=hover))
    return figure(
        data,
        x=_("share written to, the likeliest to be kept first"),
        y=_("kept of each thousand"),
        xaxis={"ticksuffix": sign, "range": [0, 101], "nticks": 6},
        yaxis={"nticks": 6},
    )
