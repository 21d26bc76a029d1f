"""The pages and the API about messages: who may do what, what they cost, and what they say."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from campaigns.models import Draft, MessageTemplate, TemplateVersion
from campaigns.services import drafting, messages
from campaigns.services.starters import starter_templates
from customers.models import Customer
from segmentation.models import Segment, Segmentation
from tenants.scoping import current_tenant, tenant_scope
from tests.conftest import count_rows
from tests.dashboard.conftest import cost, htmx

LIST, NEW, DRAFT = "/messages", "/messages/new", "/messages/drafts/new"
WORDING = {
    "name": "Spring",
    "subject_fr": "Bonjour {first_name}",
    "text_fr": "Bonjour {first_name},\n\nMerci.",
    "subject_ar": "مرحبا {first_name}",
    "text_ar": "مرحبا {first_name}،\n\nشكرا.",
}


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def message(cast) -> MessageTemplate:
    with tenant_scope(cast.atlas):
        return starter_templates()[0]


@pytest.fixture
def draft(cast) -> Draft:
    with tenant_scope(cast.atlas):
        Segmentation.objects.create(tenant=current_tenant(), state="succeeded", is_current=True)
        segment = Segment.objects.create(tenant=current_tenant(), number=1, label="S1", persona_code="loyal")
        return drafting.draft_for_segment(segment=segment, actor=None, language="en")


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def addresses(message: MessageTemplate, draft: Draft) -> list[str]:
    at = f"/messages/{message.public_id}"
    return [
        LIST, NEW, DRAFT, at, f"{at}/edit", f"{at}/versions/1/mail?language=fr", "/messages/customers",
        f"/messages/drafts/{draft.public_id}", f"/messages/drafts/{draft.public_id}/mail",
    ]  # fmt: skip


# ---------------------------------------------------------------- who, and what it costs


def test_anonymous_is_led_to_sign_in(client, message, draft):
    for address in addresses(message, draft):
        answer = client.get(address)
        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in?next="), address
    assert client.get("/api/templates").status_code in (401, 403)


def test_viewer_reads_and_writes_nothing(client_for, cast, message, draft):
    client = client_for(cast.bob)
    before = count_rows()
    listed, read = client.get(LIST), client.get(f"/messages/{message.public_id}")
    assert listed.status_code == read.status_code == 200
    for text in (text_of(listed), text_of(read)):
        assert "/messages/new" not in text and "/edit" not in text and "/archive" not in text
    for address in (NEW, DRAFT, f"/messages/{message.public_id}/edit", f"/messages/drafts/{draft.public_id}"):
        assert client.get(address).status_code == 403, address
        assert client.post(address, WORDING).status_code == 403, address
    for address in (f"/messages/{message.public_id}/archive", "/messages/from-ours", "/messages/preview"):
        assert client.post(address, WORDING).status_code == 403, address
    for address in ("/api/template", f"/api/template/{message.public_id}", "/api/template/draft"):
        assert client.post(address, {}, content_type="application/json").status_code == 403, address
    assert count_rows() == before


def test_other_companys_messages_are_not_there(client_for, cast, message, draft):
    client = client_for(cast.charlie)
    with tenant_scope(cast.atlas):
        theirs = Customer.objects.first()
    at = f"/messages/{message.public_id}"
    for address in (at, f"{at}/edit", f"{at}/versions/1/mail?language=fr", f"/messages/drafts/{draft.public_id}",
                    f"/messages/drafts/{draft.public_id}/mail", f"/api/template/{message.public_id}"):  # fmt: skip
        assert client.get(address).status_code == 404, address
    for address in (f"{at}/edit", f"{at}/archive", f"/messages/drafts/{draft.public_id}"):
        assert client.post(address, WORDING).status_code == 404, address
    asked = {"language": "fr", "text_fr": "x", "customer": str(theirs.public_id)}
    assert client.post("/messages/preview", asked).status_code == 404
    body = json.dumps({"customer": str(theirs.public_id)})
    assert client.post("/api/template/draft", body, content_type="application/json").status_code == 400
    assert message.name not in text_of(client.get(LIST))
    assert str(theirs.public_id) not in text_of(client.get(f"/messages/customers?customer_search={theirs.external_id}"))
    with tenant_scope(cast.atlas):
        message.refresh_from_db()
        assert not message.is_archived and message.versions.count() == 1


def test_list_costs_the_same_however_many_messages_there_are(client_for, cast, message):
    client = client_for(cast.anna)
    few = cost(client, LIST)
    with tenant_scope(cast.atlas):
        for n in range(30):
            for text in ("One.", "Two."):
                found = MessageTemplate.objects.filter(name=f"M{n}").first()
                messages.save_template(
                    actor=None, name=f"M{n}", parts={"en": {"subject": "Hello there", "text": text}}, template=found
                )
    assert cost(client, LIST) == few <= 16


def test_message_costs_the_same_however_many_versions_it_has(client_for, cast, message):
    client, address = client_for(cast.anna), f"/messages/{message.public_id}"
    few = cost(client, address)
    with tenant_scope(cast.atlas):
        for n in range(40):
            parts = {"en": {"subject": f"Hello {n}", "text": "Good day."}}
            messages.save_template(actor=None, name=message.name, parts=parts, template=message)
    assert cost(client, address) <= few + 1 <= 25
    assert cost(client, address, **htmx("preview")) < few


def test_long_list_is_paged(client_for, cast):
    with tenant_scope(cast.atlas):
        for n in range(60):
            messages.save_template(actor=None, name=f"M{n:02}", parts={"en": {"subject": "Hello", "text": "Good day."}})
    client = client_for(cast.bob)
    first = client.get(LIST).content.decode()
    assert "M49" in first and "M50" not in first
    following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    part = client.get(LIST + following, headers=htmx("results")).content.decode()
    assert "M50" in part and "M49" not in part and "<html" not in part


# ---------------------------------------------------------------- writing


def test_empty_list_offers_messages_to_begin_from(client_for, cast):
    client = client_for(cast.anna)
    assert "Start from ours" in text_of(client.get(LIST))
    assert client.post("/messages/from-ours").status_code == 302
    text = text_of(client.get(LIST))
    assert "An offer for you" in text and "Start from ours" not in text


def test_analyst_writes_a_message_in_two_languages(client_for, cast):
    client = client_for(cast.anna)
    answer = client.post(NEW, WORDING)
    with tenant_scope(cast.atlas):
        version = TemplateVersion.objects.select_related("template").get()
    assert answer["Location"] == f"/messages/{version.template.public_id}"
    assert (version.languages, version.created_by) == (["fr", "ar"], cast.anna)
    editor = client.get(f"{answer['Location']}/edit").content.decode()
    assert re.search(r'<textarea name="text_ar"[^>]*dir="rtl"', editor)
    assert "مرحبا {first_name}" in editor


def test_fault_is_shown_with_its_place_and_everything_that_was_written(client_for, cast):
    wrong = WORDING | {"text_fr": "Bonjour {prenom},\n\nvoyez http://example.com/x"}
    answer = client_for(cast.anna).post(NEW, wrong)
    text = text_of(answer)
    assert answer.status_code == 422
    assert "Did you mean {first_name}?" in text and "line 1, character 9" in text
    assert "line 3" in text and "voyez http://example.com/x" in text
    with tenant_scope(cast.atlas):
        assert not MessageTemplate.objects.exists()


def test_name_that_is_taken_is_told_by_its_field(client_for, cast, message):
    answer = client_for(cast.anna).post(NEW, WORDING | {"name": message.name})
    assert answer.status_code == 422
    assert re.search(r'id="id_name_error">There is a message of this name already', answer.content.decode())


def test_change_is_a_new_version_and_told_line_by_line(client_for, cast):
    client = client_for(cast.anna)
    at = client.post(NEW, WORDING)["Location"]
    client.post(f"{at}/edit", WORDING | {"text_fr": "Bonjour {first_name},\n\nMille mercis."})
    text = text_of(client.get(at))
    assert "What changed since version 1" in text and "Mille mercis." in text
    earlier = text_of(client.get(f"{at}?version=1"))
    assert "This is an earlier version" in earlier
    assert client.get(f"{at}?version=9").status_code == 404


def test_archived_message_leaves_the_list_and_comes_back(client_for, cast, message):
    client = client_for(cast.anna)
    client.post(f"/messages/{message.public_id}/archive")
    assert message.name not in re.sub(r'(?s)class="toasts".*', "", client.get(LIST).content.decode())
    assert message.name in text_of(client.get(f"{LIST}?archived=1"))
    client.post(f"/messages/{message.public_id}/archive", {"restore": ""})
    client.get(LIST)
    assert message.name in text_of(client.get(LIST))


@pytest.mark.parametrize("address", ["/messages/from-ours", "/messages/preview"])
def test_looking_at_an_address_changes_nothing(client_for, cast, address):
    assert client_for(cast.anna).get(address).status_code == 405


# ---------------------------------------------------------------- the frame


def test_frame_is_closed_to_everything(client_for, cast, message):
    client = client_for(cast.bob)
    answer = client.get(f"/messages/{message.public_id}/versions/1/mail?language=ar")
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'self'" and "sandbox" in policy
    assert policy["style-src"] == "'unsafe-inline'" and policy["img-src"] == "data:" and "script-src" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Cache-Control"] == "no-store, private"
    assert 'dir="rtl"' in answer.content.decode()
    page = client.get(f"/messages/{message.public_id}")
    assert (
        "frame-src 'self'" in page["Content-Security-Policy"] and "unsafe-inline" not in page["Content-Security-Policy"]
    )
    assert re.search(r'<iframe[^>]* sandbox=""', page.content.decode())
    assert "frame-src" not in client.get("/dashboard")["Content-Security-Policy"]


def test_preview_fills_in_the_chosen_customer_and_keeps_nothing(client_for, cast):
    client = client_for(cast.anna)
    with tenant_scope(cast.atlas):
        customer = Customer.objects.exclude(first_name="").first()
    before = count_rows()
    asked = WORDING | {
        "language": "fr",
        "customer": str(customer.public_id),
        "html_fr": "<p>Bonjour {first_name} <script>x</script></p>",
    }
    shown = client.post("/messages/preview", asked).content.decode()
    assert customer.first_name in shown and "<script" not in shown
    assert client.post("/messages/preview", asked | {"customer": ""}).content.decode().count("cher client") >= 1
    assert client.post("/messages/preview", asked | {"customer": str(uuid.uuid4())}).status_code == 404
    assert client.post("/messages/preview", asked | {"language": "de"}).status_code == 404
    assert count_rows() == before


def test_customer_is_found_by_number_and_name(client_for, cast):
    client = client_for(cast.bob)
    with tenant_scope(cast.atlas):
        customer = Customer.objects.order_by("-pk").exclude(last_name="").first()
    for words in (customer.external_id, customer.last_name):
        answer = client.get("/messages/customers", {"customer_search": words}, headers=htmx("customer-choice"))
        assert str(customer.public_id) in answer.content.decode(), words
    assert "begins with" in text_of(client.get("/messages/customers", {"customer_search": "zzzzqqq"}))


# ---------------------------------------------------------------- a draft for a segment


def test_draft_for_a_segment_becomes_a_message(client_for, cast, draft):
    client = client_for(cast.anna)
    key = str(uuid.uuid4())
    asked = {"segment": "1", "offer": "", "language": "fr", "tone": "formal", "draft": key}
    answers = [client.post(DRAFT, asked) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {f"/messages/drafts/{key}"}
    with tenant_scope(cast.atlas):
        made = Draft.objects.get(public_id=key)
        assert Draft.objects.count() == 2  # the fixture's, and this one
    page = text_of(client.get(f"/messages/drafts/{key}"))
    assert "Draft for S1" in page and made.subject.replace("'", "&#x27;") in page
    given = {"subject": made.subject, "text": made.text, "template": "", "name": ""}
    nameless = client.post(f"/messages/drafts/{key}", given)
    assert nameless.status_code == 422 and "Give the new message a name" in text_of(nameless)
    kept = client.post(f"/messages/drafts/{key}", given | {"name": "Fidèles"})
    with tenant_scope(cast.atlas):
        version = TemplateVersion.objects.select_related("template").get(template__name="Fidèles")
        made.refresh_from_db()
    assert kept["Location"] == f"/messages/{version.template.public_id}?language=fr"
    assert made.approved_by == cast.anna


def test_changed_draft_is_checked_and_a_person_may_insist(client_for, cast, draft):
    client, address = client_for(cast.anna), f"/messages/drafts/{draft.public_id}"
    given = {
        "subject": draft.subject,
        "text": draft.text + "\n\nPay only 4.99 a month.",
        "template": "",
        "name": "Cheap",
    }
    answer = client.post(address, given)
    assert answer.status_code == 422
    assert "4.99" in text_of(answer) and "keep it all the same" in text_of(answer)
    with tenant_scope(cast.atlas):
        assert not MessageTemplate.objects.exists()
    assert client.post(address, given | {"despite": "on"}).status_code == 302
    with tenant_scope(cast.atlas):
        assert TemplateVersion.objects.get().source == "person"


def test_draft_needs_segments(client_for, cast):
    assert "There are no segments yet" in text_of(client_for(cast.anna).get(DRAFT))


# ---------------------------------------------------------------- programs


def sent(client, address: str, body: object, key: str = ""):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(address, json.dumps(body), content_type="application/json", headers=headers)


def test_program_writes_and_reads_a_message(client_for, cast):
    client = client_for(cast.anna)
    body = {"name": "By program", "parts": {"en": {"subject": "Hello {first_name}", "text": "Good day."}}}
    answers = [sent(client, "/api/template", body, "one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    at = answers[0]["Location"]
    assert client.get(at).json()["version"]["parts"]["en"]["subject"] == "Hello {first_name}"
    changed = sent(client, at, {"parts": {"en": {"subject": "Hello", "text": "Good day."}}})
    assert (changed.status_code, changed.json()["version"]["number"]) == (200, 2)
    assert client.get(f"{at}?version=1").json()["version"]["number"] == 1
    assert [one["name"] for one in client.get("/api/templates").json()["templates"]] == ["By program"]
    assert client.delete(at).status_code == 204
    assert client.get("/api/templates").json()["templates"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "N"}, 400, "invalid"),
        ({"name": 1, "parts": {}}, 400, "invalid"),
        ({"name": "N", "parts": {}, "extra": 1}, 400, "invalid"),
        ({"name": "N", "parts": {"en": {"subject": "", "text": "x"}}}, 422, "invalid_message"),
        ({"name": "N", "parts": {"xx": {"subject": "a", "text": "x"}}}, 422, "bad_language"),
        ({"name": "N", "parts": "fr"}, 422, "invalid_message"),
    ],
)
def test_program_is_told_what_is_wrong(client_for, cast, body, status, code):
    answer = client_for(cast.anna).post("/api/template", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"


def test_program_has_a_draft_written(client_for, cast, draft):
    client = client_for(cast.anna)
    address, asked = "/api/template/draft", {"segment": "S1", "language": "ar", "tone": "brief"}
    first, again = (sent(client, address, asked, "d") for _ in range(2))
    assert (first.status_code, first.json()["source"], first.json()["why_not"]["code"]) == (201, "built_in", "not_set")
    assert first.json()["id"] == again.json()["id"]
    with tenant_scope(cast.atlas):
        number = Customer.objects.first().external_id
    assert sent(client, address, {"customer": number}).status_code == 201
    for wrong in ({}, {"segment": "S1", "customer": number}, {"segment": "S9"}, {"customer": "nobody"}, {"segment": "S1", "seed": -1},
                  {"segment": "S1", "offer": "x"}, {"segment": "S1", "with_server": "no"}):  # fmt: skip
        assert sent(client, address, wrong).status_code == 400, wrong
    assert sent(client, address, {"segment": "S1", "language": "de"}).json()["code"] == "bad_language"
