"""Drafts: what a writer is told, when the server may be asked, what is kept, and how a draft becomes a message."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from campaigns import services
from campaigns.channels import writer_server
from campaigns.models import Draft, MessageTemplate, SenderProfile, TemplateVersion
from campaigns.outreach.writing import WriterUnavailable
from campaigns.services import briefing, drafting, messages
from campaigns.services.starters import STARTERS, starter_templates
from core.errors import Refused
from customers.models import Customer
from predictions import selectors as predictions
from segmentation.models import Offer, Segment, Segmentation, SegmentMembership
from tenants.models import AuditEntry
from tenants.scoping import current_tenant, tenant_scope

from .outreach.writer_stub import say, writer_server_stub

GOOD = {
    "subject": "A word about your subscription",
    "text": "Hello {first_name},\n\nWe would like your subscription to suit you every day. If something could be better, tell us, "
    "and somebody of our team will look at it with you.\n\n{offer_text}\n\nYou reach us here: {support_contact}\n\n"
    "Kind regards,\nThe team at {company}",
}


@pytest.fixture
def atlas_in_use(shared):
    with tenant_scope(shared.cast.atlas):
        yield shared


@pytest.fixture
def segment(atlas_in_use) -> Segment:
    """A segment of the hundred first customers, by a division in force."""
    tenant = current_tenant()
    run = Segmentation.objects.create(tenant=tenant, state="succeeded", is_current=True)
    found = Segment.objects.create(tenant=tenant, number=1, label="S1", persona_code="loyal")
    run.profiles.create(tenant=tenant, segment=found, size=100, percentage=100.0)
    keys = Customer.objects.order_by("pk").values_list("pk", flat=True)[:100]
    SegmentMembership.objects.bulk_create(
        SegmentMembership(tenant=tenant, segmentation=run, segment=found, customer_id=key) for key in keys
    )
    return found


@pytest.fixture
def offer(atlas_in_use) -> Offer:
    return Offer.objects.create(
        tenant=current_tenant(),
        name="Ten off",
        texts={"en": "A tenth less to pay each month.", "fr": "Un dixième de moins à payer chaque mois."},
        discount=0.1,
        valid_until=timezone.localdate() + timedelta(days=60),
    )


@pytest.fixture
def server(settings, monkeypatch):
    """A writer's server that answers as it is told; what it was asked is kept."""
    settings.LLM_BASE_URL, settings.LLM_MODEL = "https://writer.example.com/v1", "a-model"
    settings.LLM_PRICE_PER_MILLION = [2.0, 8.0]

    class Server:
        asked: list = []
        says: object = GOOD

        def ask(self, prompt, **options):
            self.asked.append((list(prompt), options))
            if isinstance(self.says, Exception):
                raise self.says
            text = self.says if isinstance(self.says, str) else json.dumps(self.says)
            return writer_server.Answer(text, 300, 200, "p" * 64, "a" * 64, 0.4)

    found = Server()
    found.asked = []
    monkeypatch.setattr(writer_server, "ask", found.ask)
    return found


def use_writer(**fields) -> None:
    sender = services.sender()
    SenderProfile.objects.filter(pk=sender.pk).update(uses_server_writer=True, **fields)


# ---------------------------------------------------------------- what a writer is told


def test_segments_prompt_holds_nothing_of_any_customer(segment, offer, server):
    use_writer()
    drafting.draft_for_segment(segment=segment, actor=None, offer=offer, language="en")
    told = json.dumps(server.asked, ensure_ascii=False, default=str)
    for customer in Customer.objects.all():
        for value in (customer.first_name, customer.last_name, customer.email, customer.phone, customer.external_id):
            assert not value or value not in told, value


def test_segment_is_told_by_what_raises_its_customers_risk(segment):
    found = briefing.usual_drivers(segment)
    assert 0 < len(found) <= 4
    run = predictions.current_run()
    raising = {
        entry["feature"]
        for score in run.scores.filter(customer_id__in=SegmentMembership.objects.values("customer_id"))
        for entry in score.drivers
        if entry["effect"] > 0
    }
    assert set(found) <= raising


def test_draft_tells_no_risk_and_no_name_of_the_segment(segment, offer):
    Segment.objects.filter(pk=segment.pk).update(persona="Zebra people")
    segment.refresh_from_db()
    draft = drafting.draft_for_segment(segment=segment, actor=None, offer=offer, language="en")
    assert "Zebra" not in draft.subject + draft.text
    assert "risk" not in draft.text.lower()


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
@pytest.mark.parametrize("tone", ["warm", "formal", "brief"])
def test_built_in_draft_passes_the_checks(segment, offer, language, tone):
    offer.texts["ar"] = "عُشر أقل من مبلغ اشتراككم كل شهر."
    offer.save()
    draft = drafting.draft_for_segment(segment=segment, actor=None, offer=offer, language=language, tone=tone)
    assert drafting.failures_of(draft, subject=draft.subject, text=draft.text) == []
    assert (draft.source, draft.language, draft.tone) == ("built_in", language, tone)


def test_customers_price_is_their_own_less_the_discount(atlas_in_use, offer):
    customer = Customer.objects.filter(subscription__monthly_charges__gt=0).first()
    facts = briefing.facts_for_customer(briefing.what_is_known(customer), offer=offer, language="en")
    assert facts.offer.price_after.amount == customer.subscription.monthly_charges * Decimal("0.9")


def test_newest_allocation_decides_the_offer_of_a_customer(segment, offer):
    from segmentation.models import AllocatedOffer, Allocation

    customer = Customer.objects.order_by("pk").first()
    other = Offer.objects.create(tenant=current_tenant(), name="More data", position=9)
    assert briefing.offer_for(briefing.what_is_known(customer)) == (offer, "all")
    other.segments.add(segment, through_defaults={"tenant": current_tenant()})
    assert briefing.offer_for(briefing.what_is_known(customer)) == (other, "segment")
    run = Allocation.objects.create(tenant=current_tenant(), state="succeeded")
    AllocatedOffer.objects.create(
        tenant=current_tenant(),
        allocation=run,
        customer=customer,
        offer=offer,
        expected_profit=1,
        expected_cost=1,
        kept_chance=0.1,
    )
    assert briefing.offer_for(briefing.what_is_known(customer)) == (offer, "allocation")
    Offer.objects.filter(pk=offer.pk).update(is_active=False)
    assert briefing.offer_for(briefing.what_is_known(customer)) == (other, "segment"), (
        "what is offered no more is not written"
    )


def test_offer_with_conditions_is_nobodys_by_chance(atlas_in_use, offer):
    Offer.objects.filter(pk=offer.pk).update(rule={"field": "tenure", "is": "at_least", "value": 12})
    assert briefing.offer_for(briefing.what_is_known(Customer.objects.first())) == (None, "")


# ---------------------------------------------------------------- the server, or why not


def test_nobody_is_asked_where_no_server_is_set(segment, settings):
    settings.LLM_BASE_URL = ""
    assert drafting.draft_for_segment(segment=segment, actor=None).why_not == "not_set"


def test_server_is_asked_only_where_the_company_says_so(segment, server):
    assert drafting.draft_for_segment(segment=segment, actor=None).why_not == "not_used"
    assert server.asked == []


def test_customers_facts_leave_only_where_that_is_allowed(atlas_in_use, server):
    use_writer()
    customer = Customer.objects.first()
    draft = drafting.draft_for_customer(customer=customer, actor=None, language="en")
    assert (draft.why_not, draft.source, server.asked) == ("no_personal_drafts", "built_in", [])
    use_writer(personal_drafts=True)
    drafting.draft_for_customer(customer=customer, actor=None, language="en", seed=1)
    assert len(server.asked) == 1
    told = json.dumps(server.asked[0][0], ensure_ascii=False)
    assert customer.email not in told and customer.external_id not in told and customer.last_name not in told


def test_draft_of_the_server_is_kept_with_what_it_cost(segment, offer, server, atlas_in_use):
    use_writer()
    draft = drafting.draft_for_segment(segment=segment, actor=atlas_in_use.cast.anna, offer=offer, language="en")
    draft.refresh_from_db()
    assert (draft.source, draft.why_not, draft.model) == ("server", "", "a-model")
    assert (draft.prompt_tokens, draft.answer_tokens) == (300, 200)
    assert draft.cost == Decimal("0.0022")
    assert (draft.prompt_hash, draft.answer_hash) == ("p" * 64, "a" * 64)
    assert "A tenth less to pay" in draft.text and "{first_name}" in draft.text
    assert AuditEntry.objects.filter(verb="draft_requested", object_id=str(draft.public_id)).exists()


def test_tokens_of_the_month_are_spent_at_the_budget(segment, server):
    use_writer(monthly_tokens=500)
    drafting.draft_for_segment(segment=segment, actor=None, language="en")
    assert drafting.spent_tokens() == 500
    later = drafting.draft_for_segment(segment=segment, actor=None, language="en", seed=1)
    assert (later.why_not, later.source, len(server.asked)) == ("budget_spent", "built_in", 1)
    Draft.objects.update(at=timezone.now() - timedelta(days=32))
    assert drafting.spent_tokens() == 0, "a new month begins anew"


@pytest.mark.parametrize("code", ["too_slow", "unreachable", "server_error", "empty"])
def test_server_that_fails_leaves_the_built_in_draft_and_says_so(segment, server, code):
    use_writer()
    server.says = WriterUnavailable(code)
    draft = drafting.draft_for_segment(segment=segment, actor=None, language="en")
    assert (draft.source, draft.why_not) == ("built_in", code)
    assert draft.text and draft.prompt_tokens == 0


def test_server_that_invents_a_price_is_not_believed(segment, offer, server):
    use_writer()
    server.says = GOOD | {"text": GOOD["text"] + "\n\nPay only 4.99 a month."}
    draft = drafting.draft_for_segment(segment=segment, actor=None, offer=offer, language="en")
    assert (draft.source, draft.why_not) == ("built_in", "failed_checks")
    assert "4.99" not in draft.text
    assert any("4.99" in one["sentence"] for one in draft.failures), "the sentence is named"
    assert draft.prompt_tokens == 300, "it cost all the same"


def test_same_draft_asked_twice_is_asked_once(segment, server):
    use_writer()
    key = uuid.uuid4()
    first, second = (
        drafting.draft_for_segment(segment=segment, actor=None, language="en", public_id=key) for _ in range(2)
    )
    assert first.pk == second.pk
    assert (Draft.objects.count(), len(server.asked)) == (1, 1)


def test_identifier_of_another_draft_is_refused(segment, atlas_in_use):
    key = drafting.draft_for_segment(segment=segment, actor=None, language="en").public_id
    with pytest.raises(Refused) as refused:
        drafting.draft_for_customer(customer=Customer.objects.first(), actor=None, public_id=key)
    assert refused.value.code == "draft_taken"


@pytest.mark.parametrize(("field", "value", "code"), [("language", "de", "bad_language"), ("tone", "rude", "bad_tone")])
def test_unknown_language_or_tone_is_refused(segment, field, value, code):
    with pytest.raises(Refused) as refused:
        drafting.draft_for_segment(segment=segment, actor=None, **{field: value})
    assert (refused.value.code, Draft.objects.count()) == (code, 0)


def test_server_is_asked_over_the_wire(segment, offer, settings):
    """The whole way once: the operator's server on this machine, its answer checked, its tokens kept."""
    use_writer()
    with writer_server_stub() as stub:
        settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_API_KEY = stub.base_url, "a-model", "key"
        settings.LLM_PRIVATE_HOSTS = stub.private_hosts
        stub.answer = lambda handler: say(handler, json.dumps(GOOD))
        draft = drafting.draft_for_segment(segment=segment, actor=None, offer=offer, language="en")
    assert (draft.source, draft.why_not, draft.prompt_tokens, draft.answer_tokens) == ("server", "", 410, 190)
    assert len(draft.prompt_hash) == len(draft.answer_hash) == 64
    settings.LLM_PRIVATE_HOSTS = []
    refused = drafting.draft_for_segment(segment=segment, actor=None, offer=offer, language="en", seed=1)
    assert (refused.source, refused.why_not) == ("built_in", "private_address")


# ---------------------------------------------------------------- from a draft to a message


def test_approved_draft_is_a_message_and_says_who_approved(segment, atlas_in_use):
    draft = drafting.draft_for_segment(segment=segment, actor=None, language="fr")
    version = drafting.approve_draft(draft, atlas_in_use.cast.anna, name="Fidèles")
    draft.refresh_from_db()
    assert draft.approved_by == atlas_in_use.cast.anna and draft.approved_at
    assert (version.number, version.source) == (1, "built_in")
    assert version.parts["fr"]["text"] == draft.text


def test_draft_that_a_person_changed_is_a_persons(segment, atlas_in_use):
    draft = drafting.draft_for_segment(segment=segment, actor=None, language="fr")
    version = drafting.approve_draft(draft, atlas_in_use.cast.anna, name="Fidèles", subject="Un mot pour vous")
    assert version.source == TemplateVersion.Source.PERSON


def test_draft_adds_its_language_to_a_message_that_there_is(segment, atlas_in_use):
    anna = atlas_in_use.cast.anna
    first = drafting.approve_draft(
        drafting.draft_for_segment(segment=segment, actor=None, language="fr"), anna, name="Both"
    )
    english = drafting.draft_for_segment(segment=segment, actor=None, language="en")
    second = drafting.approve_draft(english, anna, template=first.template)
    assert (second.number, second.languages) == (2, ["fr", "en"])
    assert second.parts["fr"] == first.parts["fr"]


def test_draft_of_one_customer_becomes_nobody_elses_message(atlas_in_use):
    draft = drafting.draft_for_customer(customer=Customer.objects.first(), actor=None)
    with pytest.raises(Refused) as refused:
        drafting.approve_draft(draft, atlas_in_use.cast.anna, name="For all")
    assert refused.value.code == "personal_draft"
    assert not MessageTemplate.objects.exists()


# ---------------------------------------------------------------- messages


def test_version_is_never_changed_and_nothing_new_makes_none(atlas_in_use):
    anna = atlas_in_use.cast.anna
    first = messages.save_template(actor=anna, name="Hello", parts={"en": {"subject": "Hello", "text": "Good day."}})
    again = messages.save_template(
        actor=anna,
        name="Hello",
        parts={"en": {"subject": "Hello", "text": "Good day.\r\n"}, "fr": {}},
        template=first.template,
    )
    assert again.pk == first.pk
    changed = messages.save_template(
        actor=anna, name="Hello", parts={"en": {"subject": "Hello", "text": "Good evening."}}, template=first.template
    )
    first.refresh_from_db()
    assert (changed.number, first.parts["en"]["text"]) == (2, "Good day.")
    (change,) = messages.changes_between(first.parts, changed.parts)
    assert change.lines == (("-", "Good day."), ("+", "Good evening."))


def test_html_is_kept_as_cleaned(atlas_in_use):
    dirty = '<p onclick="x()">Hello <b>{first_name}</b></p><script>alert(1)</script>'
    version = messages.save_template(
        actor=None, name="H", parts={"en": {"subject": "Hello", "text": "", "html": dirty}}
    )
    assert version.parts["en"]["html"] == "<p>Hello <b>{first_name}</b></p>"


def test_problem_is_named_with_its_place_and_what_was_meant(atlas_in_use):
    parts = {"fr": {"subject": "Bonjour", "text": "Bonjour,\n\nMerci {prenom}, à bientôt."}}
    with pytest.raises(Refused) as refused:
        messages.save_template(actor=None, name="P", parts=parts)
    assert refused.value.code == "invalid_message"
    wrong = [one for one in refused.value.facts["problems"] if one["severity"] == "error"]
    assert [(one["language"], one["part"], one["code"], one["line"], one["column"]) for one in wrong] == [
        ("fr", "text", "unknown_placeholder", 3, 7)
    ]
    assert "{first_name}" in wrong[0]["sentence"]
    assert not MessageTemplate.objects.exists()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": " ", "parts": {"en": {"subject": "a", "text": "b"}}}, "name_missing"),
        ({"name": "x" * 121, "parts": {"en": {"subject": "a", "text": "b"}}}, "name_missing"),
        ({"name": "N", "parts": {}}, "no_wording"),
        ({"name": "N", "parts": {"de": {"subject": "a", "text": "b"}}}, "bad_language"),
        ({"name": "N", "parts": {"en": {"subject": 1, "text": "b"}}}, "invalid_message"),
        ({"name": "N", "parts": ["en"]}, "invalid_message"),
        ({"name": "Taken", "parts": {"en": {"subject": "Another", "text": "b"}}}, "name_taken"),
    ],
)
def test_message_that_cannot_be_is_refused(atlas_in_use, given, code):
    messages.save_template(actor=None, name="Taken", parts={"en": {"subject": "a subject", "text": "b"}})
    with pytest.raises(Refused) as refused:
        messages.save_template(actor=None, **given)
    assert refused.value.code == code
    assert TemplateVersion.objects.count() == 1


@pytest.mark.parametrize(
    "payload",
    ["{{ settings.SECRET_KEY }}", "{0.__class__}", "{% debug %}", "%(x)s", "${7*7}", "{first_name.__class__}"],
)
def test_nothing_that_people_write_is_evaluated(atlas_in_use, payload):
    version = messages.save_template(
        actor=None,
        name=f"Payload {payload}"[:100],
        parts={"en": {"subject": "Hello", "text": f"Dear customer, {payload} for you."}},
    )
    shown = messages.rendered(version, "en", Customer.objects.first())
    assert f"Dear customer, {payload} for you." in shown.text


def test_message_reads_as_the_customer_reads_it(atlas_in_use, offer):
    customer = Customer.objects.exclude(first_name="").first()
    version = messages.save_template(
        actor=None,
        name="M",
        parts={"en": {"subject": "For {first_name}", "text": "Dear {full_name},\n\n{offer_text} {unsubscribe_url}"}},
    )
    shown = messages.rendered(version, "en", customer, offer=offer)
    assert shown.subject == f"For {customer.first_name}"
    assert f"Dear {customer.full_name}," in shown.text and "A tenth less to pay" in shown.text
    nobody = messages.rendered(version, "en", None)
    assert nobody.subject == "For valued customer"


@pytest.mark.parametrize("starter", STARTERS, ids=lambda one: one.names["en"])
def test_message_to_begin_from_has_no_fault_but_what_may_be_unknown(starter, atlas_in_use):
    parts = {
        code: {"subject": subject, "text": text.strip(), "html": ""} for code, (subject, text) in starter.parts.items()
    }
    assert set(parts) == {"fr", "en", "ar"}
    services.sender()
    assert {one["code"] for one in messages.problems_of(parts)} <= {"placeholder_may_be_unknown"}


def test_messages_to_begin_from_are_written_once(atlas_in_use):
    first = [one.pk for one in starter_templates()]
    assert [one.pk for one in starter_templates()] == first
    assert TemplateVersion.objects.count() == len(STARTERS)


def test_archived_message_stays_with_its_versions(atlas_in_use):
    (template, *_rest) = starter_templates()
    messages.archive_template(template=template, actor=atlas_in_use.cast.anna)
    messages.archive_template(template=template, actor=atlas_in_use.cast.anna)
    template.refresh_from_db()
    assert template.is_archived and template.versions.exists()
    assert AuditEntry.objects.filter(verb="message_archived").count() == 1
