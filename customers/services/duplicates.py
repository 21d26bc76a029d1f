"""Finds customers who stand there twice: a job that groups by what people share, and what a person says of each group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Concat, Length, NullIf, Replace, Substr
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from core.prefix import Folded
from tenants import services as tenants
from tenants.models import User

from ..models import Customer, DuplicateGroup, DuplicateSearch

MOST_GROUPS = 1_000
SHOWN_MEMBERS = 20
_CANDIDATES = 5_000  # groups by name that are looked at: many are namesakes
_FEWEST_DIGITS = 7
_SEPARATOR = "\x1f"
_NOT_DIGITS = (" ", "\u00a0", "\u202f", "-", ".", "(", ")", "/", "+")


@dataclass(slots=True)
class _Found:
    """A group on its way: which customers, how many there are in all, and by which rules."""

    rule: str
    key: str
    members: list[int]
    size: int
    also: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()


def open_duplicate_search(*, requested_by: User | None = None) -> DuplicateSearch:
    """A search that waits; the one already open where there is one."""
    try:
        with transaction.atomic():
            search = DuplicateSearch.objects.create(requested_by=requested_by)
            tenants.record("duplicate_search_opened", search, actor=requested_by)
            return search
    except IntegrityError:
        if existing := DuplicateSearch.objects.filter(state__in=("queued", "running")).first():
            return existing
        raise


def find_duplicates(*, search_id: int) -> DuplicateSearch:
    """Look through the base once for each rule, strongest first, and keep at most MOST_GROUPS groups.

    What a person kept apart before stays so, unless a further customer joined the group.
    """
    with jobs.claimed(DuplicateSearch, search_id) as held:
        found: list[_Found] = []
        is_partial = False
        rules = list(DuplicateGroup.Rule)
        for done, rule in enumerate(rules):
            held.report(done, len(rules), str(rule.label), force=True)
            groups, more = _groups(rule)
            is_partial = is_partial or more
            found = _joined(found, groups)
        is_partial = is_partial or len(found) > MOST_GROUPS
        held.report(len(rules), len(rules), _("Keeping what was found"), force=True)
        with transaction.atomic():
            shown = _store(found[:MOST_GROUPS])
            held.save(customers=Customer.objects.count(), groups=shown, is_partial=is_partial)
    return held.job


# ---------------------------------------------------------------- what counts as the same person


def _bare_phone() -> Replace:
    """The phone without what people write between digits."""
    plain: object = F("phone")
    for mark in _NOT_DIGITS:
        plain = Replace(plain, Value(mark), Value(""))
    return plain


def _keyed(rule: str) -> QuerySet[Customer]:
    """Customers with ``key``: what they would share with their double. Who says nothing has no double."""
    rows = Customer.objects.order_by()
    if rule == DuplicateGroup.Rule.EMAIL:
        return rows.annotate(key=Folded("email")).filter(key__contains="@")
    if rule == DuplicateGroup.Rule.PHONE:
        without_prefix = When(bare__startswith="00", then=Substr("bare", 3))  # "00" and "+" are one
        rows = rows.exclude(phone="").alias(bare=_bare_phone())
        rows = rows.annotate(key=Case(without_prefix, default=F("bare"), output_field=CharField()))
        return rows.alias(length=Length("key")).filter(length__gte=_FEWEST_DIGITS)
    named = rows.exclude(first_name="").exclude(last_name="").exclude(city="")
    apart = Value(_SEPARATOR)
    return named.annotate(
        key=Concat(Folded("first_name"), apart, Folded("last_name"), apart, Folded("city"), output_field=CharField())
    )


def _groups(rule: str) -> tuple[list[_Found], bool]:
    """The groups of one rule, and whether there are more than were looked at."""
    rows = _keyed(rule)
    by_name = rule == DuplicateGroup.Rule.NAME
    most = _CANDIDATES if by_name else MOST_GROUPS
    shared = rows.values("key").annotate(n=Count("pk")).filter(n__gt=1)
    if by_name:
        # Where everybody has an e-mail and a phone of their own, or where twenty share the name, they are namesakes.
        own = {
            "mails": Count(NullIf(Folded("email"), Value("")), distinct=True),
            "phones": Count(NullIf("phone", Value("")), distinct=True),
        }
        shared = shared.filter(n__lte=SHOWN_MEMBERS).annotate(**own)
        shared = shared.filter(Q(mails__lt=F("n")) | Q(phones__lt=F("n")))
    sizes = dict(shared.order_by("key").values_list("key", "n")[: most + 1])
    more = len(sizes) > most
    sizes = dict(list(sizes.items())[:most])
    few = [key for key, n in sizes.items() if n <= SHOWN_MEMBERS]
    members: dict[str, list[tuple]] = {key: [] for key in sizes}
    columns = ("key", "pk", "email", "phone", "age")
    for key, *person in rows.filter(key__in=few).order_by("pk").values_list(*columns):
        members[key].append(tuple(person))
    for key in sizes.keys() - set(few):
        members[key] = [
            tuple(p) for _key, *p in rows.filter(key=key).order_by("pk").values_list(*columns)[:SHOWN_MEMBERS]
        ]
    found = []
    for key, n in sizes.items():
        people = _plausible(members[key]) if by_name else members[key]
        if len(people) > 1:
            found.append(_Found(rule, key, [pk for pk, *_rest in people], n if not by_name else len(people)))
    return found, more


def _plausible(people: Sequence[tuple]) -> list[tuple]:
    """Namesakes who may be one person: nothing that is known of both says that they are two."""
    return [one for one in people if any(_may_be_one(one, two) for two in people if two is not one)]


def _may_be_one(one: tuple, two: tuple) -> bool:
    _pk, mail, phone, age = one
    _pk, other_mail, other_phone, other_age = two
    other_contact = bool(mail and other_mail and mail.casefold() != other_mail.casefold()) and bool(
        phone and other_phone and phone != other_phone
    )
    other_years = age is not None and other_age is not None and abs(age - other_age) > 1
    return not other_contact and not other_years


def _joined(found: list[_Found], groups: Iterable[_Found]) -> list[_Found]:
    """Add a rule's groups; where a stronger rule found the same customers already, only say so."""
    holders: dict[int, list[_Found]] = {}
    for group in found:
        for member in group.members:
            holders.setdefault(member, []).append(group)
    for group in groups:
        same = [g for g in holders.get(group.members[0], []) if set(group.members) <= set(g.members)]
        if same:
            same[0].also.append(group.rule)
        else:
            found.append(group)
    return found


def _store(found: Sequence[_Found]) -> int:
    """Replace what the last search left; returns how many groups wait for a person."""
    apart = {(g.rule, g.fingerprint): g for g in DuplicateGroup.objects.exclude(dismissed_at=None)}
    DuplicateGroup.objects.filter(dismissed_at=None).delete()
    new = []
    for group in found:
        known = apart.get((group.rule, group.fingerprint))
        if known is not None and set(group.members) <= set(known.members):
            continue
        if known is not None:
            known.delete()
        new.append(
            DuplicateGroup(
                rule=group.rule,
                also=group.also,
                fingerprint=group.fingerprint,
                members=group.members,
                size=group.size,
            )
        )
    DuplicateGroup.objects.bulk_create(new, batch_size=500)
    return len(new)


# ---------------------------------------------------------------- what a person says of a group


def keep_apart(*, group: DuplicateGroup, actor: User) -> None:
    """These are different people: the next search does not ask again."""
    with transaction.atomic():
        DuplicateGroup.objects.filter(pk=group.pk, dismissed_at=None).update(
            dismissed_at=timezone.now(), dismissed_by=actor
        )
        tenants.record("duplicates_kept_apart", group, actor=actor, customers=len(group.members))


def leave_out(customer_id: int) -> None:
    """Take a customer who is no more out of the groups; a group of one is none."""
    for group in DuplicateGroup.objects.all():
        if customer_id not in group.members:
            continue
        group.members.remove(customer_id)
        group.size -= 1
        if len(group.members) < 2:
            group.delete()
        else:
            group.save(update_fields=["members", "size"])
