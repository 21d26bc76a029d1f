"""Figures of a model's card."""

from __future__ import annotations

from itertools import pairwise
from textwrap import wrap

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
                "type": "bar", "orientation": "h", "x": [r["size"] for r in rows], "y": [_narrow(r["name"]) for r in rows],
                "marker": {"color": "accent"}, "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
            }
        ],
        x=_("mean effect on the log odds"),
        yaxis={"automargin": True},
    )  # fmt: skip


def _narrow(name: str) -> str:
    """A label over several lines, so that on a phone there is room for its bar."""
    return "<br>".join(wrap(name, 24)) or name


def capture(parts: list[dict]) -> dict:
    """Of all who left, the share reached by contacting so many of the riskiest first, with 95 % intervals."""
    sign, total = percent_sign(), sum(part["customers"] for part in parts)
    x, taken = [0.0], 0
    for part in parts:
        taken += part["customers"]
        x.append(100 * taken / total)
    y = [0.0, *(100 * part["capture"] for part in parts)]
    high = [0.0, *(100 * (part["capture_high"] - part["capture"]) for part in parts)]
    low = [0.0, *(100 * (part["capture"] - part["capture_low"]) for part in parts)]
    axis = {"ticksuffix": sign, "range": [0, 101], "nticks": 6}
    return figure(
        [
            {
                "type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "name": _("taken at random"),
                "line": {"dash": "dot", "color": "muted"}, "hoverinfo": "skip",
            },
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "name": _("this model"),
                "line": {"color": "accent"},
                "error_y": {
                    "type": "data", "symmetric": False, "color": "accent", "thickness": 1, "array": high, "arrayminus": low,
                },
                "hovertemplate": _("contacting %{x:.0f}%(sign)s reaches %{y:.0f}%(sign)s of those who leave").replace(
                    "%(sign)s", sign
                )
                + "<extra></extra>",
            },
        ],
        x=_("customers contacted, the riskiest first"),
        y=_("of all who left"),
        xaxis=axis,
        yaxis=axis,
        showlegend=False,
    )  # fmt: skip


def permutation(rows: list[dict]) -> dict:
    """What breaking each column costs in log loss, dearest on top, with twice the standard error to either side."""
    rows = rows[::-1]
    return figure(
        [
            {
                "type": "bar", "orientation": "h", "x": [row["cost"] for row in rows], "y": [_narrow(row["name"]) for row in rows],
                "marker": {"color": "accent"},
                "error_x": {"type": "data", "color": "muted", "thickness": 1, "array": [2 * row["error"] for row in rows]},
                "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
            }
        ],
        x=_("rise of log loss"),
        yaxis={"automargin": True},
    )  # fmt: skip


def dependence(one: dict, names: list[str]) -> dict:
    """How the mean risk goes along one column (``names``: its points for people): a line with a band for numbers, bars
    for categories; below, in grey, how many customers there are."""
    pairs = list(zip(one["points"], names, strict=True))
    numbers = [point for point, _name in pairs if point["kind"] == "number"]
    return _along(numbers) if numbers else _by_level(pairs)


def _along(points: list[dict]) -> dict:
    sign = percent_sign()
    x, top = [point["value"] for point in points], max(100 * point["high"] for point in points)
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0, "color": "accent"}, "hoverinfo": "skip"}
    return figure(
        [
            {
                "type": "bar", "x": x, "y": [point["density"] or 0 for point in points], "width": _widths(x), "yaxis": "y2",
                "marker": {"color": "muted"}, "opacity": 0.35, "hoverinfo": "skip",
            },
            edge | {"y": [100 * point["low"] for point in points]},
            edge | {"y": [100 * point["high"] for point in points], "fill": "tonexty", "fillcolor": "accent-soft"},
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": [100 * point["chance"] for point in points],
                "line": {"color": "accent"},
                "marker": {"size": 5, "color": ["muted" if point["sparse"] else "accent" for point in points]},
                "text": [thousands(point["n"]) for point in points],
                "hovertemplate": "%{x}: %{y:.0f}" + sign + " (n = %{text})<extra></extra>",
            },
        ],
        yaxis={"ticksuffix": sign, "range": [0, min(100, 1.05 * top)], "nticks": 5},
        yaxis2=_HIDDEN_AXIS | {"range": [0, 5 * max((point["density"] or 0) for point in points) or 1]},
        showlegend=False,
    )  # fmt: skip


def _widths(x: list[float]) -> list[float]:
    """How far each value reaches to its nearer neighbour, so that bars neither part nor cover each other."""
    gaps = [after - before for before, after in pairwise(x)]
    return [min(pair) for pair in zip([*gaps[:1], *gaps], [*gaps, *gaps[-1:]], strict=True)] if gaps else [1.0]


def _by_level(pairs: list[tuple[dict, str]]) -> dict:
    sign, pairs = percent_sign(), pairs[::-1]
    points = [point for point, _name in pairs]
    return figure(
        [
            {
                "type": "bar", "orientation": "h", "x": [100 * point["chance"] for point in points],
                "y": [_narrow(name) for _point, name in pairs],
                "marker": {"color": ["muted" if point["sparse"] else "accent" for point in points]},
                "error_x": {
                    "type": "data", "symmetric": False, "color": "muted", "thickness": 1,
                    "array": [100 * max(0, point["high"] - point["chance"]) for point in points],
                    "arrayminus": [100 * max(0, point["chance"] - point["low"]) for point in points],
                },
                "text": [thousands(point["n"]) for point in points], "textposition": "none",
                "hovertemplate": "%{y}: %{x:.0f}" + sign + " (n = %{text})<extra></extra>",
            }
        ],
        xaxis={"ticksuffix": sign, "rangemode": "tozero", "nticks": 6},
        yaxis={"type": "category", "automargin": True},
        showlegend=False,
    )  # fmt: skip


_HIDDEN_AXIS = {
    "overlaying": "y", "side": "right", "showgrid": False, "showticklabels": False, "ticks": "", "zeroline": False,
}  # fmt: skip
