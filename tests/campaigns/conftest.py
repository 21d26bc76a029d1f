"""Companies with customers who may be written to, messages, and campaigns at every step."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from campaigns import services
from campaigns.models import Campaign, MessageTemplate, Recipient, SenderProfile, TemplateVersion
from campaigns.services import composing, senders
from customers.models import Customer
from tenants.scoping import current_tenant, tenant_scope

PARTS = {
    "fr": {
        "subject": "{first_name}, une offre pour vous",
        "text": "Bonjour {first_name},\n\nMerci de votre fidélité. {offer_text}\n\nÀ bientôt",
        "html": "",
    },
    "en": {
        "subject": "{first_name}, an offer for you",
        "text": "Dear {first_name},\n\nThank you for being with us. {offer_text}\n\nSee you soon",
        "html": "",
    },
    "ar": {
        "subject": "عرض خاص لك",
        "text": "مرحبا {first_name}،\n\nشكرا على ثقتكم بنا. {offer_text}\n\nإلى اللقاء",
        "html": "",
    },
}


def write_message(name: str = "Thanks", parts: dict | None = None) -> MessageTemplate:
    """A message with one version, in the company in scope."""
    template, _made = MessageTemplate.objects.get_or_create(tenant=current_tenant(), name=name)
    number = template.versions.count() + 1
    TemplateVersion.objects.create(tenant=current_tenant(), template=template, number=number, parts=parts or PARTS)
    return template


def agree_all() -> None:
    """Every customer of the company in scope agrees to be written to."""
    keys = list(Customer.objects.values_list("pk", flat=True))
    services.record_consent(customers=keys, is_granted=True, source="contract")


def use_server(port: int, **fields) -> SenderProfile:
    """Send through a server on the loopback, as fast as it goes."""
    sender = services.sender()
    SenderProfile.objects.filter(pk=sender.pk).update(
        **{
            "transport": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "from_name": "Atlas Telecom",
            "from_address": "bonjour@atlas.example.com",
            "postal_address": "1 avenue de Carthage, Tunis",
            "per_second": 10_000,
            "ramps_up": False,
            "keeps_holidays": False,
            "keeps_ramadan": False,
            **fields,
        }
    )
    return services.sender()


def compose(**fields) -> Campaign:
    """A draft for everybody whose risk is at least 0."""
    wanted = {"name": "Spring", "audience": {"kind": "risk", "low": 0.0}, "message": None, **fields}
    wanted["message"] = wanted["message"] or write_message()
    return services.save_campaign(actor=None, **wanted)


def check(campaign: Campaign) -> Campaign:
    services.prepare_campaign(preparation_id=services.open_check(campaign=campaign).pk)
    campaign.refresh_from_db()
    return campaign


def launch(campaign: Campaign, actor) -> Campaign:
    """Check, approve and freeze; its shifts wait."""
    check(campaign)
    services.approve_campaign(campaign=campaign, actor=actor, despite="a server of the test's own")
    services.prepare_campaign(preparation_id=services.open_launch(campaign=campaign, requested_by=actor).pk)
    campaign.refresh_from_db()
    return campaign


def send(campaign: Campaign) -> Campaign:
    """Let the first shift work until it ends or rests."""
    shift = services.open_shifts(campaign)[0]
    services.send_mail(shift_id=shift.pk)
    campaign.refresh_from_db()
    return campaign


def states(campaign: Campaign) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Recipient.objects.filter(campaign=campaign).values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


@pytest.fixture
def reachable(shared):
    """The module's world: Atlas in scope, everybody agreed to be written to."""
    with tenant_scope(shared.cast.atlas):
        agree_all()
        yield shared


@pytest.fixture(autouse=True)
def public_address(settings):
    settings.PUBLIC_URL = "https://retention.atlas.example.com"
    settings.MAIL_PRIVATE_HOSTS = ["127.0.0.1"]
    settings.MAIL_SENDERS = 1


@pytest.fixture(autouse=True)
def same_lots(monkeypatch):
    """Campaigns draw the same lots at every run of a test: its salts are counted, not drawn."""
    counted = itertools.count(1)

    def token_hex(size: int) -> str:
        return hashlib.sha256(f"{next(counted)}".encode()).hexdigest()[: 2 * size]

    for module in (composing, senders):
        name = "secrets" if module is composing else "randomness"
        monkeypatch.setattr(getattr(module, name), "token_hex", token_hex)
