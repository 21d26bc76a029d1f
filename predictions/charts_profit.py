"""Figures of the page about profit: what is expected of contacting more and more customers, and what was measured."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign, thousands

from .wording.profit import about, share


def _axes(currency: str) -> dict:
    return {
        "x": _("share of customers contacted, the most profitable first"),
        "y": currency,
        "xaxis": {"ticksuffix": percent_sign(), "range": [0, 100], "nticks": 6, "showgrid": False},
        "yaxis": {"tickformat": "~s", "nticks": 6, "zeroline": True, "zerolinecolor": "muted", "zerolinewidth": 1},
    }


def _mark(at: float) -> dict:
    """A dotted upright line at a share."""
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
        "line": {"color": "low", "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def expected(curve: dict, currency: str) -> dict | None:
    """Expected profit by share contacted, with the best share and (for the slider) another one marked."""
    if not curve:
        return None
    x = [100 * n / curve["rows"] for n in curve["customers"]]
    best = curve["best"]
    words = [
        f"{thousands(n)} · {about(money, currency)}"
        for n, money in zip(curve["customers"], curve["profit"], strict=True)
    ]
    at = 100 * best["share"]
    return figure(
        [
            {
                "type": "scatter", "mode": "lines", "x": x, "y": curve["profit"], "line": {"color": "accent", "width": 2.5},
                "fill": "tozeroy", "fillcolor": "accent-soft", "text": words,
                "hovertemplate": "%{x:.1f}" + percent_sign() + "<br><b>%{text}</b><extra></extra>",
            },
            {
                "type": "scatter", "mode": "markers+text", "x": [at], "y": [best["profit"]], "name": _("best"),
                "marker": {"color": "low", "size": 12, "line": {"color": "surface", "width": 2}},
                "text": [_("best: %(share)s") % {"share": share(best["share"])}],
                "textposition": "top right" if at < 60 else "top left", "cliponaxis": False, "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "markers", "x": [at], "y": [best["profit"]], "name": _("your share"),
                "marker": {"color": "accent", "size": 9, "symbol": "diamond", "line": {"color": "surface", "width": 2}},
                "cliponaxis": False, "hoverinfo": "skip",
            },
        ],
        **_axes(currency),
        shapes=[_mark(at)],
        showlegend=False,
        margin={"l": 0, "r": 4, "t": 28, "b": 0, "pad": 4},
    )  # fmt: skip


def measured(found: dict, currency: str) -> dict | None:
    """What the same choice would have brought where the outcome is known, with its band, beside what was promised."""
    if not found:
        return None
    x = [100 * n / found["rows"] for n in found["customers"]]
    at = 100 * found["contacted"] / found["rows"]
    told = [
        f"{about(money, currency)} ({about(low, currency)} – {about(high, currency)})"
        for money, low, high in zip(found["profit"], found["low"], found["high"], strict=True)
    ]
    return figure(
        [
            {
                "type": "scatter", "mode": "lines", "x": x, "y": found["high"], "line": {"width": 0, "color": "accent"},
                "hoverinfo": "skip", "showlegend": False,
            },
            {
                "type": "scatter", "mode": "lines", "x": x, "y": found["low"], "line": {"width": 0, "color": "accent"},
                "fill": "tonexty", "fillcolor": "accent-soft", "name": _("19 times out of 20"), "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "lines", "x": x, "y": found["promised"], "name": _("expected"),
                "line": {"color": "muted", "width": 2, "dash": "dot"}, "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "lines", "x": x, "y": found["profit"], "name": _("measured"),
                "line": {"color": "accent", "width": 2.5}, "text": told,
                "hovertemplate": "%{x:.1f}" + percent_sign() + "<br><b>%{text}</b><extra></extra>",
            },
        ],
        **_axes(currency),
        shapes=[_mark(at)],
    )  # fmt: skip
