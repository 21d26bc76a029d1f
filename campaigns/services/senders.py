"""How the company sends: what it said of itself, its server, and whether its domain is in order."""

from __future__ import annotations

import secrets as randomness
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import reasons, secrets
from core.errors import Refused
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from ..channels import smtp
from ..channels.provider import PROVIDERS
from ..models import SenderProfile
from . import keys

FIELDS = (
    "from_name", "from_address", "reply_to", "postal_address", "support_contact",
    "transport", "host", "port", "security", "username", "provider", "dkim_selector",
    "per_second", "daily_cap", "ramps_up",
    "most_mails", "within_days", "quiet_from", "quiet_until", "quiet_weekdays", "keeps_holidays", "keeps_ramadan",
    "tracks_links", "tracks_opens", "holdout_share", "universal_share",
    "uses_server_writer", "personal_drafts", "monthly_tokens",
)  # fmt: skip
# From least to most, for the page's form and the API's body alike.
LIMITS: dict[str, tuple[float, float]] = {
    "port": (1, 65_535), "per_second": (0.01, 10_000), "daily_cap": (1, 2_000_000_000),
    "most_mails": (1, 1_000), "within_days": (1, 366),
    "holdout_share": (0.0, 0.5), "universal_share": (0.0, 0.2), "monthly_tokens": (0, 2_000_000_000),
}  # fmt: skip
MOST_SECRET = 500  # characters of a password or of a key


def sender() -> SenderProfile:
    """How the company in scope sends. Made at the first question, so that its lots (``salt``) never change."""
    found = SenderProfile.objects.first()
    if found is None:
        try:
            with transaction.atomic():
                found = SenderProfile.objects.create(tenant=current_tenant(), salt=randomness.token_hex(16))
        except IntegrityError:  # another process asked at the same moment
            found = SenderProfile.objects.get()
    return found


def save_sender(
    *, actor: User, password: str | None = None, provider_settings: str | None = None, **fields: Any
) -> SenderProfile:
    """Change how the company sends. ``password`` and ``provider_settings`` None: as they were; they are sealed, and never shown.

    Raises Refused with the field in ``facts``.
    """
    if unknown := sorted(set(fields) - set(FIELDS)):
        raise TypeError(f"A sender has no {', '.join(unknown)}.")
    secret = {"password": password, "provider_settings": provider_settings}
    named = sorted([*fields, *(name for name, value in secret.items() if value is not None)])
    with transaction.atomic():
        profile = _locked()
        before = {name: getattr(profile, name) for name in ("from_address", "host", "transport", "dkim_selector")}
        provider = profile.provider
        for name, value in fields.items():
            setattr(profile, name, value)
        _check(profile)
        if password is None and profile.sealed_password and profile.host not in ("", before["host"]):
            # What was given for one machine is never shown to another: who may say the host need not know the password.
            said = _("This is another server than the one that the password was given for: give the password again.")
            raise Refused("password_again", said, field="password")
        if password is not None:
            profile.sealed_password = secrets.seal(password, scope=_scope("smtp"))
        if provider_settings is not None:
            profile.sealed_provider_settings = secrets.seal(provider_settings, scope=_scope("provider"))
        elif profile.provider != provider:  # the keys of one are never shown to another
            profile.sealed_provider_settings = ""
        if any(getattr(profile, name) != value for name, value in before.items()):
            profile.domain_report, profile.domain_checked_at = {}, None
        profile.save()
        tenants.record("sender_changed", profile, actor=actor, fields=named)
    return profile


def set_basis(*, actor: User, basis: str, reason: str) -> SenderProfile:
    """Whom the company may write to. Writing to everybody who did not object takes a reason, which stands in the trail."""
    if basis not in SenderProfile.Basis.values:
        raise Refused("bad_basis", _("Choose whom you may write to."), field="basis")
    reason = reasons.reason(" ".join(reason.split()))
    if basis == SenderProfile.Basis.CUSTOMERS and len(reason) < 10:
        raise Refused(
            "no_reason",
            _("Say on what ground you may write to customers who never agreed, such as a clause of their contract."),
            field="reason",
        )
    with transaction.atomic():
        profile = _locked()
        profile.basis, profile.basis_reason, profile.basis_set_by = basis, reason, actor
        profile.save()
        tenants.record("basis_changed", profile, actor=actor, basis=basis)
    return profile


def _locked() -> SenderProfile:
    """The row, until the transaction ends: of two changes at once none writes what the other has just replaced."""
    return SenderProfile.objects.select_for_update().get(pk=sender().pk)


def _scope(what: str) -> str:
    return f"{current_tenant().pk}/mail/{what}"


def _check(profile: SenderProfile) -> None:
    for name in ("from_address", "reply_to"):
        if (address := getattr(profile, name)) and not keys.is_address(address):
            raise Refused("bad_address", _("“%(address)s” is no address.") % {"address": address[:80]}, field=name)
    for name in ("from_name", "postal_address", "support_contact", "host", "username", "dkim_selector"):
        if any(ord(sign) < 32 for sign in getattr(profile, name)):
            raise Refused("one_line", _("Write it on one line."), field=name)
    for name, (least, most) in LIMITS.items():
        if (value := getattr(profile, name)) is not None and not least <= value <= most:
            said = _("It is a number from %(least)s to %(most)s.") % {"least": least, "most": most}
            raise Refused("out_of_range", said, field=name)
    if profile.transport == SenderProfile.Transport.SMTP and not profile.host:
        raise Refused("no_host", _("Name the server."), field="host")
    is_known = profile.provider in PROVIDERS
    if not is_known and (profile.provider or profile.transport == SenderProfile.Transport.PROVIDER):
        raise Refused("unknown_provider", _("Choose the provider."), field="provider")
    if (profile.quiet_from is None) != (profile.quiet_until is None):
        raise Refused("half_quiet", _("Quiet hours have a beginning and an end."), field="quiet_until")
    weekdays = profile.quiet_weekdays
    if not isinstance(weekdays, list) or not set(weekdays) <= set(range(7)) or len(set(weekdays)) == 7:
        raise Refused("bad_weekdays", _("Leave at least one day on which mail may go out."), field="quiet_weekdays")
    profile.quiet_weekdays = sorted(set(weekdays))
    try:
        profile.clean_fields(exclude=["tenant", "basis_set_by", "sealed_password", "sealed_provider_settings"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused("bad_value", " ".join(messages), field=field) from error


# ---------------------------------------------------------------- what mails say of the sender


def identity(profile: SenderProfile) -> dict[str, str]:
    """Who a mail is from, in words; where nobody said, the company's name and an address that leads nowhere."""
    tenant = current_tenant()
    address = profile.from_address or f"retention@{tenant.slug}.example"
    return {
        "company": tenant.name,
        "from_name": profile.from_name or tenant.name,
        "from_address": address,
        "reply_to": profile.reply_to,
        "postal_address": profile.postal_address,
        "support_contact": profile.support_contact or profile.reply_to or address,
    }


def domain(profile: SenderProfile) -> str:
    return identity(profile)["from_address"].rpartition("@")[2]


def require_complete(profile: SenderProfile) -> None:
    """Raises Refused(``sender_incomplete``) where mail would leave without saying who it is from and where they are."""
    if not profile.is_real:
        return
    missing = [name for name in ("from_name", "from_address", "postal_address") if not getattr(profile, name)]
    if profile.transport == SenderProfile.Transport.SMTP and not profile.host:
        missing.append("host")
    if profile.transport == SenderProfile.Transport.PROVIDER and not profile.provider:
        missing.append("provider")
    if not settings.PUBLIC_URL:
        raise Refused(
            "no_public_url",
            _("Nobody could unsubscribe: whoever runs this site must say where people reach it (PUBLIC_URL)."),
        )
    if missing:
        names = ", ".join(str(SenderProfile._meta.get_field(name).verbose_name) for name in missing)
        raise Refused("sender_incomplete", _("Say who sends first: %(fields)s.") % {"fields": names}, fields=missing)


def require_domain(profile: SenderProfile, *, despite: str = "") -> None:
    """Before a first real mail: the domain was looked at, and nothing is wrong with it, or a person says why it goes all the same."""
    if not profile.is_real or len(despite.strip()) >= 10:
        return
    if not profile.domain_checked_at:
        raise Refused("domain_unchecked", _("Have the sender's domain checked first: SPF, DKIM and DMARC."))
    if any(one.get("severity") == "error" for one in profile.domain_report.get("findings", [])):
        raise Refused(
            "domain_not_in_order",
            _(
                "The sender's domain is not in order, and mail would be taken for spam. Mend it, or say why it goes all the same."
            ),
        )


# ---------------------------------------------------------------- the server


def server(profile: SenderProfile) -> smtp.Server:
    """The company's mail server, its password opened. Raises SealBroken."""
    return smtp.Server(
        host=profile.host,
        port=profile.port,
        security=profile.security,
        username=profile.username,
        password=secrets.unseal(profile.sealed_password, scope=_scope("smtp")),
        helo_name=_helo(),
        timeout_s=min(settings.SMTP_SECONDS, 30.0),
        body_timeout_s=settings.SMTP_SECONDS,
        private_hosts=settings.MAIL_PRIVATE_HOSTS,
        ca_file=settings.SMTP_CA_FILE,
    )


def _helo() -> str:
    host = settings.PUBLIC_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    return host or "localhost"


def provider_settings(profile: SenderProfile) -> str:
    return secrets.unseal(profile.sealed_provider_settings, scope=_scope("provider"))


def require_server(profile: SenderProfile) -> None:
    """Raises Refused(``no_server``) where there is none to try."""
    if profile.transport != SenderProfile.Transport.SMTP or not profile.host:
        raise Refused("no_server", _("Name an SMTP server and save first."))


def try_server(profile: SenderProfile) -> list[str]:
    """Speak with the server and take leave; what it offers. Raises Refused or Unreachable."""
    try:
        with smtp.Connection.open(server(profile)) as connection:
            return sorted(connection.features)
    except secrets.SealBroken as error:
        said = _("The password cannot be opened any more: say it again.")
        raise Refused("password_lost", said, field="password") from error


def note_domain(profile: SenderProfile, report: dict[str, Any]) -> None:
    """Keep what was found, unless another address or key was named while it was asked for."""
    asked = {"from_address": profile.from_address, "dkim_selector": profile.dkim_selector}
    found = SenderProfile.objects.filter(pk=profile.pk, **asked)
    found.update(domain_report=report, domain_checked_at=timezone.now())
    profile.refresh_from_db()
