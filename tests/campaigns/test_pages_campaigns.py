"""The campaign pages: who may do what, what they cost, what they say at each step, and that nothing goes out unapproved."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from campaigns import services
from campaigns.models import Campaign, Preparation, Recipient, Shift
from customers.models import Customer
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx

from .conftest import agree_all, check, compose, launch, send, write_message

LIST, NEW, COUNT = "/campaigns", "/campaigns/new", "/campaigns/audience"
VERBS = ("check", "check/stop", "copy", "delete", "test", "approve", "withdraw", "launch", "pause", "resume", "cancel",
         "retry", "uncertain")  # fmt: skip
MAY = {"check": "anna", "check/stop": "anna", "copy": "anna", "delete": "anna", "test": "anna"}  # the rest: Omar


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def atlas(cast):
    with tenant_scope(cast.atlas):
        agree_all()
    return cast.atlas


@pytest.fixture
def draft(atlas) -> Campaign:
    with tenant_scope(atlas):
        return compose()


@pytest.fixture
def checked(atlas, draft) -> Campaign:
    with tenant_scope(atlas):
        return Campaign.objects.select_related("message").get(pk=check(draft).pk)


@pytest.fixture
def running(atlas, cast, draft) -> Campaign:
    with tenant_scope(atlas):
        return launch(draft, cast.omar)


def page_of(campaign: Campaign) -> str:
    return f"{LIST}/{campaign.public_id}"


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def again(atlas, campaign: Campaign) -> Campaign:
    with tenant_scope(atlas):
        return Campaign.objects.select_related("message", "offer", "version").get(pk=campaign.pk)


def form(chosen, **changes) -> dict:
    return {
        "name": "Autumn", "kind": "risk", "by": "bands", "bands": ["high", "medium"], "message": str(chosen.public_id),
        "default_language": "fr", "holdout": "10", "horizon_days": "60", "rival_share": "50", "start": "now", **changes,
    }  # fmt: skip


# ---------------------------------------------------------------- who


@pytest.mark.parametrize("page", [LIST, NEW])
def test_anonymous_is_led_to_sign_in(client, cast, page):
    answer = client.get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={page}")


def test_viewer_reads_and_changes_nothing(client_for, atlas, cast, checked):
    client = client_for(cast.bob)
    assert "Spring" in text_of(client.get(LIST)) and "New campaign" not in text_of(client.get(LIST))
    text = text_of(client.get(page_of(checked)))
    assert "Who would get it" in text
    for verb in VERBS:
        assert f'action="{page_of(checked)}/{verb}"' not in text
        assert client.post(f"{page_of(checked)}/{verb}").status_code == 403, verb
        assert client.get(f"{page_of(checked)}/{verb}").status_code == 405, verb
    assert client.get(NEW).status_code == client.get(f"{page_of(checked)}/edit").status_code == 403
    assert client.post(COUNT).status_code == 403
    assert again(atlas, checked).state == "checked"


def test_analyst_composes_and_cannot_approve_nor_start(client_for, atlas, cast, checked):
    client = client_for(cast.anna)
    text = text_of(client.get(page_of(checked)))
    assert "It waits for somebody who may approve campaigns." in text and "/approve" not in text
    for verb in set(VERBS) - set(MAY):
        assert client.post(f"{page_of(checked)}/{verb}").status_code == 403, verb
    assert again(atlas, checked).state == "checked"


def test_other_company_finds_no_campaign(client_for, atlas, cast, checked):
    client = client_for(cast.charlie)
    assert "Spring" not in text_of(client.get(LIST))
    for page in (page_of(checked), f"{page_of(checked)}/edit", f"{page_of(checked)}/recipients"):
        assert client.get(page).status_code == 404
    for verb in VERBS:
        assert client.post(f"{page_of(checked)}/{verb}").status_code == 404, verb
    assert again(atlas, checked).state == "checked"


def test_message_or_offer_of_another_company_is_no_choice(client_for, atlas, cast):
    with tenant_scope(cast.borealis):
        theirs = write_message("Theirs")
    answer = client_for(cast.alice).post(NEW, form(theirs))
    assert answer.status_code == 422 and "Theirs" not in text_of(client_for(cast.alice).get(NEW))
    with tenant_scope(atlas):
        assert not Campaign.objects.exists()


# ---------------------------------------------------------------- what pages cost


def test_list_costs_the_same_however_many_campaigns_there_are(client_for, atlas, cast, draft):
    client = client_for(cast.anna)
    few = cost(client, LIST)
    with tenant_scope(atlas):
        for n in range(12):
            compose(name=f"Another {n}", message=draft.message)
    assert cost(client, LIST) <= few <= 16


def test_campaign_page_costs_the_same_however_many_get_it(client_for, atlas, cast, running):
    client = client_for(cast.omar)
    full = cost(client, page_of(running))
    with tenant_scope(atlas):
        Recipient.objects.filter(pk__in=list(Recipient.objects.values_list("pk", flat=True)[:100])).delete()
    assert full <= 28 and abs(cost(client, page_of(running)) - full) <= 1


def test_recipients_are_paged_and_cost_the_same(client_for, atlas, cast, running):
    client = client_for(cast.bob)
    page = f"{page_of(running)}/recipients"
    assert cost(client, page) <= 12
    found, address = set(), page
    for _ in range(20):
        text = client.get(address).content.decode()
        found |= set(re.findall(r'href="/clients/([0-9a-f-]{36})"', text))
        link = re.search(r'rel="next" href="([^"]+)"', text)
        if not link:
            break
        address = page + link[1].replace("&amp;", "&")
    with tenant_scope(atlas):
        assert found == {str(k) for k in Recipient.objects.values_list("customer__public_id", flat=True)}


# ---------------------------------------------------------------- the list


def test_empty_list_says_what_to_do_first(client_for, atlas, cast):
    text = text_of(client_for(cast.anna).get(LIST))
    assert "No campaign yet" in text
    assert "Write a message" in text


def test_list_is_narrowed_by_state_and_answers_a_fragment(client_for, atlas, cast, draft):
    client = client_for(cast.anna)
    assert "Spring" in text_of(client.get(f"{LIST}?show=prepared"))
    assert "Spring" not in text_of(client.get(f"{LIST}?show=over"))
    assert "Spring" in text_of(client.get(f"{LIST}?show=nonsense"))
    fragment = client.get(LIST, headers=htmx("results")).content.decode()
    assert "Spring" in fragment and "<html" not in fragment


# ---------------------------------------------------------------- composing


def test_draft_is_written_and_nothing_else_happens(client_for, atlas, cast):
    with tenant_scope(atlas):
        message = write_message()
    answer = client_for(cast.anna).post(NEW, form(message, holdout="12,5", per_hour="600"))
    with tenant_scope(atlas):
        saved = Campaign.objects.get()
        assert not Preparation.objects.exists() and not Recipient.objects.exists()
    assert answer["Location"] == page_of(saved)
    assert (saved.state, saved.holdout, saved.per_hour) == ("draft", 0.125, 600)
    assert saved.audience == {"kind": "risk", "bands": ["high", "medium"]}
    assert saved.created_by == cast.anna


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        ({"by": "range", "risk_from": "40", "risk_to": "90 %"}, {"kind": "risk", "low": 0.4, "high": 0.9}),
        ({"by": "range", "risk_from": "12,5"}, {"kind": "risk", "low": 0.125}),
        ({"kind": "list", "numbers": "A-1, A-2\nA-3;A-1"}, {"kind": "list", "numbers": ["A-1", "A-2", "A-3", "A-1"]}),
    ],
)
def test_audience_is_stored_as_it_was_chosen_and_shown_again(client_for, atlas, cast, changes, stored):
    client = client_for(cast.anna)
    with tenant_scope(atlas):
        message = write_message()
    client.post(NEW, form(message, **changes))
    with tenant_scope(atlas):
        saved = Campaign.objects.get()
    assert saved.audience == stored
    shown = client.get(f"{page_of(saved)}/edit").context["form"]
    assert shown["kind"].value() == stored["kind"]
    client.post(f"{page_of(saved)}/edit", form(message, **changes, name="Renamed"))
    renamed = again(atlas, saved)
    assert (renamed.name, renamed.audience) == ("Renamed", stored)


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"bands": []}, "bands", "bands of risk"),
        ({"by": "range", "risk_from": "90", "risk_to": "40"}, "risk_from", "empty"),
        ({"by": "range", "risk_from": "many"}, "risk_from", "percent"),
        ({"kind": "segment", "segments": []}, "segments", "at least one segment"),
        ({"kind": "rule", "rule_segment": ""}, "rule_segment", "not there"),
        ({"kind": "list", "numbers": " "}, "numbers", "at least one customer number"),
        ({"kind": "persuadable"}, "kind", "not proved"),
        ({"holdout": "60"}, "holdout", "0 to 50"),
        ({"holdout": "nan"}, "holdout", "percent"),
        ({"horizon_days": "3"}, "horizon_days", "7"),
        ({"per_hour": "0"}, "per_hour", "1"),
        ({"start": "at"}, "start_on", "day"),
        ({"message": ""}, "message", "required"),
    ],
)
def test_what_cannot_be_is_said_by_its_field(client_for, atlas, cast, changes, place, said):
    with tenant_scope(atlas):
        message = write_message()
    answer = client_for(cast.anna).post(NEW, form(message, **changes))
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[place])
    assert f'id="id_{place}_error"' in answer.content.decode()
    with tenant_scope(atlas):
        assert not Campaign.objects.exists()


def test_name_is_given_once(client_for, atlas, cast, draft):
    answer = client_for(cast.anna).post(NEW, form(draft.message, name="Spring"))
    assert "already" in answer.context["form"].errors["name"][0]


def test_message_is_not_compared_with_itself(client_for, atlas, cast, draft):
    same = str(draft.message.public_id)
    answer = client_for(cast.anna).post(NEW, form(draft.message, rival=same))
    assert "another one" in answer.context["form"].errors["rival"][0]


def test_hour_is_by_the_clock_of_the_company(client_for, atlas, cast):
    with tenant_scope(atlas):
        message = write_message()
    client_for(cast.anna).post(NEW, form(message, start="at", start_on="2031-03-01", start_at="09:30"))
    with tenant_scope(atlas):
        saved = Campaign.objects.get()
    assert saved.scheduled_at == dt.datetime(2031, 3, 1, 8, 30, tzinfo=dt.UTC)  # Tunis: an hour ahead


def test_live_count_tells_how_many_with_names_and_how_many_are_left_alone(client_for, atlas, cast):
    client = client_for(cast.anna)
    answer = client.post(
        COUNT, {"kind": "risk", "by": "range", "risk_from": "0", "holdout": "20"}, headers=htmx("audience")
    )
    text = text_of(answer)
    with tenant_scope(atlas):
        here = Customer.objects.exclude(churn_label=True).count()
    assert f'<p class="stat-value">{here}</p>' in text
    assert f"About {round(here * 0.2)} of them would be left alone" in text
    assert text.count("/clients/") == 5
    assert "<html" not in text


def test_live_count_is_told_without_htmx_too(client_for, atlas, cast):
    """It is a part of a page: there is no whole page for it."""
    for body in ({}, {"kind": "rule", "rule_segment": "nobody's"}, {"kind": "risk", "by": "range", "risk_from": "0"}):
        answer = client_for(cast.anna).post(COUNT, body)
        assert answer.status_code == 200 and "<html" not in text_of(answer), body


def test_live_count_warns_where_nobody_is_left_alone_and_says_what_is_wrong(client_for, atlas, cast):
    client = client_for(cast.anna)
    ask = lambda **fields: text_of(client.post(COUNT, fields, headers=htmx("audience")))  # noqa: E731
    assert "never be known" in ask(kind="risk", by="range", risk_from="0", holdout="0")
    assert "not proved yet" in ask(kind="persuadable")
    assert "at least one segment" in ask(kind="segment")
    assert "Choose" in ask(kind="nonsense") or "not one of" in ask(kind="nonsense")


def test_address_may_say_for_whom(client_for, atlas, cast):
    form_shown = client_for(cast.anna).get(f"{NEW}?segment=S1").context["form"]
    assert (form_shown["kind"].value(), form_shown["segments"].value()) == ("segment", ["S1"])


# ---------------------------------------------------------------- from draft to the start


def test_steps_lead_from_draft_to_running(client_for, atlas, cast, draft, django_capture_on_commit_callbacks):
    anna, omar = client_for(cast.anna), client_for(cast.omar)
    assert "Next: check it" in text_of(anna.get(page_of(draft)))
    anna.post(f"{page_of(draft)}/check")
    with tenant_scope(atlas):
        job = Preparation.objects.get()
    text = text_of(anna.get(page_of(draft)))
    assert "Being checked" in text and 'hx-trigger="every 1s"' in text
    with tenant_scope(atlas):
        services.prepare_campaign(preparation_id=job.pk)
    found = again(atlas, draft)
    text = text_of(omar.get(page_of(draft)))
    assert found.state == "checked" and "Next: somebody approves it" in text
    assert f"Write to {found.checked['treated']} customers?" in text
    omar.post(f"{page_of(draft)}/approve")
    assert again(atlas, draft).state == "approved" and again(atlas, draft).approved_by == cast.omar
    assert "Ready to start" in text_of(omar.get(page_of(draft)))
    omar.post(f"{page_of(draft)}/launch")
    with tenant_scope(atlas):
        services.prepare_campaign(preparation_id=Preparation.objects.get(kind="launch").pk)
    assert again(atlas, draft).state == "running"
    assert f"0 of {found.checked['treated']} done" in text_of(omar.get(page_of(draft)))


def test_check_says_who_is_left_out_and_why(client_for, atlas, cast, draft):
    with tenant_scope(atlas):
        here = Customer.objects.exclude(churn_label=True).exclude(email="")
        some = list(here.order_by("pk").values_list("pk", flat=True)[:7])
        services.record_consent(customers=some, is_granted=False, source="person")
        found = check(draft)
    text = text_of(client_for(cast.bob).get(page_of(draft)))
    assert found.checked["left_out"]["no_consent"] == 7
    assert re.search(r"Did not agree to be written to.*?<td class=\"num\">7</td>", text)
    assert "What could go wrong" in text and "mailbox inside ChurnGuard" in text
    assert f"With {found.checked['treated']} written to and {found.checked['held_out']} left alone" in text


def test_nobody_approves_what_was_not_checked_or_reaches_nobody(client_for, atlas, cast, draft):
    omar = client_for(cast.omar)
    omar.post(f"{page_of(draft)}/approve")
    assert again(atlas, draft).state == "draft"
    with tenant_scope(atlas):
        everybody = list(Customer.objects.values_list("pk", flat=True))
        services.record_consent(customers=everybody, is_granted=False, source="person")
        check(draft)
    text = text_of(omar.get(page_of(draft)))
    assert "Nobody would get it" in text and 'popovertarget="approve"' not in text
    omar.post(f"{page_of(draft)}/approve")
    assert again(atlas, draft).state == "checked"


def test_change_after_the_check_asks_for_a_new_check(client_for, atlas, cast, checked):
    client_for(cast.anna).post(f"{page_of(checked)}/edit", form(checked.message, name="Spring"))
    found = again(atlas, checked)
    assert (found.state, found.checked) == ("draft", {})


def test_approved_campaign_is_not_edited_and_can_be_withdrawn(client_for, atlas, cast, checked):
    omar = client_for(cast.omar)
    omar.post(f"{page_of(checked)}/approve")
    assert omar.get(f"{page_of(checked)}/edit")["Location"] == page_of(checked)
    omar.post(f"{page_of(checked)}/edit", form(checked.message, name="Otherwise"))
    assert again(atlas, checked).name == "Spring"
    omar.post(f"{page_of(checked)}/withdraw")
    assert again(atlas, checked).state == "draft"


def test_scheduled_campaign_says_when_it_starts_and_not_before(client_for, atlas, cast, draft):
    omar = client_for(cast.omar)
    with tenant_scope(atlas):
        services.save_campaign(actor=None, campaign=draft, scheduled_at=timezone.now() + dt.timedelta(days=2))
        check(draft)
    omar.post(f"{page_of(draft)}/approve")
    text = text_of(omar.get(page_of(draft)))
    assert "It starts by itself on" in text and "/launch" not in text
    omar.post(f"{page_of(draft)}/launch")
    assert again(atlas, draft).state == "approved"


def test_copy_is_a_new_draft_and_a_draft_can_be_deleted(client_for, atlas, cast, running):
    anna = client_for(cast.anna)
    anna.post(f"{page_of(running)}/copy")
    with tenant_scope(atlas):
        copy = Campaign.objects.get(name="Spring (2)")
    assert copy.state == "draft" and copy.salt != running.salt
    anna.post(f"{page_of(copy)}/delete")
    anna.post(f"{page_of(running)}/delete")
    with tenant_scope(atlas):
        assert [one.pk for one in Campaign.objects.all()] == [running.pk], "one that has begun is kept"


def test_running_check_can_be_stopped(client_for, atlas, cast, draft):
    anna = client_for(cast.anna)
    anna.post(f"{page_of(draft)}/check")
    anna.post(f"{page_of(draft)}/check/stop")
    with tenant_scope(atlas):
        assert Preparation.objects.get().state == "cancelled"
    assert "Next: check it" in text_of(anna.get(page_of(draft)))


# ---------------------------------------------------------------- while it runs


def test_page_is_asked_again_while_it_runs_and_anew_when_it_came_further(client_for, atlas, cast, running):
    client = client_for(cast.bob)
    fragment = client.get(f"{page_of(running)}?seen=running-0", headers=htmx("job"))
    assert "HX-Refresh" not in fragment and "<html" not in fragment.content.decode()
    assert 'hx-trigger="every 2s"' in fragment.content.decode()
    with tenant_scope(atlas):
        services.pause_campaign(campaign=running, actor=None)
    assert client.get(f"{page_of(running)}?seen=running-0", headers=htmx("job"))["HX-Refresh"] == "true"
    assert "every 2s" not in text_of(client.get(page_of(running)))


def test_operator_pauses_resumes_and_cancels(client_for, atlas, cast, running):
    omar = client_for(cast.omar)
    omar.post(f"{page_of(running)}/pause")
    assert again(atlas, running).state == "paused"
    assert "Somebody paused it." in text_of(omar.get(page_of(running)))
    omar.post(f"{page_of(running)}/pause")  # twice is once
    omar.post(f"{page_of(running)}/resume")
    assert again(atlas, running).state == "running"
    omar.post(f"{page_of(running)}/cancel")
    assert again(atlas, running).state == "cancelled"
    with tenant_scope(atlas):
        assert not Recipient.objects.filter(state="queued").exists()
    assert omar.post(f"{page_of(running)}/resume").status_code == 302
    assert again(atlas, running).state == "cancelled"


def test_what_the_senders_wait_for_is_said(client_for, atlas, cast, running):
    until = timezone.now() + dt.timedelta(hours=1)
    with tenant_scope(atlas):
        Shift.objects.update(resting={"code": "quiet_hours", "facts": {}, "until": until.isoformat()})
    assert "It is a quiet hour: mail goes out again at" in text_of(client_for(cast.bob).get(page_of(running)))


def test_why_it_paused_by_itself_is_said(client_for, atlas, cast, running):
    with tenant_scope(atlas):
        told = {"code": "hard_bounces", "facts": {"count": 23, "of": 200, "text": "550 no such user"}}
        Campaign.objects.filter(pk=running.pk).update(state="paused", why_paused=told)
    text = text_of(client_for(cast.bob).get(page_of(running)))
    assert "Of the last 200 addresses, 23 do not exist." in text and "550 no such user" in text


def test_person_decides_of_uncertain_mails(client_for, atlas, cast, running):
    omar = client_for(cast.omar)
    with tenant_scope(atlas):
        three = list(Recipient.objects.filter(campaign=running, state="queued").order_by("pk")[:3])
        Recipient.objects.filter(pk__in=[one.pk for one in three]).update(state="uncertain", reason="sender_died")
        Campaign.objects.filter(pk=running.pk).update(counted_at=None)
    page = f"{page_of(running)}/uncertain"
    text = text_of(omar.get(page_of(running)))
    assert "3 mails of which nobody knows whether they arrived" in text and text.count('name="recipient"') == 3
    assert 'name="recipient"' not in text_of(client_for(cast.anna).get(page_of(running)))
    omar.post(page, {"decision": "again"})  # nothing ticked
    omar.post(page, {"recipient": [three[0].pk], "decision": "sent"})
    omar.post(page, {"recipient": [three[1].pk, 10**12], "decision": "again"})  # one that is no choice: nothing is done
    omar.post(page, {"recipient": [three[2].pk], "decision": "again"})
    with tenant_scope(atlas):
        found = [Recipient.objects.get(pk=one.pk) for one in three]
    assert [one.state for one in found] == ["sent", "uncertain", "queued"]
    assert [one.decided_by for one in found] == [cast.omar, None, cast.omar]


def test_failed_ones_are_tried_again_and_a_finished_campaign_runs_again(client_for, atlas, cast, running):
    omar = client_for(cast.omar)
    with tenant_scope(atlas):
        send(running)
        two = list(Recipient.objects.filter(campaign=running, state="sent").values_list("pk", flat=True)[:2])
        Recipient.objects.filter(pk=two[0]).update(state="failed", reason="given_up")
        Recipient.objects.filter(pk=two[1]).update(state="failed", reason="hard_bounce")
        services.refresh_counts(running, at_once=True)
    assert "Try failed ones again" in text_of(omar.get(page_of(running)))
    omar.post(f"{page_of(running)}/retry")
    with tenant_scope(atlas):
        assert dict(Recipient.objects.filter(pk__in=two).values_list("pk", "state")) == {
            two[0]: "queued",
            two[1]: "failed",
        }
    assert again(atlas, running).state == "running"


def test_recipients_are_narrowed_by_state_and_arm(client_for, atlas, cast, running):
    client = client_for(cast.bob)
    page = f"{page_of(running)}/recipients"
    with tenant_scope(atlas):
        held = {str(k) for k in Recipient.objects.filter(arm="holdout").values_list("customer__public_id", flat=True)}
    for query in ("state=held_out", "arm=holdout"):
        answer = client.get(f"{page}?{query}", headers=htmx("results"))
        assert set(re.findall(r"/clients/([0-9a-f-]{36})", answer.content.decode())) == held and held
        assert "<html" not in answer.content.decode()
    assert "None of these" in text_of(client.get(f"{page}?state=failed"))
    assert client.get(f"{page}?state=nonsense&after=nonsense").status_code == 200


def test_finished_campaign_says_what_was_sent_and_when_it_is_measured(client_for, atlas, cast, running):
    with tenant_scope(atlas):
        send(running)
    text = text_of(client_for(cast.bob).get(page_of(running)))
    treated = running.checked["treated"]
    assert f"{treated} of {treated} done" in text
    assert "every 2s" not in text and "/pause" not in text


def test_pages_of_a_hostile_name_show_it_as_text(client_for, atlas, cast):
    with tenant_scope(atlas):
        nasty = compose(name='<script>alert(1)</script>{{ settings }}" onload="x')
    client = client_for(cast.anna)
    for page in (LIST, page_of(nasty), f"{page_of(nasty)}/edit", f"{page_of(nasty)}/recipients"):
        text = client.get(page).content.decode()
        assert "<script>alert" not in text and "{{ settings }}" in text
        assert ' onload="x' not in text


def test_test_mail_goes_to_the_colleague_who_asks(client_for, atlas, cast, checked):
    from campaigns.models import MailboxMessage

    answer = client_for(cast.anna).post(f"{page_of(checked)}/test", {"language": "en"}, follow=True)
    with tenant_scope(atlas):
        kept = MailboxMessage.objects.get()
    assert (kept.address, kept.is_test, kept.recipient_id) == (cast.anna.email, True, None)
    assert "A test mail went to the mailbox" in text_of(answer)
