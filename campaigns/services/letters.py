"""Mails of one campaign: everything that is the same for all is made once, what is a customer's own is filled in at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from segmentation import selectors as segmentation
from tenants.models import User
from tenants.scoping import current_tenant

from ..models import Campaign, Recipient, TemplateVersion
from ..models.messages import LANGUAGES
from ..outreach import message
from ..outreach.message import MessageRefused, Parts, Prepared, Rendered, Sender
from . import keys, values
from .outbox import Claimed


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, ready to go: ``data`` is the whole message as bytes, ``sender`` the address that bounces come back to."""

    sender: str
    to_address: str
    to_name: str
    message_id: str
    data: bytes
    rendered: Rendered | None = None  # subject, text and html, where the way out asks for them

    @property
    def subject(self) -> str:
        return self.rendered.subject if self.rendered else ""


_TOKEN = "token"  # noqa: S105 - stands in an address until the real one is known


def site() -> str:
    """Where people reach this site; without PUBLIC_URL, the machine that it runs on: enough for the mailbox inside."""
    return settings.PUBLIC_URL or "http://localhost:8000"


class Letters:
    """The mails of a campaign, as it was frozen. Raises Refused where a wording cannot be used."""

    def __init__(self, campaign: Campaign, *, with_parts: bool = False) -> None:
        self.campaign = campaign
        self._with_parts = with_parts
        self.tenant = current_tenant()
        frozen = campaign.frozen
        self.identity: Mapping[str, str] = frozen["sender"]
        self.offer = frozen.get("offer")
        self._tracks_links = bool(frozen.get("tracks_links"))
        self._tracks_opens = bool(frozen.get("tracks_opens"))
        self._domain = self.identity["from_address"].rpartition("@")[2]
        self._leave = site() + reverse("campaigns:unsubscribe", args=[_TOKEN])
        self._ready: dict[tuple[str, str], Prepared] = {}
        self._segments: dict[int, str] = {}
        self._asks_segment = any(
            "{segment}" in str(version.parts) for version in (campaign.version, campaign.rival_version) if version
        )

    def letter(self, recipient: Claimed) -> Letter:
        """The mail of one recipient: no question to the database, but for the segment where a wording names it."""
        person = recipient.person
        prepared = self._prepared(recipient.arm, recipient.language)
        filled = values.personal_values(
            person,
            language=prepared.language,
            currency=self.tenant.currency,
            offer=self.offer,
            segment_label=self._segment(recipient.customer_id),
        )
        name = keys.message_id(self.campaign.public_id, recipient.pk, self._domain)
        tenant = self.tenant.pk
        links = {
            "unsubscribe_url": self._leave.replace(
                _TOKEN, keys.unsubscribe_token(tenant, self.campaign.public_id, recipient.address_key)
            ),
            "link_url": (lambda link: _signal("click", tenant, recipient.pk, link)) if self._tracks_links else None,
            "open_url": _signal("open", tenant, recipient.pk) if self._tracks_opens else "",
        }
        to_name = _printable(person.full_name)
        data = prepared.build(
            filled, to_name=to_name, to_address=recipient.address, message_id=name, date=timezone.now(), **links
        )
        rendered = prepared.render(filled, **links) if self._with_parts else None
        return Letter(self.identity["from_address"], recipient.address, to_name, name, data, rendered)

    def target(self, recipient: Recipient | Claimed, link: int) -> str | None:
        """Where a numbered link leads; None where this wording has no such link."""
        targets = self._prepared(recipient.arm, recipient.language).targets
        return targets[link - 1] if 0 < link <= len(targets) else None

    def _segment(self, customer: int) -> str:
        if not self._asks_segment:
            return ""
        if customer not in self._segments:
            if len(self._segments) > 10_000:
                self._segments.clear()
            found = segmentation.segments_of([customer]).get(customer)
            self._segments[customer] = values.segment_name(found)
        return self._segments[customer]

    def _prepared(self, arm: str, language: str) -> Prepared:
        if (arm, language) not in self._ready:
            version = self.campaign.rival_version if arm == Recipient.Arm.B else self.campaign.version
            self._ready[arm, language] = prepared(
                version,
                language,
                self.identity,
                offer=self.offer,
                default=self.campaign.default_language,
                campaign=self.campaign.code,
                tracks_links=self._tracks_links,
                tracks_opens=self._tracks_opens,
            )
        return self._ready[arm, language]


class Ahead:
    """The letters of a batch, one after the other; the next can be written while the server answers about the one before."""

    def __init__(self, post: Letters, batch: Iterable[Claimed]) -> None:
        self._post, self._coming = post, iter(batch)
        self._ready: Letter | Exception | None = None

    def prepare(self) -> None:
        """Write the next letter, where there is one. Raises nothing, for the letter before is not settled yet: ``next`` does."""
        recipient = next(self._coming, None) if self._ready is None else None
        if recipient is not None:
            try:
                self._ready = self._post.letter(recipient)
            except Exception as error:
                self._ready = error

    @property
    def coming(self) -> Letter | None:
        """The next letter, where it is written already."""
        return self._ready if isinstance(self._ready, Letter) else None

    def next(self) -> Letter:
        """The next recipient's letter. Raises what writing it raised: MessageRefused, Refused."""
        self.prepare()
        ready, self._ready = self._ready, None
        if isinstance(ready, Exception):
            raise ready
        return ready


def _printable(name: str) -> str:
    """A name as a header may carry it: a file may hold anything."""
    return name if name.isprintable() else "".join(sign if sign.isprintable() else " " for sign in name).strip()


def unsubscribe_url(campaign: Campaign, address_key: str) -> str:
    token = keys.unsubscribe_token(current_tenant().pk, campaign.public_id, address_key)
    return site() + reverse("campaigns:unsubscribe", args=[token])


def _signal(purpose: str, tenant, recipient: int, link: int = 0) -> str:
    names = {"click": "campaigns:click", "open": "campaigns:open"}
    return site() + reverse(names[purpose], args=[keys.signal_token(purpose, tenant, recipient, link)])


def wording_for(version: TemplateVersion, language: str, default: str) -> tuple[str, Parts]:
    """The wording that a customer of this language gets: their own, else the campaign's, else any that there is."""
    for code in (language, default, *LANGUAGES):
        if code in version.parts:
            part = version.parts[code]
            return code, Parts(
                part.get("subject", ""), part.get("text", ""), part.get("html", ""), part.get("preheader", "")
            )
    raise Refused("no_wording", _("The message has no wording yet."))


def sender_of(identity: Mapping[str, str], campaign: str = "") -> Sender:
    return Sender(
        company=identity["company"],
        address=identity["from_address"],
        name=identity["from_name"],
        postal_address=identity["postal_address"],
        contact=identity["support_contact"],
        reply_to=identity["reply_to"],
        feedback_id=f"{campaign}:churnguard" if campaign else "",
    )


def prepared(
    version: TemplateVersion,
    language: str,
    identity: Mapping[str, str],
    *,
    offer: Mapping | None,
    default: str,
    campaign: str = "",
    tracks_links: bool = False,
    tracks_opens: bool = False,
) -> Prepared:
    """One wording, ready for any number of customers. Raises Refused(``invalid_message``)."""
    code, parts = wording_for(version, language, default)
    try:
        return message.prepare(
            parts,
            code,
            sender_of(identity, campaign),
            fixed=values.offer_values(offer, code),
            links_tracked=tracks_links,
            opens_counted=tracks_opens,
            http_allowed=not site().startswith("https:"),
        )
    except MessageRefused as error:
        raise Refused(
            "invalid_message", _("The message cannot be sent as it stands (%(code)s).") % {"code": error.code}
        ) from error


def rendered_for(
    version: TemplateVersion, customer, *, language: str, identity: Mapping[str, str], offer=None, default: str = "fr"
) -> message.Rendered:
    """As this customer would read it: for a preview."""
    told = values.offer_as_json(offer) if offer is not None and not isinstance(offer, Mapping) else offer
    code, parts = wording_for(version, language, default)
    segment = segmentation.segments_of([customer.pk]).get(customer.pk)
    filled = values.values_for(
        customer,
        language=code,
        sender=identity,
        currency=current_tenant().currency,
        offer=told,
        segment_label=values.segment_name(segment),
    )
    return message.preview(parts, code, filled, sender_of(identity), fixed=values.offer_values(told, code))


def trial_letter(
    campaign: Campaign, user: User, customer, *, language: str, identity: Mapping[str, str], arm: str = "a"
) -> Letter:
    """The mail of one customer of the audience, to a colleague: nobody can unsubscribe a customer by it."""
    template = campaign.rival if arm == Recipient.Arm.B else campaign.message
    version = (campaign.rival_version if arm == Recipient.Arm.B else campaign.version) or template.versions.order_by(
        "-number"
    ).first()
    offer = values.offer_as_json(campaign.offer)
    ready = prepared(version, language, identity, offer=offer, default=campaign.default_language)
    segment = segmentation.segments_of([customer.pk]).get(customer.pk)
    filled = values.values_for(
        customer,
        language=ready.language,
        sender=identity,
        currency=current_tenant().currency,
        offer=offer,
        segment_label=values.segment_name(segment),
    )
    now: datetime = timezone.now()
    name = keys.message_id(
        f"test/{campaign.public_id}/{now.timestamp():.6f}", user.pk, identity["from_address"].rpartition("@")[2]
    )
    data = ready.build(filled, to_name=str(user), to_address=user.email, message_id=name, unsubscribe_url="", date=now)
    return Letter(identity["from_address"], user.email, str(user), name, data, ready.render(filled))
