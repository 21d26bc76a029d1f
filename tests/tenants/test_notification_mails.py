"""Mails about notifications: to whom they should go, in their language, once, and ended by one click."""

import datetime as dt
import re
import smtplib

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tenants import api_keys, notice_letters, notice_mail, notice_settings, services, tasks
from tenants.mail_hold import Hold
from tenants.models import Membership, NoticeMail, Notification
from tenants.scoping import tenant_scope
from tests.everywhere import every

SITE = "https://churn.example.com"
FRIDAY = dt.datetime(2026, 11, 27, 6, 30, tzinfo=dt.UTC)  # half past seven in Tunis
MONDAY = dt.datetime(2026, 11, 30, 6, 30, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = SITE


def seat(person) -> Membership:
    return Membership.objects.select_related("tenant", "user").get(user=person)


def readers() -> list[str]:
    return sorted(address for message in mail.outbox for address in message.to)


def stop_path(message) -> str:
    return re.search(r"<(.+)>", message.extra_headers["List-Unsubscribe"])[1].removeprefix(SITE)


def tell(code="drift_failed", at=None, **facts):
    row = services.notify(code, level="warning", url="/mlops/drift", **facts)
    if at is not None:
        Notification.objects.filter(pk=row.pk).update(created_at=at)
    return row


# ---------------------------------------------------------------- at once


def test_operators_hear_at_once_of_a_campaign_that_stopped_and_nobody_twice(atlas_scope, cast):
    services.notify("campaign_paused_by_itself", level="error", url="/campaigns/x", campaign="Winter")
    assert notice_mail.send_waiting() == 3
    assert notice_mail.send_waiting() == 0
    assert readers() == [f"{name}@atlas.example.com" for name in ("alice", "olfa", "omar")]
    first = mail.outbox[0]
    assert first.subject == "Atlas Telecom: “Winter” paused by itself: look why before it goes on."
    opens = (
        f"{SITE}/notifications/open?id={Notification.objects.get().pk}"  # read when it is followed, and not told again
    )
    assert f"{opens}\n" in first.body
    html, kind = first.alternatives[0][0], first.alternatives[0][1]
    assert kind == "text/html"
    assert f'href="{opens}"' in html
    assert set(NoticeMail.objects.values_list("state", flat=True)) == {"sent"}


def test_nothing_is_mailed_while_a_restore_waits_for_its_release(atlas_scope, cast, monkeypatch):
    services.notify("campaign_paused_by_itself", level="error", url="/campaigns/x", campaign="Winter")
    with monkeypatch.context() as held:
        held.setattr(notice_mail, "mail_hold", lambda: Hold("restored"))
        assert notice_mail.send_waiting() == 0
    assert not mail.outbox
    assert notice_mail.send_waiting() == 3  # they waited, and none is lost


def test_who_is_named_is_the_only_one_who_is_written_to(atlas_scope, cast):
    services.notify("campaign_late", recipient=cast.omar, campaign="Winter")
    assert notice_mail.send_waiting() == 1
    assert readers() == ["omar@atlas.example.com"]


def test_own_choice_goes_before_the_role(atlas_scope, cast):
    notice_settings.choose(membership=seat(cast.omar), ways={"campaigns_stopped": "bell"})
    notice_settings.choose(membership=seat(cast.bob), ways={"campaigns_stopped": "now"})
    services.notify("campaign_late", campaign="Winter")
    notice_mail.send_waiting()
    assert "omar@atlas.example.com" not in readers()
    assert "bob@atlas.example.com" in readers()


def test_storm_of_notices_is_no_storm_of_mails(atlas_scope, cast):
    for n in range(notice_mail.MOST_AN_HOUR + 5):
        services.notify("campaign_late", recipient=cast.omar, campaign=f"C{n}")
    assert notice_mail.send_waiting() == notice_mail.MOST_AN_HOUR
    assert Notification.objects.count() == notice_mail.MOST_AN_HOUR + 5


def test_notice_that_is_rolled_back_is_not_mailed(atlas_scope, cast):
    from django.db import transaction

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.notify("campaign_late", campaign="Winter")
        raise ZeroDivisionError
    assert not NoticeMail.objects.exists()


def test_mail_whose_process_was_killed_is_not_sent_again(atlas_scope, cast):
    services.notify("campaign_late", recipient=cast.omar, campaign="Winter")
    NoticeMail.objects.update(state=NoticeMail.State.SENDING)  # committed just before the server was spoken to
    assert notice_mail.send_waiting() == 0
    assert mail.outbox == []


def test_server_that_cannot_be_reached_leaves_everything_waiting(atlas_scope, cast, monkeypatch):
    services.notify("campaign_late", recipient=cast.omar, campaign="Winter")
    backend = "django.core.mail.backends.locmem.EmailBackend.open"
    with monkeypatch.context() as patched:
        patched.setattr(backend, _raise(ConnectionRefusedError("no server")))
        assert notice_mail.send_waiting() == 0
    assert NoticeMail.objects.get().state == "waiting"
    assert notice_mail.send_waiting() == 1


def test_mail_that_a_server_refuses_is_tried_again_a_few_times(atlas_scope, cast, monkeypatch):
    services.notify("campaign_late", recipient=cast.omar, campaign="Winter")
    refusal = smtplib.SMTPRecipientsRefused({"omar@atlas.example.com": (450, b"later")})
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _raise(refusal))
    states = []
    for _n in range(6):
        notice_mail.send_waiting()
        row = NoticeMail.objects.get()
        states.append((row.state, row.attempts))
        assert row.not_before > timezone.now()
        NoticeMail.objects.update(not_before=None)
        if row.state == "dropped":
            break
        NoticeMail.objects.update(not_before=timezone.now() - dt.timedelta(seconds=1))
    assert states[-1] == ("dropped", 5)


def test_mail_that_broke_off_may_have_arrived_and_is_left_alone(atlas_scope, cast, monkeypatch):
    services.notify("campaign_late", recipient=cast.omar, campaign="Winter")
    broken = _raise(smtplib.SMTPServerDisconnected("gone"))
    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", broken)
        assert notice_mail.send_waiting() == 0
    assert NoticeMail.objects.get().state == "sending"
    assert notice_mail.send_waiting() == 0


def test_who_left_or_read_it_meanwhile_gets_no_mail(atlas_scope, cast):
    services.notify("campaign_late", campaign="Winter")
    Membership.objects.filter(user=cast.omar).delete()
    services.mark_read(user=cast.alice)
    assert notice_mail.send_waiting() == 1
    assert readers() == ["olfa@atlas.example.com"]
    assert dict(NoticeMail.objects.values_list("user__name", "state")) == {
        "Omar": "dropped",
        "Alice": "empty",
        "Olfa": "sent",
    }


def test_beat_sends_for_each_company_its_own(cast):
    for tenant, name in ((cast.atlas, "Winter"), (cast.borealis, "Hiver")):
        with tenant_scope(tenant):
            services.notify("campaign_late", campaign=name)
    tasks.mail_notices()
    for message in mail.outbox:
        assert ("Hiver" in message.body) == (message.to == ["charlie@borealis.example.com"])
    assert len(mail.outbox) == 4


# ---------------------------------------------------------------- digests


def test_digest_comes_in_the_morning_of_the_company_once_and_only_with_news(atlas_scope, cast):
    tell(at=FRIDAY - dt.timedelta(hours=3), reason="no model")
    night = FRIDAY.replace(hour=5)
    assert notice_mail.open_digests(night) == 0
    opened = notice_mail.open_digests(FRIDAY)
    assert opened == 4  # all but the viewer, who has no daily digest
    assert notice_mail.open_digests(FRIDAY + dt.timedelta(minutes=10)) == 0
    assert notice_mail.send_waiting() == 4
    assert mail.outbox[0].subject == "Atlas Telecom: 1 notification"
    assert "Drift, and other alarms of models" in mail.outbox[0].body
    assert "The check for drift stopped: no model" in mail.outbox[0].body

    assert notice_mail.open_digests(FRIDAY + dt.timedelta(days=1)) == 4
    assert notice_mail.send_waiting() == 0
    assert NoticeMail.objects.filter(state="empty").count() == 4
    assert len(mail.outbox) == 4


def test_digest_is_late_rather_than_lost_but_not_in_the_evening(atlas_scope, cast):
    assert notice_mail.open_digests(FRIDAY.replace(hour=15)) == 4
    assert notice_mail.open_digests(FRIDAY.replace(hour=18) + dt.timedelta(days=1)) == 0


def test_digest_leaves_out_what_was_read_and_what_others_are_told(atlas_scope, cast):
    read = tell(at=FRIDAY - dt.timedelta(hours=3), reason="read already")
    tell(at=FRIDAY - dt.timedelta(hours=2), reason="still new")
    private = services.notify("feed_failed", recipient=cast.olfa, feed="Secret feed", reason="x")
    Notification.objects.filter(pk=private.pk).update(created_at=FRIDAY - dt.timedelta(hours=2))
    services.mark_read(user=cast.omar, ids=[read.pk])
    notice_mail.open_digests(FRIDAY)
    notice_mail.send_waiting()
    by_reader = {message.to[0]: message.body for message in mail.outbox}
    assert "read already" not in by_reader["omar@atlas.example.com"]
    assert "still new" in by_reader["omar@atlas.example.com"]
    assert "Secret feed" not in by_reader["omar@atlas.example.com"]
    assert "Secret feed" in by_reader["olfa@atlas.example.com"]


def test_next_digest_begins_where_the_last_ended_also_after_days_without_beat(atlas_scope, cast):
    tell(at=FRIDAY - dt.timedelta(hours=3), reason="first")
    notice_mail.open_digests(FRIDAY)
    notice_mail.send_waiting()
    mail.outbox.clear()
    tell(at=FRIDAY + dt.timedelta(hours=3), reason="second")
    notice_mail.open_digests(FRIDAY + dt.timedelta(days=4))
    notice_mail.send_waiting()
    assert "second" in mail.outbox[0].body
    assert "first" not in mail.outbox[0].body


def test_weekly_digest_comes_on_mondays(atlas_scope, cast):
    tell("campaign_measured", at=FRIDAY, campaign="Winter")
    notice_mail.open_digests(FRIDAY)
    assert not NoticeMail.objects.filter(cadence="weekly").exists()
    notice_mail.open_digests(MONDAY)
    notice_mail.send_waiting()
    told = [message for message in mail.outbox if "Winter" in message.body]
    assert [message.to for message in told] == [["bob@atlas.example.com"]]
    assert NoticeMail.objects.filter(user=cast.bob, cadence="weekly").get().period == "2026-W49"


def test_digest_is_in_the_readers_language_and_by_their_companys_clock(cast):
    with tenant_scope(cast.borealis):
        tell("job_given_up", at=FRIDAY - dt.timedelta(hours=3), job="import", reason="panne")
        assert notice_mail.open_digests(FRIDAY) == 0  # half past six there
        assert notice_mail.open_digests(FRIDAY + dt.timedelta(hours=1)) == 1
        notice_mail.send_waiting()
    body = mail.outbox[0].body
    assert "Une tâche a été abandonnée (import)" in body
    assert "A job was given up" not in body


def test_names_from_files_are_text_in_the_mail(atlas_scope, cast):
    tell("feed_failed", at=FRIDAY - dt.timedelta(hours=3), feed="<img src=x onerror=alert(1)>", reason="\r\nBcc: x@y.z")
    services.notify("campaign_late", campaign="A\r\nBcc: x@y.z")
    notice_mail.open_digests(FRIDAY)
    assert notice_mail.send_waiting() > 1
    for message in mail.outbox:
        assert "<img" not in message.alternatives[0][0]
        assert "\n" not in message.subject
        assert "bcc" not in {name.lower() for name in message.message()}


def test_site_that_does_not_know_its_address_makes_no_links(atlas_scope, cast, settings):
    settings.PUBLIC_URL = ""
    services.notify("campaign_late", recipient=cast.omar, url="/campaigns/x", campaign="Winter")
    notice_mail.send_waiting()
    message = mail.outbox[0]
    assert "/campaigns/x" not in message.body
    assert "href" not in message.alternatives[0][0]
    assert "List-Unsubscribe" not in message.extra_headers


# ---------------------------------------------------------------- the link that ends them


@pytest.fixture
def digest(cast):
    """Omar's digest of this Friday."""
    with tenant_scope(cast.atlas):
        tell(at=FRIDAY - dt.timedelta(hours=3), reason="no model")
        notice_mail.open_digests(FRIDAY)
        notice_mail.send_waiting()
    return next(message for message in mail.outbox if message.to == ["omar@atlas.example.com"])


def test_one_click_ends_digests_without_signing_in(cast, digest):
    assert digest.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert SITE + stop_path(digest) in digest.body
    program = Client(enforce_csrf_checks=True)
    answer = program.post(stop_path(digest), {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert not answer.cookies
    with tenant_scope(cast.atlas):
        ways = notice_settings.ways_of(seat(cast.omar))
        assert "daily" not in ways.values()
        assert ways["drift"] == "bell"
        assert ways["campaigns_stopped"] == "now"  # mails at once have a link of their own
        tell(at=FRIDAY + dt.timedelta(hours=3), reason="again")
        notice_mail.open_digests(FRIDAY + dt.timedelta(days=1))
    assert not every(NoticeMail).filter(user=cast.omar, period="2026-11-28").exists()


def test_scanner_that_follows_the_link_changes_nothing(cast, digest):
    for method in ("get", "head"):
        answer = getattr(Client(), method)(stop_path(digest))
        assert answer.status_code == 200
        assert not answer.cookies
        assert "no-store" in answer.headers["Cache-Control"]
    with tenant_scope(cast.atlas):
        assert notice_settings.ways_of(seat(cast.omar))["drift"] == "daily"


def test_link_ends_mails_at_once_where_it_stood_in_one(cast):
    with tenant_scope(cast.atlas):
        services.notify("campaign_late", recipient=cast.omar, campaign="Winter")
        notice_mail.send_waiting()
    Client().post(stop_path(mail.outbox[0]))
    with tenant_scope(cast.atlas):
        ways = notice_settings.ways_of(seat(cast.omar))
        assert (ways["campaigns_stopped"], ways["drift"]) == ("bell", "daily")


def test_choosing_anew_lifts_what_a_link_stopped(cast, digest):
    Client().post(stop_path(digest))
    with tenant_scope(cast.atlas):
        notice_settings.choose(membership=seat(cast.omar), ways={"feeds": "daily"})
        ways = notice_settings.ways_of(seat(cast.omar))
    assert (ways["feeds"], ways["drift"]) == ("daily", "bell")


def test_link_survives_a_new_key_and_is_no_use_when_changed(cast, digest, settings):
    settings.MAIL_KEY_FALLBACKS, settings.MAIL_KEY = [settings.MAIL_KEY], "a-newer-mail-key-" + "z" * 40
    settings.SECRET_KEY = "another-secret-key-" + "q" * 40
    path = stop_path(digest)
    assert Client().get(path).status_code == 200
    for wrong in (path[:-1], path + "x", "/notifications/stop/x", path.replace(":", "")):
        assert Client().post(wrong).status_code == 404
    settings.MAIL_KEY_FALLBACKS = []
    assert Client().post(path).status_code == 404


def test_link_of_who_left_ends_nothing(cast, digest):
    Membership.objects.filter(user=cast.omar).delete()
    assert Client().post(stop_path(digest)).status_code == 404


def test_link_works_for_who_is_signed_in_elsewhere(client_for, cast, digest):
    assert client_for(cast.charlie).post(stop_path(digest)).status_code == 200
    with tenant_scope(cast.atlas):
        assert "daily" not in notice_settings.ways_of(seat(cast.omar)).values()


def test_token_says_nothing_of_its_reader(cast):
    address = notice_letters.stop_address(cast.atlas, cast.omar, digests=True)
    assert "omar" not in address
    assert "atlas" not in address


# ---------------------------------------------------------------- events of people and keys


def test_key_about_to_end_is_told_of_once_to_its_maker(atlas_scope, cast):
    api_keys.make_key(membership=seat(cast.alice), name="Billing", scopes=["view_notifications"], days=5)
    api_keys.make_key(membership=seat(cast.alice), name="Far", scopes=["view_notifications"], days=60)
    assert api_keys.tell_of_ends() == 1
    assert api_keys.tell_of_ends() == 0
    told = Notification.objects.get(code="key_expires")
    assert told.recipient == cast.alice
    assert "“Billing”" in told.sentence


def test_key_of_who_left_is_told_of_to_those_who_look_after_keys(atlas_scope, cast):
    api_keys.make_key(membership=seat(cast.alice), name="Billing", scopes=["view_notifications"], days=5)
    Membership.objects.filter(user=cast.alice).delete()
    assert api_keys.tell_of_ends() == 1
    assert Notification.objects.get(code="key_expires").recipient is None


def test_who_was_let_in_by_somebody_is_told_of(atlas_scope, cast):
    services.add_member(email="zoe@atlas.example.com", role="viewer", name="Zoe", actor=cast.alice)
    services.add_member(email="zoe@atlas.example.com", role="analyst", actor=cast.alice)
    assert [row.sentence for row in Notification.objects.filter(code="member_joined")] == ["Zoe has joined."]


def test_night_keeps_house_for_every_company(cast, settings):
    old = timezone.now() - dt.timedelta(days=400)
    for tenant in (cast.atlas, cast.borealis):
        with tenant_scope(tenant):
            tell(at=old, reason="x")
            NoticeMail.objects.create(user=cast.omar, cadence="daily", period="2025-01-01", created_at=old)
    tasks.keep_house()
    assert not every(Notification).exists()
    assert not every(NoticeMail).exists()


def _raise(error: Exception):
    def fail(*_args, **_kwargs):
        raise error

    return fail
