"""Offers: the setting's first ones, what may be written, and what decides nobody's offer."""

import re

import pytest

from core.errors import Refused
from segmentation import selectors, services
from segmentation.models import Offer, OfferSegment, Segment
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost

from .conftest import divide

PAGE, NEW = "/segments/offers", "/segments/offers/new"
FORM = {"name": "Half price", "channel": "sms", "is_active": "on"}
TENURE = {"all": [{"field": "tenure", "is": "at_least", "value": 12}]}
AGE = {"all": [{"field": "age", "is": "less", "value": 30}]}
SENIOR = {"any": [{"field": "senior_citizen", "is": "equals", "value": True}]}
GENDER = {"any": [{"not": {"field": "gender", "is": "equals", "value": "Male"}}, TENURE]}


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def as_text(rule) -> str:
    import json

    return json.dumps(rule)


# ---------------------------------------------------------------- the first ones


def test_each_first_segment_begins_with_its_offer(atlas_scope, divided):
    offers = list(selectors.offers())
    assert [[s.label for s in o.segments.all()] for o in offers] == [["S1"], ["S2"], ["S3"], ["S4"], ["S5"]]
    assert all(set(o.texts) == {"fr", "en", "ar"} for o in offers)
    assert [o.channel for o in offers] == ["call", "email", "email", "email", "sms"]
    assert {o.cost for o in offers} == {None}, "what nobody said of cost is not made up"


def test_deleted_and_changed_offers_stay_so_after_the_next_run(atlas_scope, alice, divided):
    first, second = Offer.objects.order_by("position")[:2]
    services.delete_offer(offer=first, actor=alice)
    services.save_offer(actor=alice, offer=second, name="Ours", is_active=False)
    divide()
    assert Offer.objects.count() == 4
    second.refresh_from_db()
    assert (second.name, second.is_active) == ("Ours", False)


def test_new_segment_begins_with_the_settings_offer_too(atlas_scope, divided, settings):
    settings.COMMERCIAL_OFFERS = {**settings.COMMERCIAL_OFFERS, "S6": "Two for one"}
    divide(k=6)
    offer = Offer.objects.get(segments__number=6)
    assert (offer.name, offer.texts["fr"]) == ("S6 · Two for one", "Two for one")


def test_setting_may_give_texts_offers_lists_or_nothing(atlas_scope, used, settings):
    settings.COMMERCIAL_OFFERS = {"S1": ["One", {"name": "Two", "cost": 12, "nonsense": 3}], "S2": "Three"}
    divide()
    named = {o.name: [s.label for s in o.segments.all()] for o in selectors.offers()}
    assert named == {"S1 · One": ["S1"], "S1 · Two": ["S1"], "S2 · Three": ["S2"]}
    assert Offer.objects.get(name="S1 · Two").cost == 12


# ---------------------------------------------------------------- what may be written


def test_offer_is_written_with_its_segments_and_in_the_trail(atlas_scope, alice, divided):
    segments = list(Segment.objects.filter(number__in=(1, 3)))
    offer = services.save_offer(
        actor=alice, name=" Half price ", texts={"fr": " À moitié prix ", "en": "", "de": "Halb"}, cost=12, discount=0.1,
        acceptance=0.3, stock=5, rule=TENURE, segments=segments,
    )  # fmt: skip
    offer.refresh_from_db()
    assert (offer.name, offer.texts, offer.rule) == ("Half price", {"fr": "À moitié prix"}, TENURE)
    assert [s.label for s in offer.segments.all()] == ["S1", "S3"]
    assert AuditEntry.objects.get(verb="offer_created").actor == alice
    services.save_offer(actor=alice, offer=offer, stock=4)
    assert [s.label for s in offer.segments.all()] == ["S1", "S3"], "what is not said is left"
    services.save_offer(actor=alice, offer=offer, segments=segments[:1])
    assert OfferSegment.objects.filter(offer=offer).count() == 1


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"name": "  "}, "invalid", "name"),
        ({"acceptance": 1.01}, "invalid", "acceptance"),
        ({"acceptance": -0.01}, "invalid", "acceptance"),
        ({"discount": 1.5}, "invalid", "discount"),
        ({"cost": -1}, "invalid", "cost"),
        ({"channel": "pigeon"}, "invalid", "channel"),
        ({"valid_from": "2026-05-02", "valid_until": "2026-05-01"}, "invalid", "valid_until"),
        ({"rule": GENDER}, "gender_decides", "rule"),
        ({"rule": AGE}, "age_not_approved", "rule"),
        ({"rule": SENIOR}, "age_not_approved", "rule"),
        ({"rule": {"all": []}}, "invalid", "rule"),
        ({"rule": {"all": [{"field": "shoe_size", "is": "equals", "value": 3}]}}, "invalid", "rule"),
    ],
)
def test_offer_that_cannot_be_is_refused_with_its_field(atlas_scope, alice, fields, code, field):
    with pytest.raises(Refused) as refused:
        services.save_offer(actor=alice, **{"name": "Half price", **dated(fields)})
    assert refused.value.code == code
    assert field in refused.value.facts and refused.value.message
    assert not Offer.objects.exists()


def dated(fields: dict) -> dict:
    import datetime as dt

    return {n: dt.date.fromisoformat(v) if n.startswith("valid_") else v for n, v in fields.items()}


def test_name_that_is_taken_is_refused(atlas_scope, alice):
    services.save_offer(actor=alice, name="Half price")
    with pytest.raises(Refused) as refused:
        services.save_offer(actor=alice, name=" Half price")
    assert (refused.value.code, list(refused.value.facts)) == ("name_taken", ["name"])


def test_age_decides_where_somebody_stands_for_it(atlas_scope, alice):
    offer = services.save_offer(actor=alice, name="Young", rule=AGE, approves_age=True)
    assert offer.age_rule_approved_by == alice
    services.save_offer(actor=alice, offer=offer, stock=3)
    assert Offer.objects.get().age_rule_approved_by == alice, "the rule is the one that she approved"
    services.save_offer(actor=alice, offer=offer, rule=TENURE)
    assert Offer.objects.get().age_rule_approved_by is None


def test_who_stands_for_an_age_rule_stays_until_it_is_unticked(atlas_scope, cast):
    offer = services.save_offer(actor=cast.alice, name="Young", rule=AGE, approves_age=True)
    services.save_offer(actor=cast.omar, offer=offer, stock=3, approves_age=True)
    assert Offer.objects.get().age_rule_approved_by == cast.alice, "an editor takes over nothing"
    with pytest.raises(Refused) as refused:
        services.save_offer(actor=cast.omar, offer=offer, approves_age=False)
    assert refused.value.code == "age_not_approved"


def test_who_approved_one_rule_did_not_approve_the_next(atlas_scope, alice, cast):
    offer = services.save_offer(actor=alice, name="Young", rule=AGE, approves_age=True)
    with pytest.raises(Refused) as refused:
        services.save_offer(actor=cast.omar, offer=offer, rule=SENIOR)
    assert refused.value.code == "age_not_approved"
    offer = Offer.objects.get()
    assert (offer.rule, offer.age_rule_approved_by) == (AGE, alice)
    services.save_offer(actor=cast.omar, offer=offer, rule=SENIOR, approves_age=True)
    assert Offer.objects.get().age_rule_approved_by == cast.omar


# ---------------------------------------------------------------- the pages


@pytest.mark.parametrize("page", [PAGE, NEW])
def test_anonymous_is_led_to_sign_in(client, cast, page):
    answer = client.get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={page}")


def test_viewer_reads_offers_and_writes_none(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        offer = Offer.objects.first()
    for person in (cast.bob, cast.anna):
        client = client_for(person)
        text = text_of(client.get(PAGE))
        assert "Priority service" in text and NEW not in text
        assert client.get(NEW).status_code == 403
        assert client.post(NEW, FORM).status_code == 403
        assert client.post(f"{PAGE}/{offer.public_id}", FORM).status_code == 403
        assert client.post(f"{PAGE}/{offer.public_id}/delete").status_code == 403
    with tenant_scope(cast.atlas):
        assert Offer.objects.count() == 5


def test_other_company_reaches_no_offer(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        offer = Offer.objects.first()
    client = client_for(cast.charlie)
    assert "Priority service" not in text_of(client.get(PAGE))
    assert client.get(f"{PAGE}/{offer.public_id}").status_code == 404
    assert client.post(f"{PAGE}/{offer.public_id}", FORM).status_code == 404
    assert client.post(f"{PAGE}/{offer.public_id}/delete").status_code == 404


def test_operator_writes_changes_and_deletes_an_offer(client_for, cast, divided):
    client = client_for(cast.omar)
    assert client.get(NEW).status_code == 200
    form = {
        **FORM, "text_en": "Half price for a year", "cost": "1,200.5", "discount": "12.5", "acceptance": "30 %",
        "stock": "7", "valid_from": "2026-01-01", "valid_until": "2030-12-31", "segments": ["2", "4"],
        "conditions": as_text(TENURE),
    }  # fmt: skip
    answer = client.post(NEW, form)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    with tenant_scope(cast.atlas):
        offer = Offer.objects.get(name="Half price")
        assert (float(offer.cost), offer.discount, offer.acceptance, offer.stock) == (1200.5, 0.125, 0.3, 7)
        assert (offer.channel, offer.rule, offer.texts) == ("sms", TENURE, {"en": "Half price for a year"})
        assert [s.number for s in offer.segments.all()] == [2, 4]
    text = text_of(client.get(PAGE))
    assert "Half price for a year" in text and "Only:" in text and "12.5%" in text
    page = text_of(client.get(f"{PAGE}/{offer.public_id}"))
    assert 'value="1200.5"' in page and 'value="12.5"' in page and 'value="30"' in page
    assert 'value="2030-12-31"' in page and "tenure" in page
    answer = client.post(f"{PAGE}/{offer.public_id}", {**FORM, "conditions": ""})
    assert answer.status_code == 302
    with tenant_scope(cast.atlas):
        offer.refresh_from_db()
        assert (offer.rule, offer.cost, offer.stock, offer.segments.count()) == ({}, None, None, 0)
    assert client.post(f"{PAGE}/{offer.public_id}/delete")["Location"] == PAGE
    with tenant_scope(cast.atlas):
        assert not Offer.objects.filter(name="Half price").exists()


@pytest.mark.parametrize(
    "conditions",
    [
        "",
        "{}",
        '{"all": []}',
        '{"any": []}',
        "null",
        '{"all": [{"field": ""}]}',
        '{"not": {"any": [{"all": [{"field": ""}]}]}}',
    ],
)
def test_builder_left_empty_lets_everybody_have_it(client_for, cast, conditions):
    assert client_for(cast.omar).post(NEW, {**FORM, "conditions": conditions}).status_code == 302
    with tenant_scope(cast.atlas):
        assert Offer.objects.get().rule == {}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"acceptance": "130"}, "less than or equal to 1"),
        ({"cost": "free"}, "Write a number, for example 12.5."),
        ({"cost": "123456789012"}, "digits"),
        ({"stock": "-1"}, "greater than or equal to 0"),
        ({"valid_from": "2026-05-02", "valid_until": "2026-05-01"}, "would end before it begins"),
        ({"segments": ["99"]}, "not one of the available choices"),
        ({"conditions": as_text(GENDER)}, "Gender never decides who gets an offer."),
        ({"conditions": as_text(AGE)}, "Somebody must stand for it"),
        ({"conditions": "{"}, "the JSON cannot be read"),
        ({"conditions": '{"all": [{"field": "tenure", "is": "at_least"}]}'}, "Give a value."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_stays(client_for, cast, wrong, sentence):
    answer = client_for(cast.omar).post(NEW, {**FORM, "text_en": "Kept as written", **wrong})
    assert answer.status_code == 422
    text = text_of(answer)
    assert sentence in text and "Kept as written" in text
    with tenant_scope(cast.atlas):
        assert not Offer.objects.exists()


def test_offer_of_a_segment_that_is_gone_does_not_become_one_for_all(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        divide(k=4)
        gone = Segment.objects.get(is_retired=True)
        offer = Offer.objects.get(segments=gone)
    address = f"{PAGE}/{offer.public_id}"
    page = text_of(client_for(cast.omar).get(address))
    ticked = re.findall(r'name="segments" value="(\d+)"[^>]*checked', page)
    assert ticked == [str(gone.number)]
    client_for(cast.omar).post(address, {**FORM, "segments": ticked})
    with tenant_scope(cast.atlas):
        assert [s.number for s in offer.segments.all()] == [gone.number]


def test_age_is_approved_in_the_form(client_for, cast):
    form = {**FORM, "conditions": as_text(AGE), "approves_age": "on"}
    assert client_for(cast.omar).post(NEW, form).status_code == 302
    with tenant_scope(cast.atlas):
        assert Offer.objects.get().age_rule_approved_by == cast.omar


def test_offer_whose_field_has_gone_says_so(client_for, cast):
    with tenant_scope(cast.atlas):
        Offer.objects.create(name="Old", rule={"all": [{"field": "attribute:Gone", "is": "known"}]})
    text = text_of(client_for(cast.bob).get(PAGE))
    assert "nobody gets it until you change it" in text


def test_page_costs_a_bounded_number_of_questions(client_for, cast, divided):
    client = client_for(cast.omar)
    with tenant_scope(cast.atlas):
        services.save_offer(actor=None, name="With a rule", rule=TENURE)
    few = cost(client, PAGE)
    assert few <= 24
    with tenant_scope(cast.atlas):
        for n in range(8):
            segments = list(Segment.objects.all()[:3])
            services.save_offer(actor=None, name=f"Another {n}", rule=TENURE, segments=segments)
    assert cost(client, PAGE) == few


def test_text_falls_back_to_another_language_then_to_the_name(client_for, cast):
    with tenant_scope(cast.atlas):
        Offer.objects.create(name="Named", texts={})
        Offer.objects.create(name="Other", texts={"fr": "En français"})
    text = text_of(client_for(cast.bob).get(PAGE))
    assert "En français" in text and "Named" in text


def test_program_reads_the_offers(client_for, cast, divided):
    told = client_for(cast.bob).get("/api/offers").json()["offers"]
    assert [one["segments"] for one in told] == [["S1"], ["S2"], ["S3"], ["S4"], ["S5"]]
    assert told[0]["rule"] is None and told[0]["cost"] is None
    assert client_for(cast.charlie).get("/api/offers").json() == {"offers": []}
    assert client_for(None).get("/api/offers").status_code in (401, 403)


# ---------------------------------------------------------------- the back office


def admin_form(**fields) -> dict:
    empty = {"offersegment_set-TOTAL_FORMS": "0", "offersegment_set-INITIAL_FORMS": "0"}
    return {
        "name": "By hand",
        "texts": "{}",
        "channel": "sms",
        "discount": "0",
        "rule": "{}",
        "position": "0",
        **empty,
        **fields,
    }


def test_back_office_checks_an_offer_as_the_page_does(client_for, cast):
    client = client_for(cast.omar)
    for wrong in (
        {"rule": as_text(GENDER)},
        {"rule": as_text(AGE)},
        {"texts": "[1]"},
        {"texts": '{"en": 3}'},
        {"acceptance": "2"},
    ):
        answer = client.post("/admin/segmentation/offer/add/", admin_form(**wrong))
        assert answer.status_code == 200, wrong
    with tenant_scope(cast.atlas):
        assert not Offer.objects.exists()
    answer = client.post("/admin/segmentation/offer/add/", admin_form(rule=as_text(AGE), approves_age="on"))
    assert answer.status_code == 302
    with tenant_scope(cast.atlas):
        assert Offer.objects.get().age_rule_approved_by == cast.omar
    assert client_for(cast.bob).get(PAGE).status_code == 200
