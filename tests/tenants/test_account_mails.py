"""Who changed a password or a second factor is told to the person by mail: what, when, from where, and what to do."""

import re
from smtplib import SMTPServerDisconnected

import pytest
from celery.exceptions import Retry
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from kombu.exceptions import OperationalError

from tenants import account_mails, second_factor, tasks
from tenants.models import User
from tests.conftest import PASSWORD
from tests.tenants.test_second_factor import code_of
from tests.tenants.test_sign_in import ask_for_reset

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEW = "another-long-password-42"
FACTOR = "/profile/second-factor"


@pytest.fixture(autouse=True)
def clock(time_machine, settings, request):
    time_machine.move_to("2026-03-01T12:00:10Z", tick=False)
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
    settings.PUBLIC_URL = "https://churn.example.com"
    cache.clear()
    return time_machine


def from_home(client: Client) -> Client:
    client.defaults |= {"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "192.0.2.77"}
    return client


@pytest.fixture
def alice(client_for, cast):
    return from_home(client_for(cast.alice))


def change_password(client):
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post("/password", body).status_code == 302


def switch_on(client, person):
    page = client.post(FACTOR, {"code": code_of(second_factor.begin(person).secret)})
    assert page.status_code == 200
    return page


def test_changed_password_is_told_with_when_where_and_what_to_do(alice, cast):
    change_password(alice)
    [told] = mail.outbox
    assert (told.to, told.subject) == ([cast.alice.email], "ChurnGuard – Your password was changed")
    assert re.search(rf"When: March 1, 2026, .+ \({re.escape(cast.atlas.time_zone)}\)", told.body)
    assert "From where: Firefox on Linux, in the network 192.0.2.x" in told.body
    assert "192.0.2.77" not in told.body and NEW not in told.body
    assert "https://churn.example.com/password-reset\n" in told.body
    assert "https://churn.example.com/profile\n" in told.body


def test_wrong_old_password_tells_nothing(alice):
    alice.post("/password", {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW})
    assert mail.outbox == []


def test_password_set_by_the_link_is_told(cast):
    stranger = from_home(Client())
    there = ask_for_reset(stranger, cast.alice.email)
    form = stranger.get(there, follow=True).redirect_chain[-1][0]
    stranger.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert [told.subject for told in mail.outbox[1:]] == ["ChurnGuard – Your password was changed"]
    assert "Firefox on Linux" in mail.outbox[1].body


def test_second_factor_and_codes_are_told_each_time(alice, cast):
    page = switch_on(alice, cast.alice)
    alice.post(f"{FACTOR}/codes", {"password": "wrong"})
    assert len(mail.outbox) == 1, "nothing was changed by that"
    renewed = alice.post(f"{FACTOR}/codes", {"password": PASSWORD})
    alice.post(f"{FACTOR}/end", {"password": PASSWORD})
    alice.post(f"{FACTOR}/end", {"password": PASSWORD})
    assert [told.subject.removeprefix("ChurnGuard – ") for told in mail.outbox] == [
        "Your second factor was switched on",
        "Your recovery codes were made anew",
        "Your second factor was switched off",
    ]
    assert "they can switch the second factor off for you" in mail.outbox[0].body
    assert "Then set up your second factor again." in mail.outbox[2].body
    codes = [*page.context["codes"], *renewed.context["codes"]]
    assert len(codes) == 20 and not [code for code in codes for told in mail.outbox if code in told.body]


def test_what_the_operator_does_is_told_as_theirs(cast):
    second_factor.confirm(cast.alice, code_of(second_factor.begin(cast.alice).secret))
    call_command("end_second_factor", cast.alice.email, verbosity=0)
    [told] = mail.outbox
    assert "From where: on the server, by whoever runs it" in told.body
    assert "https://churn.example.com/profile" in told.body


def test_it_is_written_in_the_persons_language_by_their_clock(alice, cast):
    User.objects.filter(pk=cast.alice.pk).update(locale="fr", time_zone="Asia/Tokyo")
    change_password(alice)
    [told] = mail.outbox
    assert told.subject == "ChurnGuard – Votre mot de passe a été changé"
    assert "Quand\u00a0: 1 mars 2026 21:00 (Asia/Tokyo)" in told.body
    assert "D’où\u00a0: Firefox sur Linux, dans le réseau 192.0.2.x" in told.body
    assert not re.search(r"\b(If|you|From|When)\b", told.body)


def test_browser_that_claims_to_be_anything_writes_nothing_of_its_own(client_for, cast):
    client = client_for(cast.alice)
    client.defaults |= {"HTTP_USER_AGENT": "Click https://evil.example.com now", "REMOTE_ADDR": "2001:db8:1:2::77"}
    change_password(client)
    assert "evil" not in mail.outbox[0].body
    assert "From where: A browser that does not say what it is, in the network 2001:db8:1::/48" in mail.outbox[0].body


def test_whoever_was_shut_out_is_not_written_to(alice, cast):
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    account_mails.send(
        user_id=cast.alice.pk, change="codes", at=cast.atlas.created_at, browser="", network="", by_operator=False,
        site="", language="en",
    )  # fmt: skip
    assert mail.outbox == []


@pytest.fixture
def said(cast) -> dict:
    return {
        "user_id": cast.alice.pk, "change": "password", "at": "2026-03-01T12:00:00+00:00", "browser": "", "network": "",
        "by_operator": False, "site": "", "language": "en",
    }  # fmt: skip


def test_page_goes_on_though_neither_broker_nor_mail_server_answers(alice, monkeypatch):
    def down(*_args, **_kwargs):
        raise OperationalError

    def refuses(*_args, **_kwargs):
        raise SMTPServerDisconnected

    monkeypatch.setattr(tasks.send_account_mail, "apply_async", down)
    monkeypatch.setattr(account_mails, "send_mail", refuses)
    change_password(alice)
    assert mail.outbox == []


def test_worker_tries_again_with_growing_pauses(said, monkeypatch):
    def refuses(*_args, **_kwargs):
        raise SMTPServerDisconnected

    waits = []
    monkeypatch.setattr(account_mails, "send_mail", refuses)
    monkeypatch.setattr(tasks.send_account_mail, "apply_async", lambda *_a, **options: waits.append(options))
    for tried in range(4):
        tasks.send_account_mail.push_request(called_directly=False, is_eager=False, retries=tried, kwargs=said, args=())
        try:
            with pytest.raises((Retry, SMTPServerDisconnected)):
                tasks.send_account_mail.run(**said)
        finally:
            tasks.send_account_mail.pop_request()
    assert tasks.send_account_mail.max_retries == 4
    assert [options.get("countdown") for options in waits] == [60, 120, 240, 480]
