"""The mailbox inside the product: what is kept, who sees it, and what a mail may do in its frame."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import MailboxMessage
from campaigns.services import mailbox
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx


@dataclass
class Letter:
    to_address: str
    subject: str
    data: bytes


def letter(address: str = "amel@example.com", subject: str = "Une offre", html: str = "<p>Bonjour</p>") -> Letter:
    data = (
        f"From: Atlas <a@atlas.example.com>\r\nTo: {address}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        'Message-ID: <x@atlas.example.com>\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour en clair\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--b--\r\n"
    ).encode()
    return Letter(address, subject, data)


@pytest.fixture
def kept(atlas):
    with tenant_scope(atlas):
        mailbox.keep([(None, letter()), (None, letter("zied@example.com", "Merci"))], is_test=True)
        return list(MailboxMessage.objects.order_by("pk"))


def addresses(message) -> list[str]:
    return [f"/mailbox/{message.public_id}{end}" for end in ("", "/html", "/source")]


def without_token(answer) -> str:
    """A page without what differs at every call."""
    return re.sub(r'"X-CSRFToken": "\w+"|value="\w{64}"', "", answer.content.decode())


def test_anonymous_is_led_to_sign_in(client, kept):
    for page in ["/mailbox", *addresses(kept[0])]:
        assert client.get(page)["Location"] == f"/sign-in?next={page}"


def test_viewer_reads_newest_first_and_one_mail(client_for, bob, kept):
    client = client_for(bob)
    text = client.get("/mailbox").content.decode()
    assert text.index("zied@example.com") < text.index("amel@example.com")
    answer = client.get(f"/mailbox/{kept[0].public_id}")
    text = answer.content.decode()
    assert "Bonjour en clair" in text and "&lt;x@atlas.example.com&gt;" in text
    assert "sandbox title=" in text
    assert answer["Cache-Control"] == "no-store, private"
    assert "frame-src 'self'" in answer["Content-Security-Policy"]


def test_other_company_sees_none_of_it(client_for, charlie, kept):
    client = client_for(charlie)
    assert "amel@example.com" not in client.get("/mailbox").content.decode()
    absent = "00000000-0000-4000-8000-000000000000"
    for page in addresses(kept[0]):
        there = client.get(page)
        assert there.status_code == 404
        gone = client.get(page.replace(str(kept[0].public_id), absent))
        assert without_token(there) == without_token(gone)


def test_search_by_the_beginning_of_an_address_in_any_case(client_for, bob, kept):
    answer = client_for(bob).get("/mailbox?q=AMEL", headers=htmx("results"))
    text = answer.content.decode()
    assert "amel@example.com" in text and "zied@example.com" not in text
    assert "<html" not in text
    assert "No mail to an address" in client_for(bob).get("/mailbox?q=nobody").content.decode()


def test_pages_cost_the_same_however_many_mails_there_are(client_for, bob, atlas, kept):
    client = client_for(bob)
    few = cost(client, "/mailbox")
    with tenant_scope(atlas):
        mailbox.keep([(None, letter(f"p{i}@example.com")) for i in range(90)])
    assert cost(client, "/mailbox") == few
    assert few < 12


def test_older_mails_are_on_the_next_page(client_for, bob, atlas):
    with tenant_scope(atlas):
        mailbox.keep([(None, letter(f"p{i:03}@example.com")) for i in range(100)])
    client, page, found = client_for(bob), "/mailbox", []
    for _ in range(5):
        text = client.get(page).content.decode()
        found += re.findall(r"<bdi>(p\d+)@", text)
        link = re.search(r'rel="next" href="([^"]+)"', text)
        if not link:
            break
        page = "/mailbox" + link[1].replace("&amp;", "&")
    assert found == [f"p{i:03}" for i in reversed(range(100))]


def test_mail_in_its_frame_may_do_nothing(client_for, bob, atlas):
    hostile = "<script>alert(1)</script><img src='https://evil.example/x.png'><p>Bonjour</p>"
    with tenant_scope(atlas):
        mailbox.keep([(None, letter(html=hostile))])
        message = MailboxMessage.objects.get()
    answer = client_for(bob).get(f"/mailbox/{message.public_id}/html")
    rules = answer["Content-Security-Policy"]
    assert "default-src 'none'" in rules and "sandbox" in rules and "frame-ancestors 'self'" in rules
    assert "script-src" not in rules and "allow-scripts" not in rules
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Cache-Control"] == "no-store, private"


def test_source_is_the_bytes_that_would_have_gone_out(client_for, bob, kept):
    answer = client_for(bob).get(f"/mailbox/{kept[0].public_id}/source")
    assert answer.content == letter().data
    assert answer["Content-Type"] == "message/rfc822"
    assert answer["Content-Disposition"].startswith("attachment")


def test_subject_is_read_from_the_mail_where_nobody_tells_it(atlas_scope):
    mailbox.keep([(None, Letter("a@example.com", "", letter(subject="=?utf-8?b?2LnYsdi2?=").data))])
    assert MailboxMessage.objects.get().subject == "عرض"


def test_damaged_mail_is_shown_as_far_as_it_goes(client_for, bob, atlas):
    with tenant_scope(atlas):
        broken = (
            b"Subject: x\r\nContent-Type: text/html; charset=no-such\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%"
        )
        mailbox.keep([(None, Letter("a@example.com", "Broken", broken))])
        message = MailboxMessage.objects.get()
    assert client_for(bob).get(f"/mailbox/{message.public_id}").status_code == 200


def test_old_mails_and_those_beyond_the_most_are_forgotten(atlas_scope, monkeypatch):
    monkeypatch.setattr(mailbox, "MOST", 3)
    mailbox.keep([(None, letter(f"p{i}@example.com")) for i in range(6)])
    newest = MailboxMessage.objects.order_by("-pk").first()
    MailboxMessage.objects.filter(pk=newest.pk).update(at=timezone.now() - timedelta(days=31))
    assert mailbox.forget_mailbox() == 3
    assert sorted(MailboxMessage.objects.values_list("address", flat=True)) == [f"p{i}@example.com" for i in (2, 3, 4)]
    assert mailbox.forget_mailbox() == 0
