"""Distributions side by side: those a model learned from, and today's customers, bin by bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from core.charts import figure
from core.templatetags.ui import percent_sign

WIDTH, HEIGHT = 160, 40  # of the small figure, in its own units
ROW_WIDTH, ROW_HEIGHT = 100, 16  # of one bin's two bars
_BAR = 7
_GAP = 0.28  # of a bin's width, between bins


def rows(finding: Mapping, labels: Sequence[str]) -> list[dict[str, object]]:
    """The bins that hold anybody: ``label``, ``then`` and ``now`` (shares of customers), ``is_aside`` (unknown, others),
    and the lengths of their two bars as SVG wants them."""
    then, now = finding["reference"], finding["current"]
    aside = {len(then) - 1, *([len(then) - 2] if finding["kind"] == "category" else [])}
    most = max([*then, *now]) or 1.0
    return [
        {
            "label": label,
            "then": before,
            "now": after,
            "is_aside": at in aside,
            "then_width": f"{ROW_WIDTH * before / most:.2f}",
            "now_width": f"{ROW_WIDTH * after / most:.2f}",
        }
        for at, (label, before, after) in enumerate(zip(labels, then, now, strict=True))
        if before or after
    ]


def small(shown: Sequence[Mapping]) -> dict[str, list[dict[str, str]]]:
    """The same bins as a strip of pairs of bars: ``then`` and ``now``, each of x, y, width, height."""
    most = max((max(row["then"], row["now"]) for row in shown), default=0) or 1.0
    pitch = min(WIDTH / max(len(shown), 1), 32.0)
    width = pitch * (1 - _GAP) / 2
    strip: dict[str, list[dict[str, str]]] = {"then": [], "now": []}
    for at, row in enumerate(shown):
        for side, (which, bars) in enumerate(strip.items()):
            height = max(HEIGHT * row[which] / most, 0.8 if row[which] else 0.0)  # the rarest still shows
            shape = {"x": at * pitch + side * width, "y": HEIGHT - height, "width": width, "height": height}
            bars.append({name: f"{size:.2f}" for name, size in shape.items()})
    return strip


def scores(shown: Sequence[Mapping]) -> dict:
    """The risks then and now: shares of customers in bins of risk."""
    sign = percent_sign()
    names = [row["label"] for row in shown]
    sides = (("then", _("when the model learned"), "muted"), ("now", _("now"), "accent"))
    return figure(
        [
            {
                "type": "bar", "name": name, "x": names, "y": [100 * row[which] for row in shown],
                "marker": {"color": colour}, "hovertemplate": f"%{{x}}: %{{y:.1f}}{sign}<extra>%{{fullData.name}}</extra>",
            }
            for which, name, colour in sides
        ],
        x=_("risk of leaving"),
        y=_("share of the customers"),
        barmode="group",
        bargap=0.3,
        xaxis={"type": "category"},
        yaxis={"ticksuffix": sign, "rangemode": "tozero", "nticks": 6},
    )  # fmt: skip
