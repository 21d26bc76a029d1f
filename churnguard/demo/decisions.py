"""What the people of the demonstration decide, so that every page has something to show."""

from __future__ import annotations

from campaigns import samples as campaign_samples
from campaigns import services as campaigns
from campaigns.models import Campaign
from customers import selectors as customer_selectors
from customers import services as customers
from customers.models import ChurnDefinition
from predictions import registry
from predictions import services as predictions
from tenants.models import Membership, Role, User
from tenants.scoping import current_tenant

_LEFT_WITHIN_DAYS = 90  # customers.ingest.synthetic draws who leaves within a quarter
# A call centre's minutes and a discount of two months' small plan, in the sample company's currency
_COSTS = {
    "contact_cost": "2.5", "offer_cost": "25", "acceptance": 0.3, "stayer_acceptance": 1.0, "margin": 0.45,
    "horizon_months": 12, "discount_rate": 0.1,
}  # fmt: skip


def owner() -> User | None:
    """Who decides in the company in scope."""
    held = Membership.objects.filter(tenant=current_tenant(), role__in=(Role.OWNER, Role.ADMIN)).select_related("user")
    return next((membership.user for membership in held.order_by("role")), None)


def decide_for_the_sample() -> None:
    """Say what leaving means in the sample, and what a contact costs; once."""
    actor = owner()
    if customer_selectors.adopted_definition() is None and actor is not None:
        proposed = customers.propose_definition(
            kind=ChurnDefinition.Kind.LABEL, horizon_days=_LEFT_WITHIN_DAYS, actor=actor
        )
        looked = customers.preview_definition(definition_id=proposed.pk)
        customers.adopt_definition(
            definition=ChurnDefinition.objects.get(pk=looked.pk),
            actor=actor,
            reason="The sample says who left within three months.",
        )
    if registry.economics() is None:
        predictions.set_economics(actor=actor, **_COSTS)


def take_the_newest() -> None:
    """Put a challenger that learned from newer customers in charge, as long as no gate blocks it."""
    waiting = registry.challenger()
    if waiting is not None and not registry.blocking(waiting):
        predictions.promote(version=waiting, actor=owner(), reason="It learned from the newest customers.")


_AGREED = 0.92  # of the sample's customers, as the ledger says; the rest shows what is left out, and why


def have_begun_campaigns() -> bool:
    """Whether the last thing that ``begin_campaigns`` does is done: an interrupted one goes on at the next start."""
    return Campaign.objects.filter(code=campaign_samples.BY_MAIL).exists()


def begin_campaigns() -> None:
    """What the sample's people did about campaigns before somebody looks: consents, messages, who sends, and the campaign of
    three months ago with what came of it. Done once."""
    actor = owner()
    sender = campaigns.sender()
    if not sender.from_address and actor is not None:
        tenant = current_tenant()
        campaigns.save_sender(
            actor=actor,
            from_name=tenant.name,
            from_address=f"bonjour@{tenant.slug}.example.com",
            postal_address="12 avenue Habib Bourguiba, 1000 Tunis",
            support_contact="1212",
        )
    campaigns.starter_templates(actor=actor)
    campaign_samples.record_sample_consents(share=_AGREED)
    campaign_samples.record_sample_campaign(actor=actor)
