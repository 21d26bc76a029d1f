"""Mail goes out once: states of the outbox, opt-outs and caps at the last moment, pause, retry, and what a person decides."""

from __future__ import annotations

import email
import email.policy
import os

import pytest
from django.utils import timezone

from campaigns import services
from campaigns.models import Campaign, ConsentEntry, Recipient, Shift, Suppression
from campaigns.services import consent, journal, letters, outbox
from core import durable
from core.errors import Refused
from customers.models import Customer, Interaction

from .conftest import check, compose, launch, send, states, use_server, write_message
from .sink import running_sink


@pytest.fixture
def alice(shared):
    return shared.cast.alice


@pytest.fixture
def sink(tmp_path):
    with running_sink(tmp_path) as running:
        yield running


def test_everybody_treated_gets_one_mail_and_the_holdout_none(reachable, alice, sink):
    use_server(sink.port)
    campaign = send(launch(compose(), alice))
    assert campaign.state == Campaign.State.FINISHED
    found = states(campaign)
    assert set(found) == {"sent", "held_out"}
    assert found["held_out"] == campaign.checked["held_out"] > 0
    accepted = sink.accepted()
    assert len(accepted) == len(set(accepted)) == found["sent"] == campaign.checked["treated"]
    wrote = set(Recipient.objects.filter(campaign=campaign, state="sent").values_list("address", flat=True))
    assert {address for _name, address in accepted} == wrote


def test_contacts_and_those_left_alone_are_known_to_the_next_training(reachable, alice, sink):
    use_server(sink.port)
    campaign = send(launch(compose(), alice))
    kinds = Interaction.objects.filter(campaign_code=campaign.code).values_list("kind", flat=True)
    found = states(campaign)
    assert sorted(kinds) == ["contacted"] * found["sent"] + ["held_out"] * found["held_out"]


def test_who_was_left_alone_is_the_same_whenever_it_is_drawn(reachable, alice, sink):
    campaign = compose()
    first = check(campaign).checked
    again = check(campaign).checked
    assert first["arms"] == again["arms"]
    use_server(sink.port)
    launch(campaign, alice)
    assert states(campaign)["held_out"] == first["held_out"]


def test_opt_out_while_queued_is_not_mailed(reachable, alice, sink):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    one = Recipient.objects.filter(campaign=campaign, state="queued").first()
    assert consent.unsubscribe(address_key=one.address_key, source="test")
    send(campaign)
    one.refresh_from_db()
    assert (one.state, one.reason) == ("suppressed", "unsubscribed")
    assert one.address not in {address for _name, address in sink.accepted()}
    newest = ConsentEntry.objects.filter(customer_id=one.customer_id).order_by("-pk").first()
    assert newest.is_granted is False


def test_opt_out_between_claim_and_sending_is_not_mailed(reachable, alice, sink, monkeypatch):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    victim = Recipient.objects.filter(campaign=campaign, state="queued").order_by("pk")[3]
    real = outbox.Desk.mark
    calls = []

    def mark(self, recipient):
        calls.append(recipient.pk)
        if len(calls) == 2:  # the batch is claimed, the first mail is out
            assert Recipient.objects.get(pk=victim.pk).state == "claimed"
            consent.unsubscribe(address_key=victim.address_key, source="test")
        return real(self, recipient)

    monkeypatch.setattr(outbox.Desk, "mark", mark)
    send(campaign)
    assert Recipient.objects.get(pk=victim.pk).state == "suppressed"
    assert victim.address not in {address for _name, address in sink.accepted()}
    assert campaign.state == Campaign.State.FINISHED


def test_pause_stops_at_once_and_resuming_sends_the_frozen_wording(reachable, alice, sink, monkeypatch):
    use_server(sink.port)
    message = write_message("Frozen")
    campaign = launch(compose(message=message), alice)
    real = outbox.Desk.mark
    calls = []

    def mark(self, recipient):
        calls.append(recipient.pk)
        if len(calls) == 40:
            services.pause_campaign(campaign=Campaign.objects.get(pk=campaign.pk), actor=alice)
        return real(self, recipient)

    monkeypatch.setattr(outbox.Desk, "mark", mark)
    send(campaign)
    assert campaign.state == Campaign.State.PAUSED
    sent = states(campaign)["sent"]
    assert len(sink.accepted()) == sent
    assert 39 <= sent < 39 + outbox.MOST_MARKED
    assert states(campaign)["queued"] == campaign.checked["treated"] - sent
    monkeypatch.setattr(outbox.Desk, "mark", real)
    write_message("Frozen", {"fr": {"subject": "changed", "text": "changed since", "html": ""}})
    waiting = outbox.claimed([Recipient.objects.filter(campaign=campaign, state="queued").first().pk])[0]
    letter = letters.Letters(Campaign.objects.get(pk=campaign.pk), with_parts=True).letter(waiting)
    assert "changed" not in letter.subject + letter.rendered.text
    services.resume_campaign(campaign=campaign, actor=alice)
    send(campaign)
    assert campaign.state == Campaign.State.FINISHED
    assert campaign.version.number == 1
    accepted = sink.accepted()
    assert len(accepted) == len(set(accepted)) == campaign.checked["treated"]


def test_cancel_leaves_the_rest_unwritten(reachable, alice, sink):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    services.cancel_campaign(campaign=campaign, actor=alice)
    with pytest.raises(Refused):
        services.resume_campaign(campaign=campaign, actor=alice)
    assert set(states(campaign)) == {"cancelled", "held_out"}
    assert sink.accepted() == []


def test_without_consent_nobody_is_written_to(shared, sink):
    from tenants.scoping import tenant_scope

    with tenant_scope(shared.cast.atlas):
        use_server(sink.port)
        campaign = check(compose())
        assert campaign.checked["treated"] == 0
        left_out = campaign.checked["left_out"]
        assert left_out["no_consent"] + left_out.get("no_address", 0) == campaign.checked["audience"]
        with pytest.raises(Refused) as refusal:
            services.approve_campaign(campaign=campaign, actor=shared.cast.alice)
        assert refusal.value.code == "nobody"


def test_addresses_that_do_not_exist_are_not_written_to_again(reachable, alice, tmp_path):
    dead = Customer.objects.exclude(email="").exclude(churn_label=True).order_by("pk").first()
    with running_sink(tmp_path, {dead.email: "550-rcpt"}) as sink:
        use_server(sink.port)
        campaign = compose(holdout=0.0)
        send(launch(campaign, alice))
        row = Recipient.objects.get(campaign=campaign, customer=dead)
        assert (row.state, row.reason) == ("failed", "hard_bounce")
        assert Suppression.objects.get(address_key=row.address_key).reason == "bounced"
        second = check(compose(name="Summer", message=campaign.message, holdout=0.0))
        assert second.checked["left_out"].get("suppressed") == 1


def test_a_server_that_comes_back_later_is_tried_later(reachable, alice, tmp_path):
    who = Customer.objects.exclude(email="").exclude(churn_label=True).order_by("pk").first()
    with running_sink(tmp_path, {who.email: {"do": "451-rcpt", "times": 1}}) as sink:
        use_server(sink.port)
        campaign = compose(holdout=0.0)
        send(launch(campaign, alice))
        row = Recipient.objects.get(campaign=campaign, customer=who)
        assert (row.state, row.attempts) == ("deferred", 1)
        assert row.not_before > timezone.now()
        shift = Shift.objects.get(campaign=campaign)
        assert (shift.state, shift.resting["code"]) == ("queued", "put_off")
        Recipient.objects.filter(pk=row.pk).update(not_before=timezone.now())
        send(campaign)
        row.refresh_from_db()
        assert row.state == "sent"
        assert campaign.state == Campaign.State.FINISHED


@pytest.mark.parametrize("behaviour", ["drop-counted", "drop-lost"])
def test_a_connection_lost_after_the_message_leaves_one_uncertain_that_no_machine_resends(
    reachable, alice, tmp_path, behaviour
):
    who = Customer.objects.exclude(email="").exclude(churn_label=True).order_by("pk").first()
    with running_sink(tmp_path, {who.email: behaviour}) as sink:
        use_server(sink.port)
        campaign = compose(holdout=0.0)
        send(launch(campaign, alice))
        row = Recipient.objects.get(campaign=campaign, customer=who)
        assert row.state == "uncertain"
        assert campaign.state == Campaign.State.FINISHED
        send_again = services.open_shifts(campaign)[0]
        services.send_mail(shift_id=send_again.pk)
        row.refresh_from_db()
        assert row.state == "uncertain"
        tries = [name for name, address in sink.accepted() if address == who.email]
        assert len(tries) == (1 if behaviour == "drop-counted" else 0)


def test_a_server_that_has_had_enough_is_left_alone_for_a_while(reachable, alice, tmp_path):
    who = Customer.objects.exclude(email="").exclude(churn_label=True).order_by("pk").first()
    with running_sink(tmp_path, {who.email: {"do": "421-rcpt", "times": 1}}) as sink:
        use_server(sink.port)
        campaign = compose(holdout=0.0)
        send(launch(campaign, alice))
        row = Recipient.objects.get(campaign=campaign, customer=who)
        shift = Shift.objects.get(campaign=campaign)
        assert (row.state, shift.state, shift.resting["code"]) == ("deferred", "queued", "too_fast")
        assert sink.accepted() == [], "it went on although the server had asked for a rest"
        assert states(campaign)["queued"] == campaign.checked["treated"] - 1
        Recipient.objects.filter(pk=row.pk).update(not_before=timezone.now())
        send(campaign)
        accepted = sink.accepted()
        assert len(accepted) == len(set(accepted)) == campaign.checked["treated"]


def test_a_server_that_falls_silent_after_the_message_leaves_one_uncertain(reachable, alice, tmp_path, settings):
    settings.SMTP_SECONDS = 1.0
    who = Customer.objects.exclude(email="").exclude(churn_label=True).order_by("pk").first()
    with running_sink(tmp_path, {who.email: "hang-body"}, hang_s=20) as sink:
        use_server(sink.port)
        campaign = compose(holdout=0.0)
        send(launch(campaign, alice))
        assert Recipient.objects.get(campaign=campaign, customer=who).state == "uncertain"
        assert campaign.state == Campaign.State.FINISHED
        assert len(sink.accepted()) == campaign.checked["treated"] - 1


def test_a_person_sends_an_uncertain_mail_again_under_the_same_name(reachable, alice, tmp_path):
    who = Customer.objects.exclude(email="").exclude(churn_label=True).order_by("pk").first()
    with running_sink(tmp_path, {who.email: {"do": "drop-counted", "times": 1}}) as sink:
        use_server(sink.port)
        campaign = compose(holdout=0.0)
        send(launch(campaign, alice))
        row = Recipient.objects.get(campaign=campaign, customer=who)
        assert services.decide_uncertain(campaign=campaign, actor=alice, recipients=[row.pk], send_again=True) == 1
        campaign.refresh_from_db()
        assert campaign.state == Campaign.State.RUNNING
        send(campaign)
        row.refresh_from_db()
        assert (row.state, row.decided_by) == ("sent", alice)
        names = [name for name, address in sink.accepted() if address == who.email]
        assert len(names) == 2
        assert len(set(names)) == 1


def test_a_run_of_refusals_pauses_the_campaign(reachable, alice, tmp_path):
    with running_sink(tmp_path, {f"#{n}": "554-policy" for n in range(1, 100)}) as sink:
        use_server(sink.port)
        campaign = send(launch(compose(holdout=0.0), alice))
        assert campaign.state == Campaign.State.PAUSED
        assert campaign.why_paused["code"] == "refused_run"
        assert sink.accepted() == []
        failed = states(campaign)["failed"]
        assert services.retry_failed(campaign=campaign, actor=alice) == failed > 0


def test_a_server_that_is_not_there_is_waited_for(reachable, alice, sink):
    use_server(1)  # nobody listens there
    campaign = send(launch(compose(), alice))
    assert campaign.state == Campaign.State.RUNNING
    shift = Shift.objects.get(campaign=campaign)
    assert (shift.state, shift.resting["code"]) == ("queued", "unreachable")
    assert states(campaign)["queued"] == campaign.checked["treated"]
    use_server(sink.port)
    send(campaign)
    assert campaign.state == Campaign.State.FINISHED


def test_quiet_hours_are_kept(reachable, alice, sink):
    now = timezone.localtime()
    use_server(sink.port, quiet_from="00:00", quiet_until="23:59:59")
    campaign = send(launch(compose(), alice))
    shift = Shift.objects.get(campaign=campaign)
    assert sink.accepted() == []
    assert shift.resting["code"] == "quiet_hours"
    assert shift.not_before > now


def test_the_daily_cap_holds(reachable, alice, sink):
    use_server(sink.port, daily_cap=25)
    campaign = send(launch(compose(), alice))
    assert len(sink.accepted()) == 25
    shift = Shift.objects.get(campaign=campaign)
    assert shift.resting["code"] == "daily_cap"
    assert campaign.state == Campaign.State.RUNNING


def test_a_new_sender_begins_slowly(reachable, alice, sink):
    use_server(sink.port, ramps_up=True)
    campaign = send(launch(compose(holdout=0.0), alice))
    treated = campaign.checked["treated"]
    assert len(sink.accepted()) == min(200, treated)


def test_nobody_gets_more_mails_than_allowed_in_so_many_days(reachable, alice, sink):
    use_server(sink.port, most_mails=1, within_days=30)
    first = send(launch(compose(holdout=0.0), alice))
    second = check(compose(name="Again", message=first.message, holdout=0.0))
    assert second.checked["treated"] == 0
    assert second.checked["left_out"]["capped"] == first.checked["treated"]


def test_the_holdout_of_one_campaign_is_left_alone_by_the_next(reachable, alice, sink):
    use_server(sink.port, most_mails=10)
    first = send(launch(compose(holdout=0.2), alice))
    second = check(compose(name="Again", message=first.message))
    assert second.checked["left_out"]["other_holdout"] == states(first)["held_out"]


def leave_behind(campaign: Campaign, *, epoch: str) -> list[int]:
    """Three recipients as a dead sender leaves them: the first was being sent, the others were only taken."""
    shift = services.open_shifts(campaign)[0]
    Shift.objects.filter(pk=shift.pk).update(epoch=epoch)
    keys = list(Recipient.objects.filter(campaign=campaign, state="queued").values_list("pk", flat=True)[:3])
    Recipient.objects.filter(pk__in=keys).update(state="claimed", shift=shift.pk, fence=0)
    Recipient.objects.filter(pk=keys[0]).update(state="sending")
    return keys


def test_dead_sender_leaves_claimed_rows_waiting_and_one_uncertain(reachable, alice, sink):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    keys = leave_behind(campaign, epoch=durable.epoch())
    send(campaign)
    assert Recipient.objects.get(pk=keys[0]).state == "uncertain"
    assert {Recipient.objects.get(pk=key).state for key in keys[1:]} == {"sent"}
    assert len(sink.accepted()) == campaign.checked["treated"] - 1


def test_after_a_power_cut_the_whole_batch_is_uncertain(reachable, alice, sink):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    keys = leave_behind(campaign, epoch="another boot of this machine")
    send(campaign)
    assert {Recipient.objects.get(pk=key).state for key in keys} == {"uncertain"}
    assert len(sink.accepted()) == campaign.checked["treated"] - 3


@pytest.mark.parametrize(
    ("noted", "state", "mails"),
    [((), "sent", 1), (("begun",), "uncertain", 0), (("begun", "accepted"), "sent", 0)],
)
def test_what_a_killed_sender_noted_on_this_machine_decides(reachable, alice, sink, noted, state, mails):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    keys = leave_behind(campaign, epoch=durable.epoch())
    pen = journal.Journal(services.open_shifts(campaign)[0].pk, 0)
    for step in noted:
        getattr(pen, step)(keys[0])
    os.close(pen._handle)  # as the end of its process does
    send(campaign)
    row = Recipient.objects.get(pk=keys[0])
    assert row.state == state
    assert [address for _name, address in sink.accepted()].count(row.address) == mails


def test_what_a_sender_that_lives_yet_has_not_begun_is_not_sent_by_another(reachable, alice, sink):
    """It was only slow, its lease ran out, and what it marked it may still send."""
    use_server(sink.port)
    campaign = launch(compose(), alice)
    keys = leave_behind(campaign, epoch=durable.epoch())
    pen = journal.Journal(services.open_shifts(campaign)[0].pk, 0)
    try:
        send(campaign)
    finally:
        pen.close()
    row = Recipient.objects.get(pk=keys[0])
    assert row.state == "uncertain"
    assert row.address not in {address for _name, address in sink.accepted()}


def test_a_mail_says_who_sends_it_and_how_to_leave(reachable, alice, tmp_path):
    use_server(25)
    campaign = launch(compose(), alice)
    one = outbox.claimed([Recipient.objects.filter(campaign=campaign, state="queued").first().pk])[0]
    letter = letters.Letters(campaign).letter(one)
    mail = email.message_from_bytes(letter.data, policy=email.policy.default)
    assert mail["From"] == "Atlas Telecom <bonjour@atlas.example.com>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].startswith("<https://retention.atlas.example.com/u/")
    text = mail.get_body(("plain",)).get_content()
    assert "1 avenue de Carthage, Tunis" in text
    assert one.person.first_name in text
    assert letters.Letters(campaign).letter(one).message_id == letter.message_id
