"""Every text of a company holds a mark; nobody else finds one, wherever they look."""

import email
import email.policy
import io
import logging

import pytest
from django.core import mail
from django.test import Client

from campaigns.models import Campaign, MailboxMessage
from campaigns.services import mailbox
from core.logs import JsonLines
from tenants.scoping import tenant_scope
from tests.campaigns.conftest import launch, send
from tests.tenants.test_sign_in import ask_for_reset

from .crawl import crawl, said
from .marks import Marks, without
from .places import ask
from .routes import routes

START = [r.address() for r in routes() if not r.places and "GET" in r.methods and r.name != "readyz"]  # no broker here
# What an owner reads on their own pages at the least: the control without which an empty crawl would look clean.
SEEN_BY_ITS_OWN = {
    "customers.Customer.first_name", "customers.Customer.email", "customers.Customer.attributes", "tenants.Tenant.name",
    "campaigns.Campaign.name", "campaigns.MessageTemplate.name", "campaigns.TemplateVersion.parts", "segmentation.Offer.name",
    "segmentation.RuleSegment.name", "customers.Import.filename", "tenants.ApiKey.name", "tenants.User.name",
    "customers.Feed.name", "campaigns.MailboxMessage.subject", "customers.Subscription.contract", "segmentation.Segment.persona",
    "campaigns.SenderProfile.postal_address",
    "tenants.Invitation.email", "tenants.WebhookEndpoint.description", "tenants.WebhookDelivery.last_note",
}  # fmt: skip


@pytest.fixture
def lines():
    """What is logged meanwhile, down to the smallest line, as it is written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root, loggers = (
        logging.getLogger(),
        [logging.getLogger(), logging.getLogger("django"), logging.getLogger("churnguard")],
    )
    levels = [one.level for one in loggers]
    root.addHandler(handler)
    for one in loggers:
        one.setLevel(logging.DEBUG)
    logging.getLogger("django.template").setLevel(logging.INFO)  # each variable that a page does without
    yield stream
    root.removeHandler(handler)
    logging.getLogger("django.template").setLevel(logging.NOTSET)
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


@pytest.fixture
def marks(companies):
    put = Marks(companies.ours)
    put.put()
    return put


def leaks(marks: Marks, texts: dict[str, str]) -> list[str]:
    return [f"{marks.where[mark]} is said at {place}" for place, text in texts.items() for mark in marks.seen_in(text)]


def owner_of(company, browser_of) -> Client:
    return browser_of(company.people["owner"])


@pytest.mark.slow
def test_owner_finds_the_marks_and_nobody_else_does(companies, browser_of, marks, lines):
    """The owner's crawl is the control. Whatever it led to, with its ids, cursors and questions, is then asked by the others,
    and whatever its forms would send is sent by them; then they go through the site by themselves."""
    own = crawl(owner_of(companies.ours, browser_of), START)
    assert [f"{status} at {address}" for address, status in own.statuses.items() if status >= 500] == []
    found = {marks.where[mark] for text in own.texts.values() for mark in marks.seen_in(text)}
    assert SEEN_BY_ITS_OWN - found == set()
    assert leaks(marks, {"the log": lines.getvalue()}) == []

    marks.put(codes=True)
    outsiders = {
        "the other owner": owner_of(companies.theirs, browser_of),
        "the other key": Client(headers={"Authorization": f"Bearer {companies.theirs.key}"}),
        "anonymous": Client(),
    }
    wrong = []
    for who, client in outsiders.items():
        asked = {}
        for address in own.texts:
            asked[address] = said(ask(client, "GET", without(address)))
        for form in own.forms.values():
            sent = {name: [without(value) for value in values] for name, values in form.data.items()}
            answer = ask(client, "POST", form.action, sent, watched=companies.ours)
            asked[f"POST {form.action}"] = said(answer)
            wrong += [f"{who}: {form.action} changes {', '.join(answer.moved)}"] if answer.moved else []
            wrong += [f"{who}: {form.action} fails"] if answer.status_code >= 500 else []
        wrong += [f"{who}: {line}" for line in leaks(marks, asked)]
        if who != "the other key":
            seen = crawl(client, START)
            wrong += [f"{who}: {line}" for line in leaks(marks, seen.texts)]
            wrong += [f"{who}: {status} at {at}" for at, status in seen.statuses.items() if status >= 500]
    assert not wrong, "\n".join(wrong)
    assert len(own.texts) > 150 and len(own.forms) > 40, "else there was little to look at"
    assert leaks(marks, {"the log": lines.getvalue()}) == []
    assert ask(Client(), "GET", "/metrics").status_code == 200


def test_mails_of_another_company_hold_no_mark(companies, browser_of, marks):
    marks.put(codes=True)
    theirs = companies.theirs
    with tenant_scope(theirs.tenant):
        planned = Campaign.objects.get(name="Planned")
        earlier = set(MailboxMessage.objects.values_list("pk", flat=True))
        send(launch(planned, theirs.people["owner"]))
        written = MailboxMessage.objects.exclude(pk__in=earlier)
        texts = {f"mail {row.pk}": _decoded(mailbox.source_of(row)) for row in written}
    ask_for_reset(Client(), theirs.people["owner"].email)
    texts |= {f"outbox {n}": _decoded(one.message().as_bytes()) for n, one in enumerate(mail.outbox)}
    assert len(texts) > 10 and mail.outbox
    assert all("Subject: " in text for text in texts.values())
    assert leaks(marks, texts) == []


def test_mails_of_ones_own_hold_marks(companies, marks):
    """The control of the test above."""
    ours = companies.ours
    with tenant_scope(ours.tenant):
        earlier = set(MailboxMessage.objects.values_list("pk", flat=True))
        sent = send(launch(Campaign.objects.get(launched_at=None), ours.people["owner"]))
        texts = {
            str(row.pk): _decoded(mailbox.source_of(row)) for row in MailboxMessage.objects.exclude(pk__in=earlier)
        }
    assert texts, (sent.state, sent.counts, sent.why_paused)
    assert "campaigns.TemplateVersion.parts" in {marks.where[m] for text in texts.values() for m in marks.seen_in(text)}


def _decoded(raw: bytes) -> str:
    """Headers and parts of a mail, as a person would read them."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    heads = [f"{name}: {value}" for name, value in message.items()]
    return "\n".join([*heads, *(p.get_content() for p in message.walk() if p.get_content_maintype() == "text")])
