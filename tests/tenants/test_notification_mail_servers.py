"""Mails about notifications where the server, or one of the mails, is in the way: what follows still goes, once."""

import smtplib
from collections import Counter

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from tenants import notice_letters, notice_mail, services
from tenants.models import NoticeMail

REFUSED = smtplib.SMTPRecipientsRefused


@pytest.fixture
def three(atlas_scope, cast):
    """Three mails wait, to three people."""
    services.notify("campaign_late", campaign="Winter")
    assert NoticeMail.objects.filter(state="waiting").count() == 3


def states() -> Counter:
    return Counter(NoticeMail.objects.values_list("state", flat=True))


def hang_up(monkeypatch, error: Exception) -> None:
    """The server ends the conversation at the first mail; smtplib raises for whatever is sent over it after that."""
    real, over = EmailBackend.send_messages, []

    def send(self, messages):
        if not over:
            over.append(self)
            raise error
        if over[0] is self:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)


def test_mails_after_the_one_that_broke_off_are_not_lost(three, monkeypatch):
    hang_up(monkeypatch, smtplib.SMTPServerDisconnected("gone"))
    assert notice_mail.send_waiting() == 0
    assert states() == {"sending": 1, "waiting": 2}
    assert notice_mail.send_waiting() == 2
    assert states() == {"sending": 1, "sent": 2}


@pytest.mark.parametrize(
    "error",
    [
        REFUSED({"a@atlas.example.com": (421, b"4.7.0 too many, closing")}),
        smtplib.SMTPSenderRefused(421, b"4.7.0 too many, closing", "us@example.com"),
    ],
)
def test_mails_after_a_refusal_that_closed_the_conversation_are_not_lost(three, monkeypatch, error):
    hang_up(monkeypatch, error)
    assert notice_mail.send_waiting() == 0
    assert states() == {"waiting": 3}
    assert notice_mail.send_waiting() == 2  # the refused one rests for some minutes
    assert states() == {"sent": 2, "waiting": 1}


def test_one_refused_address_is_in_nobody_elses_way(three, monkeypatch):
    real, seen = EmailBackend.send_messages, []

    def send(self, messages):
        seen.append(messages)
        if len(seen) == 1:
            raise REFUSED({"a@atlas.example.com": (550, b"5.1.1 no such mailbox")})
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)
    assert notice_mail.send_waiting() == len(mail.outbox) == 2
    assert states() == {"sent": 2, "waiting": 1}


def test_mail_that_cannot_be_written_is_tried_again_and_in_nobody_elses_way(three, monkeypatch):
    real, seen = notice_letters.letter_for, []

    def write(*given):
        seen.append(given)
        if len(seen) == 1:
            raise ValueError("a header that no mail can carry")
        return real(*given)

    monkeypatch.setattr(notice_letters, "letter_for", write)
    assert notice_mail.send_waiting() == len(mail.outbox) == 2
    assert states() == {"sent": 2, "waiting": 1}
