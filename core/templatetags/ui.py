"""Small words for templates: money, percentages, query strings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from math import floor

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.timesince import timesince
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

register = template.Library()

# ISO 4217 minor units that are not two.
_DECIMALS = {"TND": 3, "BHD": 3, "KWD": 3, "OMR": 3, "JOD": 3, "LYD": 3, "JPY": 0, "XOF": 0, "XAF": 0, "KRW": 0}


def percent_sign() -> str:
    """ "%" with the space that the language in use puts before it."""
    return "%" if (get_language() or "en").startswith("en") else "\u202f%"


@register.filter
def percent(value: float | None, digits: int = 0) -> str:
    """0.265 -> "27 %" ("27%" in English); nothing known -> a dash."""
    if value is None:
        return "–"
    return formats.number_format(round(100 * float(value), digits), digits) + percent_sign()


@register.filter
def risk_percent(value: float | None) -> str:
    """A customer's risk in whole percents, rounded down: 59.9 % must not read as the 60 % at which a band begins."""
    return "–" if value is None else percent(floor(100 * value + 1e-6) / 100)


@register.filter
def money(value: Decimal | float | None, currency: str = "") -> str:
    """An amount in the workspace's currency; whole units from 1,000 up, where the cents only blur the page."""
    if value is None:
        return "–"
    digits = _DECIMALS.get(currency, 2)
    if abs(value) >= 1000:
        digits = 0
    number = formats.number_format(round(Decimal(str(value)), digits), digits, force_grouping=True)
    return f"{number}\u00a0{currency}".strip()


@register.filter
def thousands(value: int | None) -> str:
    return "–" if value is None else formats.number_format(value, 0, force_grouping=True)


@register.filter
def ago(moment: datetime) -> str:
    """How long it is since then, as a whole phrase: nobody says "0 minutes ago"."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(ago)s ago") % {"ago": timesince(moment)}


@register.filter
def decimal(value: float | None, digits: int = 3) -> str:
    # Rounded here: number_format cuts digits off instead.
    return "–" if value is None else formats.number_format(round(float(value), digits), digits)


@register.filter
def signed(value: float | None, digits: int = 0) -> str:
    """+12, −3, ±0: with a true minus."""
    if value is None:
        return "–"
    sign = "+" if round(value, digits) > 0 else "−" if round(value, digits) < 0 else "±"
    return sign + formats.number_format(round(abs(value), digits), digits, force_grouping=True)


@register.filter
def absolute(value: float) -> float:
    return abs(value)


@register.filter
def duration(seconds: float | None) -> str:
    """An estimate for people: "less than 5 s", "about 40 s", "about 3 min"."""
    if seconds is None:
        return ""
    if seconds < 5:
        return _("less than 5 s")
    if seconds < 90:
        return _("about %(n)s s") % {"n": 5 * round(seconds / 5)}
    return ngettext("about %(n)s min", "about %(n)s min", round(seconds / 60)) % {"n": round(seconds / 60)}


@register.filter
def get(mapping, key):
    return mapping.get(key) if mapping else None


@register.simple_tag(takes_context=True)
def query(context, *given: dict, **changes) -> str:
    """The present address's query string with some parameters changed; None removes one. Paging starts anew."""
    for more in given:
        changes = {**more, **changes}
    params = context["request"].GET.copy()
    params.pop("after", None)
    params.pop("before", None)
    for name, value in changes.items():
        if value is None or value == "":
            params.pop(name, None)
        else:
            params[name] = value
    return "?" + params.urlencode() if params else "?"


@register.simple_tag
def chart(figure: dict | None, element_id: str, label: str = "", height: int = 280):
    """A Plotly figure as JSON in the page, drawn by static/src/js/charts.js (no inline script, strict CSP).

    ``height`` is one of the classes ``chart-h…`` of static/src/app.css.
    """
    if not figure:
        return ""
    payload = (
        json.dumps(figure, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    )
    return format_html(
        '<div id="{}" class="chart chart-h{}" data-chart="{}-data" role="figure" aria-label="{}"></div>'
        '<script type="application/json" id="{}-data">{}</script>',
        element_id,
        height,
        element_id,
        label,
        element_id,
        mark_safe(payload),  # escaped above: <, > and & never reach the page
    )


@register.filter
def unlocalized(value: float) -> str:
    """A number as a file format wants it (SVG): a point, no grouping, whatever the language."""
    return f"{value:g}"
