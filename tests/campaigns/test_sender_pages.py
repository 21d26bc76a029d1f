"""The sender's page: who may, what is kept, what is never shown, and whether domain and server are looked at."""

import json

import pytest

from campaigns.channels import dns
from campaigns.models import SenderProfile
from campaigns.services import domains, providers, senders
from core.errors import Refused, Unreachable
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost

ACTIONS = ["/sender/basis", "/sender/try", "/sender/domain", "/sender/webhook-key", "/sender/reports"]


def filled(**changes) -> dict[str, object]:
    """The form as a person who changes nothing would send it."""
    whole = {
        "from_name": "Atlas", "from_address": "bonjour@atlas.example.com", "postal_address": "1 rue de Carthage, Tunis",
        "transport": "smtp", "host": "smtp.example.com", "port": "587", "security": "starttls", "username": "atlas",
        "per_second": "20", "most_mails": "2", "within_days": "30", "holdout_share": "10", "universal_share": "0",
        "monthly_tokens": "1000", "keeps_holidays": "on",
    }  # fmt: skip
    return {name: value for name, value in (whole | changes).items() if value is not None}


def profile(atlas) -> SenderProfile:
    with tenant_scope(atlas):
        return SenderProfile.objects.get()


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize("address", ["/sender", *ACTIONS])
def test_anonymous_is_led_to_sign_in(client, db, address):
    assert client.get(address)["Location"].startswith("/sign-in")


@pytest.mark.parametrize("who", ["bob", "anna", "omar"])
def test_only_admins_see_and_change_the_sender(client_for, cast, who):
    client = client_for(getattr(cast, who))
    assert client.get("/sender").status_code == 403
    for address in ("/sender", *ACTIONS):
        assert client.post(address, filled()).status_code == 403
    with tenant_scope(cast.atlas):
        assert not SenderProfile.objects.exists()


def test_each_company_has_its_own(client_for, cast):
    client_for(cast.alice).post("/sender", filled())
    text = client_for(cast.charlie).get("/sender").content.decode()
    assert 'value="smtp.example.com"' not in text and "bonjour@atlas" not in text
    client_for(cast.charlie).post("/sender", filled(host="mail.borealis.example.com"))
    assert profile(cast.atlas).host == "smtp.example.com"


@pytest.mark.parametrize("address", ACTIONS)
def test_changes_are_posts(client_for, alice, address):
    assert client_for(alice).get(address).status_code == 405


def test_page_costs_little_and_is_kept_by_nobody(client_for, alice):
    client = client_for(alice)
    assert cost(client, "/sender") < 12
    assert client.get("/sender")["Cache-Control"] == "no-store, private"


# ---------------------------------------------------------------- what is kept


def test_admin_says_how_the_company_sends(client_for, atlas, alice):
    given = filled(
        password="p4ss", quiet_from="21:00", quiet_until="08:30", quiet_weekdays=["4", "6"], holdout_share="12,5 %",
        universal_share="2", daily_cap="5000", tracks_links="on", ramps_up="on",
    )  # fmt: skip
    answer = client_for(alice).post("/sender", given)
    assert answer["Location"] == "/sender"
    kept = profile(atlas)
    assert (kept.holdout_share, kept.universal_share, kept.quiet_weekdays) == (0.125, 0.02, [4, 6])
    assert (str(kept.quiet_from), kept.tracks_links, kept.tracks_opens, kept.keeps_ramadan) == (
        "21:00:00",
        True,
        False,
        False,
    )
    with tenant_scope(atlas):
        assert senders.server(kept).password == "p4ss"
        assert "p4ss" not in json.dumps(list(AuditEntry.objects.values("facts")))


def test_password_is_never_shown_and_stays_while_the_field_is_empty(client_for, atlas, alice):
    client = client_for(alice)
    client.post("/sender", filled(password="p4ss-word"))
    assert "p4ss-word" not in client.get("/sender").content.decode()
    client.post("/sender", filled(from_name="Atlas again", password=""))
    with tenant_scope(atlas):
        assert senders.sender().from_name == "Atlas again"
        assert senders.server(senders.sender()).password == "p4ss-word"
    refused = client.post("/sender", filled(password="typed-now", per_second="x"))
    assert refused.status_code == 422 and "typed-now" not in refused.content.decode()


def test_password_is_not_shown_to_another_server_than_it_was_given_for(client_for, atlas, alice):
    client = client_for(alice)
    client.post("/sender", filled(password="p4ss-word"))
    first = profile(atlas).host
    refused = client.post("/sender", filled(host="other.example.com", password=""))
    assert refused.status_code == 422 and "give the password again" in refused.content.decode()
    assert profile(atlas).host == first
    assert client.post("/sender", filled(host="", transport="mailbox", password="")).status_code == 302
    assert client.post("/sender", filled(host="other.example.com", password="")).status_code == 422
    assert client.post("/sender", filled(host="other.example.com", password="another")).status_code == 302
    with tenant_scope(atlas):
        assert senders.server(senders.sender()).password == "another"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"from_address": "not an address"}, "is no address"),
        ({"host": ""}, "Name the server"),
        ({"transport": "provider"}, "Choose the provider"),
        ({"quiet_from": "21:00"}, "a beginning and an end"),
        ({"quiet_weekdays": list("0123456")}, "at least one day"),
        ({"holdout_share": "80"}, "0.5"),
        ({"holdout_share": "many"}, "Write a percentage"),
        ({"per_second": "0"}, "0.01"),
        ({"port": "70000"}, "65535"),
        ({"transport": "pigeon"}, "Select a valid choice"),
        ({"most_mails": "0"}, "1"),
    ],
)
def test_what_is_wrong_is_said_by_its_field_and_nothing_changes(client_for, atlas, alice, changes, said):
    answer = client_for(alice).post("/sender", filled(**changes))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "field-error" in text and said in text
    assert profile(atlas).host == ""


def test_providers_keys_are_sealed_merged_and_not_shown(client_for, atlas, alice):
    client = client_for(alice)
    given = filled(transport="provider", provider="mailgun", mailgun_api_key="key-1", mailgun_sender_domain="mg.atlas.example", mailgun_region="eu")  # fmt: skip
    assert client.post("/sender", given).status_code == 302
    with tenant_scope(atlas):
        kept = senders.sender()
        assert json.loads(senders.provider_settings(kept))["api_key"] == "key-1"
        assert "key-1" not in kept.sealed_provider_settings
        assert providers.plain_settings(kept) == {"api_key": "", "sender_domain": "mg.atlas.example", "region": "eu"}
    text = client.get("/sender").content.decode()
    assert "key-1" not in text and "mg.atlas.example" in text
    client.post("/sender", {**given, "mailgun_api_key": "", "mailgun_region": "us"})
    with tenant_scope(atlas):
        assert json.loads(senders.provider_settings(senders.sender())) == {"api_key": "key-1", "sender_domain": "mg.atlas.example", "region": "us"}  # fmt: skip


def test_missing_key_of_a_provider_is_said_by_its_field(client_for, atlas, alice):
    answer = client_for(alice).post("/sender", filled(transport="provider", provider="resend"))
    assert answer.status_code == 422
    assert 'id="id_resend_api_key_error"' in answer.content.decode()


def test_writing_to_everybody_takes_a_reason(client_for, atlas, alice):
    client = client_for(alice)
    refused = client.post("/sender/basis", {"basis": "customers", "basis_reason": "just so"})
    assert refused.status_code == 422 and "on what ground" in refused.content.decode()
    assert profile(atlas).basis == "consent"
    client.post("/sender/basis", {"basis": "customers", "basis_reason": "clause 7 of the contract"})
    kept = profile(atlas)
    assert (kept.basis, kept.basis_reason, kept.basis_set_by_id) == ("customers", "clause 7 of the contract", alice.pk)
    assert "Last decided by Alice" in client.get("/sender").content.decode()


# ---------------------------------------------------------------- server, domain, key


def test_server_is_tried_and_what_it_says_is_shown(client_for, atlas, alice, monkeypatch):
    client = client_for(alice)
    client.post("/sender", filled())
    monkeypatch.setattr(senders, "try_server", lambda _profile: ["8BITMIME", "PIPELINING"])
    assert "8BITMIME · PIPELINING" in client.post("/sender/try").content.decode()

    def refuses(_profile):
        raise Unreachable("x", "smtp.example.com does not answer <now>")

    monkeypatch.setattr(senders, "try_server", refuses)
    assert "does not answer &lt;now&gt;" in client.post("/sender/try").content.decode()


def test_server_of_a_private_network_is_not_spoken_with(client_for, atlas, alice, settings):
    settings.MAIL_PRIVATE_HOSTS = []
    client = client_for(alice)
    client.post("/sender", filled(host="127.0.0.1", port="25"))
    text = client.post("/sender/try").content.decode()
    assert "private" in text and "It answers" not in text


def test_without_a_server_there_is_nothing_to_try(client_for, alice):
    assert client_for(alice).post("/sender/try")["Location"] == "/sender"


ZONE = {
    ("atlas.example.com", "TXT"): ("v=spf1 mx +all",),
    ("atlas.example.com", "MX"): ("10 mx.atlas.example.com",),
    ("_dmarc.atlas.example.com", "TXT"): (),
    ("_dmarc.example.com", "TXT"): (),
}


def test_domain_is_looked_at_and_the_records_to_publish_are_shown(client_for, atlas, alice, monkeypatch):
    monkeypatch.setattr(dns.Resolver, "ask", lambda _self, name, kind: ZONE.get((name, kind), ()))
    client = client_for(alice)
    client.post("/sender", filled())
    assert client.post("/sender/domain")["Location"] == "/sender#domain"
    text = client.get("/sender").content.decode()
    assert "allows every server in the world" in text
    assert "v=DMARC1; p=none; rua=mailto:dmarc@atlas.example.com" in text
    assert "not in order" in text and "%(" not in text
    kept = profile(atlas)
    assert kept.domain_checked_at and not kept.domain_report["is_ready"]
    client.post("/sender", filled(from_address="bonjour@other.example.com"))
    assert profile(atlas).domain_report == {}, "another domain has not been looked at"


def test_no_domain_without_an_address(atlas_scope, alice):
    with pytest.raises(Refused) as refused:
        domains.check_domain(actor=alice)
    assert refused.value.code == "no_from_address"


def test_every_code_of_the_domain_check_has_a_sentence():
    import re
    from pathlib import Path

    from campaigns import wording_sender
    from campaigns.outreach.delivery import domains as engine

    source = Path(engine.__file__).read_text()
    codes = set(re.findall(r'"((?:spf|dkim|dmarc|mx)_[a-z_]+)"', source))
    assert len(codes) > 20
    assert codes - set(wording_sender._FINDINGS) == set()


def test_webhook_key_is_shown_this_once(client_for, atlas, alice):
    import re

    client = client_for(alice)
    text = client.post("/sender/webhook-key").content.decode()
    key = re.search(r"select-all font-mono text-\[0.8125rem\] wrap-anywhere\" dir=\"ltr\">([\w-]{32})<", text)[1]
    assert key not in client.get("/sender").content.decode()
    assert profile(atlas).webhook_key_hash != key
