"""The list of customers by the other fields that a company keeps: the right ones, in order, however few they are."""

import datetime as dt
import json
import re

import pytest

from churnguard.dashboard import sifting
from churnguard.dashboard.other_fields import FieldFilter, in_words
from customers import services
from customers.models import Customer, CustomerBase
from customers.selectors import Attribute
from predictions.models import Score
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx, shown, walk
from tests.dashboard.test_clients import export, wanted


@pytest.fixture
def cast(shared):
    return shared.cast


def kept(i: int) -> dict[str, object]:
    found: dict[str, object] = {
        "Tier": ("Gold", "Silver", "Bronze & Co")[i % 3],
        "Index": i / 2 if i % 50 != 7 else "not a number",
        "Autopay": bool(i % 4),
        "Signed on": f"2025-{1 + i % 12:02d}-15",
        "Remark": f"remark {i}",
        "2024": i % 5,
    }
    if i % 10 == 0:
        del found["Autopay"]
    return found


@pytest.fixture
def everybody(atlas, shared) -> list[Score]:
    with tenant_scope(atlas):
        customers = list(Customer.objects.order_by("pk"))
        for i, customer in enumerate(customers):
            customer.attributes = kept(i)
        Customer.objects.bulk_update(customers, ["attributes"])
        services.refresh_customer_base()
        return list(Score.objects.filter(run=shared.scored).select_related("customer__subscription", "run"))


def of(score: Score) -> dict[str, object]:
    return score.customer.attributes


QUESTIONS = [
    ("field=Tier&value=Gold", lambda a: a["Tier"] == "Gold"),
    ("field=Tier&value=Bronze+%26+Co", lambda a: a["Tier"] == "Bronze & Co"),
    ("field=Remark&value=REMARK+17", lambda a: a["Remark"] == "remark 17"),
    ("field=Autopay&value=yes", lambda a: a.get("Autopay") is True),
    ("field=Autopay&value=no", lambda a: a.get("Autopay") is False),
    ("field=Index&low=20&high=40.5", lambda a: not isinstance(a["Index"], str) and 20 <= a["Index"] <= 40.5),
    ("field=Index&high=3", lambda a: not isinstance(a["Index"], str) and a["Index"] <= 3),
    ("field=2024&low=4", lambda a: a["2024"] >= 4),
    ("field=Signed+on&low=2025-11-15", lambda a: a["Signed on"] >= "2025-11-15"),
    ("field=Signed+on&low=2025-02-16&high=2025-04-15", lambda a: a["Signed on"][:7] in ("2025-03", "2025-04")),
]


@pytest.mark.parametrize(("query", "keep"), QUESTIONS)
def test_filter_keeps_exactly_those_that_one_picks_by_hand(bob_reads, everybody, query, keep):
    assert walk(bob_reads, f"churned=all&{query}") == wanted(everybody, lambda s: keep(of(s)))


@pytest.mark.parametrize("most", [1, 7, 60])
def test_bound_on_what_is_looked_through_changes_no_answer(bob_reads, everybody, monkeypatch, most):
    monkeypatch.setattr(sifting.sift, "__kwdefaults__", {**sifting.sift.__kwdefaults__, "most": most})
    if most == 1:
        everybody = wanted(everybody, lambda s: of(s)["Tier"] == "Gold")[:3]
        found, address = [], "/clients?churned=all&field=Tier&value=Gold"
        for _ in range(12):
            answer = bob_reads.get(address)
            found += shown(answer)
            link = re.search(r'rel="next" href="([^"]+)"', answer.content.decode())
            address = "/clients" + link[1].replace("&amp;", "&")
        assert found[:3] == everybody
        return
    query = "churned=all&field=Tier&value=Gold&sort=-charges"
    by_charges = wanted(everybody, lambda s: of(s)["Tier"] == "Gold", key=lambda s: s.monthly_charges)
    assert walk(bob_reads, query) == by_charges


def test_page_says_how_many_it_looked_through_and_goes_on(bob_reads, everybody, monkeypatch):
    monkeypatch.setattr(sifting.sift, "__kwdefaults__", {**sifting.sift.__kwdefaults__, "most": 40})
    text = bob_reads.get("/clients?churned=all&field=Remark&value=remark+1").content.decode()
    assert "Looked through 40 customers in this order" in text
    further = re.search(r'class="card-link" rel="next" href="(\?[^"]+after=[^"]+)"', text)
    assert further, "a link goes on from there"
    assert len(walk(bob_reads, "churned=all&field=Remark&value=remark+1")) == 1
    text = bob_reads.get("/clients?churned=all&field=Tier&value=nothing-like-that").content.decode()
    assert "Looked through" not in text, "a value that nobody has filters nothing, and is told"


def test_way_back_shows_the_pages_before(bob_reads, everybody):
    def link(text: str, rel: str) -> str | None:
        found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
        return "/clients" + found[1].replace("&amp;", "&") if found else None

    first = bob_reads.get("/clients?churned=all&field=Tier&value=Gold")
    second = bob_reads.get(link(first.content.decode(), "next"))
    back = bob_reads.get(link(second.content.decode(), "prev"))
    assert shown(back) == shown(first) != shown(second)
    assert link(first.content.decode(), "prev") is None
    assert link(second.content.decode(), "next") is None, "a hundred of three hundred are two pages"


def test_filter_goes_with_the_others_and_with_search(bob_reads, everybody):
    query = "contract=Two+year&field=Tier&value=Silver"
    assert walk(bob_reads, query) == wanted(
        everybody, lambda s: s.churn_label is not True and s.contract == "Two year" and of(s)["Tier"] == "Silver"
    )
    one = everybody[0].customer
    assert walk(bob_reads, f"churned=all&q={one.external_id}&field=Tier&value={one.attributes['Tier']}")
    assert not walk(bob_reads, f"churned=all&q={one.external_id}&field=Index&low=100000")


@pytest.mark.parametrize(
    "query",
    [
        "field=nothing&value=x", "field=__proto__&value=1", "field=Tier", "field=Index&low=abc", "field=Index&low=nan",
        "field=Index&low=9&high=1", "field=Tier&value=Platinum", "field=Signed+on&low=2025-13-01", "field=Index&low=1e999",
        "value=Gold", "field=Tier&value=Gold&of=Index", "field=Index&low=5&of=Tier",
    ],
)  # fmt: skip
def test_question_that_cannot_be_used_filters_nothing(bob_reads, everybody, query):
    answer = bob_reads.get(f"/clients?churned=all&{query}")
    assert shown(answer) == wanted(everybody, lambda s: True)[:50]


def test_bad_bound_is_told(bob_reads, everybody):
    assert "lower bound is above" in bob_reads.get("/clients?field=Index&low=9&high=1").content.decode()
    assert "left out" in bob_reads.get("/clients?field=Tier&value=Platinum").content.decode()


def test_choosing_a_field_brings_the_inputs_that_suit_it(bob_reads, everybody):
    def inputs(field: str) -> str:
        return bob_reads.get("/clients", {"field": field}, headers=htmx("otherfield")).content.decode()

    assert inputs("Tier").count("<option") == 4 and 'value="Bronze &amp; Co"' in inputs("Tier")
    assert inputs("Autopay").count("<option") == 3
    assert 'type="number"' in inputs("Index") and 'name="low"' in inputs("Index")
    assert inputs("Signed on").count('type="date"') == 2
    assert 'type="text"' in inputs("Remark"), "more values than a list should hold"
    assert "remark 1" not in inputs("Remark")
    assert 'name="value"' not in inputs("") and "<html" not in inputs("Tier")


def test_page_keeps_the_question_in_form_chip_and_links(bob_reads, everybody):
    text = bob_reads.get("/clients?field=Tier&value=Gold").content.decode()
    assert 'value="Gold" selected' in text and 'value="Tier" selected' in text
    assert "Tier: Gold" in text
    text = bob_reads.get("/clients?field=Index&low=3").content.decode()
    assert "Index ≥ 3" in text


def test_company_without_other_fields_has_no_such_filter(client_for, cast):
    text = client_for(cast.charlie).get("/clients?field=Tier&value=Gold").content.decode()
    assert 'name="field"' not in text
    assert client_for(cast.charlie).get("/clients?field=Tier", headers=htmx("otherfield")).status_code == 200


def test_another_companys_fields_are_not_offered(client_for, cast, everybody):
    answer = client_for(cast.charlie).get("/clients?field=Tier&value=Gold")
    assert 'name="field"' not in answer.content.decode()
    assert shown(answer) == []


def test_questions_of_a_filtered_page_do_not_grow_with_the_list(bob_reads, everybody):
    assert cost(bob_reads, "/clients?field=Tier&value=Gold") <= cost(bob_reads, "/clients") + 2


def test_customers_without_a_score_are_filtered_too(bob_reads, atlas, everybody):
    with tenant_scope(atlas):
        new = [Customer.objects.create(external_id=f"NEW-{i}", attributes=kept(i)) for i in range(6)]
    found = walk(bob_reads, "band=unscored&field=Tier&value=Gold")
    assert found == [str(new[0].public_id), str(new[3].public_id)]
    assert len(walk(bob_reads, "band=unscored&sort=-charges&field=Tier&value=Gold")) == 2


def test_export_holds_those_who_fit(client_for, cast, everybody):
    rows = export(client_for(cast.anna), "churned=all&field=Tier&value=Gold")
    gold = {s.customer.external_id for s in everybody if of(s)["Tier"] == "Gold"}
    assert {row[0] for row in rows[1:]} == gold


def test_customer_page_shows_other_fields_in_words(bob_reads, atlas, everybody):
    customer = everybody[1].customer
    with tenant_scope(atlas):
        Customer.objects.filter(pk=customer.pk).update(
            attributes={"Signed on": "2025-03-15", "Autopay": True, "Index": 1234.5, "<b>": "<i>x</i>", "Empty": None}
        )
    text = bob_reads.get(f"/clients/{customer.public_id}").content.decode()
    assert "March 15, 2025" in text and "1,234.50" in text and "&lt;i&gt;x&lt;/i&gt;" in text
    assert "True" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert "Empty" not in text and "<i>x" not in text


def test_base_of_an_earlier_release_still_offers_its_fields(bob_reads, atlas, everybody):
    with tenant_scope(atlas):
        base = CustomerBase.objects.get()
        del base.facts["attributes"]
        base.save()
    assert 'name="field"' in bob_reads.get("/clients").content.decode()


@pytest.mark.parametrize(
    ("kind", "asked", "cell", "fits"),
    [
        ("number", {"low": 1.0}, True, False),
        ("number", {"low": 1.0}, "5", False),
        ("number", {"low": 1.0}, [5], False),
        ("number", {"high": 5.0}, 5, True),
        ("flag", {"value": "no"}, False, True),
        ("flag", {"value": "no"}, 0, False),
        ("flag", {"value": "no"}, None, False),
        ("category", {"value": "été"}, " ÉTÉ ", True),
        ("category", {"value": "5"}, 5, True),
        ("category", {"value": "Yes"}, True, True),
        ("date", {"low": dt.date(2026, 1, 1)}, "2026-01-01", True),
        ("date", {"high": dt.date(1970, 1, 1)}, "1969-12-31", True),
        ("date", {"low": dt.date(2026, 1, 1)}, "2026-13-01", False),
        ("date", {"low": dt.date(2026, 1, 1)}, "soon", False),
        ("date", {"low": dt.date(2026, 1, 1)}, 2026, False),
    ],
)
def test_cell_of_another_type_never_fits(kind, asked, cell, fits):
    question = FieldFilter(Attribute("x", kind), **asked)
    assert question.fits([json.dumps({"x": cell}), "{}"]).tolist() == [fits, False]


def test_words_of_odd_cells():
    known = [Attribute("day", "date")]
    assert in_words({"day": "2026-02-30", "n": 0, "l": json.loads("[1]"), "none": None, "blank": ""}, known) == [
        ("day", "2026-02-30"), ("l", "[1]"), ("n", "0"),
    ]  # fmt: skip
