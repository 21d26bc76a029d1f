"""What stands in a mail, through the whole product: its links change nothing by being looked at, and what people wrote is text."""

from __future__ import annotations

import csv
import email
import re
from email import policy

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.test import Client

from campaigns.models import Campaign, DeliverySignal, MailboxMessage, Recipient, Suppression
from campaigns.services import mailbox
from customers.models import Customer
from segmentation import selectors as segmentation
from segmentation.models import Offer
from tenants.models import Tenant
from tenants.scoping import tenant_scope
from tests.campaigns.outreach.test_message_injection import PAYLOADS, Words, is_harmless, letters
from tests.everywhere import every

from .test_loop import act, bring

SITE = "https://retention.atlas.example.com"
READERS = (
    {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
    {"User-Agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"},
    {},
)


@pytest.fixture
def cast(shared):
    """The world's own people: customers, a model and scores are there already."""
    return shared.cast


@pytest.fixture
def commits(settings, django_capture_on_commit_callbacks):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    settings.PUBLIC_URL = SITE
    return django_capture_on_commit_callbacks


def set_sender(alice, **changes) -> None:
    sender = {
        "transport": "mailbox", "from_name": "Atlas", "from_address": "bonjour@atlas.example.com", "per_second": 10_000,
        "postal_address": "1 avenue de Carthage, Tunis", "support_contact": "1212", "most_mails": 2, "within_days": 30,
        "holdout_share": 0, "universal_share": 0, "monthly_tokens": 0, **changes,
    }  # fmt: skip
    assert alice.post("/sender", sender).status_code == 302
    assert (
        alice.post("/sender/basis", {"basis": "customers", "basis_reason": "clause 7 of the contract"}).status_code
        == 302
    )


def write_message(anna, name: str, **parts: str) -> str:
    """A message in English; its identifier."""
    answer = anna.post("/messages/new", {"name": name, **{f"{part}_en": text for part, text in parts.items()}})
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"].rpartition("/")[2]


def new_campaign(omar, message: str, numbers: list[str], **fields: str) -> str:
    """A draft for these customers; its page."""
    return omar.post("/campaigns/new", {
        "name": "Autumn", "kind": "list", "numbers": " ".join(numbers), "message": message, "default_language": "en",
        "holdout": 0, "horizon_days": 60, "start": "now", **fields,
    })["Location"]  # fmt: skip


def send_to(omar, commits, message: str, numbers: list[str]) -> str:
    """A campaign to these customers, from the form to the last mail; its page."""
    page = new_campaign(omar, message, numbers)
    for step in ("check", "approve", "launch"):
        assert act(omar, f"{page}/{step}", commits).status_code == 302
    return page


def mails_of(tenant) -> dict[str, email.message.EmailMessage]:
    """The mails of the mailbox by the customer's number, read as a mail program reads them."""
    with tenant_scope(tenant):
        kept = MailboxMessage.objects.filter(is_test=False).select_related("recipient__customer")
        return {
            one.recipient.customer.external_id: email.message_from_bytes(mailbox.source_of(one), policy=policy.default)
            for one in kept
        }


def bare(text: str) -> str:
    """Visible letters without the white space: where a line is broken says nothing."""
    return "".join(letters(text).split())


def bodies(mail: email.message.EmailMessage) -> tuple[str, str]:
    text, page = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return text, page


# ---------------------------------------------------------------- links


def links_of(mail: email.message.EmailMessage) -> list[str]:
    """Every address of ours in a mail: headers, text and page."""
    whole = " ".join([*(f"{name}: {value}" for name, value in mail.items()), *bodies(mail)])
    return list(dict.fromkeys(re.findall(re.escape(SITE) + r"(/[^\s\"<>)]+)", whole)))


def everything(*, but: tuple[type, ...] = ()) -> dict[str, list[tuple]]:
    """All rows of all tables, over all companies."""
    return {
        model._meta.label: sorted(map(repr, every(model).values_list()))
        for model in apps.get_models()
        if model not in but
    }


@pytest.mark.parametrize("tracks", [True, False])
def test_looking_at_every_link_of_a_mail_changes_nothing(client_for, cast, commits, tracks):
    """Scanners follow all links of all mails before anybody reads them. Only what a workspace counts is counted."""
    set_sender(client_for(cast.alice), **({"tracks_links": "on", "tracks_opens": "on"} if tracks else {}))
    message = write_message(
        client_for(cast.omar),
        "Linked",
        subject="An offer",
        text="Dear {first_name},\n\nsee https://www.atlas.example.com/offer?a=1 for more.",
        html='<p>Dear {first_name}, see <a href="https://www.atlas.example.com/offer?a=1">the offer</a>.</p>',
    )
    with tenant_scope(cast.atlas):
        here = Customer.objects.exclude(churn_label=True).exclude(email="").order_by("pk")
        numbers = list(here.values_list("external_id", flat=True)[:3])
    send_to(client_for(cast.omar), commits, message, numbers)
    mails = mails_of(cast.atlas)
    assert sorted(mails) == sorted(numbers)
    links = [link for mail in mails.values() for link in links_of(mail)]
    assert {link[:3] for link in links} == ({"/u/", "/c/", "/o/"} if tracks else {"/u/"})

    stranger, counted = Client(enforce_csrf_checks=True), (DeliverySignal,) if tracks else ()
    before = everything(but=counted)
    for link in links:
        for headers in READERS:
            for look in (stranger.get, stranger.head):
                answer = look(link, headers=headers)
                assert answer.status_code in (200, 302), link
                assert not answer.cookies, link
    assert everything(but=counted) == before
    if tracks:
        with tenant_scope(cast.atlas):
            assert {one.kind for one in DeliverySignal.objects.all()} == {"opened", "clicked"}

    # The same links do something for whoever presses the button: what was compared above could have changed.
    for link in dict.fromkeys(one for one in links if one.startswith("/u/")):
        assert stranger.post(link).status_code == 200
    assert everything(but=counted) != before
    with tenant_scope(cast.atlas):
        assert Suppression.objects.count() == len(numbers)


# ---------------------------------------------------------------- before they go out


def test_test_mail_says_what_the_customer_will_read(client_for, cast, commits):
    set_sender(client_for(cast.alice))
    omar = client_for(cast.omar)
    act(omar, "/segments/refresh", commits)
    message = write_message(omar, "Named", subject="To {first_name}", text="Among {segment}, at {company}: {plan}.")
    with tenant_scope(cast.atlas):
        one = Customer.objects.exclude(churn_label=True).exclude(email="").order_by("pk").first()
        number = segmentation.segments_of([one.pk])[one.pk].number
    act(omar, f"/segments/{number}/persona", commits, {"persona": "those of the coast"})
    page = new_campaign(omar, message, [one.external_id])
    act(omar, f"{page}/test", commits, {"language": "en"})
    for step in ("check", "approve", "launch"):
        act(omar, f"{page}/{step}", commits)
    with tenant_scope(cast.atlas):
        tried, sent = (mailbox.opened(MailboxMessage.objects.get(is_test=is_test)) for is_test in (True, False))
    first_lines = [mail.text.strip().splitlines()[0] for mail in (tried, sent)]
    assert first_lines[0] == first_lines[1] and "Among those of the coast, at Atlas Telecom" in first_lines[0]


def test_check_warns_of_a_message_that_speaks_of_an_offer_where_there_is_none(client_for, cast, commits):
    omar = client_for(cast.omar)
    message = write_message(omar, "Offered", subject="For you", text="We offer you this:\n\n{offer_text}")
    omar.post("/segments/offers/new", {"name": "Ten percent", "channel": "email", "discount": 10, "is_active": "on"})
    with tenant_scope(cast.atlas):
        offer = Offer.objects.get(name="Ten percent")
        number = Customer.objects.exclude(churn_label=True).exclude(email="").values_list("external_id", flat=True)[0]
    for chosen, warns in (("", True), (str(offer.public_id), False)):
        page = new_campaign(omar, message, [number], name=f"With {chosen or 'none'}", offer=chosen)
        act(omar, f"{page}/check", commits)
        shown = omar.get(page).content.decode()
        assert ("speaks of an offer, and this campaign has none" in shown) is warns


# ---------------------------------------------------------------- what people wrote


def gives_away(page: str) -> bool:
    """Whether something was evaluated that only this machine knows."""
    return any(known in page for known in (configured.SECRET_KEY, configured.MAIL_KEY, "SafeString", "root:x:0"))


COMPANY = "{{ settings.SECRET_KEY }} {0.__class__} ${7*7} <b>{first_name}</b>"
PERSONAS = [one for one in PAYLOADS if len(one) <= 60 and one.isprintable()][::5]
PLAIN = "Sami"


@pytest.fixture
def written_by_people(client_for, cast, commits, tmp_path):
    """Atlas with payloads wherever people write: in its own name, its segments' personas, its customers' names."""
    alice, omar = client_for(cast.alice), client_for(cast.omar)
    set_sender(alice, from_name=COMPANY, postal_address=COMPANY)
    Tenant.objects.filter(pk=cast.atlas.pk).update(name=COMPANY)
    act(omar, "/segments/refresh", commits)
    names = [PLAIN, *(one for one in PAYLOADS if "\x00" not in one)]  # no file has a zero byte in it
    path = tmp_path / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["customerID", "FirstName", "LastName", "Email", "Contract", "MonthlyCharges", "tenure", "Churn"]
        )
        for at, name in enumerate(names):
            plan = ("Month-to-month", 20 + at, at) if at % 2 else ("Two year", 110 - at, 70)
            writer.writerow([f"P{at:03}", name, "Z", f"p{at}@example.com", *plan, "No"])
    bring(alice, path, commits)
    with tenant_scope(cast.atlas):
        labels = [one.number for one in segmentation.segments()]
    for number, persona in zip(labels, PERSONAS, strict=False):
        assert act(omar, f"/segments/{number}/persona", commits, {"persona": persona}).status_code == 302
    return {f"P{at:03}": name for at, name in enumerate(names)}


def test_whatever_people_write_is_text_in_previews_and_in_mails(client_for, cast, commits, written_by_people):
    """60 payloads and more: in a template, a customer's name, a segment's and the company's. Letters come out."""
    omar, names = client_for(cast.omar), written_by_people
    accepted = []
    for at, payload in enumerate(PAYLOADS):
        shown = omar.post("/messages/preview", {"language": "en", "subject_en": "s", "text_en": f"A {payload} Z"})
        assert bare(f"A {payload} Z") in bare(Words(shown.content.decode()).text), payload
        assert is_harmless(shown.content.decode())
        tried = omar.post("/messages/new", {"name": f"Message {at}", "subject_en": "s", "text_en": f"A {payload} Z"})
        if tried.status_code == 302:
            accepted.append(payload)
        else:  # refused by name, and nothing else happened
            form = tried.context["form"]
            codes = {one["code"] for one in form.problems}
            assert tried.status_code == 422, payload
            assert "unknown_placeholder" in codes or ("\x00" in payload and "text_en" in form.errors), payload
    assert len(accepted) > 40
    message = write_message(
        omar,
        "All of them",
        subject="S {first_name} E",
        text="N {first_name} E\nG {segment} E\nC {company} E\n\n" + "\n\n".join(f"A {one} Z" for one in accepted),
    )
    numbers = sorted(names)
    send_to(omar, commits, message, numbers)

    mails = mails_of(cast.atlas)
    with tenant_scope(cast.atlas):
        assert Campaign.objects.get().state == "finished"
        assert set(Recipient.objects.values_list("state", flat=True)) == {"sent"}
        people = {one.external_id: one for one in Customer.objects.filter(external_id__startswith="P0")}
        found = segmentation.segments_of([one.pk for one in people.values()])
        personas = {number: found[one.pk].persona for number, one in people.items()}
    assert sorted(mails) == numbers
    assert len(set(personas.values())) > 1 and set(personas.values()) <= set(PERSONAS)
    ours, lines = sorted(mails["P000"].keys()), [bare(f"A {one} Z") for one in accepted]
    for number, payload in names.items():
        mail = mails[number]
        assert sorted(mail.keys()) == ours, payload
        assert letters(str(mail["Subject"])) == letters(f"S {payload} E")
        assert [one.addr_spec for one in mail["To"].addresses] == [people[number].email]
        assert mail["From"].addresses[0].display_name == COMPANY
        text, page = bodies(mail)
        assert is_harmless(page) and not gives_away(text + page), payload
        for whole in (bare(text), bare(Words(page).text)):
            assert bare(f"N {payload} E") in whole, payload
            assert bare(f"G {personas[number]} E") in whole and bare(f"C {COMPANY} E") in whole
            assert all(line in whole for line in lines)

    # Before anything is sent, the previews of some of them say the same, and so do the pages around them.
    for number in numbers[::6]:
        who = people[number].public_id
        frame = omar.get(f"/messages/{message}/versions/1/mail?language=en&customer={who}").content.decode()
        assert bare(f"N {names[number]} E") in bare(Words(frame).text), names[number]
        draft = omar.get(f"/retention/preview/{who}/mail").content.decode()
        for mail_page in (frame, draft):
            assert is_harmless(mail_page) and not gives_away(mail_page), names[number]
        for address in (f"/retention/preview/{who}", f"/messages/{message}?customer={who}"):
            answer = omar.get(address)
            said = answer.content.decode()
            assert answer.status_code == 200 and not gives_away(said), names[number]
            assert not any(tag in said for tag in ("<script>alert", "<img src=x", "<svg onload", "<h1>mine")), names[
                number
            ]
