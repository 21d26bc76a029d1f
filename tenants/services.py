"""Verbs about companies and people: the only writers of this app's tables."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from datetime import UTC

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django_scopes import get_scope

from core.errors import Refused

from .acting import acting_key
from .clocks import time_zones
from .models import AuditEntry, Level, Membership, Role, Tenant, TenantJob, User
from .notifying import mark_read as mark_read
from .notifying import mark_unread as mark_unread
from .notifying import notify as notify
from .scoping import current_tenant, tenant_scope


def record(verb: str, target: models.Model | None = None, *, actor: User | None = None, **facts: object) -> AuditEntry:
    """Write one line of the trail: identifiers and counts, never personal values; inside the change's transaction.

    What a program does is its maker's deed, with the identifier of the key beside it.
    """
    tenant, key = current_tenant(), acting_key()
    if key is not None:
        facts["api_key"] = str(key.public_id)
    with transaction.atomic():
        # The company's row is the lock of its chain: two entries never take one number.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        last = AuditEntry.objects.order_by("-sequence").first()
        entry = AuditEntry(
            sequence=(last.sequence if last else 0) + 1,
            at=timezone.now(),
            actor=actor,
            actor_key=str(actor.pk) if actor else "",
            verb=verb,
            object_type=target._meta.label_lower if target is not None else "",
            object_id=str(getattr(target, "public_id", None) or getattr(target, "pk", ""))
            if target is not None
            else "",
            facts=json.loads(json.dumps(facts, default=str)),
            previous_hash=last.entry_hash if last else "",
        )
        entry.entry_hash = audit_hash(entry)
        entry.save()
    return entry


def audit_hash(entry: AuditEntry) -> str:
    """SHA-256 over the entry and the one before it, so that a changed or missing line shows."""
    body = [
        entry.previous_hash,
        entry.sequence,
        entry.at.astimezone(UTC).isoformat(),
        entry.actor_key,
        entry.verb,
        entry.object_type,
        entry.object_id,
        entry.facts,
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def verify_trail() -> int | None:
    """Number of the first broken entry of the company in scope, or None where the chain is whole."""
    previous = ""
    expected = 1
    for entry in AuditEntry.objects.order_by("sequence").iterator(chunk_size=2000):
        renamed = entry.actor_id is not None and str(entry.actor_id) != entry.actor_key
        broken = entry.previous_hash != previous or entry.entry_hash != audit_hash(entry)
        if entry.sequence != expected or renamed or broken:
            return expected
        previous, expected = entry.entry_hash, expected + 1
    return None


def create_company(
    *,
    slug: str,
    name: str,
    owner_email: str = "",
    owner_password: str | None = None,
    locale: str = "en",
    time_zone: str = "UTC",
    currency: str = "USD",
) -> Tenant:
    """A new workspace, with its owner where one is named. Refused where the short name is taken or malformed."""
    if slug != slugify(slug) or not slug:
        raise Refused(
            "bad_slug", _("The short name takes lower-case letters, digits and hyphens, such as “atlas-telecom”.")
        )
    if Tenant.objects.filter(slug=slug).exists():
        raise Refused("slug_taken", _("A company with the short name “%(slug)s” exists already.") % {"slug": slug})
    if time_zone not in time_zones():
        raise Refused(
            "bad_time_zone",
            _("There is no time zone “%(zone)s”: give one such as Africa/Tunis.") % {"zone": time_zone},
        )
    tenant = Tenant(slug=slug, name=name, locale=locale, time_zone=time_zone, currency=currency)
    _validate(tenant)
    with transaction.atomic():
        tenant.save()
        with tenant_scope(tenant):
            record("company_created", tenant)
            if owner_email:
                add_member(email=owner_email, role=Role.OWNER, password=owner_password)
    return tenant


def add_member(
    *, email: str, role: str, password: str | None = None, name: str = "", actor: User | None = None
) -> Membership:
    """Give a person a place in the company in scope; the person is created where unknown, without a usable password
    unless one is given (they set theirs by "forgotten password")."""
    tenant = current_tenant()
    with transaction.atomic():
        user = User.objects.of_address(email)
        if user is None:
            user = User(email=email.strip().lower(), name=name)
            if password is not None:
                try:
                    validate_password(password, user)
                except ValidationError as error:
                    raise Refused("weak_password", " ".join(error.messages)) from error
            user.set_password(password)
            _validate(user)
            user.save()
        membership, created = Membership.objects.get_or_create(tenant=tenant, user=user, defaults={"role": role})
        if not created and membership.role != role:
            membership.role = role
            membership.save(update_fields=["role", "updated_at"])
        record("member_added" if created else "member_role_set", membership, actor=actor, role=role)
        if created and actor is not None:
            notify("member_joined", member=str(user), role=role)
    return membership


def _validate(row: models.Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise Refused("invalid", " ".join(error.messages)) from error


def tell_of_buried_job(sender, *, model: type[TenantJob], job_id: int, **_: object) -> None:
    """A job that will not be tried again is shown to who asked for it, with its reason."""
    if not issubclass(model, TenantJob):
        return
    job = model._base_manager.select_related("tenant", "requested_by").get(pk=job_id)
    inside = nullcontext() if get_scope().get("tenant") == job.tenant else tenant_scope(job.tenant)
    with inside:
        notify(
            "job_given_up",
            recipient=job.requested_by,
            level=Level.ERROR,
            job=str(model._meta.verbose_name),
            reason=job.error_message,
        )
        record("job_given_up", job)
