"""A link for a forgotten password: mailed by a worker, limited, and the same answer for every address."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from kombu.exceptions import OperationalError

from tenants import tasks
from tests.tenants.test_sign_in import ask_for_reset

DOOR = "/password-reset"
ALICE = "alice@atlas.example.com"


@pytest.fixture(autouse=True)
def limits(settings, request, time_machine):
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
    settings.SIGN_IN_RATES = {"reset_address": "30/h", "reset_mailbox": "3/h"}
    cache.clear()


def ask(email: str, **extra):
    return Client().post(DOOR, {"email": email}, **extra)


def test_mailbox_is_not_filled_and_the_answer_stays_the_same(cast):
    answers = [ask(ALICE, REMOTE_ADDR=f"10.0.0.{n}") for n in range(6)] + [ask(ALICE.upper(), REMOTE_ADDR="10.0.0.9")]
    assert {(a.status_code, a["Location"]) for a in answers} == {(302, "/password-reset/sent")}
    assert len(mail.outbox) == 3


def test_one_address_asks_so_often_and_no_more(cast):
    said = [ask(f"p{n}@example.com").status_code for n in range(32)]
    assert said == [302] * 30 + [429] * 2
    assert int(ask(ALICE)["Retry-After"]) > 0
    assert not mail.outbox
    assert ask(ALICE, REMOTE_ADDR="10.9.9.9").status_code == 302
    assert len(mail.outbox) == 1


def test_claimed_addresses_do_not_go_around_it(cast):
    said = [ask(f"p{n}@example.com", HTTP_X_FORWARDED_FOR=f"10.1.1.{n}").status_code for n in range(31)]
    assert said[-1] == 429


@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
def test_page_hands_over_and_asks_nothing_of_whether_the_address_is_known(cast, monkeypatch, email):
    """Else the time that the mail takes would tell."""
    seen = []
    monkeypatch.setattr(tasks, "hand_over", lambda task, **kwargs: seen.append((task.name, kwargs["email"])))
    assert ask(email).status_code == 302
    assert seen == [("tenants.tasks.send_password_reset", email)]
    assert not mail.outbox


def test_mail_goes_out_though_no_broker_answers(cast, monkeypatch):
    def down(*_args, **_kwargs):
        raise OperationalError

    monkeypatch.setattr(tasks.send_password_reset, "apply_async", down)
    assert ask_for_reset(Client(), ALICE).startswith("/password-reset/")
