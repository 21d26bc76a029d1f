"""The links of a mail: unsubscribing by one click (RFC 8058), tracked links, and scanners that follow all of them."""

import re
from email import policy
from email.parser import BytesParser

import pytest
from django.test import Client

from campaigns import services
from campaigns.models import ConsentEntry, DeliverySignal, MailboxMessage, Recipient, SenderProfile, Suppression
from campaigns.services import consent, keys, mailbox, readers
from customers.models import Customer
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

from .conftest import compose, launch, send, write_message

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LINKED = {
    "fr": {"subject": "Une offre", "text": "", "html": '<p>Voir <a href="https://www.atlas.example.com/offre?a=1">l’offre</a></p>'},
}  # fmt: skip


@pytest.fixture
def cast(shared):
    """The world's own people: customers and scores are there already."""
    return shared.cast


def token_for(tenant, address: str = "amel@example.com", campaign: str = "0b0e4a4e-8a3a-4a1e-9c1d-0f4f0f4f0f4f") -> str:
    return keys.unsubscribe_token(tenant.pk, campaign, keys.address_key(address))


def state(tenant) -> tuple:
    """Everything that a link could change."""
    with tenant_scope(tenant):
        return (
            Suppression.objects.count(),
            ConsentEntry.objects.count(),
            AuditEntry.objects.count(),
            sorted(Recipient.objects.values_list("pk", "state")),
        )


def test_one_click_post_unsubscribes_at_once(db, atlas):
    client = Client(enforce_csrf_checks=True)
    answer = client.post(
        f"/u/{token_for(atlas)}", "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200
    assert "Location" not in answer
    assert not answer.cookies
    with tenant_scope(atlas):
        assert Suppression.objects.get().address_key == keys.address_key("Amel@Example.com")
        assert consent.suppressed([keys.address_key("amel@example.com")], "any") != set()


def test_said_twice_it_is_the_same(client, db, atlas):
    token = token_for(atlas)
    for _ in range(2):
        assert client.post(f"/u/{token}").status_code == 200
    with tenant_scope(atlas):
        assert Suppression.objects.count() == 1
        assert AuditEntry.objects.filter(verb="unsubscribed").count() == 1


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing_and_leaves_no_cookie(client, db, atlas, method):
    before = state(atlas)
    answer = getattr(client, method)(f"/u/{token_for(atlas)}")
    assert answer.status_code in (200, 405)
    assert not answer.cookies
    assert state(atlas) == before


def test_page_asks_in_three_languages_the_readers_own_first(client, db, atlas):
    for accepts, first, direction in (("ar-TN,fr;q=0.7", "ar", "rtl"), ("en-GB,en", "en", "ltr"), ("de", "en", "ltr")):
        text = client.get(f"/u/{token_for(atlas)}", headers={"Accept-Language": accepts}).content.decode()
        assert re.search(r"<html lang=\"(\w+)\" dir=\"(\w+)\"", text).groups() == (first, direction)
        assert re.findall(r'<section lang="(\w+)"', text)[0] == first
        assert sorted(re.findall(r'<section lang="(\w+)"', text)) == ["ar", "en", "fr"]
        assert text.count('<form method="post"') == 3
        assert "Atlas Telecom" in text and "csrfmiddlewaretoken" not in text and "<script" not in text


def test_answer_says_how_to_come_back_and_is_kept_nowhere(client, db, atlas):
    with tenant_scope(atlas):
        services.sender()
        SenderProfile.objects.update(support_contact="71 100 200 <b>")
    answer = client.post(f"/u/{token_for(atlas)}", headers={"Accept-Language": "fr"})
    text = answer.content.decode()
    assert "Vous êtes désabonné" in text and "71 100 200 &lt;b&gt;" in text
    assert "<form" not in text
    assert answer["Cache-Control"] == "no-store, private"
    assert answer["Referrer-Policy"] == "no-referrer"


def test_name_of_a_company_is_not_read_as_a_placeholder(client, db, atlas):
    atlas.name = "{contact} {company} {{ 7|add:1 }} <i>"
    atlas.save()
    text = client.get(f"/u/{token_for(atlas)}").content.decode()
    assert "{contact} {company} {{ 7|add:1 }} &lt;i&gt;" in text


@pytest.mark.parametrize("bad", ["x", "a" * 300, "%00", "AQ"])
def test_wrong_token_is_told_whom_to_write_to(client, db, atlas, bad):
    for method in ("get", "post"):
        answer = getattr(client, method)(f"/u/{bad}")
        assert answer.status_code == 404
    assert "This link does not work" in answer.content.decode()


def test_changed_token_is_not_ours(client, db, atlas):
    token = token_for(atlas)
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert client.post(f"/u/{changed}").status_code == 404
    with tenant_scope(atlas):
        assert not Suppression.objects.exists()


def test_link_outlives_new_keys(client, db, atlas, settings):
    token = token_for(atlas)
    settings.SECRET_KEY = "another-secret-key-" + "y" * 50
    settings.MAIL_KEY_FALLBACKS = [settings.MAIL_KEY]
    settings.MAIL_KEY = "another-mail-key-" + "y" * 50
    assert client.post(f"/u/{token}").status_code == 200
    settings.MAIL_KEY_FALLBACKS = []
    assert client.post(f"/u/{token}").status_code == 404


def test_link_of_a_company_that_is_gone_leads_nowhere(client, db, atlas):
    token = keys.unsubscribe_token("00000000-0000-4000-8000-000000000000", "x", keys.address_key("a@example.com"))
    assert client.post(f"/u/{token}").status_code == 404


def test_person_signed_in_to_another_company_unsubscribes_from_the_one_in_the_link(client_for, cast):
    assert client_for(cast.charlie).post(f"/u/{token_for(cast.atlas)}").status_code == 200
    with tenant_scope(cast.atlas):
        assert Suppression.objects.count() == 1
    with tenant_scope(cast.borealis):
        assert not Suppression.objects.exists()


# ---------------------------------------------------------------- a mail as it goes out


@pytest.fixture
def mailed(reachable):
    """Atlas has sent a campaign with a tracked link into its mailbox."""
    services.save_sender(actor=reachable.cast.alice, tracks_links=True, tracks_opens=True, holdout_share=0.0)
    SenderProfile.objects.update(ramps_up=False, keeps_holidays=False, keeps_ramadan=False)
    campaign = compose(name="Linked", message=write_message("Linked", LINKED), default_language="fr", holdout=0.0)
    return send(launch(campaign, reachable.cast.alice))


def links_of(message: MailboxMessage) -> list[str]:
    mail = BytesParser(policy=policy.default).parsebytes(mailbox.source_of(message))
    text = "".join(mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    text += str(mail["List-Unsubscribe"])
    found = re.findall(r"https://retention\.atlas\.example\.com(/[^\s\"<>)]+)", text)
    return list(dict.fromkeys(found))


def test_scanner_that_follows_every_link_changes_nothing(client, mailed, reachable):
    atlas = reachable.cast.atlas
    before = state(atlas)
    links = links_of(MailboxMessage.objects.order_by("pk").first())
    assert {link[:3] for link in links} == {"/u/", "/c/", "/o/"}
    for link in links:
        for method in ("get", "head"):
            assert getattr(client, method)(link).status_code in (200, 302), link
    assert state(atlas) == before


def test_list_unsubscribe_header_and_the_footers_link_take_the_customer_out(client, mailed, reachable):
    message = MailboxMessage.objects.select_related("recipient").order_by("pk").first()
    mail = BytesParser(policy=policy.default).parsebytes(mailbox.source_of(message))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.search(r"<https://retention\.atlas\.example\.com(/u/[^>]+)>", str(mail["List-Unsubscribe"]))[1]
    assert link in links_of(message)
    assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    key = message.recipient.customer_id
    assert consent.consented(0, 0, customers=[key])[key] is False
    line = ConsentEntry.objects.filter(customer_id=key).order_by("-pk").first()
    assert (line.source, line.is_granted) == ("unsubscribe", False)


def test_unsubscribing_survives_erasure_of_customer_and_campaign(client, mailed, reachable):
    message = MailboxMessage.objects.select_related("recipient").order_by("pk").first()
    address, link = message.address, next(one for one in links_of(message) if one.startswith("/u/"))
    customer = message.recipient.customer_id
    Recipient.objects.filter(customer_id=customer).delete()
    Customer.objects.filter(pk=customer).delete()
    assert client.post(link).status_code == 200
    assert consent.suppressed([keys.address_key(address)], "") != set()


def test_click_leads_to_the_frozen_link_and_is_counted_once(client, mailed):
    message = MailboxMessage.objects.select_related("recipient").order_by("pk").first()
    Recipient.objects.update(sent_at=mailed.launched_at.replace(year=2020))
    link = next(one for one in links_of(message) if one.startswith("/c/"))
    for _ in range(3):
        answer = client.get(link, headers={"User-Agent": FIREFOX})
        assert (answer.status_code, answer["Location"]) == (302, "https://www.atlas.example.com/offre?a=1")
    signal = DeliverySignal.objects.get()
    assert (signal.kind, signal.is_machine, signal.link, signal.recipient_id) == (
        "clicked",
        False,
        1,
        message.recipient_id,
    )


def test_click_is_never_an_open_redirect(client, mailed):
    recipient = Recipient.objects.filter(campaign=mailed).first()
    for link in (0, 2, 65_535):
        forged = keys.signal_token("click", recipient.tenant_id, recipient.pk, link)
        assert client.get(f"/c/{forged}?to=https://evil.example").status_code == 404
    as_open = keys.signal_token("open", recipient.tenant_id, recipient.pk, 1)
    assert client.get(f"/c/{as_open}").status_code == 404
    assert not DeliverySignal.objects.exists()


def test_nothing_is_counted_where_the_campaign_did_not_ask_for_it(client, mailed):
    message = MailboxMessage.objects.order_by("pk").first()
    type(mailed).objects.filter(pk=mailed.pk).update(
        frozen=mailed.frozen | {"tracks_links": False, "tracks_opens": False}
    )
    for link in links_of(message):
        if not link.startswith("/u/"):
            client.get(link, headers={"User-Agent": FIREFOX})
    assert not DeliverySignal.objects.exists()


@pytest.mark.parametrize(
    ("method", "headers", "seconds", "is_machine"),
    [
        ("get", {"User-Agent": FIREFOX}, 3_600, False),
        ("get", {"User-Agent": FIREFOX}, 3, True),
        ("head", {"User-Agent": FIREFOX}, 3_600, True),
        ("get", {}, 3_600, True),
        ("get", {"User-Agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"}, 3_600, True),
        ("get", {"User-Agent": "python-requests/2.32"}, 3_600, True),
        ("get", {"User-Agent": FIREFOX, "Sec-Purpose": "prefetch;prerender"}, 3_600, True),
        ("get", {"User-Agent": FIREFOX, "X-Moz": "prefetch"}, 3_600, True),
        ("get", {"User-Agent": FIREFOX + " GoogleImageProxy"}, 3_600, True),
    ],
)
def test_scanners_are_told_from_people(client, mailed, method, headers, seconds, is_machine):
    from datetime import timedelta

    from django.utils import timezone

    Recipient.objects.filter(campaign=mailed).update(sent_at=timezone.now() - timedelta(seconds=seconds))
    recipient = Recipient.objects.filter(campaign=mailed).first()
    link = f"/o/{keys.signal_token('open', recipient.tenant_id, recipient.pk)}.gif"
    answer = getattr(client, method)(link, headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    signal = DeliverySignal.objects.get()
    assert (signal.kind, signal.is_machine) == ("opened", is_machine)


def test_picture_comes_whatever_the_token_says(client, db):
    assert client.get("/o/nonsense.gif").content.startswith(b"GIF89a")
    assert readers.company_of("no identifier") is None
