"""Figures of a model's card."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign, thousands


def calibration(bins: list[dict]) -> dict:
    """Predicted risk against the share that left, by group of equal size, with 95 % intervals and the ideal line."""
    x = [100 * b["predicted"] for b in bins]
    y = [100 * b["observed"] for b in bins]
    sign = percent_sign()
    top = min(100, 10 * (1 + max([*x, *(100 * b["high"] for b in bins)], default=90) // 10))
    axis = {"ticksuffix": sign, "range": [0, top], "nticks": 6}
    return figure(
        [
            {
                "type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "name": _("ideal"),
                "line": {"dash": "dot", "color": "muted"}, "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "name": _("this model"),
                "line": {"color": "accent"},
                "error_y": {
                    "type": "data", "symmetric": False, "color": "accent", "thickness": 1,
                    "array": [100 * (b["high"] - b["observed"]) for b in bins],
                    "arrayminus": [100 * (b["observed"] - b["low"]) for b in bins],
                },
                "text": [thousands(b["n"]) for b in bins],
                "hovertemplate": _("risk said %{x:.0f}%(sign)s, left %{y:.0f}%(sign)s of %{text}").replace("%(sign)s", sign)
                + "<extra></extra>",
            },
        ],
        x=_("risk said by the model"),
        y=_("share that left"),
        xaxis=axis,
        yaxis=axis,
        showlegend=False,
    )  # fmt: skip


def importance(rows: list[dict]) -> dict:
    """Mean size of each column's contribution, strongest on top."""
    rows = rows[::-1]
    return figure(
        [
            {
                "type": "bar", "orientation": "h", "x": [r["size"] for r in rows], "y": [r["name"] for r in rows],
                "marker": {"color": "accent"}, "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
            }
        ],
        x=_("mean effect on the log odds"),
        yaxis={"automargin": True},
    )  # fmt: skip
