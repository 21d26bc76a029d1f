"""Messages of a company: written in versions that never change, put away, shown as one customer would read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from customers.models import Customer
from segmentation import selectors as segmentation
from segmentation.models import Offer
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import wording_messages as words
from ..models import Campaign, MessageTemplate, SenderProfile, TemplateVersion
from ..models.messages import LANGUAGES
from ..outreach import message
from ..outreach.message import MessageRefused, Parts, Problem, Rendered
from ..outreach.message import problems as message_problems
from ..outreach.message.sanitising import sanitised
from . import letters, senders, values

FIELDS = ("subject", "text", "html")
MOST = 2_000  # messages of a company
NAME_MOST = 120
Source = TemplateVersion.Source


# ---------------------------------------------------------------- writing


def save_template(
    *,
    actor: User | None,
    name: str,
    parts: Mapping[str, Mapping[str, str]],
    template: MessageTemplate | None = None,
    source: str = Source.PERSON,
) -> TemplateVersion:
    """Write a new message, or the next version of one. A version is never changed, and nothing new makes no version.

    ``parts``: language -> {"subject", "text", "html"}; a language without a word is left out, HTML is kept as cleaned.
    Raises Refused: ``name_missing``, ``name_taken``, ``too_many``, ``no_wording``, ``invalid_message`` (facts: problems, each
    with its language, part, line and column).
    """
    name = " ".join(str(name).split())
    if not 0 < len(name) <= NAME_MOST:
        raise Refused("name_missing", _("Give it a name of at most 120 characters."), field="name")
    written = read_parts(parts)
    found = problems_of(written)
    if wrong := [one for one in found if one["severity"] == message.ERROR]:
        raise Refused("invalid_message", " ".join(dict.fromkeys(one["sentence"] for one in wrong)), problems=found)
    kept = {language: {**one, "html": sanitised(one["html"])} for language, one in written.items()}
    if template is None and MessageTemplate.objects.count() >= MOST:
        raise Refused("too_many", _("There are %(n)s messages already.") % {"n": MOST}, field="name")
    try:
        with transaction.atomic():
            return _write(actor, name, kept, template, source)
    except IntegrityError as error:
        raise Refused("name_taken", _("There is a message of this name already."), field="name") from error


def _write(
    actor: User | None, name: str, parts: dict[str, dict[str, str]], template: MessageTemplate | None, source: str
) -> TemplateVersion:
    tenant = current_tenant()
    if template is None:
        template = MessageTemplate.objects.create(tenant=tenant, name=name, created_by=actor)
        newest = None
        tenants.record("message_created", template, actor=actor)
    else:
        # The message's row is the lock of its numbers: two who save at once do not write the same version.
        template = MessageTemplate.objects.select_for_update().get(pk=template.pk)
        newest = newest_version(template)
        if template.name != name:
            template.name = name
            template.save(update_fields=["name"])
            tenants.record("message_renamed", template, actor=actor)
    if newest is not None and newest.parts == parts:
        return newest
    template.updated_at = timezone.now()
    template.save(update_fields=["updated_at"])
    version = TemplateVersion.objects.create(
        tenant=tenant,
        template=template,
        number=newest.number + 1 if newest else 1,
        parts=parts,
        source=source,
        created_by=actor,
    )
    tenants.record("message_written", template, actor=actor, version=version.number, languages=sorted(parts))
    return version


def read_parts(given: object) -> dict[str, dict[str, str]]:
    """The wordings as they are kept. Raises Refused(``invalid_message``) where they are no texts, ``no_wording`` where empty."""
    if not isinstance(given, Mapping):
        raise Refused("invalid_message", _("A message is a wording for each language."), problems=[])
    found: dict[str, dict[str, str]] = {}
    for language, part in given.items():
        if language not in LANGUAGES:
            raise Refused("bad_language", _("Messages are in French, English or Arabic."), field="parts")
        if not isinstance(part, Mapping) or any(not isinstance(part.get(field, ""), str) for field in FIELDS):
            raise Refused("invalid_message", _("A subject, a text and an HTML part are texts."), problems=[])
        one = {field: part.get(field, "").replace("\r\n", "\n").replace("\r", "\n").strip() for field in FIELDS}
        if any(one.values()):
            found[language] = one
    if not found:
        raise Refused("no_wording", _("Write it in at least one language."), field="parts")
    return {language: found[language] for language in LANGUAGES if language in found}


def problems_of(parts: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """All that is wrong with the wordings, errors first within each language, each with its language and in words."""
    sender = letters.sender_of(senders.identity(profile()))
    return [
        problem.as_json() | {"language": language, "sentence": words.problem(problem)}
        for language, part in parts.items()
        for problem in message.check(parts_of(part), language, sender=sender)
        if _concerns(problem, part)
    ]


def _concerns(problem: Problem, part: Mapping[str, str]) -> bool:
    """The sender's own gaps stand on the page Sender; here only what leaves a gap in this wording."""
    if problem.part != message_problems.SENDER:
        return True
    return problem.code == "no_contact" and any("{support_contact}" in part.get(field, "") for field in FIELDS)


def parts_of(part: Mapping[str, str]) -> Parts:
    return Parts(part.get("subject", ""), part.get("text", ""), part.get("html", ""), part.get("preheader", ""))


def archive_template(*, template: MessageTemplate, actor: User | None, archived: bool = True) -> None:
    """Put a message away, or take it out again; campaigns that have it keep it."""
    with transaction.atomic():
        if MessageTemplate.objects.filter(pk=template.pk).exclude(is_archived=archived).update(is_archived=archived):
            tenants.record("message_archived" if archived else "message_restored", template, actor=actor)
    template.is_archived = archived


# ---------------------------------------------------------------- reading


def newest_version(template: MessageTemplate) -> TemplateVersion | None:
    return template.versions.order_by("-number").first()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one part between two versions: lines, each with "+" (new), "-" (gone) or " " (as it was)."""

    language: str
    part: str
    lines: tuple[tuple[str, str], ...]


def changes_between(older: Mapping[str, Mapping[str, str]], newer: Mapping[str, Mapping[str, str]]) -> list[Change]:
    """Parts that differ, in the order in which they are written, with the lines around what changed."""
    found = []
    for language in LANGUAGES:
        for part in FIELDS:
            before, after = (side.get(language, {}).get(part, "") for side in (older, newer))
            if before != after:
                found.append(Change(language, part, tuple(_lines(before.split("\n"), after.split("\n")))))
    return found


_AROUND = 1  # lines shown beside a change


def _lines(before: list[str], after: list[str]):
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(_AROUND):
        for what, a, b, c, d in group:
            if what == "equal":
                yield from ((" ", line) for line in before[a:b])
            else:
                yield from (("-", line) for line in before[a:b] if line or b - a > 1)
                yield from (("+", line) for line in after[c:d] if line or d - c > 1)


# ---------------------------------------------------------------- shown


def profile() -> SenderProfile:
    """How the company sends, for a page that only looks: nothing is written where nobody said anything yet."""
    return SenderProfile.objects.first() or SenderProfile(tenant=current_tenant())


def rendered(
    version: TemplateVersion,
    language: str,
    customer: Customer | None,
    *,
    campaign: Campaign | None = None,
    offer: Offer | None = None,
) -> Rendered:
    """A version as one customer would read it; ``customer`` None: as somebody of whom nothing is known.

    The offer is the campaign's where one is given. Raises Refused(``no_wording``) where the version is not in ``language``.
    """
    part = version.parts.get(language)
    if part is None:
        raise Refused("no_wording", _("This message has no wording in that language."))
    return shown(parts_of(part), language, customer, offer=campaign.offer if campaign is not None else offer)


def shown(
    parts: Parts,
    language: str,
    customer: Customer | None,
    *,
    offer: Offer | None = None,
    segment_label: str | None = None,
) -> Rendered:
    """Any wording as one customer would read it, whatever is wrong with it. ``segment_label`` None: it is looked up.

    Raises Refused(``cannot_show``).
    """
    identity = senders.identity(profile())
    told = values.offer_as_json(offer)
    filled: dict[str, str] = {}
    if customer is not None:
        if segment_label is None:
            found = segmentation.segments_of([customer.pk]).get(customer.pk)
            segment_label = values.segment_name(found)
        filled = values.values_for(
            customer,
            language=language,
            sender=identity,
            currency=current_tenant().currency,
            offer=told,
            segment_label=segment_label,
        )
    try:
        return message.preview(
            parts, language, filled, letters.sender_of(identity), fixed=values.offer_values(told, language)
        )
    except MessageRefused as error:
        raise Refused("cannot_show", words.refusal(error)) from error
