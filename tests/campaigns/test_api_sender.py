"""How the company sends, for programs: what is told, what may be changed and how strictly, and what is never told."""

from __future__ import annotations

import json
import logging

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from campaigns.channels import dns
from campaigns.models import SenderProfile
from campaigns.services import providers, reports, senders
from core.errors import Refused, Unreachable
from tenants.models import AuditEntry, StoredAnswer
from tenants.scoping import tenant_scope
from tests.everywhere import every
from tests.tenants.test_api_keys import caller, make

from .test_sender_pages import ZONE, filled

SENDER, BASIS, TRY, DOMAIN, REPORTS, REPORT_KEY = (
    "/api/sender",
    "/api/sender/basis",
    "/api/sender/try",
    "/api/sender/check-domain",
    "/api/sender/reports",
    "/api/sender/report-key",
)
SMTP = {"transport": "smtp", "host": "smtp.example.com", "username": "atlas"}
MAILGUN = {
    "transport": "provider",
    "provider": "mailgun",
    "provider_settings": {"api_key": "key-1", "sender_domain": "mg.atlas.example", "region": "eu"},
}
NOTHING_CAME = (
    b"From: Nour <nour@example.com>\r\nTo: bonjour@atlas.example.com\r\nSubject: Hello\r\n\r\nJust a letter.\r\n"
)


def send(client, address: str, body: object = None, method: str = "patch", **headers: str):
    data = "" if body is None else json.dumps(body)
    return client.generic(method.upper(), address, data, content_type="application/json", headers=headers)


def profile(tenant) -> SenderProfile:
    with tenant_scope(tenant):
        return senders.sender()


@pytest.fixture
def admin(client_for, alice):
    return client_for(alice)


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize("who", ["bob", "anna", "omar"])
def test_only_admins_read_and_change(client_for, cast, who):
    client = client_for(getattr(cast, who))
    answers = [
        client.get(SENDER),
        send(client, SENDER, {"from_name": "X"}),
        send(client, BASIS, {"basis": "consent"}, "put"),
    ]
    answers += [send(client, address, method="post") for address in (TRY, DOMAIN, REPORTS, REPORT_KEY)]
    assert {answer.status_code for answer in answers} == {403}
    assert not every(SenderProfile).exists()


def test_nobody_is_told_anything(client, db):
    assert client.get(SENDER).status_code == 401
    assert send(client, SENDER, {"from_name": "X"}).status_code == 401


def test_key_needs_the_scope_and_its_makers_role(cast):
    without = caller(make(cast.alice, "view_campaigns", "run_campaigns")[1])
    assert (without.get(SENDER).status_code, send(without, SENDER, {"from_name": "X"}).status_code) == (403, 403)
    with_it = caller(make(cast.alice, "set_sender")[1])
    assert with_it.get(SENDER).status_code == 200
    assert send(with_it, SENDER, {"from_name": "Atlas"}).json()["from_name"] == "Atlas"
    with pytest.raises(Refused):
        make(cast.omar, "set_sender")


def test_each_company_has_its_own(client_for, cast, admin):
    send(client_for(cast.charlie), SENDER, {"from_name": "Borealis", "host": "mail.borealis.example.com"})
    before = every(SenderProfile).filter(tenant=cast.borealis).values().get()
    send(admin, SENDER, {**SMTP, "from_name": "Atlas", "password": "p4ss"})
    send(admin, BASIS, {"basis": "customers", "reason": "clause 7 of the contract"}, "put")
    assert every(SenderProfile).filter(tenant=cast.borealis).values().get() == before
    told = admin.get(SENDER)
    assert "orealis" not in told.content.decode()
    assert all("/hooks/mail/atlas-telecom/" in one["url"] for one in told.json()["reports"]["addresses"])


# ---------------------------------------------------------------- reading


def test_whole_of_the_page_is_told(admin, atlas, settings):
    settings.PUBLIC_URL, settings.LLM_BASE_URL = "https://retention.example.com", ""
    told = admin.get(SENDER).json()
    assert set(senders.FIELDS) < set(told)
    assert (told["transport"], told["port"], told["security"], told["provider"]) == ("mailbox", 587, "starttls", None)
    assert (told["has_password"], told["has_provider_settings"], told["has_public_url"]) == (False, False, True)
    assert (told["holdout_share"], told["quiet_from"], told["quiet_weekdays"]) == (0.1, None, [])
    assert told["basis"] == {"basis": "consent", "reason": "", "set_by": None}
    assert told["domain"] == {"name": None, "checked_at": None, "is_ready": None, "findings": []}
    assert told["reports"]["has_key"] is False
    assert {one["provider"] for one in told["reports"]["addresses"]} == {one.code for one in providers.providers()}
    assert told["reports"]["addresses"][0]["url"] == "https://retention.example.com/hooks/mail/atlas-telecom/brevo"


# ---------------------------------------------------------------- changing


@pytest.mark.parametrize(
    "changes",
    [
        {"from_name": "Atlas", "from_address": "bonjour@atlas.example.com", "reply_to": "", "postal_address": "Tunis"},
        {"support_contact": "1212", "dkim_selector": "s1"},
        {"transport": "smtp", "host": "smtp.example.com", "port": 465, "security": "tls", "username": "atlas"},
        {"per_second": 0.5, "daily_cap": 5000, "ramps_up": False},
        {"most_mails": 3, "within_days": 60, "keeps_holidays": False, "keeps_ramadan": False},
        {"quiet_from": "21:00", "quiet_until": "08:30", "quiet_weekdays": [4, 6]},
        {"holdout_share": 0.125, "universal_share": 0.02, "tracks_links": True, "tracks_opens": True},
        {"uses_server_writer": True, "personal_drafts": True, "monthly_tokens": 0},
    ],
)
def test_what_is_named_changes_and_the_rest_stays(admin, atlas, changes):
    before = admin.get(SENDER).json()
    answer = send(admin, SENDER, changes)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    same = {name: value for name, value in told.items() if name not in changes and name != "domain"}
    assert {name: told[name] for name in changes} == changes
    assert same == {name: before[name] for name in same}
    assert admin.get(SENDER).json() == told


def test_null_takes_away(admin, atlas):
    send(admin, SENDER, {"daily_cap": 10, "quiet_from": "21:00", "quiet_until": "08:00", "password": "p4ss"})
    told = send(admin, SENDER, {"daily_cap": None, "quiet_from": None, "quiet_until": None, "password": None}).json()
    assert (told["daily_cap"], told["quiet_from"], told["quiet_until"], told["has_password"]) == (
        None,
        None,
        None,
        False,
    )


def test_form_and_body_take_the_same_fields(admin, atlas):
    """What the page posts, and what a program sends, leave the same row."""
    admin.post("/sender", filled(daily_cap="500", quiet_weekdays=["6", "4"], per_second="2.5"))
    by_page = admin.get(SENDER).json()
    send(admin, SENDER, {**SMTP, "host": "x.example.com", "daily_cap": None, "quiet_weekdays": [], "per_second": 1})
    by_program = send(
        admin, SENDER, {"host": "smtp.example.com", "daily_cap": 500, "quiet_weekdays": [6, 4, 4], "per_second": 2.5}
    )
    assert by_program.json() == by_page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from_name", 12), ("from_name", "x" * 121), ("from_address", None), ("postal_address", ["Tunis"]),
        ("transport", "pigeon"), ("transport", None), ("port", "587"), ("port", 0), ("port", 70_000), ("port", True),
        ("security", "ssl"), ("username", 3), ("password", 4), ("password", ""), ("password", "x" * 501),
        ("provider", "sendgrid"), ("provider_settings", "key"), ("provider_settings", {"api_key": 4}),
        ("per_second", 0), ("per_second", "20"), ("daily_cap", 0), ("daily_cap", 1.5), ("ramps_up", "yes"),
        ("most_mails", 0), ("most_mails", 1_001), ("within_days", 367), ("quiet_from", "9 pm"), ("quiet_from", 21),
        ("quiet_from", "24:00"), ("quiet_weekdays", 4), ("quiet_weekdays", [7]), ("quiet_weekdays", ["4"]),
        ("quiet_weekdays", list(range(7))), ("keeps_ramadan", 1), ("holdout_share", 0.6), ("holdout_share", "10"),
        ("universal_share", 0.3), ("tracks_opens", None), ("monthly_tokens", -1), ("monthly_tokens", 10**12),
    ],
)  # fmt: skip
def test_wrong_value_is_refused_by_its_field_and_nothing_changes(admin, atlas, field, value):
    admin.get(SENDER)
    before = every(SenderProfile).values().get()
    answer = send(admin, SENDER, {"support_contact": "1212", field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert set(answer.json()["errors"]) == {field}
    assert answer["Content-Type"] == "application/problem+json"
    assert every(SenderProfile).values().get() == before


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"from_address": "not an address"}, "bad_address", "from_address"),
        ({"reply_to": "nor this"}, "bad_address", "reply_to"),
        ({"from_name": "Atlas\nBcc: x"}, "one_line", "from_name"),
        ({"host": "smtp.example.com\nx", "transport": "smtp"}, "one_line", "host"),
        ({"transport": "smtp"}, "no_host", "host"),
        ({"transport": "provider"}, "unknown_provider", "provider"),
        ({"provider_settings": {"api_key": "x"}}, "unknown_provider", "provider"),
        ({"transport": "provider", "provider": "resend"}, "provider_settings", "provider_settings.api_key"),
        (MAILGUN | {"provider_settings": {"api_key": "x"}}, "provider_settings", "provider_settings.sender_domain"),
        (
            MAILGUN | {"provider_settings": {"api_key": "x", "sender_domain": "y", "region": "mars"}},
            "provider_settings",
            "provider_settings.region",
        ),
        ({"quiet_from": "21:00"}, "half_quiet", "quiet_until"),
    ],
)
def test_what_cannot_be_is_refused_with_code_and_field(admin, atlas, changes, code, field):
    admin.get(SENDER)
    before = every(SenderProfile).values().get()
    answer = send(admin, SENDER, {"support_contact": "1212", **changes})
    assert (answer.status_code, answer.json()["code"], answer.json()["facts"]) == (422, code, {"field": field})
    assert every(SenderProfile).values().get() == before


def test_unknown_fields_are_named(admin, atlas):
    answer = send(admin, SENDER, {"from_name": "X", "form_name": "Y", "basis": "customers", "salt": "z"})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"form_name", "basis", "salt"})
    unknown = send(admin, SENDER, MAILGUN | {"provider_settings": {**MAILGUN["provider_settings"], "apikey": "x"}})
    assert (unknown.status_code, unknown.json()["errors"]) == (
        400,
        {"provider_settings": {"apikey": ["no such field"]}},
    )
    assert profile(atlas).from_name == ""


@pytest.mark.parametrize("body", [{}, [], "x", None])
def test_body_that_names_nothing_is_refused(admin, atlas, body):
    answer = send(admin, SENDER, body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


# ---------------------------------------------------------------- secrets


def test_secrets_are_in_no_answer_trail_or_line(admin, atlas, caplog):
    caplog.set_level(logging.DEBUG)
    bodies = [
        {**SMTP, "password": "s3cret-word"},
        {"password": "s3cret-word", "per_second": "x"},
        {"password": "s3cret-word", "unknown": 1},
        {"password": ["s3cret-word"]},
        {"password": "s3cret-word" * 100},
        {"password": "s3cret-word", "from_address": "none"},
        {"transport": "provider", "provider": "mailgun", "provider_settings": {"api_key": "s3cret-word"}},
        {"provider": "mailgun", "provider_settings": {"api_key": "s3cret-word\x7f", "sender_domain": "x"}},
        {"provider_settings": {"api_key": ["s3cret-word"]}},
        MAILGUN | {"provider_settings": {"api_key": "s3cret-word", "sender_domain": "mg.atlas.example"}},
    ]
    answers = [send(admin, SENDER, body, **{"Idempotency-Key": f"k{n}"}) for n, body in enumerate(bodies)]
    assert [answer.status_code for answer in answers] == [200, 400, 400, 400, 400, 422, 422, 422, 400, 200]
    answers.append(admin.get(SENDER))
    assert not any("s3cret-word" in answer.content.decode() for answer in answers)
    assert "s3cret-word" not in caplog.text
    assert "s3cret-word" not in json.dumps(list(every(AuditEntry).values("facts")))
    assert "s3cret-word" not in repr(every(SenderProfile).values().get())
    assert "s3cret-word" not in repr(list(every(StoredAnswer).values()))
    assert answers[-1].json()["has_password"] is True
    with tenant_scope(atlas):
        assert senders.server(senders.sender()).password == "s3cret-word"
        assert AuditEntry.objects.filter(verb="sender_changed").order_by("sequence").first().facts["fields"] == ["host", "password", "transport", "username"]  # fmt: skip


def test_absent_secret_stays(admin, atlas):
    send(admin, SENDER, {**SMTP, "password": "p4ss"})
    assert send(admin, SENDER, {"username": "other"}).json()["has_password"] is True
    with tenant_scope(atlas):
        assert senders.server(senders.sender()).password == "p4ss"


def test_providers_settings_are_merged_while_the_provider_stays(admin, atlas):
    def kept() -> dict[str, str]:
        with tenant_scope(atlas):
            return json.loads(senders.provider_settings(senders.sender()) or "{}")

    told = send(admin, SENDER, MAILGUN).json()
    assert (told["has_provider_settings"], told["provider_secrets"]) == (True, ["api_key"])
    assert told["provider_options"] == {"sender_domain": "mg.atlas.example", "region": "eu"}
    send(admin, SENDER, {"provider_settings": {"region": "us", "webhook_signing_key": "w"}})
    assert kept() == {
        "api_key": "key-1",
        "sender_domain": "mg.atlas.example",
        "region": "us",
        "webhook_signing_key": "w",
    }
    send(admin, SENDER, {"provider_settings": {"webhook_signing_key": None, "region": None}})
    assert kept() == {"api_key": "key-1", "sender_domain": "mg.atlas.example"}
    needed = send(admin, SENDER, {"provider_settings": {"api_key": None}})
    assert needed.json()["facts"] == {"field": "provider_settings.api_key"}
    send(admin, SENDER, {"from_name": "Atlas"})
    assert kept()["api_key"] == "key-1"


def test_another_provider_never_gets_the_keys_of_the_one_before(admin, atlas):
    send(admin, SENDER, MAILGUN)
    refused = send(admin, SENDER, {"provider": "resend"})
    assert (refused.status_code, refused.json()["facts"]) == (422, {"field": "provider_settings.api_key"})
    told = send(admin, SENDER, {"transport": "mailbox", "provider": "resend"}).json()
    assert (told["provider"], told["has_provider_settings"], told["provider_secrets"]) == ("resend", False, [])
    assert send(admin, SENDER, {"provider": None}).json()["provider"] is None


# ---------------------------------------------------------------- whom, the domain, the server, what came back


def test_basis_is_decided_with_a_reason_and_a_name(admin, atlas, alice):
    for reason in ({}, {"reason": "just so"}, {"reason": "         .         "}):
        refused = send(admin, BASIS, {"basis": "customers", **reason}, "put")
        assert (refused.status_code, refused.json()["code"]) == (422, "no_reason")
        assert refused.json()["facts"] == {"field": "reason"}
    assert profile(atlas).basis == "consent"
    told = send(admin, BASIS, {"basis": "customers", "reason": "clause 7 of the contract"}, "put").json()
    assert told["basis"] == {"basis": "customers", "reason": "clause 7 of the contract", "set_by": str(alice)}
    with tenant_scope(atlas):
        assert AuditEntry.objects.get(verb="basis_changed").facts["basis"] == "customers"
    for body, field in (({"basis": "all"}, "basis"), ({"reason": "x"}, "basis"), ({"basis": "consent", "reason": 1}, "reason"), ({"basis": "consent", "why": ""}, "why")):  # fmt: skip
        answer = send(admin, BASIS, body, "put")
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})
    assert send(admin, BASIS, {"basis": "consent"}, "put").json()["basis"]["reason"] == ""


def test_domain_is_looked_at_and_another_address_empties_the_report(admin, atlas, monkeypatch):
    monkeypatch.setattr(dns.Resolver, "ask", lambda _self, name, kind: ZONE.get((name, kind), ()))
    refused = send(admin, DOMAIN, method="post")
    assert (refused.status_code, refused.json()["code"]) == (422, "no_from_address")
    send(admin, SENDER, {"from_address": "bonjour@atlas.example.com"})
    answer = send(admin, DOMAIN, method="post")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["name"], told["is_ready"]) == ("atlas.example.com", False)
    assert told["checked_at"]
    found = {one["code"]: one for one in told["findings"]}
    assert found["spf_allows_everybody"]["severity"] == "error"
    assert "every server in the world" in found["spf_allows_everybody"]["sentence"]
    assert found["dmarc_missing"]["publish"]["text"].startswith("v=DMARC1; p=none")
    assert admin.get(SENDER).json()["domain"] == told
    send(admin, SENDER, {"from_name": "Atlas"})
    assert admin.get(SENDER).json()["domain"] == told, "another name is no other domain"
    told = send(admin, SENDER, {"from_address": "bonjour@other.example.com"}).json()["domain"]
    assert told == {"name": "other.example.com", "checked_at": None, "is_ready": None, "findings": []}


def test_report_of_a_domain_that_was_left_meanwhile_is_not_kept(admin, atlas, alice, monkeypatch):
    def ask(_self, name, kind):
        SenderProfile.objects.update(from_address="bonjour@other.example.com")
        return ZONE.get((name, kind), ())

    monkeypatch.setattr(dns.Resolver, "ask", ask)
    send(admin, SENDER, {"from_address": "bonjour@atlas.example.com"})
    told = send(admin, DOMAIN, method="post").json()
    assert (told["name"], told["checked_at"], told["findings"]) == ("other.example.com", None, [])


def test_server_is_tried(admin, atlas, monkeypatch, settings):
    settings.MAIL_PRIVATE_HOSTS = []
    none = send(admin, TRY, method="post")
    assert (none.status_code, none.json()["code"]) == (422, "no_server")
    send(admin, SENDER, SMTP | {"host": "127.0.0.1", "port": 25})
    private = send(admin, TRY, method="post")
    assert (private.status_code, private.json()["code"]) == (422, "private_address")

    def quiet(_profile):
        raise Unreachable("no_answer", "smtp.example.com does not answer")

    monkeypatch.setattr(senders, "try_server", quiet)
    silent = send(admin, TRY, method="post", **{"Idempotency-Key": "try"})
    assert (silent.status_code, silent.json()["code"]) == (422, "no_answer")
    monkeypatch.setattr(senders, "try_server", lambda _profile: ["8BITMIME", "PIPELINING"])
    answer = send(admin, TRY, method="post", **{"Idempotency-Key": "try"})
    assert (answer.status_code, answer.json()) == (200, {"offers": ["8BITMIME", "PIPELINING"]})


def test_password_that_cannot_be_opened_is_to_be_said_again(admin, atlas, settings):
    send(admin, SENDER, {**SMTP, "password": "p4ss"})
    settings.CREDENTIALS_KEY, settings.CREDENTIALS_KEY_FALLBACKS = "another-key-of-32-characters-0123456789", []
    answer = send(admin, TRY, method="post")
    assert (answer.status_code, answer.json()["code"], answer.json()["facts"]) == (422, "password_lost", {"field": "password"})  # fmt: skip


def test_mailbox_file_is_taken_in(admin, atlas, monkeypatch):
    def post(content: bytes, name: str = "back.eml", **more: str):
        return admin.post(REPORTS, {"file": SimpleUploadedFile(name, content), **more})

    answer = post(NOTHING_CAME)
    assert (answer.status_code, answer.json()["other"], answer.json()["suppressed"]) == (200, 1, 0)
    unreadable = post(b"PK\x03\x04 not a zip", "back.zip")
    assert (unreadable.status_code, unreadable.json()["code"]) == (422, "unreadable")
    monkeypatch.setattr("campaigns.services.reports.MOST_UPLOAD_BYTES", 10)
    large = post(NOTHING_CAME)
    assert (large.status_code, large.json()["code"], large.json()["facts"]) == (422, "too_large", {"field": "file"})
    assert set(admin.post(REPORTS, {}).json()["errors"]) == {"file"}
    assert set(post(NOTHING_CAME, other="x").json()["errors"]) == {"other"}
    assert send(admin, REPORTS, {"file": "x"}, "post").status_code == 415


def test_kept_password_is_not_shown_to_another_server(admin, atlas):
    send(admin, SENDER, {**SMTP, "password": "s3cret-word"})
    refused = send(admin, SENDER, {"host": "mine.example.net"})
    assert (refused.status_code, refused.json()["code"]) == (422, "password_again")
    assert refused.json()["facts"]["field"] == "password"
    assert admin.get(SENDER).json()["host"] == SMTP["host"]
    assert send(admin, SENDER, {"host": "mine.example.net", "password": None}).status_code == 200
    with tenant_scope(atlas):
        assert not senders.server(senders.sender()).password


def test_key_for_reports_is_shown_once_and_replaces_the_one_before(admin, atlas):
    assert admin.get(SENDER).json()["reports"]["has_key"] is False
    first, again, other = (
        send(admin, REPORT_KEY, method="post", **{"Idempotency-Key": key}).json()["key"] for key in ("a", "a", "b")
    )
    assert first == again != other
    assert other not in repr(list(every(StoredAnswer).values())) + json.dumps(list(every(AuditEntry).values("facts")))
    assert other not in admin.get(SENDER).content.decode()
    assert admin.get(SENDER).json()["reports"]["has_key"] is True
    with tenant_scope(atlas):
        assert [reports.is_webhook_key(reports.profile(), key) for key in (first, other)] == [False, True]
