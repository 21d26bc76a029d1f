"""The page about what leaving means: tried by those who train, adopted by those who answer for the company, read by all."""

import re

import pytest
from django.core.cache import cache

from core.models import JobState
from customers import selectors, services
from customers.models import ChurnDefinition
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.customers.prepaid_company import adopted, bring_in, previewed
from tests.dashboard.conftest import cost, htmx

SILENCE = {"kind": "silence", "silent_days": "60", "gap_days": "30", "horizon_days": "30", "grace_days": "30"}


@pytest.fixture
def bell(monkeypatch):
    from customers.tasks import preview_definition

    heard = []
    monkeypatch.setattr(preview_definition, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def drawn(atlas):
    with tenant_scope(atlas):
        return bring_in(150)


@pytest.fixture
def proposal(cast, drawn) -> ChurnDefinition:
    """Anna's, previewed."""
    with tenant_scope(cast.atlas):
        return previewed(cast.anna)


def test_company_that_adopted_nothing_is_told_what_counts_now(client_for, cast):
    text = client_for(cast.bob).get("/churn-definition").content.decode()
    assert "The column of your files that says who left decides." in text
    assert "Nobody has adopted another definition." in text
    assert "/churn-definition/propose" not in text
    assert "/churn-definition/propose" in client_for(cast.anna).get("/churn-definition").content.decode()
    assert 'href="/churn-definition"' in client_for(cast.bob).get("/quality").content.decode()


def test_proposal_is_previewed_and_shown_month_by_month(
    client_for, cast, drawn, bell, django_capture_on_commit_callbacks
):
    client = client_for(cast.anna)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/churn-definition/propose", SILENCE)
    with tenant_scope(cast.atlas):
        definition = ChurnDefinition.objects.get()
        assert definition.requested_by == cast.anna
        assert AuditEntry.objects.get(verb="definition_proposed").actor == cast.anna
    assert answer["Location"] == f"/churn-definition/{definition.public_id}"
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": definition.pk}]
    with tenant_scope(cast.atlas):
        services.preview_definition(definition_id=definition.pk)
        lines = selectors.definition_list().get().preview["months"]
    text = client.get("/churn-definition").content.decode()
    assert "uses nothing for 60 days in a row" in text
    assert "60 days of silence are 2 months without any use" in text
    assert "A model would learn from customers as they were on" in text
    assert text.count("not known yet</td>") == 3
    assert all(f">{line['at_risk']}</td>" in text for line in lines if line["left"] is not None)
    assert "An admin or the owner of the company may adopt it." in text
    assert "Also by the label" not in text, "no label is known"


def test_numbers_that_make_no_sense_stand_on_the_form(client_for, cast, bell):
    client = client_for(cast.anna)
    for wrong in (
        {**SILENCE, "silent_days": "7"},
        {**SILENCE, "kind": "moon"},
        {**SILENCE, "kind": "contract_end"},
        {},
    ):
        answer = client.post("/churn-definition/propose", wrong)
        assert answer.status_code == 422
        assert "field-error" in answer.content.decode()
    with tenant_scope(cast.atlas):
        assert not ChurnDefinition.objects.exists()
    assert bell == []


def test_running_preview_asks_again_and_refreshes_the_page_at_its_end(client_for, cast, drawn, bell):
    with tenant_scope(cast.atlas):
        definition = services.propose_definition(kind="silence", silent_days=60, horizon_days=30, actor=cast.anna)
        ChurnDefinition.objects.filter(pk=definition.pk).update(state="running", progress_done=50, progress_total=150)
    client = client_for(cast.anna)
    assert "hx-trigger" in client.get("/churn-definition").content.decode()
    for address in ("/churn-definition", f"/churn-definition/{definition.public_id}"):
        part = client.get(address, headers=htmx("job"))
        assert "<html" not in part.content.decode()
        assert 'value="33"' in part.content.decode()
        assert "HX-Refresh" not in part
    with tenant_scope(cast.atlas):
        ChurnDefinition.objects.filter(pk=definition.pk).update(state="queued")
        services.preview_definition(definition_id=definition.pk)
    part = client.get("/churn-definition", headers=htmx("job"))
    assert part["HX-Refresh"] == "true"
    assert "hx-trigger" not in part.content.decode()


def test_preview_is_stopped_and_tried_again(client_for, cast, drawn, bell, django_capture_on_commit_callbacks):
    with tenant_scope(cast.atlas):
        definition = services.propose_definition(kind="silence", silent_days=60, horizon_days=30, actor=cast.anna)
    client, address = client_for(cast.anna), f"/churn-definition/{definition.public_id}"
    assert client.get(f"{address}/cancel").status_code == 405
    assert client.post(f"{address}/cancel").status_code == 302
    text = client.get(address).content.decode()
    assert "Somebody stopped the look." in text and "Try again" in text
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{address}/preview")
    with tenant_scope(cast.atlas):
        definition.refresh_from_db()
    assert definition.state == JobState.QUEUED
    assert len(bell) == 1


def test_admin_adopts_with_a_reason_and_gives_up_again(client_for, cast, proposal):
    client, address = client_for(cast.alice), f"/churn-definition/{proposal.public_id}"
    assert f'action="{address}/adopt"' in client.get(address).content.decode()
    assert "Say why" in client.post(f"{address}/adopt", {"reason": " "}, follow=True).content.decode()
    text = client.post(f"{address}/adopt", {"reason": "Cards <die>."}, follow=True).content.decode()
    assert "Adopted by Alice" in text
    assert "Cards &lt;die&gt;." in text
    assert "Adopted by Alice" in client_for(cast.bob).get("/churn-definition").content.decode()
    assert f'action="{address}/retire"' not in client_for(cast.bob).get("/churn-definition").content.decode()
    text = client.post(f"{address}/retire", {"reason": "no"}, follow=True).content.decode()
    assert "Nobody has adopted another definition." in text


def test_analyst_proposes_and_does_not_adopt_and_a_viewer_only_reads(client_for, cast, proposal, bell):
    address = f"/churn-definition/{proposal.public_id}"
    for person in (cast.anna, cast.omar, cast.bob):
        assert client_for(person).get(address).status_code == 200
        for door in ("adopt", "retire"):
            assert client_for(person).post(f"{address}/{door}", {"reason": "x"}).status_code == 403
    for door in ("/churn-definition/propose", f"{address}/preview", f"{address}/cancel"):
        assert client_for(cast.bob).post(door, SILENCE).status_code == 403
    assert client_for(cast.olfa).post(f"{address}/adopt", {"reason": "x"}).status_code == 302
    with tenant_scope(cast.atlas):
        assert selectors.adopted_definition() == proposal


def test_another_companys_definition_is_not_there_and_means_nothing_here(client_for, cast, proposal, bell):
    with tenant_scope(cast.atlas):
        services.adopt_definition(definition=proposal, actor=cast.alice, reason="prepaid")
    client, address = client_for(cast.charlie), f"/churn-definition/{proposal.public_id}"
    assert client.get(address).status_code == 404
    for door in ("preview", "cancel", "adopt", "retire"):
        assert client.post(f"{address}/{door}", {"reason": "x"}).status_code == 404
        assert door == "cancel" or client.post(f"/api{address}/{door}").status_code == 404
    assert client.get(f"/api{address}").status_code == 404
    assert client.get("/api/churn-definition").json() == {"adopted": None, "definitions": []}
    assert "60 days" not in client.get("/churn-definition").content.decode().split("<form")[0]
    with tenant_scope(cast.borealis):
        assert selectors.adopted_definition() is None and selectors.training_cut() is None
        bring_in(60)
        adopted(cast.charlie)  # each company has one of its own
    with tenant_scope(cast.atlas):
        assert selectors.adopted_definition() == proposal


def test_strangers_are_sent_to_sign_in(client, db):
    assert client.get("/churn-definition")["Location"].startswith("/sign-in")
    assert client.get("/api/churn-definition").status_code in (401, 403)


def test_ten_definitions_cost_no_more_questions_than_one(client_for, cast, proposal):
    client = client_for(cast.alice)
    one = cost(client, "/churn-definition")
    with tenant_scope(cast.atlas):
        for horizon in (60, 90, 120, 150, 180, 210, 240, 270, 300):
            services.propose_definition(kind="silence", silent_days=60, horizon_days=horizon, actor=cast.anna)
        ChurnDefinition.objects.exclude(pk=proposal.pk).update(state="succeeded", preview=proposal.preview)
    cache.clear()
    assert cost(client, "/churn-definition") == one
    assert one <= 14


def test_page_of_the_label_column_shows_its_counts(client_for, cast, imported):
    with tenant_scope(cast.atlas):
        definition = previewed(cast.anna, kind="label")
        base = selectors.customer_base()
    text = client_for(cast.alice).get(f"/churn-definition/{definition.public_id}").content.decode()
    assert f"{base['left']} left, {base['stayed']} stayed" in text
    assert "Adopt it" in text


def test_page_is_french_for_french_readers(client_for, cast, proposal):
    cast.alice.locale = "fr"
    cast.alice.save()
    text = client_for(cast.alice).get("/churn-definition").content.decode()
    assert "Ce que partir veut dire" in text
    assert "n’utilise rien pendant 60 jours de suite" in text
    words = re.sub(r"<script.*?</script>|<[^>]*>", " ", text, flags=re.S)
    for english in ("Leaving", "leaving", "leave", "Adopt ", "known", "month", "days", "Rate", "Grace", "Standing"):
        assert english not in words, english


# ---------------------------------------------------------------- for programs


def test_program_proposes_follows_adopts_and_gives_up(
    client_for, cast, drawn, bell, django_capture_on_commit_callbacks
):
    client = client_for(cast.alice)
    body = {"kind": "silence", "silent_days": 60, "horizon_days": 30, "gap_days": 30}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/api/churn-definition", body, "application/json", headers={"Idempotency-Key": "a"})
    again = client.post("/api/churn-definition", body, "application/json", headers={"Idempotency-Key": "a"})
    assert (answer.status_code, again.status_code, again.json()["id"]) == (202, 202, answer.json()["id"])
    assert len(bell) == 1
    address = answer["Location"].removeprefix("http://testserver")
    assert client.get(address).json()["preview"] is None
    early = client.post(f"{address}/adopt", {"reason": "x"}, "application/json")
    assert (early.status_code, early.json()["code"]) == (422, "no_preview")
    with tenant_scope(cast.atlas):
        services.preview_definition(definition_id=ChurnDefinition.objects.get().pk)
    found = client.get(address).json()
    assert (found["state"], found["progress"], found["standing"]) == ("succeeded", 1.0, "draft")
    assert found["preview"]["learns"]["test"] and len(found["preview"]["months"]) == 12
    assert client.post(f"{address}/adopt", {"reason": "prepaid"}, "application/json").json()["standing"] == "adopted"
    assert client.get("/api/churn-definition").json()["adopted"]["adopted"]["by"] == "Alice"
    assert client.post(f"{address}/retire", {"reason": "no"}, "application/json").json()["standing"] == "retired"
    assert client.get("/api/churn-definition").json()["adopted"] is None
    assert client.post(f"{address}/preview", {}, "application/json").status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "silence", "silent_days": 45, "horizon_days": 30}, 422),
        ({"kind": "silence", "silent_days": "many"}, 400),
        ({"kind": "silence", "silent_days": True}, 400),
        ({"kind": "silence", "silent_days": [60]}, 400),
        ({"kind": {"a": 1}}, 422),
        ({}, 422),
        ([], 400),
    ],
)
def test_program_that_proposes_nonsense_is_told(client_for, cast, body, status):
    assert client_for(cast.anna).post("/api/churn-definition", body, "application/json").status_code == status


def test_program_needs_the_same_rights_as_a_person(client_for, cast, proposal):
    address = f"/api/churn-definition/{proposal.public_id}"
    assert client_for(cast.bob).get(address).status_code == 200
    assert client_for(cast.bob).post("/api/churn-definition", SILENCE, "application/json").status_code == 403
    assert client_for(cast.omar).post(f"{address}/adopt", {"reason": "x"}, "application/json").status_code == 403
