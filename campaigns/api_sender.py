"""How the company sends, for programs: read and changed, its basis decided, its server tried, its domain looked at."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core import bodies
from core.errors import Refused, Unreachable
from core.operations import MULTIPART, operation
from core.parsing import MultiPartParser
from core.serialized import body_of
from tenants.idempotency import ANSWER_LOST, idempotent

from . import api_shapes_sender as shapes
from . import wording_sender as words
from .forms_sender import ReportsForm
from .models import SenderProfile
from .services import domains, providers, reports, senders
from .views_sender import report_address


def _between(name: str) -> dict[str, float]:
    least, most = senders.LIMITS[name]
    return {"min_value": least, "max_value": most, "required": False}


def _line(most: int) -> bodies.Text:
    return bodies.Text(max_length=most, required=False, allow_blank=True)


class SenderBody(bodies.Body):
    """Only what is named is changed. Null takes away a cap, quiet hours, the provider, the password.

    ``password`` and ``provider_settings`` are sealed, and no answer shows them; of the settings, too, those that are not
    named stay, and null takes one away.
    """

    from_name = _line(120)
    from_address = _line(254)
    reply_to = _line(254)
    postal_address = _line(300)
    support_contact = _line(200)

    transport = serializers.ChoiceField(choices=SenderProfile.Transport.values, required=False)
    host = _line(253)
    port = bodies.Whole(**_between("port"))
    security = serializers.ChoiceField(choices=SenderProfile.Security.values, required=False)
    username = _line(254)
    password = bodies.Text(max_length=senders.MOST_SECRET, trim_whitespace=False, required=False, allow_null=True)
    provider = serializers.ChoiceField(
        choices=[one.code for one in providers.providers()], required=False, allow_null=True
    )
    provider_settings = serializers.DictField(
        child=bodies.Text(max_length=senders.MOST_SECRET, allow_null=True),
        required=False,
        help_text="What opens the provider's API, by the names that docs/sending.md has.",
    )
    dkim_selector = _line(63)

    per_second = bodies.Number(**_between("per_second"))
    daily_cap = bodies.Whole(**_between("daily_cap"), allow_null=True)
    ramps_up = bodies.Yes(required=False)

    most_mails = bodies.Whole(**_between("most_mails"))
    within_days = bodies.Whole(**_between("within_days"))
    quiet_from = bodies.Clock(required=False, allow_null=True)
    quiet_until = bodies.Clock(required=False, allow_null=True)
    quiet_weekdays = serializers.ListField(
        child=bodies.Whole(min_value=0, max_value=6), max_length=6, required=False, help_text="0 is Monday."
    )
    keeps_holidays = bodies.Yes(required=False)
    keeps_ramadan = bodies.Yes(required=False)

    holdout_share = bodies.Number(**_between("holdout_share"))
    universal_share = bodies.Number(**_between("universal_share"))
    tracks_links = bodies.Yes(required=False)
    tracks_opens = bodies.Yes(required=False)

    uses_server_writer = bodies.Yes(required=False)
    personal_drafts = bodies.Yes(required=False)
    monthly_tokens = bodies.Whole(**_between("monthly_tokens"))


class BasisBody(bodies.Body):
    """``reason``: on what ground, such as a clause of the contract; needed for ``customers``."""

    basis = serializers.ChoiceField(choices=SenderProfile.Basis.values)
    reason = bodies.Reason(required=False, allow_blank=True, default="")


class SenderView(APIView):
    """Reading asks what changing asks: the answer names the company's account at its mail server, which the page shows to
    nobody else either."""

    capability = {"GET": "set_sender", "PATCH": "set_sender"}

    @operation(answers={200: shapes.SENDER})
    def get(self, request):
        """How the company sends: who it says it is, its server, pace and quiet hours, whom it may write to, its domain.

        Passwords and keys are not in it, only whether they are kept. Needs `set_sender`: it names the account at the server.
        """
        return _told(request, senders.sender())

    @operation(
        **body_of(SenderBody),
        answers={200: shapes.SENDER},
        refuses={422: "It cannot be kept so: `code` says why, and `facts.field` what of it."},
    )
    @sensitive_variables()
    def patch(self, request):
        """Change how the company sends; all of it or, where something is wrong, nothing.

        Another address, server or selector wants the domain looked at anew. Another provider drops the settings of the one
        before.
        """
        said = bodies.read(request, SenderBody)
        if not said:
            raise ValidationError({"body": ["name at least one field to change"]})
        if "password" in said:
            said["password"] = said["password"] or ""
        if "provider" in said:
            said["provider"] = said["provider"] or ""
        named = said.pop("provider_settings", None)
        kept = _settings(senders.sender(), said, named)
        return _told(request, senders.save_sender(actor=request.user, provider_settings=kept, **said))


@sensitive_variables()
def _settings(profile: SenderProfile, said: dict[str, Any], named: dict[str, str | None] | None) -> str | None:
    """The provider's settings to keep; None: as they were. Asked for as soon as mail is to leave by a provider, as on the page."""
    provider = said.get("provider", profile.provider)
    by_provider = said.get("transport", profile.transport) == SenderProfile.Transport.PROVIDER
    if named is None and not (by_provider and {"transport", "provider"} & set(said)):
        return None
    try:
        return providers.changed(profile, provider, {name: value or "" for name, value in (named or {}).items()})
    except Refused as refusal:
        field = refusal.facts.get("field")
        if refusal.code == "unknown_setting":
            raise ValidationError({"provider_settings": {field: ["no such field"]}}) from None
        place = field if field == "provider" else f"provider_settings.{field}"
        raise Refused(refusal.code, refusal.message, field=place) from None


class BasisView(APIView):
    capability = {"PUT": "set_sender"}

    @operation(
        **body_of(BasisBody),
        answers={200: shapes.SENDER},
        refuses={422: "Writing to customers who never agreed takes a reason of ten characters or more (`no_reason`)."},
    )
    def put(self, request):
        """Decide whom the company may write to. It stands in the trail, with the name of who made the key."""
        said = bodies.read(request, BasisBody)
        return _told(request, senders.set_basis(actor=request.user, **said))


class TryView(APIView):
    capability = {"POST": "set_sender"}

    @operation(
        answers={200: shapes.TRIED},
        refuses={422: "There is no server to try (`no_server`), or it does not let us in: `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Speak with the SMTP server as it is kept, sign in, and take leave: nothing is sent."""
        profile = senders.sender()
        senders.require_server(profile)
        try:
            return Response({"offers": senders.try_server(profile)})
        except Unreachable as error:
            raise Refused(error.code, error.message) from error


class CheckDomainView(APIView):
    capability = {"POST": "set_sender"}

    @operation(answers={200: shapes.DOMAIN}, refuses={422: "There is no address to send from yet (`no_from_address`)."})
    @idempotent
    def post(self, request):
        """Ask what the sender's domain publishes (SPF, DKIM, DMARC, MX), for 15 seconds at most, and keep what was found."""
        domains.check_domain(actor=request.user)
        return Response(_domain(senders.sender()))


class ReportsView(APIView):
    capability = {"POST": "set_sender"}
    parser_classes = [MultiPartParser]

    @operation(
        body=shapes.UPLOAD,
        media=MULTIPART,
        answers={200: shapes.TAKEN},
        refuses={422: "The file is too large (`too_large`), or holds no mail that can be read (`unreadable`)."},
    )
    @idempotent
    def post(self, request):
        """Take in bounces and complaints that came back as mail (multipart, field ``file``). The same file twice changes
        nothing more."""
        if unknown := sorted(set(request.data) - {"file"}):
            raise ValidationError({name[:100]: ["no such field"] for name in unknown[:100]})
        form = ReportsForm(request.data, request.FILES)
        if not form.is_valid():
            raise ValidationError(form.errors)
        return Response(reports.take_upload(form.cleaned_data["file"], actor=request.user).as_json())


class ReportKeyView(APIView):
    capability = {"POST": "set_sender"}

    @operation(answers={200: shapes.REPORT_KEY}, refuses={409: ANSWER_LOST})
    @idempotent(sealed=True)
    def post(self, request):
        """A new key for the providers' reports, shown this once; the one before stops working at once. Asked twice, the first
        one is void: send an `Idempotency-Key`."""
        return Response({"key": reports.new_webhook_key(actor=request.user)})


# ---------------------------------------------------------------- what is told

_AS_THEY_ARE = tuple(name for name in senders.FIELDS if name not in ("provider", "quiet_from", "quiet_until"))


def _told(request, profile: SenderProfile) -> Response:
    quiet = {name: getattr(profile, name) for name in ("quiet_from", "quiet_until")}
    plain, secret = providers.plain_settings(profile), providers.secrets_kept(profile)
    return Response(
        {name: getattr(profile, name) for name in _AS_THEY_ARE}
        | {name: value and f"{value:%H:%M}" for name, value in quiet.items()}
        | {
            "has_password": bool(profile.sealed_password),
            "provider": profile.provider or None,
            "has_provider_settings": bool(profile.sealed_provider_settings),
            "provider_options": {name: value for name, value in plain.items() if name not in secret},
            "provider_secrets": secret,
            "has_writer": bool(settings.LLM_BASE_URL),
            "has_public_url": bool(settings.PUBLIC_URL),
            "basis": {
                "basis": profile.basis,
                "reason": profile.basis_reason,
                "set_by": str(profile.basis_set_by) if profile.basis_set_by else None,
            },
            "domain": _domain(profile),
            "reports": {
                "has_key": bool(profile.webhook_key_hash),
                "addresses": [
                    {"provider": one.code, "name": one.name, "url": report_address(request, one.code)}
                    for one in providers.providers()
                ],
            },
        }
    )


def _domain(profile: SenderProfile) -> dict[str, object]:
    return {
        "name": senders.domain(profile) if profile.from_address else None,
        "checked_at": profile.domain_checked_at,
        "is_ready": profile.domain_report.get("is_ready"),
        "findings": [
            {
                "about": one.about,
                "severity": one.severity,
                "code": one.code,
                "sentence": one.sentence,
                "publish": {"name": one.name, "text": one.text} if one.text else None,
            }
            for one in words.findings(profile.domain_report)
        ],
    }
