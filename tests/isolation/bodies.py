"""Bodies that API addresses take, made of a company's own rows: what says which row stands in them.

An address that is not named here is sent a body of common names, so that it is asked all the same.
"""

from __future__ import annotations

from campaigns import selectors
from campaigns.models import Campaign, MessageTemplate
from customers.models import ColumnFinding, Customer, Import
from segmentation.models import Offer, RuleSegment, Segment
from tenants.models import Notification
from tenants.scoping import tenant_scope

from .companies import Company

WORDS = "A few words of reason"
ABSENT_ID = "00000000-0000-4000-8000-000000000000"
_RULE = {"all": [{"field": "city", "is": "one_of", "value": ["Tunis"]}]}
_ROW = {"external_id": "N-1", "first_name": WORDS, "city": WORDS, "contract": WORDS, "attributes": {"remark": WORDS}}
_MONTH = {"month": "2026-02", "nombre_appels": 4}
_OFFER = {"name": WORDS, "texts": {"fr": WORDS, "en": WORDS}, "channel": "shop", "cost": "5"}
_WEBHOOK = {"url": "https://hooks.example.com/churn", "events": ["drift.alarm"], "description": WORDS}
_PARTS = {"fr": {"subject": "Merci", "text": "Bonjour {first_name}, merci.", "html": ""}}
# What might be read by a view that this file does not know.
COMMON = {
    "name": WORDS,
    "reason": WORDS,
    "text": WORDS,
    "note": WORDS,
    "title": WORDS,
    "address": WORDS,
    "value": WORDS,
}


def known_bodies(company: Company) -> dict[str, dict[str, object]]:
    """Name of a route -> a body that it takes, with this company's rows in it. For POST, PUT and PATCH alike."""
    with tenant_scope(company.tenant):
        customer = Customer.objects.exclude(external_id="R1").order_by("pk").last()
        finding = ColumnFinding.objects.first()
        message, offer = MessageTemplate.objects.first(), selectors.offers_by_mail().first() or Offer.objects.first()
        run = Import.objects.order_by("pk").first()
        label = Segment.objects.order_by("number").first().label
        notice = Notification.objects.order_by("pk").last()
    reason = {"reason": WORDS}
    return {
        "customers:api_definitions": {"kind": "silence", "silent_days": 90, "horizon_days": 30, "gap_days": 30},
        "customers:api_adopt_definition": reason,
        "customers:api_retire_definition": reason,
        "customers:api_findings": {"finding": str(finding.public_id), "decision": "overrule", **reason},
        "customers:api_mapping": {"mapping": run.mapping},
        "customers:api_sheet": {"sheet": WORDS},
        "predictions:api_economics": {
            "contact_cost": "1", "offer_cost": "5", "acceptance": 0.3, "stayer_acceptance": 0.1, "margin": 0.4,
            "horizon_months": 12, "discount_rate": 0.1,
        },
        "predictions:api_promote": reason,
        "predictions:api_roll_back": reason,
        "predictions:api_score": {"customer": customer.external_id},
        "predictions:api_routine": {"scoring_hour": 4},
        "dashboard:api_customers": {"customers": [_ROW]},
        "dashboard:api_customer": {"first_name": WORDS, "city": WORDS, "attributes": {"remark": WORDS}, **reason},
        "dashboard:api_what_if": {"changes": {"contract": "Two year"}},
        "customers:api_feeds": {"kind": "folder", "name": WORDS, "rhythm": "hourly"},
        "customers:api_feed": {"name": WORDS, "rhythm": "hourly"},
        "customers:api_merge": {"gone": customer.external_id, "reason": WORDS},
        "customers:api_usage": {"usage": [_MONTH | {"customer": customer.external_id}]},
        "segmentation:api_offers": _OFFER | {"segments": [label], "rule": _RULE},
        "segmentation:api_offer": _OFFER,
        "segmentation:api_segmentation": {"k": 2},
        "segmentation:api_segment": {"persona": WORDS},
        "segmentation:api_rules": {"name": WORDS, "rule": _RULE},
        "segmentation:api_rule": {"name": WORDS, "rule": _RULE},
        "segmentation:api_count_rule": {"rule": _RULE},
        "segmentation:api_allocations": {"budget": "100"},
        "campaigns:api_bulk": {
            "name": WORDS, "audience": {"kind": "risk", "low": 0.0}, "template": str(message.public_id),
            "offer": str(offer.public_id),
        },
        "campaigns:api_campaigns": {
            "name": WORDS, "audience": {"kind": "risk", "low": 0.0}, "template": str(message.public_id),
            "offer": str(offer.public_id), "schedule": "2099-01-01T09:00:00Z", "default_language": "fr",
        },
        "campaigns:api_campaign": {"name": WORDS, "audience": {"kind": "segment", "segments": [label]}},
        "campaigns:api_approve": {"despite": WORDS},
        "campaigns:api_uncertain_campaign": {"customers": [str(customer.public_id)], "decision": "sent"},
        "campaigns:api_new_template": {"name": WORDS, "parts": _PARTS},
        "campaigns:api_template": {"name": WORDS, "parts": _PARTS},
        "campaigns:api_draft": {"customer": str(customer.public_id), "language": "fr", "tone": "warm"},
        "campaigns:api_consents": {"customers": [customer.external_id], "is_granted": False, "note": WORDS},
        "campaigns:api_sender": {"from_name": WORDS, "postal_address": WORDS, "holdout_share": 0.1},
        "campaigns:api_sender_basis": {"basis": "customers", "reason": WORDS},
        "campaigns:api_suppressions": {"addresses": ["someone@example.com"], "note": WORDS},
        "tenants:api_invitations": {"email": "someone@example.com", "role": "viewer"},
        "tenants:api_member": {"role": "viewer"},
        "tenants:api_notifications": {"ids": [notice.pk], "unread": True},
        "tenants:api_notification_settings": {"kinds": [{"kind": "imports", "way": "weekly"}]},
        "tenants:api_webhooks": _WEBHOOK,
        "tenants:api_webhook": _WEBHOOK,
    }  # fmt: skip


def references(company: Company, asker: Company) -> list[tuple[str, str, dict, dict]]:
    """Bodies and questions that name a row of this company, each beside the same that names nobody's:
    (method, address, with the company's, with nobody's). ``asker``: the company of who sends them."""
    with tenant_scope(company.tenant):
        customer = Customer.objects.order_by("pk").first()
        finding, rule = ColumnFinding.objects.first(), RuleSegment.objects.first()
        message, offer = MessageTemplate.objects.first(), selectors.offers_by_mail().first() or Offer.objects.first()
        label = Segment.objects.order_by("-number").first().label
        code = Campaign.objects.order_by("pk").first().code
        notice = Notification.objects.order_by("pk").last().pk
    known, own = known_bodies(company), known_bodies(asker)
    with tenant_scope(asker.tenant):
        own_number = Customer.objects.order_by("pk").last().external_id
    nobody = ABSENT_ID
    # All but the one row is the asker's own, so that nothing else is refused before that is looked for.
    bulk = {name: value for name, value in own["campaigns:api_bulk"].items() if name != "offer"}
    there = "/api/campaign/bulk"
    return [
        ("POST", "/api/findings", *_pair(known["customers:api_findings"], finding=(str(finding.public_id), nobody))),
        ("POST", "/api/score", *_pair({}, customer=(customer.external_id, "S987"))),
        ("POST", there, *_pair(bulk, template=(str(message.public_id), nobody))),
        ("POST", there, *_pair(bulk, offer=(str(offer.public_id), nobody))),
        ("POST", there, *_pair(bulk, rival_template=(str(message.public_id), nobody))),
        ("POST", there, *_pair(bulk, audience=(_audience(label), _audience("S987")))),
        ("POST", there, *_pair(bulk, audience=_of_rule(rule.public_id, nobody))),
        ("POST", "/api/campaigns", *_pair(bulk, template=(str(message.public_id), nobody))),
        ("POST", "/api/campaigns", *_pair(bulk, offer=(str(offer.public_id), nobody))),
        ("POST", "/api/campaigns", *_pair(bulk, audience=_of_rule(rule.public_id, nobody))),
        ("POST", f"/api/customers/{own_number}/merge", *_pair({"reason": WORDS}, gone=(str(customer.public_id), nobody))),
        ("POST", f"/api/customers/{own_number}/merge", *_pair({"reason": WORDS}, gone=(customer.external_id, "S987"))),
        ("POST", "/api/offers", *_pair(_OFFER, segments=([label], ["S987"]))),
        ("POST", "/api/offers", *_pair(_OFFER, rule=(_by_segment(label), _by_segment("S987")))),
        ("POST", "/api/usage", *_pair({}, usage=_months(customer.external_id, "S987"))),
        ("GET", "/api/customers", *_pair({}, segment=(label, "S987"))),
        ("POST", "/api/template/draft", *_pair({}, customer=(str(customer.public_id), nobody))),
        ("POST", "/api/template/draft", *_pair({}, customer=(customer.external_id, "S987"))),
        ("POST", "/api/template/draft", *_pair({}, segment=(label, "S987"))),
        ("POST", "/api/template/draft", *_pair({"segment": "S1"}, offer=(str(offer.public_id), nobody))),
        ("POST", "/api/rule-segments/count", *_pair({}, rule=(_by_segment(label), _by_segment("S987")))),
        ("POST", "/api/rule-segments", *_pair({"name": "x"}, rule=(_by_segment(label), _by_segment("S987")))),
        ("GET", "/api/consents", *_pair({}, customer=(customer.external_id, "S987"))),
        ("GET", "/messages/drafts/new", *_pair({}, customer=(str(customer.public_id), nobody))),
        ("GET", "/messages/drafts/new", *_pair({}, segment=(label, "S987"))),
        ("GET", "/messages/customers", *_pair({}, customer=(str(customer.public_id), nobody))),
        ("GET", "/campaigns/new", *_pair({}, rule_segment=(str(rule.public_id), nobody))),
        ("GET", "/campaigns/new", *_pair({}, segment=(label, "S987"))),
        ("POST", "/messages/preview", *_pair({"language": "fr"}, customer=(str(customer.public_id), nobody))),
        ("POST", "/messages/preview", *_pair({"language": "fr"}, offer=(str(offer.public_id), nobody))),
        ("POST", "/campaigns/audience", *_pair({"kind": "rule"}, rule_segment=(str(rule.public_id), nobody))),
        ("POST", "/consent/suppressions/remove", *_pair({"reason": WORDS}, campaign=(code, "none-of-this"))),
        ("POST", "/api/notifications", *_pair({}, ids=([notice], [987_654]))),
        ("POST", "/api/notifications", *_pair({"unread": True}, ids=([notice], [987_654]))),
        ("GET", "/notifications/open", *_pair({}, id=(notice, 987_654))),
        ("POST", "/notifications/read", *_pair({}, id=([notice], [987_654]))),
        ("POST", "/notifications/read", *_pair({"unread": "1"}, id=([notice], [987_654]))),
        ("POST", "/workspace", *_pair({}, workspace=(company.tenant.slug, "nowhere"))),
    ]  # fmt: skip


def _pair(body: dict, **values: tuple[object, object]) -> tuple[dict, dict]:
    ours = body | {name: pair[0] for name, pair in values.items()}
    return ours, body | {name: pair[1] for name, pair in values.items()}


def _audience(label: str) -> dict[str, object]:
    return {"kind": "segment", "segments": [label]}


def _of_rule(*ids: object) -> tuple[dict, ...]:
    return tuple({"kind": "rule", "rule_segment": str(one)} for one in ids)


def _months(*numbers: str) -> tuple[list[dict], ...]:
    return tuple([_MONTH | {"customer": one}] for one in numbers)


def _by_segment(label: str) -> dict[str, object]:
    return {"all": [{"field": "segment", "is": "one_of", "value": [label]}]}
