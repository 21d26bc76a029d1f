"""Figures of the dashboard and of one customer. Every bar carries the address of the list behind it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign, thousands
from predictions.models import ScoringRun
from predictions.rollup import TENURE_EDGES, TENURE_NAMES
from predictions.wording import feature_name, value_name


def _list(**filters: object) -> str:
    return f"{reverse('dashboard:client_list')}?{urlencode(filters)}"


def _share(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def _percent_axis(**more: object) -> dict:
    return {"ticksuffix": percent_sign(), "rangemode": "tozero", "nticks": 6, **more}


def risk_distribution(run: ScoringRun) -> dict | None:
    """How many of those still here have which risk; a bar is coloured by the band its middle falls in."""
    counts = run.summary.get("present", {}).get("histogram")
    if not counts:
        return None
    width = 1 / len(counts)
    middles = [(i + 0.5) * width for i in range(len(counts))]
    bands = [run.band(m) for m in middles]
    sign = percent_sign()
    return figure(
        [
            {
                "type": "bar",
                "x": [100 * m for m in middles],
                "y": counts,
                "width": [100 * width * 0.86] * len(counts),
                "marker": {"color": bands},
                "customdata": [_list(band=band) for band in bands],
                "text": [f"{round(100 * i * width)}–{round(100 * (i + 1) * width)}{sign}" for i in range(len(counts))],
                "textposition": "none",
                "hovertemplate": _("risk %{text}: %{y:,} customers") + "<extra></extra>",
            }
        ],
        x=_("risk of leaving"),
        y=_("customers"),
        xaxis={"ticksuffix": sign, "range": [0, 100], "dtick": 20, "showgrid": False},
        yaxis={"rangemode": "tozero", "tickformat": ",d", "nticks": 6},
        showlegend=False,
    )


def _rates(names: list[str], groups: list[dict], filters: list[dict], *, x: str) -> dict:
    """Two bars for each group: the share that left among known outcomes, and the mean risk of those still here."""
    sign = percent_sign()
    return figure(
        [
            {
                "type": "bar",
                "name": _("left already"),
                "x": names,
                "y": [_share(g["churn_rate"]) for g in groups],
                "marker": {"color": "muted"},
                "customdata": [_list(**f, churned="yes") for f in filters],
                "text": [f"{thousands(g['left'])} / {thousands(g['known'])}" for g in groups],
                "textposition": "none",
                "hovertemplate": _("%{x}: %{y:.0f}%(sign)s left (%{text})").replace("%(sign)s", sign)
                + "<extra></extra>",
            },
            {
                "type": "bar",
                "name": _("mean risk of those still here"),
                "x": names,
                "y": [_share(g["mean_risk"]) for g in groups],
                "marker": {"color": "accent"},
                "customdata": [_list(**f) for f in filters],
                "text": [thousands(g["present"]) for g in groups],
                "textposition": "none",
                "hovertemplate": _("%{x}: mean risk %{y:.0f}%(sign)s of %{text} customers").replace("%(sign)s", sign)
                + "<extra></extra>",
            },
        ],
        x=x,
        xaxis={"type": "category", "showgrid": False},
        yaxis=_percent_axis(),
        barmode="group",
        bargap=0.34,
        bargroupgap=0.08,
    )


def churn_by_contract(run: ScoringRun) -> dict | None:
    groups = run.summary.get("groups", {}).get("contract", {})
    known = sorted(((name, g) for name, g in groups.items() if name), key=lambda pair: -pair[1]["customers"])[:8]
    if not known:
        return None
    return _rates(
        [value_name(n) for n, _g in known], [g for _n, g in known], [{"contract": n} for n, _g in known], x=""
    )


def churn_by_tenure(run: ScoringRun) -> dict | None:
    groups = run.summary.get("groups", {}).get("tenure", {})
    known = [(i, name) for i, name in enumerate(TENURE_NAMES) if name in groups]
    if not known:
        return None
    filters = []
    for i, _name in known:
        bounds: dict[str, object] = {"tenure_from": TENURE_EDGES[i]}
        if i + 1 < len(TENURE_EDGES):
            bounds["tenure_to"] = TENURE_EDGES[i + 1] - 1
        filters.append(bounds)
    return _rates(
        [name for _i, name in known], [groups[name] for _i, name in known], filters, x=_("months as a customer")
    )


def top_drivers(run: ScoringRun) -> dict | None:
    """What most often raises the risk of customers at medium or high risk."""
    rows = run.summary.get("drivers", [])[:8][::-1]
    if not rows:
        return None
    return figure(
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": [r["customers"] for r in rows],
                "y": [feature_name(r["feature"]) for r in rows],
                "marker": {"color": "accent"},
                "customdata": [_list(driver=r["feature"]) for r in rows],
                "hovertemplate": _("%{y}: among the main drivers of %{x:,} customers") + "<extra></extra>",
            }
        ],
        x=_("customers at medium or high risk"),
        xaxis={"tickformat": ",d", "rangemode": "tozero", "nticks": 6},
        yaxis={"showgrid": False},
        showlegend=False,
    )


# ---------------------------------------------------------------- one customer


def usage(records: list, currency: str) -> list[dict[str, object]]:
    """Four small figures on one scale of months: spend, calls, data, text messages. Those without a value are left out."""
    months = [r.month.isoformat() for r in records]
    words = [date_format(r.month, "F Y") for r in records]
    measures = (
        ("montant_consommation", _("Spend"), f" {currency}", ",.2f"),
        ("nombre_appels", _("Calls"), "", ",d"),
        ("volume_data", _("Data"), _(" GB"), ",.1f"),
        ("nombre_sms", _("Text messages"), "", ",d"),
    )
    found = []
    for name, title, unit, pattern in measures:
        values = [getattr(r, name) for r in records]
        if all(v is None for v in values):
            continue
        # Months are stored in megabytes; people speak of gigabytes.
        values = [
            None if v is None else round(float(v) / 1024, 3) if name == "volume_data" else float(v) for v in values
        ]
        trace = {
            "type": "scatter",
            "mode": "lines+markers" if len(values) < 3 else "lines",
            "x": months,
            "y": values,
            "line": {"color": "accent", "width": 2, "shape": "spline", "smoothing": 0.6},
            "fill": "tozeroy",
            "fillcolor": "accent-soft",
            "text": words,
            "hovertemplate": "%{text}<br><b>%{y:" + pattern + "}" + unit + "</b><extra></extra>",
        }
        known = [v for v in values if v is not None]
        found.append(
            {
                "key": name.replace("_", "-"),
                "title": title,
                "latest": known[-1],
                "unit": unit.strip(),
                "digits": 0 if pattern == ",d" else 1,
                "figure": figure(
                    [trace],
                    xaxis={
                        "type": "date",
                        "showgrid": False,
                        "tickvals": [months[0], months[len(months) // 2], months[-1]] if len(months) > 2 else months,
                        "ticktext": [date_format(records[i].month, "b y") for i in (0, len(months) // 2, -1)]
                        if len(months) > 2
                        else words,
                    },
                    yaxis={"rangemode": "tozero", "nticks": 4, "tickformat": "~s"},
                    showlegend=False,
                ),
            }
        )
    return found


def risk_history(scores: list) -> dict | None:
    """The customer's risk in the kept scorings, with the bands' borders of the newest one."""
    if len(scores) < 2:
        return None
    run = scores[-1].run
    x = list(range(len(scores)))
    sign = percent_sign()
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    return figure(
        [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": x,
                "y": [round(100 * s.risk, 1) for s in scores],
                "line": {"color": "accent", "width": 2},
                "marker": {"size": 7, "color": [s.run.band(s.risk) for s in scores]},
                "text": [
                    _("%(date)s, model %(version)s")
                    % {
                        "date": date_format(timezone.localtime(s.run.finished_at), "DATETIME_FORMAT"),
                        "version": s.run.version.number,
                    }
                    for s in scores
                ],
                "hovertemplate": "%{text}<br><b>%{y:.1f}" + sign + "</b><extra></extra>",
            }
        ],
        xaxis={
            "showgrid": False,
            "range": [-0.3, len(scores) - 0.7],
            # The first and the last: dates in between would touch each other.
            "tickvals": [0, len(scores) - 1],
            "ticktext": [
                date_format(timezone.localtime(scores[i].run.finished_at), "SHORT_DATE_FORMAT") for i in (0, -1)
            ],
        },
        yaxis={"ticksuffix": sign, "range": [0, 100], "dtick": 25},
        shapes=[
            {
                **line,
                "y0": 100 * run.risk_high,
                "y1": 100 * run.risk_high,
                "line": {"color": "high", "width": 1, "dash": "dot"},
            },
            {
                **line,
                "y0": 100 * run.risk_medium,
                "y1": 100 * run.risk_medium,
                "line": {"color": "medium", "width": 1, "dash": "dot"},
            },
        ],
        showlegend=False,
    )
