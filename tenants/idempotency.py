"""``Idempotency-Key`` on costly POSTs (RULES 15): same key, same stored answer; two at once, one effect."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from core import companies, secrets
from core.api import problem_response, replayed

from .models import ApiKey, StoredAnswer
from .scoping import current_tenant

MAX_LENGTH = 200
KEPT = timedelta(hours=24)
_PRINTABLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SEALED = "sealed"
# What an operation with ``sealed`` may answer with 409.
ANSWER_LOST = "It was done, and the installation's keys have changed since, so that the secret cannot be shown again (`answer_lost`)."
ABANDONED = timedelta(minutes=5)  # an answer that never came: its process died, the key is free again


def idempotent(post: Callable | None = None, *, sealed: bool = False) -> Callable:
    """Decorate an API view's ``post``; without the header it changes nothing. A key belongs to one person of a company, and
    to the API key where one asks: two programs of one maker may count from 1.

    ``sealed``: the answer holds a secret, so that it is kept encrypted (RULES 37), bound to its row.
    """
    if post is None:
        return partial(idempotent, sealed=sealed)

    @wraps(post)
    def once(self, request, *args, **kwargs):
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return post(self, request, *args, **kwargs)
        if len(key) > MAX_LENGTH or not _PRINTABLE.fullmatch(key):
            return problem_response(
                400, "bad_idempotency_key", f"Idempotency-Key takes 1 to {MAX_LENGTH} printable characters of ASCII."
            )
        if isinstance(request.auth, ApiKey):
            key = f"{request.auth.prefix}:{key}"
        fingerprint = _fingerprint(request)
        for is_last in (False, True):
            try:
                with transaction.atomic():
                    stored = StoredAnswer.objects.create(
                        tenant=current_tenant(), user=request.user, key=key, fingerprint=fingerprint
                    )
                break
            except IntegrityError:
                if (earlier := _earlier(request, key, fingerprint)) is not None:
                    return earlier
                if is_last:  # the key is free, so it is something else: the person was erased meanwhile
                    raise
        try:
            response = post(self, request, *args, **kwargs)
        except BaseException:
            stored.delete()  # nothing was done: the same key may try again
            raise
        stored.status = response.status_code
        written = json.dumps(response.data, cls=JSONEncoder)
        stored.body = {_SEALED: secrets.seal(written, scope=_scope(stored))} if sealed else json.loads(written)
        stored.location = response.headers.get("Location", "")
        stored.save(update_fields=["status", "body", "location"])
        return response

    once.is_idempotent = True  # its description names the header and its answers
    return once


def _earlier(request, key: str, fingerprint: str) -> Response | None:
    """The answer given before; None where that attempt died and the key was freed."""
    stored = StoredAnswer.objects.filter(user=request.user, key=key).first()
    if stored is None:
        return None
    if stored.fingerprint != fingerprint:
        return problem_response(
            422, "idempotency_key_reused", "This Idempotency-Key was used with another request: take a new one."
        )
    if stored.status:
        headers = {"Idempotency-Replayed": "true", **({"Location": stored.location} if stored.location else {})}
        try:
            return replayed(_body_of(stored), stored.status, headers)
        except secrets.SealBroken:
            return problem_response(
                409, "answer_lost", "It was done; the answer that held its secret cannot be read now."
            )
    if stored.created_at < timezone.now() - ABANDONED:
        stored.delete()
        return None
    return problem_response(409, "in_progress", "The first request with this Idempotency-Key is still being answered.")


def _body_of(stored: StoredAnswer) -> object:
    """As it was given. Raises SealBroken where CREDENTIALS_KEY was changed and its fall-back was taken away within the day."""
    if isinstance(stored.body, dict) and set(stored.body) == {_SEALED}:
        return json.loads(secrets.unseal(stored.body[_SEALED], scope=_scope(stored)))
    return stored.body


def _scope(stored: StoredAnswer) -> str:
    return f"{stored.tenant_id}/answer/{stored.pk}"


def _fingerprint(request) -> str:
    """What was asked, as a keyed hash: a body may hold a password, which a plain one would let somebody guess at leisure."""
    asked = f"{request.method} {request.get_full_path()}\n"
    digest = hmac.new(settings.SECRET_KEY.encode(), asked.encode(), hashlib.sha256)
    if request.FILES:
        for name in sorted(request.FILES):
            digest.update(name.encode())
            for chunk in request.FILES[name].chunks():
                digest.update(chunk)
            request.FILES[name].seek(0)
        fields = {k: request.data.getlist(k) for k in request.data if k not in request.FILES}
        digest.update(json.dumps(fields, sort_keys=True).encode())
    else:
        digest.update(json.dumps(request.data, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def forget_answers() -> int:
    """Drop what is older than a day, in every company. Returns how many."""
    forgotten = 0
    for company in companies.each():
        with company:
            forgotten += StoredAnswer._base_manager.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
    return forgotten
