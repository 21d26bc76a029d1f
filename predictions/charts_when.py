"""Survival curves: the share of customers still here, month by month, as it was and as the model expects it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign

from .wording.when import followed, group_name

# Told apart by dash as well as by colour, for the colours of risk are kept for risk.
_LINES = [(colour, dash) for dash in ("solid", "dash", "dot") for colour in ("accent", "text", "muted")]


def everybody(segment: Mapping) -> dict:
    """All customers: the observed curve with its 95 % band, and what the model expects of the same people."""
    points, sign = segment["observed"]["points"], percent_sign()
    months = [point["time"] for point in points]
    band = {"type": "scatter", "mode": "lines", "x": months, "hoverinfo": "skip", "showlegend": False}
    return _figure(
        [
            {**band, "y": [100 * point["high"] for point in points], "line": {"shape": "hv", "width": 0}},
            {
                **band, "y": [100 * point["low"] for point in points], "line": {"shape": "hv", "width": 0},
                "fill": "tonexty", "fillcolor": "accent-soft",
            },
            {
                "type": "scatter", "mode": "lines", "name": _("observed"), "x": months,
                "y": [100 * point["survival"] for point in points], "line": {"shape": "hv", "color": "accent"},
                "customdata": [_band(point, sign) for point in points],
                "hovertemplate": _("month %{x}: %{y:.0f}%(sign)s still here, %{customdata}").replace("%(sign)s", sign)
                + "<extra></extra>",
            },
            {
                "type": "scatter", "mode": "lines", "name": _("expected by the model"),
                "x": [time for time, _share in segment["expected"]], "y": [100 * share for _time, share in segment["expected"]],
                "line": {"color": "text", "dash": "dot"}, "hoverinfo": "skip",
            },
        ]
    )  # fmt: skip


def groups(segments: Sequence[Mapping], column: str) -> dict:
    """One observed curve for each group, the largest first, as far as enough of its customers can be followed."""
    sign = percent_sign()
    curves = [(segment["observed"]["name"], followed(segment["observed"]["points"])) for segment in segments]
    return _figure(
        [
            {
                "type": "scatter", "mode": "lines", "name": group_name(name, column),
                "x": [point["time"] for point in points], "y": [100 * point["survival"] for point in points],
                "line": {"shape": "hv", "color": colour, "dash": dash},
                "customdata": [_band(point, sign) for point in points],
                "hovertemplate": _("month %{x}: %{y:.0f}%(sign)s still here, %{customdata}").replace("%(sign)s", sign)
                + "<extra>%{fullData.name}</extra>",
            }
            for (name, points), (colour, dash) in zip(curves, _LINES, strict=False)
        ]
    )  # fmt: skip


def _band(point: Mapping, sign: str) -> str:
    return _("between %(low)s and %(high)s") % {
        "low": f"{100 * point['low']:.0f}{sign}",
        "high": f"{100 * point['high']:.0f}{sign}",
    }


def _figure(data: list[dict]) -> dict:
    return figure(
        data,
        x=_("months since they joined"),
        y=_("share still here"),
        xaxis={"rangemode": "tozero"},
        yaxis={"ticksuffix": percent_sign(), "range": [0, 102], "nticks": 6},
    )
