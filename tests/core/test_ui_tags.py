"""Small words in templates: what a person reads of a number, and charts that cannot break out of their script."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from core.templatetags import ui


@pytest.mark.parametrize(
    ("value", "digits", "english", "french"),
    [
        (0.265, 0, "26%", "26\u202f%"),
        (0.2654, 1, "26.5%", "26,5\u202f%"),
        (0, 0, "0%", "0\u202f%"),
        (1, 0, "100%", "100\u202f%"),
        (None, 0, "–", "–"),
    ],
)
def test_percent_is_written_as_each_language_writes_it(value, digits, english, french):
    assert ui.percent(value, digits) == english
    with translation.override("fr"):
        assert ui.percent(value, digits) == french


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        (Decimal("29.85"), "USD", "29.85\u00a0USD"),
        (Decimal("29.8512"), "TND", "29.851\u00a0TND"),
        (Decimal("450"), "JPY", "450\u00a0JPY"),
        (Decimal("1234.56"), "USD", "1,235\u00a0USD"),
        (-1500, "EUR", "-1,500\u00a0EUR"),
        (0.1, "", "0.10"),
        (None, "USD", "–"),
    ],
)
def test_money_has_the_currencys_cents_below_a_thousand_and_none_above(value, currency, written):
    assert ui.money(value, currency) == written


def test_numbers_are_grouped_and_the_unknown_is_a_dash():
    assert ui.thousands(7043) == "7,043"
    assert ui.thousands(None) == "–"
    assert ui.decimal(0.8484, 3) == "0.848"
    assert ui.decimal(None) == "–"


def test_address_keeps_its_state_and_paging_starts_anew():
    request = RequestFactory().get("/clients", {"band": "high", "sort": "-risk", "after": "xyz", "q": "a&b"})
    context = {"request": request}
    assert ui.query(context, band="low") == "?band=low&sort=-risk&q=a%26b"
    assert ui.query(context, band=None, sort="", q=None) == "?"
    assert ui.query(context, after="abc").endswith("&after=abc")


@pytest.mark.parametrize(
    "text", ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "a & b", "\u2028\u2029", "é"]
)
def test_chart_cannot_break_out_of_its_script(text):
    figure = {"data": [{"type": "bar", "x": [text], "y": [1]}], "layout": {"title": text}}
    page = Template("{% chart figure 'risk' label %}").render(Context({"figure": figure, "label": text}))
    start = page.index('<script type="application/json" id="risk-data">') + len(
        '<script type="application/json" id="risk-data">'
    )
    payload = page[start : page.index("</script>", start)]
    assert json.loads(payload) == figure
    assert page.count("</script>") == 1
    assert not {"<", ">", "&"} & set(payload)
    assert 'aria-label="' in page
    assert "<script>" not in page


def test_chart_of_nothing_is_nothing():
    assert ui.chart(None, "risk") == ""


@pytest.mark.parametrize(
    ("risk", "written"), [(0.599, "59%"), (0.6, "60%"), (0.29, "29%"), (1.0, "100%"), (0.0, "0%"), (None, "–")]
)
def test_risk_never_reads_as_a_band_it_is_not_in(risk, written):
    assert ui.risk_percent(risk) == written


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (5, "just now", "à l’instant"),
        (59, "just now", "à l’instant"),
        (125, "2\u00a0minutes ago", "il y a 2\u00a0minutes"),
    ],
)
def test_a_moment_ago_is_not_counted_in_minutes(seconds, english, french):
    moment = timezone.now() - timedelta(seconds=seconds)
    assert ui.ago(moment) == english
    with translation.override("fr"):
        assert ui.ago(moment) == french
