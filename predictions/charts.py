"""Figures of a model's card."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.charts import figure


def calibration(bins: list[dict]) -> dict:
    """Predicted risk against the share that left, by group of equal size, with 95 % intervals and the ideal line."""
    x = [b["predicted"] for b in bins]
    y = [b["observed"] for b in bins]
    return figure(
        [
            {
                "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "name": _("ideal"),
                "line": {"dash": "dot", "color": "muted"}, "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "name": _("this model"),
                "line": {"color": "accent"},
                "error_y": {
                    "type": "data", "symmetric": False, "color": "accent", "thickness": 1,
                    "array": [b["high"] - b["observed"] for b in bins],
                    "arrayminus": [b["observed"] - b["low"] for b in bins],
                },
                "customdata": [b["n"] for b in bins],
                "hovertemplate": _("risk said %{x:.0%}, left %{y:.0%} of %{customdata}") + "<extra></extra>",
            },
        ],
        x=_("risk said by the model"),
        y=_("share that left"),
        xaxis={"tickformat": ".0%", "range": [0, 1]},
        yaxis={"tickformat": ".0%", "range": [0, 1]},
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
