"""What comes back about mails: webhooks and mailbox files, who may report, and what follows from a report."""

import base64
import json
import mailbox as mailboxes
from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign, DeliverySignal, Recipient, SenderProfile, Suppression
from campaigns.services import consent, keys, reports, senders
from customers.models import Customer
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

ADDRESS = "amel@example.com"


@pytest.fixture
def recipient(atlas):
    """Amel was written to a day ago."""
    with tenant_scope(atlas):
        customer = Customer.objects.create(tenant=atlas, external_id="C-1", email=ADDRESS)
        campaign = Campaign.objects.create(tenant=atlas, name="Spring", code="spring-1", salt="x")
        return Recipient.objects.create(
            tenant=atlas,
            campaign=campaign,
            customer=customer,
            arm="a",
            state="sent",
            language="fr",
            address=ADDRESS,
            address_key=keys.address_key(ADDRESS),
            sent_at=timezone.now() - timedelta(days=1),
        )


def name_of(recipient) -> str:
    return keys.message_id(recipient.campaign.public_id, recipient.pk, "atlas.example.com")


def is_let_alone(address: str = ADDRESS) -> bool:
    return bool(consent.suppressed([keys.address_key(address)], ""))


# ---------------------------------------------------------------- one report


@pytest.mark.parametrize(
    ("kind", "signal", "reason"),
    [("hard", "hard_bounce", "bounced"), ("complaint", "complaint", "complained"), ("soft", "soft_bounce", None)],
)
def test_report_is_noted_and_suppresses_what_it_should(atlas_scope, recipient, kind, signal, reason):
    assert reports.record_report(kind, address="Amel@example.com", message_id=name_of(recipient)) == "recorded"
    assert DeliverySignal.objects.get().kind == signal
    assert list(Suppression.objects.values_list("reason", flat=True)) == ([reason] if reason else [])
    assert reports.record_report(kind, address=ADDRESS, message_id=name_of(recipient)) == "repeated"
    assert DeliverySignal.objects.count() == 1


def test_hard_bounce_takes_them_out_of_every_queue(atlas_scope, recipient):
    other = Campaign.objects.create(tenant=atlas_scope, name="Summer", code="summer-1", salt="x")
    waiting = Recipient.objects.create(
        tenant=atlas_scope, campaign=other, customer=recipient.customer, arm="a", state="queued", language="fr",
        address=ADDRESS, address_key=recipient.address_key,
    )  # fmt: skip
    reports.record_report("hard", address=ADDRESS, message_id=name_of(recipient))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("suppressed", "bounced")


def test_stranger_cannot_silence_a_customer_who_was_not_written_to(atlas_scope, recipient):
    Customer.objects.create(tenant=atlas_scope, external_id="C-2", email="zied@example.com")
    for address in ("zied@example.com", "nobody@example.com", "", "no address"):
        assert reports.record_report("hard", address=address, message_id="<made@up>") == "unknown"
    assert not Suppression.objects.exists() and not DeliverySignal.objects.exists()


def test_old_mail_is_believed_by_its_name_only(atlas_scope, recipient, settings):
    Recipient.objects.update(sent_at=timezone.now() - timedelta(days=200))
    assert reports.record_report("hard", address=ADDRESS, message_id="<made@up>") == "unknown"
    name = name_of(recipient)
    settings.MAIL_KEY_FALLBACKS, settings.MAIL_KEY = [settings.MAIL_KEY], "a-newer-mail-key-" + "z" * 40
    assert reports.record_report("hard", address=ADDRESS, message_id=name) == "recorded"


def test_report_belongs_to_the_mail_that_it_names(atlas_scope, recipient):
    later = Campaign.objects.create(tenant=atlas_scope, name="Summer", code="summer-1", salt="x")
    Recipient.objects.create(
        tenant=atlas_scope, campaign=later, customer=recipient.customer, arm="a", state="sent", language="fr",
        address=ADDRESS, address_key=recipient.address_key, sent_at=timezone.now(),
    )  # fmt: skip
    reports.record_report("soft", address=ADDRESS, message_id=name_of(recipient))
    assert DeliverySignal.objects.get().campaign_id == recipient.campaign_id


# ---------------------------------------------------------------- by webhook


@pytest.fixture
def key(atlas, alice):
    with tenant_scope(atlas):
        return reports.new_webhook_key(actor=alice)


def post(body: object, key: str, provider: str = "postmark", slug: str = "atlas-telecom"):
    credentials = base64.b64encode(f"churnguard:{key}".encode()).decode()
    return Client(enforce_csrf_checks=True).post(
        f"/hooks/mail/{slug}/{provider}",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Basic {credentials}"},
    )


def postmark(kind: str = "HardBounce", recipient=None, details: str = "smtp;550 5.1.1 user unknown") -> dict:
    metadata = {"churnguard": name_of(recipient).strip("<>").partition("@")[0]} if recipient else {}
    return {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce", "Type": kind, "Email": ADDRESS,
        "MessageID": "m", "BouncedAt": "2026-10-04T11:00:00Z", "Details": details, "Metadata": metadata,
    }  # fmt: skip


POSTS = {
    "brevo": ({"event": "hard_bounce", "email": ADDRESS, "reason": "550 5.1.1 user unknown"}, "hard_bounce"),
    "brevo soft": ({"event": "soft_bounce", "email": ADDRESS}, "soft_bounce"),
    "brevo spam": ({"event": "spam", "email": ADDRESS}, "complaint"),
    "mailjet": ([{"event": "bounce", "email": ADDRESS, "time": 1, "MessageID": 7, "hard_bounce": True, "error": "user unknown"}], "hard_bounce"),
    "mailjet soft": ([{"event": "bounce", "email": ADDRESS, "time": 1, "MessageID": 7, "hard_bounce": False, "error": "mailbox full"}], "soft_bounce"),
    "resend": ({"type": "email.bounced", "created_at": "2026-10-04T11:00:00Z", "data": {"email_id": "m", "to": [ADDRESS], "bounce": {"type": "Permanent", "message": "no"}}}, "hard_bounce"),
    "resend soft": ({"type": "email.bounced", "created_at": "2026-10-04T11:00:00Z", "data": {"email_id": "m", "to": [ADDRESS], "bounce": {"type": "Transient", "message": "full"}}}, "soft_bounce"),
    "sparkpost": ([{"msys": {"message_event": {"type": "bounce", "bounce_class": "10", "raw_rcpt_to": ADDRESS, "timestamp": "1", "event_id": "e", "transmission_id": "t", "raw_reason": "550 5.1.1 unknown"}}}], "hard_bounce"),
    "sparkpost block": ([{"msys": {"message_event": {"type": "bounce", "bounce_class": "50", "raw_rcpt_to": ADDRESS, "timestamp": "1", "event_id": "e", "transmission_id": "t", "raw_reason": "550 blocked"}}}], "soft_bounce"),
    "mailgun": ({"signature": {"token": "t", "timestamp": "1", "signature": "s"}, "event-data": {"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": ADDRESS, "timestamp": 1.0, "delivery-status": {"code": 550, "message": "5.1.1 user unknown"}}}, "hard_bounce"),
    "mailgun later": ({"signature": {"token": "t", "timestamp": "1", "signature": "s"}, "event-data": {"event": "failed", "severity": "temporary", "recipient": ADDRESS, "timestamp": 1.0, "delivery-status": {"code": 452}}}, "soft_bounce"),
}  # fmt: skip


@pytest.mark.parametrize("name", POSTS)
def test_every_providers_report_is_understood(atlas, recipient, key, name):
    body, signal = POSTS[name]
    assert post(body, key, name.split()[0]).status_code == 200
    with tenant_scope(atlas):
        assert list(DeliverySignal.objects.values_list("kind", flat=True)) == [signal]
        assert is_let_alone() is (signal != "soft_bounce")


@pytest.mark.parametrize(
    ("kind", "details", "signal"),
    [
        ("HardBounce", "smtp;550 5.1.1 user unknown", "hard_bounce"),
        ("SoftBounce", "smtp;452 4.2.2 full", "soft_bounce"),
        ("Transient", "", "soft_bounce"),
        ("HardBounce", "550 5.7.1 blocked by Spamhaus", "soft_bounce"),
        ("SpamComplaint", "", "complaint"),
    ],
)
def test_a_block_is_no_dead_address(atlas, recipient, key, kind, details, signal):
    assert post(postmark(kind, recipient, details), key).status_code == 200
    with tenant_scope(atlas):
        assert DeliverySignal.objects.get().kind == signal


def test_unsubscribing_at_the_provider_counts_here_too(atlas, recipient, key):
    post({"event": "unsubscribe", "email": ADDRESS}, key, "brevo")
    with tenant_scope(atlas):
        assert Suppression.objects.get().reason == "unsubscribed"


def test_only_who_has_the_key_may_report(atlas, borealis, recipient, key):
    for wrong, slug in (("", "atlas-telecom"), ("x" * 32, "atlas-telecom"), (key, "borealis-mobile"), (key, "nobody")):
        answer = post(postmark(recipient=recipient), wrong, slug=slug)
        assert (answer.status_code, answer.content) == (401, b"")
    bare = Client().post("/hooks/mail/atlas-telecom/postmark", "{}", content_type="application/json")
    assert bare.status_code == 401
    with tenant_scope(atlas):
        assert not DeliverySignal.objects.exists()


def test_company_without_a_key_takes_no_reports(atlas, recipient):
    with tenant_scope(atlas):
        senders.sender()
    assert post(postmark(recipient=recipient), "").status_code == 401


def test_new_key_replaces_the_old_one_and_is_kept_by_its_hash(atlas, alice, recipient, key):
    with tenant_scope(atlas):
        fresh = reports.new_webhook_key(actor=alice)
        held = SenderProfile.objects.get().webhook_key_hash
        assert fresh not in held and key not in held
        assert AuditEntry.objects.filter(verb="webhook_key_made").count() == 2
    assert post(postmark(recipient=recipient), key).status_code == 401
    assert post(postmark(recipient=recipient), fresh).status_code == 200


def test_mailguns_own_signature_is_checked_where_its_key_is_known(atlas, alice, recipient, key):
    settings = json.dumps({"api_key": "k", "sender_domain": "d.example", "webhook_signing_key": "signing"})
    with tenant_scope(atlas):
        senders.save_sender(actor=alice, provider="mailgun", transport="provider", provider_settings=settings)
    assert post(POSTS["mailgun"][0], key, "mailgun").status_code == 400
    import hashlib
    import hmac

    body = json.loads(json.dumps(POSTS["mailgun"][0]))
    body["signature"]["signature"] = hmac.new(b"signing", b"1t", hashlib.sha256).hexdigest()
    assert post(body, key, "mailgun").status_code == 200


@pytest.mark.parametrize("body", ["", [], {}, [1], {"Type": []}, {"event-data": 3}, "\ud83d", None])
@pytest.mark.parametrize("provider", ["brevo", "mailgun", "mailjet", "postmark", "resend", "sparkpost"])
def test_nonsense_is_answered_and_changes_nothing(atlas, recipient, key, provider, body):
    assert post(body, key, provider).status_code in (200, 400)
    with tenant_scope(atlas):
        assert not DeliverySignal.objects.exists() and not Suppression.objects.exists()


def test_unknown_provider_and_other_methods(atlas, key):
    assert post({}, key, "nobody").status_code == 404
    for method in ("get", "put", "delete"):
        assert getattr(Client(), method)("/hooks/mail/atlas-telecom/postmark").status_code == 405


# ---------------------------------------------------------------- as mail in a file


def bounce(recipient, status: str = "5.1.1", said: str = "550 5.1.1 user unknown") -> bytes:
    """A delivery status notification as postfix writes it (RFC 3464)."""
    return (
        "From: MAILER-DAEMON@mx.example.com\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient.address}\r\nAction: failed\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {said}\r\n"
        f"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {name_of(recipient)}\r\nSubject: x\r\n\r\n--b--\r\n"
    ).encode()


@pytest.fixture
def returned(tmp_path, recipient):
    """An mbox with a bounce, an answer from a holiday, and an ordinary letter."""
    box = mailboxes.mbox(tmp_path / "returned.mbox")
    box.add(mailboxes.mboxMessage(bounce(recipient)))
    away, letter = EmailMessage(), EmailMessage()
    away["Subject"], away["Auto-Submitted"], away["From"] = "Away", "auto-replied", "x@example.com"
    letter["Subject"], letter["From"] = "Hello", "y@example.com"
    for one in (away, letter):
        one.set_content("Hello")
        box.add(one)
    box.close()
    return tmp_path / "returned.mbox"


def test_mailbox_file_is_taken_in_once(atlas, recipient, returned):
    with tenant_scope(atlas):
        taken = reports.take_file(returned)
        assert (taken.hard, taken.suppressed, taken.other) == (1, 1, 2)
        assert is_let_alone()
        assert reports.take_file(returned).as_json()["repeated"] == 1
        assert AuditEntry.objects.filter(verb="reports_taken").count() == 2


def test_command_takes_a_mailbox_file(atlas, recipient, returned, capsys):
    call_command("read_bounces", returned, tenant="atlas-telecom", as_json=True)
    assert json.loads(capsys.readouterr().out)["hard"] == 1
    call_command("read_bounces", returned, tenant="atlas-telecom")
    assert "1 known already" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no such file"):
        call_command("read_bounces", returned.parent / "absent", tenant="atlas-telecom")


def test_admin_uploads_a_mailbox_file(client_for, atlas, alice, recipient, returned):
    with returned.open("rb") as file:
        answer = client_for(alice).post("/sender/reports", {"file": file}, follow=True)
    assert "1 address bounced for good" in answer.content.decode()
    with tenant_scope(atlas):
        assert is_let_alone()


def test_file_that_is_no_mailbox_is_refused_by_its_field(client_for, alice, tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04 broken")
    with path.open("rb") as file:
        answer = client_for(alice).post("/sender/reports", {"file": file})
    assert answer.status_code == 422 and "holds no mail" in answer.content.decode()


def test_other_companys_bounces_say_nothing_here(borealis, atlas, recipient, returned):
    with tenant_scope(borealis):
        assert reports.take_file(returned).as_json()["unknown"] == 1
        assert not Suppression.objects.exists()
    with tenant_scope(atlas):
        assert not is_let_alone()
