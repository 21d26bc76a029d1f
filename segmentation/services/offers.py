"""Offers: written, attached to segments, and the company's first ones from a setting."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core.errors import Refused
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import audiences, conditions
from .. import wording_conditions as words
from ..models import Offer, OfferSegment, Segment

LANGUAGES = ("fr", "en", "ar")
FIELDS = (
    "name", "texts", "cost", "contact_cost", "discount", "acceptance", "channel", "rule", "stock", "valid_from",
    "valid_until", "is_active", "position",
)  # fmt: skip


def save_offer(
    *,
    actor: User | None,
    offer: Offer | None = None,
    segments: Sequence[Segment] | None = None,
    approves_age: bool | None = None,
    **fields: object,
) -> Offer:
    """Write a new offer, or change one (only the fields given). ``segments``: those that carry it, None leaves them.

    Raises Refused: ``name_taken``, ``invalid`` (facts: field -> sentence), ``gender_decides``, ``age_not_approved`` where
    its rule asks for age and the actor does not stand for it.
    """
    if unknown := set(fields) - set(FIELDS):
        raise TypeError(f"no such fields: {sorted(unknown)}")
    is_new = offer is None
    offer = offer or Offer(tenant=current_tenant())
    for name, value in fields.items():
        setattr(offer, name, value)
    offer.name = offer.name.strip()
    offer.texts = {language: offer.texts[language].strip() for language in LANGUAGES if offer.texts.get(language)}
    check_rule(offer, actor, approves_age)
    try:
        offer.full_clean(exclude=["tenant"], validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        facts = {name: " ".join(problems) for name, problems in error.message_dict.items()}
        raise Refused("invalid", " ".join(facts.values()), **facts) from error
    if offer.valid_from and offer.valid_until and offer.valid_until < offer.valid_from:
        said = _("The offer would end before it begins.")
        raise Refused("invalid", said, valid_until=said)
    try:
        with transaction.atomic():
            offer.save()
            if segments is not None:
                _attach(offer, segments)
            tenants.record("offer_created" if is_new else "offer_changed", offer, actor=actor, fields=sorted(fields))
    except IntegrityError as error:
        said = _("There is an offer of this name already.")
        raise Refused("name_taken", said, name=said) from error
    return offer


def check_rule(offer: Offer, actor: User | None, approves_age: bool | None) -> None:
    """Gender decides no offer, age only where somebody stands for it. ``approves_age`` False: nobody does any more; None: who
    stood for this very rule still does."""
    if not offer.rule:
        offer.age_rule_approved_by = None
        return
    catalogue = audiences.catalogue()
    try:
        tree = conditions.parse(offer.rule, catalogue)
    except conditions.Invalid as error:
        said = " ".join(words.problem(problem) for problem in error.problems)
        raise Refused("invalid", said, rule=said) from error
    offer.rule = tree.as_json()
    asked = conditions.describe(tree)
    if asked.decides_no_offer:
        said = _("Gender never decides who gets an offer. Take this condition out.")
        raise Refused("gender_decides", said, rule=said)
    if not asked.needs_approval or _is_another_rule(offer, catalogue):
        offer.age_rule_approved_by = None  # who stood for another rule does not stand for this one
    if not asked.needs_approval:
        return
    if approves_age is False:
        offer.age_rule_approved_by = None
    elif approves_age and offer.age_rule_approved_by is None:
        offer.age_rule_approved_by = actor
    if offer.age_rule_approved_by is None:
        said = _("This rule asks for age. Somebody must stand for it: tick that you approve it, if it is right.")
        raise Refused("age_not_approved", said, rule=said)


def _is_another_rule(offer: Offer, catalogue: conditions.Catalogue) -> bool:
    known = Offer.objects.filter(pk=offer.pk).values_list("rule", flat=True).first() if offer.pk else None
    try:
        return not known or conditions.parse(known, catalogue).as_json() != offer.rule
    except conditions.Invalid:
        return True


def _attach(offer: Offer, segments: Sequence[Segment]) -> None:
    wanted = {segment.pk for segment in segments}
    OfferSegment.objects.filter(offer=offer).exclude(segment_id__in=wanted).delete()
    known = set(OfferSegment.objects.filter(offer=offer).values_list("segment_id", flat=True))
    for key in sorted(wanted - known):
        OfferSegment.objects.create(tenant=offer.tenant, offer=offer, segment_id=key)


def delete_offer(*, offer: Offer, actor: User | None) -> None:
    with transaction.atomic():
        tenants.record("offer_deleted", offer, actor=actor)
        offer.delete()


def first_offers() -> None:
    """The offers of the setting ``COMMERCIAL_OFFERS``, for segments that never had one: a company begins with them, and
    what it changes or deletes stays so. Called where a segmentation becomes current."""
    for segment in Segment.objects.filter(offers_seeded=False):
        for place, given in enumerate(_of_setting(segment.label)):
            name = f"{segment.label} · {given['name']}"
            offer, is_new = Offer.objects.get_or_create(
                tenant=segment.tenant,
                name=name[:120],
                defaults={"position": 10 * segment.number + place, **{k: v for k, v in given.items() if k != "name"}},
            )
            if is_new:
                OfferSegment.objects.create(tenant=segment.tenant, offer=offer, segment=segment)
        segment.offers_seeded = True
        segment.save(update_fields=["offers_seeded"])


def _of_setting(label: str) -> list[dict[str, object]]:
    """What the setting says for a segment: a text, or an offer's fields, or a list of either."""
    given = settings.COMMERCIAL_OFFERS.get(label, [])
    found = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, str):
            one = {"name": one[:100], "texts": dict.fromkeys(LANGUAGES, one)}
        found.append({name: value for name, value in one.items() if name in FIELDS})
    return found
