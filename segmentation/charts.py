"""Figures of segments: shares, boxes, radar, moves, quality for each number of segments, and what is at stake."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign

from .models import Segment, SegmentProfile
from .wording_names import feature_name

_LONGEST_LINE = 11  # of a radar's labels: a phone shows them whole
_COLOURS = 10  # roles series-1 … of static/src/app.css


def colour(number: int) -> str:
    """The role of a segment's colour: by its number, so that S3 looks the same wherever it stands."""
    return f"series-{(number - 1) % _COLOURS + 1}"


def members_of(segment: Segment) -> str:
    """The address of the list of its customers."""
    return f"{reverse('dashboard:client_list')}?{urlencode({'segment': segment.label, 'churned': 'all'})}"


def distribution(profiles: Sequence[SegmentProfile]) -> dict:
    """A ring of the segments' sizes; a slice leads to its customers."""
    return {
        "data": [
            {
                "type": "pie", "hole": 0.58, "sort": False, "direction": "clockwise",
                "labels": [_named(p.segment) for p in profiles], "values": [p.size for p in profiles],
                "marker": {"colors": [colour(p.segment.number) for p in profiles], "line": {"color": "surface", "width": 2}},
                "customdata": [members_of(p.segment) for p in profiles], "textinfo": "percent",
                "hovertemplate": "%{label}: %{value:,} (%{percent})<extra></extra>",
            }
        ],
        "layout": {"legend": {"orientation": "v", "x": 1, "xanchor": "left", "y": 0.5, "yanchor": "middle"}},
    }  # fmt: skip


def boxes(profiles: Sequence[SegmentProfile], name: str) -> dict:
    """One feature, a box for each segment: fences, quartiles and median of a sample that is even over segments."""
    data = []
    for p in profiles:
        found = p.quartiles.get(name)
        if not found:
            continue
        low, first, median, third, high = found
        data.append(
            {
                "type": "box", "name": p.segment.label, "x": [p.segment.label], "lowerfence": [low], "q1": [first],
                "median": [median], "q3": [third], "upperfence": [high], "fillcolor": "surface",
                "marker": {"color": colour(p.segment.number)}, "line": {"color": colour(p.segment.number), "width": 2},
                "showlegend": False, "hoverlabel": {"namelength": 0},
            }
        )  # fmt: skip
    yaxis = {"tickformat": ".0%"} if name == "risk" else {"nticks": 6}
    return figure(data, y=feature_name(name), xaxis={"type": "category"}, yaxis=yaxis)


def radar(profiles: Sequence[SegmentProfile], features: Sequence[str]) -> dict:
    """Each segment's means, every feature from its lowest segment (0) to its highest (1)."""
    names = ["<br>".join(textwrap.wrap(feature_name(name), _LONGEST_LINE)) for name in features]
    data = []
    for p in profiles:
        values = [p.scaled.get(name) for name in features]
        data.append(
            {
                "type": "scatterpolar", "name": _named(p.segment), "r": [*values, values[0]], "theta": [*names, names[0]],
                "line": {"color": colour(p.segment.number), "width": 2}, "marker": {"color": colour(p.segment.number)},
                "hovertemplate": "%{theta}: %{r:.0%}<extra>%{fullData.name}</extra>",
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "polar": {
                "radialaxis": {
                    "range": [0, 1],
                    "tickvals": [0, 0.25, 0.5, 0.75, 1],
                    "showticklabels": False,
                    "gridcolor": "grid",
                    "ticks": "",
                    "showline": False,
                },
                "angularaxis": {"gridcolor": "grid", "linecolor": "grid"},
            },
            "margin": {"l": 60, "r": 60, "t": 30, "b": 30},
            "legend": {"orientation": "h", "y": -0.2, "x": 0},
        },
    }


def stakes(profiles: Sequence[SegmentProfile], currency: str) -> dict:
    """Charges at risk a month by segment: what those still here pay, times their risk."""
    known = [p for p in profiles if p.stakes]
    sign = percent_sign()
    return figure(
        [
            {
                "type": "bar", "x": [p.segment.label for p in known], "y": [p.stakes["charges_at_risk"] for p in known],
                "marker": {"color": [colour(p.segment.number) for p in known]},
                "customdata": [members_of(p.segment) for p in known],
                "text": [f"{100 * p.stakes['risk']:.0f}{sign}" for p in known], "textposition": "outside", "cliponaxis": False,
                "hovertemplate": "%{x}: %{y:,.0f} " + currency + "<extra></extra>",
            }
        ],
        y=_("%(currency)s a month at risk") % {"currency": currency},
        xaxis={"type": "category"},
        yaxis={"rangemode": "tozero", "nticks": 6},
    )  # fmt: skip


def moves(flow: Mapping, names: Mapping[int, str]) -> dict | None:
    """Who went from where to where since the run before; a link is as wide as its customers are many."""
    links = [link for link in flow.get("links", []) if link["customers"]]
    if not links:
        return None
    left = sorted({link["from"] for link in links})
    right = sorted({link["to"] for link in links})
    places = {("from", n): i for i, n in enumerate(left)} | {("to", n): len(left) + i for i, n in enumerate(right)}
    return {
        "data": [
            {
                "type": "sankey", "arrangement": "snap",
                "node": {
                    "label": [names.get(n, f"S{n}") for n in (*left, *right)], "pad": 18, "thickness": 14,
                    "color": [colour(n) for n in (*left, *right)], "line": {"width": 0},
                    "hovertemplate": "%{label}: %{value:,}<extra></extra>",
                },
                "link": {
                    "source": [places["from", link["from"]] for link in links],
                    "target": [places["to", link["to"]] for link in links],
                    "value": [link["customers"] for link in links],
                    "color": ["moved" if link["from"] != link["to"] else "stayed" for link in links],
                    "hovertemplate": "%{source.label} → %{target.label}: %{value:,}<extra></extra>",
                },
            }
        ],
        "layout": {"margin": {"l": 4, "r": 4, "t": 14, "b": 10}},
    }  # fmt: skip


def quality(candidates: Sequence[Mapping], chosen: int) -> dict:
    """How good each number of segments is: silhouette above chance, and how often bootstraps find the same ones."""
    ks = [one["k"] for one in candidates]
    return figure(
        [
            {
                "type": "scatter", "mode": "lines+markers", "name": _("found again by bootstraps"), "x": ks,
                "y": [one["stability"] for one in candidates], "line": {"color": "accent", "width": 2},
                "error_y": {
                    "type": "data", "symmetric": False, "color": "accent", "thickness": 1, "width": 3,
                    "array": [one["stability_high"] - one["stability"] for one in candidates],
                    "arrayminus": [one["stability"] - one["stability_low"] for one in candidates],
                },
                "hovertemplate": "k = %{x}: %{y:.2f}<extra>%{fullData.name}</extra>",
            },
            {
                "type": "scatter", "mode": "lines+markers", "name": _("silhouette"), "x": ks,
                "y": [one["silhouette"] for one in candidates], "line": {"color": "low", "width": 2},
                "hovertemplate": "k = %{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
            },
            {
                "type": "scatter", "mode": "lines", "name": _("silhouette of data without groups"), "x": ks,
                "y": [one["reference"] for one in candidates], "line": {"color": "muted", "width": 2, "dash": "dot"},
                "hovertemplate": "k = %{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
            },
        ],
        x=_("number of segments"),
        xaxis={"dtick": 1},
        yaxis={"range": [0, 1.05], "nticks": 6},
        shapes=[{"type": "line", "x0": chosen, "x1": chosen, "y0": 0, "y1": 1.05, "line": {"color": "muted", "dash": "dash"}}],
    )  # fmt: skip


def budgets(curve: Sequence[Mapping], budget: float | None, currency: str) -> dict:
    """Customers kept for a budget, with the one that was asked for."""
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "name": _("customers kept"), "x": [one["budget"] for one in curve],
            "y": [one["kept"] for one in curve], "line": {"color": "accent", "width": 2}, "showlegend": False,
            "hovertemplate": "%{x:,.0f} " + currency + ": %{y:,.1f}<extra></extra>",
        }
    ]  # fmt: skip
    shapes = []
    if budget is not None:
        line = {"color": "muted", "dash": "dash"}
        shapes = [{"type": "line", "x0": budget, "x1": budget, "y0": 0, "y1": 1, "yref": "paper", "line": line}]
    return figure(
        data, x=_("budget (%(currency)s)") % {"currency": currency}, y=_("customers kept"), yaxis={"rangemode": "tozero"},
        shapes=shapes,
    )  # fmt: skip


def _named(segment: Segment) -> str:
    """S3 · Data hungry, where it has a persona."""
    from .wording_personas import persona

    called = persona(segment)
    return f"{segment.label} · {called}" if called else segment.label
