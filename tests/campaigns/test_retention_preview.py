"""The page of one customer: what it says, that looking costs nothing, and that a fresh draft is asked for once."""

from __future__ import annotations

import re
import uuid

import pytest

from campaigns import services
from campaigns.models import Draft, SenderProfile
from customers.models import Customer
from segmentation.models import Offer, Segment, Segmentation, SegmentMembership
from tenants.scoping import current_tenant, tenant_scope
from tests.conftest import count_rows
from tests.dashboard.conftest import cost


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def customer(cast) -> Customer:
    """Somebody who is still here, in a segment with an offer."""
    with tenant_scope(cast.atlas):
        tenant = current_tenant()
        found = Customer.objects.filter(churn_label=False).exclude(first_name="").exclude(email="").first()
        run = Segmentation.objects.create(tenant=tenant, state="succeeded", is_current=True)
        segment = Segment.objects.create(tenant=tenant, number=1, label="S1", persona_code="loyal")
        run.profiles.create(tenant=tenant, segment=segment, size=1, percentage=100.0)
        SegmentMembership.objects.create(tenant=tenant, segmentation=run, segment=segment, customer=found)
        offer = Offer.objects.create(
            tenant=tenant,
            name="Ten off",
            texts={"en": "A tenth less to pay each month.", "fr": "Un dixième de moins."},
            discount=0.1,
        )
        offer.segments.add(segment, through_defaults={"tenant": tenant})
        return found


def at(customer: Customer) -> str:
    return f"/retention/preview/{customer.public_id}"


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_anonymous_is_led_to_sign_in(client, customer):
    answer = client.get(at(customer))
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={at(customer)}")
    assert client.get(f"{at(customer)}/mail").status_code == 302


def test_other_company_finds_nobody(client_for, cast, customer):
    client = client_for(cast.charlie)
    assert client.get(at(customer)).status_code == 404
    assert client.get(f"{at(customer)}/mail").status_code == 404
    assert client.post(at(customer), {"language": "fr", "tone": "warm"}).status_code == 404
    assert client.get(f"/retention/preview/{uuid.uuid4()}").status_code == 404


def test_viewer_sees_why_and_what(client_for, cast, customer):
    answer = client_for(cast.bob).get(at(customer))
    text = text_of(answer)
    assert answer.status_code == 200
    assert "This raises the risk" in text or "This lowers the risk" in text
    assert "S1" in text and "Loyal" in text and "Ten off" in text and "The first offer of this segment" in text
    assert customer.first_name in text and "Draft afresh" not in text and "/campaigns/new" not in text
    assert re.search(r'<iframe[^>]* sandbox=""', answer.content.decode())
    assert client_for(cast.bob).post(at(customer), {"language": "fr", "tone": "warm"}).status_code == 403


def test_looking_changes_nothing(client_for, cast, customer):
    client = client_for(cast.anna)
    client.get("/dashboard")
    before = count_rows()
    for address in (at(customer), f"{at(customer)}?language=ar&tone=formal", f"{at(customer)}/mail?language=en"):
        assert client.get(address).status_code == 200
        assert client.head(address).status_code == 200
    assert count_rows() == before


def test_looking_asks_no_server(client_for, cast, customer, settings, monkeypatch):
    from campaigns.channels import writer_server

    settings.LLM_BASE_URL, settings.LLM_MODEL = "https://writer.example.com/v1", "m"
    with tenant_scope(cast.atlas):
        sender = services.sender()
        SenderProfile.objects.filter(pk=sender.pk).update(uses_server_writer=True, personal_drafts=True)
    asked = []
    monkeypatch.setattr(writer_server, "ask", lambda *a, **k: asked.append(a) or pytest.fail("asked"))
    assert client_for(cast.anna).get(at(customer)).status_code == 200
    assert asked == []


def test_mail_is_the_same_whenever_it_is_looked_at(client_for, cast, customer):
    client = client_for(cast.bob)
    first, second = (client.get(f"{at(customer)}/mail?language=en&tone=warm").content for _ in range(2))
    assert first == second
    shown = first.decode()
    assert (
        customer.first_name in shown
        and "A tenth less to pay" in shown
        and "{" not in re.sub(r"(?s)<style.*?</style>", "", shown)
    )


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("en", "ltr"), ("ar", "rtl")])
def test_mail_is_in_the_language_that_is_asked(client_for, cast, customer, language, direction):
    answer = client_for(cast.bob).get(f"{at(customer)}/mail?language={language}")
    assert f'<html lang="{language}" dir="{direction}">' in answer.content.decode()
    assert answer["Cache-Control"] == "no-store, private" and "sandbox" in answer["Content-Security-Policy"]


def test_page_costs_a_bounded_number_of_questions(client_for, cast, customer):
    assert cost(client_for(cast.anna), at(customer)) <= 30
    assert cost(client_for(cast.anna), f"{at(customer)}/mail") <= 20


# ---------------------------------------------------------------- may one write at all


def test_page_says_that_nobody_agreed(client_for, cast, customer):
    assert "has not agreed to offers by e-mail" in text_of(client_for(cast.bob).get(at(customer)))


def test_page_says_that_one_may_write(client_for, cast, customer):
    with tenant_scope(cast.atlas):
        services.record_consent(customers=[customer.pk], is_granted=True, source="contract")
    assert "This customer may be written to." in text_of(client_for(cast.bob).get(at(customer)))


def test_page_says_that_the_address_unsubscribed(client_for, cast, customer):
    from campaigns.services import keys

    with tenant_scope(cast.atlas):
        services.record_consent(customers=[customer.pk], is_granted=True, source="contract")
        services.suppress(address_keys=[keys.address_key(customer.email)], reason="unsubscribed")
    assert "This address is not written to" in text_of(client_for(cast.bob).get(at(customer)))


@pytest.mark.parametrize(
    ("field", "value", "words"), [("email", "", "no usable e-mail"), ("churn_label", True, "has left")]
)
def test_page_says_why_nothing_can_be_sent(client_for, cast, customer, field, value, words):
    with tenant_scope(cast.atlas):
        Customer.objects.filter(pk=customer.pk).update(**{field: value})
    assert words in text_of(client_for(cast.bob).get(at(customer)))


# ---------------------------------------------------------------- a fresh draft


def test_fresh_draft_is_asked_for_once(client_for, cast, customer):
    client, key = client_for(cast.anna), str(uuid.uuid4())
    asked = {"language": "en", "tone": "formal", "seed": "3", "draft": key}
    answers = [client.post(at(customer), asked) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {f"{at(customer)}?draft={key}#mail"}
    with tenant_scope(cast.atlas):
        draft = Draft.objects.get()
    assert (str(draft.public_id), draft.language, draft.tone, draft.seed, draft.requested_by) == (
        key,
        "en",
        "formal",
        3,
        cast.anna,
    )
    page = text_of(client.get(f"{at(customer)}?draft={key}"))
    assert "No writer&#x27;s server is set up here" in page or "No writer's server is set up here" in page
    mail = client.get(f"{at(customer)}/mail?draft={key}").content.decode()
    assert customer.first_name in mail


def test_draft_of_another_customer_is_not_shown(client_for, cast, customer):
    client, key = client_for(cast.anna), str(uuid.uuid4())
    client.post(at(customer), {"language": "en", "tone": "warm", "draft": key})
    with tenant_scope(cast.atlas):
        other = Customer.objects.exclude(pk=customer.pk).first()
    assert client.get(f"{at(other)}?draft={key}").status_code == 404
    assert client.post(at(other), {"language": "en", "tone": "warm", "draft": key}).status_code == 422


def test_another_seed_is_another_draft(client_for, cast, customer):
    client = client_for(cast.anna)
    for seed in (1, 2):
        client.post(at(customer), {"language": "en", "tone": "warm", "seed": seed, "draft": str(uuid.uuid4())})
    with tenant_scope(cast.atlas):
        first, second = Draft.objects.values_list("text", flat=True)
    assert first != second


@pytest.mark.parametrize("wrong", [{"language": "de"}, {"tone": "rude"}, {"draft": "x"}, {"seed": "-1"}])
def test_draft_that_cannot_be_is_refused(client_for, cast, customer, wrong):
    answer = client_for(cast.anna).post(at(customer), {"language": "en", "tone": "warm", **wrong})
    assert answer.status_code == 422
    with tenant_scope(cast.atlas):
        assert not Draft.objects.exists()


# ---------------------------------------------------------------- the way here and on


def test_customers_page_leads_here_and_this_one_to_a_campaign(client_for, cast, customer):
    client = client_for(cast.anna)
    assert f'href="{at(customer)}"' in client.get(f"/clients/{customer.public_id}").content.decode()
    assert 'href="/campaigns/new?segment=S1"' in client.get(at(customer)).content.decode()


def test_customer_of_whom_nothing_is_known_gets_a_plain_mail(client_for, cast):
    with tenant_scope(cast.atlas):
        stranger = Customer.objects.create(tenant=current_tenant(), external_id="X-1")
    text = text_of(client_for(cast.anna).get(at(stranger)))
    assert "Not scored yet" in text and "In no segment yet" in text and "No offer by e-mail" in text
    assert "/campaigns/new" not in text.partition('id="content"')[2]
