"""What lies ahead of one customer, and what the model would say if some of their columns were otherwise."""

import re

import pytest

from customers.frames.one import frame_of
from customers.models import Customer, Subscription
from customers.selectors import feature_frames
from predictions import selectors, services
from predictions.models import ModelVersion, ScoringRun, SurvivalModel
from predictions.services import outlooks
from predictions.wording.actionable import actionable
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.conftest import count_rows
from tests.dashboard.conftest import cost, htmx

PART = {"HX-Request": "true", "HX-Target": "anything"}
ANSWER = htmx("what-if-answer")


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture(autouse=True)
def nothing_kept():
    """Each test begins with no model in memory."""
    outlooks._models.clear()


@pytest.fixture
def person(shared, cast) -> Customer:
    """Somebody still here, on a monthly contract."""
    with tenant_scope(cast.atlas):
        here = Customer.objects.filter(churn_label=False, subscription__contract="Month-to-month")
        return here.select_related("subscription").order_by("pk")[3]


def text_of(answer) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


# ---------------------------------------------------------------- one customer as a frame


def test_one_customers_frame_is_their_line_of_everybodys(shared, cast, person):
    with tenant_scope(cast.atlas):
        everybody = next(feature_frames())
        alone = frame_of(person)
        few = frame_of(person, only=["contract"])
    line = everybody[everybody["id"] == person.pk].reset_index(drop=True)
    assert list(alone.columns) == list(everybody.columns)
    assert (
        alone.astype(object).where(alone.notna(), None).to_dict()
        == line.astype(object).where(line.notna(), None).to_dict()
    )
    assert len(few) == 1 and few["contract"][0] == "Month-to-month"
    with tenant_scope(cast.borealis):
        assert frame_of(person).empty


# ---------------------------------------------------------------- what lies ahead


def test_outlook_tells_chances_that_fall_and_money_that_is_at_risk(client_for, cast, person):
    with tenant_scope(cast.atlas):
        ahead = outlooks.outlook_of(person)
    three, six, twelve = ahead.here[3], ahead.here[6], ahead.here[12]
    assert 1 >= three >= six >= twelve > 0
    charges = float(person.subscription.monthly_charges)
    assert ahead.value_at_risk == pytest.approx(charges * (12 - ahead.expected_months))
    text = text_of(client_for(cast.bob).get(f"/clients/{person.public_id}/outlook", headers=PART))
    assert "<html" not in text
    for n in (3, 6, 12):
        assert f"in {n} months" in text
    assert "Half of customers like this one leave within" in text or "more than the data can tell" in text
    assert "Expected to be lost over 12 months" in text and "TND" in text
    assert text.count("<progress") == 3


def test_outlook_is_better_on_a_long_contract(cast, shared, person):
    with tenant_scope(cast.atlas):
        before = outlooks.outlook_of(person)
        Subscription.objects.filter(customer=person).update(contract="Two year")
        assert outlooks.outlook_of(person).here[12] > before.here[12]


def test_nothing_lies_ahead_of_who_left(client_for, cast, shared):
    with tenant_scope(cast.atlas):
        gone = Customer.objects.filter(churn_label=True).first()
        assert outlooks.outlook_of(gone) is None
        assert outlooks.ask_what_if(gone, {}) is None
    client = client_for(cast.bob)
    assert "This customer left" in text_of(client.get(f"/clients/{gone.public_id}/outlook", headers=PART))
    assert "this customer left" in text_of(client.get(f"/clients/{gone.public_id}/what-if", headers=PART))
    page = text_of(client.get(f"/clients/{gone.public_id}"))
    assert "/outlook" not in page and "/what-if" not in page


def test_customer_of_unknown_tenure_or_charges_is_told_apart(client_for, cast, person):
    address = f"/clients/{person.public_id}/outlook"
    with tenant_scope(cast.atlas):
        Subscription.objects.filter(customer=person).update(monthly_charges=None)
    text = text_of(client_for(cast.bob).get(address, headers=PART))
    assert "in 12 months" in text and "Expected to be lost" not in text
    with tenant_scope(cast.atlas):
        Subscription.objects.filter(customer=person).update(tenure=None)
    assert "their tenure is not known" in text_of(client_for(cast.bob).get(address, headers=PART))


def test_without_a_survival_model_there_is_no_panel_and_a_hint(client_for, cast, person):
    with tenant_scope(cast.atlas):
        SurvivalModel.objects.update(artefact_path="")
    client = client_for(cast.bob)
    assert "/outlook" not in text_of(client.get(f"/clients/{person.public_id}"))
    text = text_of(client.get(f"/clients/{person.public_id}/outlook", headers=PART))
    assert "has not learned when customers leave" in text


def test_page_asks_for_both_panels_by_itself(client_for, cast, person):
    page = text_of(client_for(cast.bob).get(f"/clients/{person.public_id}"))
    for name in ("outlook", "what-if"):
        assert re.search(rf'hx-get="/clients/{person.public_id}/{name}" hx-trigger="load"', page)
        whole = text_of(client_for(cast.bob).get(f"/clients/{person.public_id}/{name}"))
        assert "<html" in whole and whole.count("<h1") == 1


# ---------------------------------------------------------------- what if


def test_long_contract_lowers_the_risk_and_is_called_an_association(client_for, cast, person):
    address = f"/clients/{person.public_id}/what-if"
    bob = client_for(cast.bob)
    with tenant_scope(cast.atlas):
        before = count_rows()
        asked = outlooks.ask_what_if(person, {"contract": "Two year"})
        score = selectors.score_of(person)
        assert asked.answer.before == pytest.approx(score.risk, abs=1e-6)
        assert asked.answer.after < asked.answer.before
    text = text_of(bob.get(f"{address}?contract=Two year", headers=ANSWER))
    assert "<html" not in text and "<select" not in text
    assert f"{100 * asked.answer.before:.1f}%" in text and f"{100 * asked.answer.after:.1f}%" in text
    assert "An association, not an effect." in text
    assert "lowers the risk" in text and "Contract" in text
    with tenant_scope(cast.atlas):
        assert count_rows() == before, "nothing is stored"
        assert Subscription.objects.get(customer=person).contract == "Month-to-month"


def test_panel_offers_only_what_one_can_act_on(client_for, cast, person):
    text = text_of(client_for(cast.bob).get(f"/clients/{person.public_id}/what-if", headers=PART))
    names = re.findall(r'name="([a-z_]+)"', text)
    assert "contract" in names and "monthly_charges" in names
    assert all(actionable(name) for name in names)
    assert "With the change" not in text
    assert '<option value="Month-to-month" selected>' in text


def test_given_fact_is_refused_by_its_name_and_the_rest_is_answered(client_for, cast, person):
    address = f"/clients/{person.public_id}/what-if?tenure=60&contract=Two year&payment_method=Cowries&utm=x&monthly_charges=abc"
    text = text_of(client_for(cast.bob).get(address, headers=ANSWER))
    assert "Tenure: Nobody can act on this" in text
    assert "Payment method: “Cowries” is nothing that the model has learned about." in text
    assert "Monthly charges: “abc” is not a number." in text
    assert "utm" not in text
    assert "With the change" in text


def test_price_beyond_all_that_was_seen_is_called_a_guess(client_for, cast, person):
    address = f"/clients/{person.public_id}/what-if?monthly_charges="
    client = client_for(cast.bob)
    assert "so its answer is a guess" in text_of(client.get(address + "9000", headers=ANSWER))
    assert "guess" not in text_of(client.get(address + "60", headers=ANSWER))


def test_price_is_read_with_a_french_comma(client_for, cast, person):
    cast.bob.locale = "fr"
    cast.bob.save()
    client = client_for(cast.bob)
    comma = text_of(client.get(f"/clients/{person.public_id}/what-if?monthly_charges=60,5", headers=ANSWER))
    assert "field-error" not in comma
    assert re.search(r"\d,\d %", comma)


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", "x" * 5000, "?", "' or 1=1", "\x00", "١٢"])
def test_nonsense_in_the_address_is_answered_in_words(client_for, cast, person, value):
    answer = client_for(cast.bob).get(
        f"/clients/{person.public_id}/what-if",
        {"contract": value, "monthly_charges": value, value: "1"},
        headers=ANSWER,
    )
    text = text_of(answer)
    assert "<script>" not in text and len(text) < 8000


# ---------------------------------------------------------------- drivers


def test_drivers_say_whether_one_can_act_on_them(client_for, cast, person):
    assert actionable("contract") is True
    assert actionable("age") is False and actionable("nombre_appels_trend_3m") is False
    assert actionable("Shoe size") is None
    with tenant_scope(cast.atlas):
        drivers = selectors.score_of(person).drivers
    text = text_of(client_for(cast.bob).get(f"/clients/{person.public_id}"))
    told = [actionable(driver["feature"]) for driver in drivers]
    assert text.count("can be acted on") == told.count(True)
    assert text.count("a given") == told.count(False)


# ---------------------------------------------------------------- who, what it costs, what may go wrong


@pytest.mark.parametrize("name", ["outlook", "what-if"])
def test_panel_is_the_companys_own(client_for, client, cast, person, name):
    address = f"/clients/{person.public_id}/{name}"
    assert client.get(address)["Location"] == f"/sign-in?next={address}"
    absent = client_for(cast.charlie).get("/clients/00000000-0000-4000-8000-000000000000/" + name, headers=PART)
    anothers = client_for(cast.charlie).get(address, headers=PART)
    token = re.compile(rb"[A-Za-z0-9]{64}")
    assert absent.status_code == anothers.status_code == 404
    assert token.sub(b"", absent.content) == token.sub(b"", anothers.content)
    assert client_for(cast.alice).post(address).status_code == 405


@pytest.mark.parametrize(("name", "most"), [("outlook", 22), ("what-if", 22), ("", 19)])
def test_panels_cost_a_bounded_number_of_questions(client_for, cast, person, name, most):
    client = client_for(cast.bob)
    address = f"/clients/{person.public_id}" + (f"/{name}" if name else "")
    headers = PART if name else {}
    many = cost(client, address, **headers)
    assert many <= most
    with tenant_scope(cast.atlas):
        Customer.objects.exclude(pk=person.pk).filter(pk__gt=person.pk + 50).delete()
    assert cost(client, address, **headers) == many


def test_model_is_read_once_and_anew_when_another_takes_charge(cast, shared, person, monkeypatch):
    read = []
    real = outlooks.load_model
    monkeypatch.setattr(outlooks, "load_model", lambda version: read.append(version.number) or real(version))
    with tenant_scope(cast.atlas):
        for _ in range(3):
            outlooks.ask_what_if(person, {})
        assert read == [1]
        version = ModelVersion.objects.get()
        ModelVersion.objects.filter(pk=version.pk).update(artefact_hmac="0" * 64)
        with pytest.raises(services.registry.Refused):
            outlooks.ask_what_if(person, {})
        assert read == [1, 1]


def test_file_that_was_tampered_with_is_refused_in_words_and_told_once(client_for, cast, person, settings):
    with tenant_scope(cast.atlas):
        version = ScoringRun.objects.get(is_current=True).version
        ModelVersion.objects.filter(pk=version.pk).update(artefact_sha256="0" * 64)
    client = client_for(cast.bob)
    for _ in range(3):
        text = text_of(client.get(f"/clients/{person.public_id}/what-if", headers=PART))
        assert "train again" in text
    with tenant_scope(cast.atlas):
        assert AuditEntry.objects.filter(verb="artefact_refused").count() == 1
    assert client.get(f"/clients/{person.public_id}").status_code == 200
