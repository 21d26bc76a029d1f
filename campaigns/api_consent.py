"""Consent and suppressed addresses for programs."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import problem_response
from core.errors import Refused
from core.operations import operation
from core.shapes import text
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from .models import ConsentEntry, Suppression
from .services import consent, keys, ledger

_SHOWN = 200  # lines of one customer's ledger
_REASONS = (Suppression.Reason.MANUAL, Suppression.Reason.UNSUBSCRIBED, Suppression.Reason.COMPLAINED, Suppression.Reason.BOUNCED)  # fmt: skip


def _body(request, allowed: set[str], required: set[str]) -> dict:
    body = request.data
    if not isinstance(body, dict):
        raise ValidationError(["a JSON object"])
    if unknown := sorted(set(body) - allowed):
        raise ValidationError({name: ["no such field"] for name in unknown})
    if missing := sorted(required - set(body)):
        raise ValidationError({name: ["is missing"] for name in missing})
    return body


def _texts(body: dict, name: str) -> list[str]:
    """A list of texts, or one alone; each named once."""
    given = body[name] if isinstance(body[name], list) else [body[name]]
    if not given or not all(isinstance(one, str) and one.strip() for one in given):
        raise ValidationError({name: ["a text, or a list of texts"]})
    if len(given) > ledger.MOST_AT_ONCE:
        raise ValidationError({name: [f"at most {ledger.MOST_AT_ONCE} at a time"]})
    return list(dict.fromkeys(one.strip() for one in given))


def _text(body: dict, name: str, most: int) -> str:
    given = body.get(name, "")
    if not isinstance(given, str) or len(given) > most:
        raise ValidationError({name: [f"a text of at most {most} characters"]})
    return given


class ConsentsView(APIView):
    capability = {"GET": "view_campaigns", "POST": "record_consent"}

    @operation(
        query={"customer": text(200, says="The customer’s number.") | {"required": True}},
        answers={200: shapes.CONSENT},
        refuses={404: "There is no customer with this number."},
    )
    def get(self, request):
        """Whether a customer may be written to, and the newest lines of the ledger: ``?customer=NUMBER``."""
        number = request.query_params.get("customer", "").strip()
        if not number:
            raise ValidationError({"customer": ["is missing"]})
        found = ledger.customers_by_number([number[:200]])
        if not found:
            return problem_response(404, "not_found", _("There is no customer with this number."))
        customer = ledger.customer_by_key(found[number[:200]])
        standing = ledger.standing(customer)
        return Response(
            {
                "customer": customer.external_id,
                "may_be_written_to": standing.may_be_written_to,
                "standing": standing.code,
                "lines": [
                    {
                        "is_granted": line.is_granted,
                        "channel": line.channel,
                        "purpose": line.purpose,
                        "source": line.source,
                        "note": line.note,
                        "by": str(line.by) if line.by else None,
                        "at": line.at,
                    }
                    for line in ledger.lines(customer)[:_SHOWN]
                ],
                "suppressions": [_suppression(one) for one in standing.suppressions],
            }
        )

    @operation(
        body=shapes.CONSENT_BODY, answers={201: shapes.CONSENT_RECORDED}, refuses={422: "It cannot be recorded so."}
    )
    @idempotent
    def post(self, request):
        """Record that customers agree, or no longer do: ``{"customers": [NUMBER, …], "is_granted": true|false, "note"}``.

        201 with how many, and who is not known.
        """
        body = _body(request, {"customers", "is_granted", "note"}, {"customers", "is_granted"})
        numbers, note = _texts(body, "customers"), _text(body, "note", 200)
        if not isinstance(body["is_granted"], bool):
            raise ValidationError({"is_granted": ["true or false"]})
        found = ledger.customers_by_number(numbers)
        recorded = consent.record_consent(
            customers=sorted(found.values()),
            is_granted=body["is_granted"],
            source=ConsentEntry.Source.API,
            actor=request.user,
            note=note,
        )
        unknown = [number for number in numbers if number not in found]
        return Response({"recorded": recorded, "unknown": unknown}, status=201)


class SuppressionsView(APIView):
    capability = {"GET": "view_campaigns", "POST": "record_consent"}

    @operation(
        query={"address": text(320, says="An e-mail address.") | {"required": True}}, answers={200: shapes.SUPPRESSED}
    )
    def get(self, request):
        """Whether an address is let alone, and why: ``?address=``. The list itself holds no addresses, and is not given out."""
        address = request.query_params.get("address", "").strip()
        if not address:
            raise ValidationError({"address": ["is missing"]})
        found = list(ledger.suppressions(address[:320])[:20])
        return Response(
            {
                "is_suppressed": any(not one.campaign_code for one in found),
                "suppressions": [_suppression(one) for one in found],
            }
        )

    @operation(
        body=shapes.SUPPRESS_BODY,
        answers={201: shapes.SUPPRESSED_NOW},
        refuses={422: "An address cannot be let alone so; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Let addresses alone: ``{"addresses": [ADDRESS, …], "reason", "campaign", "note"}``. 201 with how many are new.

        ``campaign``: the code of one, for which alone they are let alone.
        """
        body = _body(request, {"addresses", "reason", "campaign", "note"}, {"addresses"})
        addresses, reason = _texts(body, "addresses"), body.get("reason", Suppression.Reason.MANUAL)
        if reason not in [str(one) for one in _REASONS]:
            raise ValidationError({"reason": [f"one of {', '.join(_REASONS)}"]})
        refused = [one for one in addresses if "@" not in one or not keys.address_key_or_none(one)]
        new = 0
        for address in addresses:
            if address in refused:
                continue
            try:
                new += ledger.suppress_by_hand(
                    address=address,
                    reason=reason,
                    note=_text(body, "note", 60) or "api",
                    campaign_code=_text(body, "campaign", 60),
                    actor=request.user,
                )
            except Refused as refusal:
                return problem_response(422, refusal.code, refusal.message)
        return Response({"new": new, "known": len(addresses) - len(refused) - new, "refused": refused}, status=201)


def _suppression(one: Suppression) -> dict[str, object]:
    return {"reason": one.reason, "campaign": one.campaign_code or None, "source": one.source, "at": one.at}
