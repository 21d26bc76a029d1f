"""Who is in charge: put there by green gates or by a person's reason, taken back in one step, never forgotten."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from core import reasons
from core.errors import Refused
from tenants import services as tenants
from tenants.models import Tenant, User
from tenants.scoping import current_tenant

from .. import registry as selectors
from ..models import ModelVersion, Promotion
from ..signals import champion_changed
from .registry import load_model

LONGEST_REASON = 1_000


def start_with(version: ModelVersion) -> Promotion | None:
    """The company's first model takes charge by itself where nothing speaks against it; a later one is a challenger.

    Part of the training's own transaction. None where a model is in charge already, or a gate blocks.
    """
    if selectors.champion() is not None or selectors.blocking(version):
        return None
    return _put_in_charge(version, None, Promotion.Kind.FIRST, by=None, reason="")


def promote(*, version: ModelVersion, actor: User | None, reason: str = "") -> Promotion:
    """Put a version in charge. Without a reason every gate must be green; a blocked one takes a person who says why.

    Raises Refused: already_in_charge, reason_needed, nobody_answers, artefact_refused.
    """
    reason = reasons.reason(reason, most=LONGEST_REASON)
    load_model(version)  # a file that was touched must not take charge
    with transaction.atomic():
        _lock()
        before = selectors.champion()
        if before is not None and before.pk == version.pk:
            raise Refused(
                "already_in_charge", _("Model %(version)s is in charge already.") % {"version": version.number}
            )
        open_gates = selectors.open_gates(version)
        if open_gates and not reason:
            raise Refused(
                "reason_needed",
                _("Not every gate of model %(version)s is green: say why it should take charge all the same.")
                % {"version": version.number},
                gates=[gate["code"] for gate in open_gates],
            )
        if selectors.blocking(version) and actor is None:
            raise Refused(
                "nobody_answers",
                _("A gate blocks model %(version)s: only a person who answers for it can put it in charge.")
                % {"version": version.number},
                gates=[gate["code"] for gate in selectors.blocking(version)],
            )
        done = _put_in_charge(version, before, Promotion.Kind.PROMOTED, by=actor, reason=reason)
    champion_changed.send(sender=ModelVersion, version_id=version.pk)
    return done


def roll_back(*, actor: User | None, reason: str = "") -> Promotion:
    """Put the model that was in charge before back there. Raises Refused: nothing_before, artefact_refused."""
    target = selectors.champion_before()
    if target is None:
        raise Refused("nothing_before", _("No other model was in charge before this one."))
    load_model(target)
    with transaction.atomic():
        _lock()
        before = selectors.champion()
        if before is not None and before.pk == target.pk:
            raise Refused(
                "already_in_charge", _("Model %(version)s is in charge already.") % {"version": target.number}
            )
        done = _put_in_charge(
            target, before, Promotion.Kind.ROLLED_BACK, by=actor, reason=reasons.reason(reason, most=LONGEST_REASON)
        )
    champion_changed.send(sender=ModelVersion, version_id=target.pk)
    return done


def _lock() -> None:
    """Two people who promote at once do so one after the other."""
    Tenant.objects.select_for_update().get(pk=current_tenant().pk)


def _put_in_charge(
    version: ModelVersion, before: ModelVersion | None, kind: str, *, by: User | None, reason: str
) -> Promotion:
    ModelVersion.objects.filter(is_champion=True).update(is_champion=False)
    ModelVersion.objects.filter(pk=version.pk).update(is_champion=True)
    version.is_champion = True
    open_gates = selectors.open_gates(version)
    done = Promotion.objects.create(
        tenant=current_tenant(), version=version, before=before, kind=kind, reason=reason, by=by, open_gates=open_gates
    )
    tenants.record(
        "model_promoted" if kind != Promotion.Kind.ROLLED_BACK else "model_rolled_back",
        version,
        actor=by,
        version=version.number,
        before=before.number if before else None,
        kind=str(kind),
        open_gates=[gate["code"] for gate in open_gates],
        has_reason=bool(reason),
    )
    return done
