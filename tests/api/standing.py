"""A company of which every kind of thing exists that an address of the API names, so that requests meet more than 404."""

from __future__ import annotations

from campaigns.models import Campaign, MessageTemplate
from customers import services as customers
from customers.models import Customer, Import
from predictions.models import ScoringRun, TrainingRun
from segmentation import services as segmentation
from segmentation.models import RuleSegment
from tenants import invitations, webhooks
from tenants.models import Membership, Role
from tenants.scoping import current_tenant
from tests.campaigns.conftest import compose, write_message

RULE = {"all": [{"field": "age", "is": "at_least", "value": 65}]}


def identifiers(table) -> dict[str, str]:
    """Makes what is missing in the company in scope; the group of addresses (``imports``) -> the identifier of one.

    ``table``: a file of customers, of which an import waits for a person.
    """
    message = write_message("Thanks")
    campaign = compose(message=message)
    rule = segmentation.save_rule(actor=None, name="Seniors", rule=RULE)
    waiting = customers.open_import(path=table, attended=True)
    if waiting.is_open:  # a small file is read at once
        customers.run_import(import_id=waiting.pk, follow=False)
    seats = Membership.objects.filter(tenant=current_tenant()).select_related("tenant", "user")
    owner = seats.filter(role=Role.OWNER).first()
    definition = customers.propose_definition(kind="label", horizon_days=30, actor=None)
    found = {
        "campaign": campaign,
        "template": message,
        "rule-segments": rule,
        "imports": waiting,
        "quality": Import.objects.exclude(pk=waiting.pk).first(),
        "jobs": TrainingRun.objects.first(),
        "churn-definition": definition,
        "feeds": customers.create_feed(kind="folder", given=customers.Given(), actor=None, name="Nightly"),
        "offers": segmentation.save_offer(actor=None, name="A month free", channel="email"),
        "scorings": ScoringRun.objects.first(),
        "customers": Customer.objects.first(),
        "members": seats.filter(role=Role.ANALYST).first(),  # nobody who asks: they may be removed
        "invitations": invitations.invite(email="nadia@example.com", role=Role.VIEWER, by=owner),
        "webhooks": webhooks.make_endpoint(actor=owner.user, url="https://hooks.example.com/x", events=webhooks.EVENTS)[
            0
        ],
    }
    assert {type(one) for one in found.values() if one} >= {Campaign, MessageTemplate, RuleSegment, Import}
    return {name: str(one.public_id) for name, one in found.items() if one}
