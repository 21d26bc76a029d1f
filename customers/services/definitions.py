"""What leaving means in the company: proposed, previewed on its own data, adopted by a person with a reason, given up."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs, reasons
from core.errors import Refused
from core.models import JobState
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import selectors
from ..ingest.churning import MONTH_DAYS, first_day
from ..ingest.timing import Tally, find_dates
from ..models import ChurnDefinition
from ..wording import definitions as words

LONGEST_DAYS = 360
LONGEST_GAP = LONGEST_GRACE = 180
PREVIEW_BLOCK = 50_000
_RESTING = (JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)
Kind, Standing = ChurnDefinition.Kind, ChurnDefinition.Standing


# ---------------------------------------------------------------- proposing


def propose_definition(
    *,
    kind: str,
    actor: User,
    field: str = "",
    grace_days: int = 0,
    silent_days: int = 0,
    horizon_days: int = 0,
    gap_days: int = 0,
) -> ChurnDefinition:
    """A definition with its preview to come (the caller rings); the same proposal where it stands already, looked at anew.

    Raises Refused. Numbers that do not belong to the kind are left out.
    """
    chosen = _chosen(kind, field=field, grace=grace_days, silent=silent_days, horizon=horizon_days, gap=gap_days)
    with transaction.atomic():
        same = ChurnDefinition.objects.filter(kind=kind, **chosen).exclude(standing=Standing.RETIRED).first()
        if same is None:
            same = ChurnDefinition.objects.create(tenant=current_tenant(), kind=kind, requested_by=actor, **chosen)
            tenants.record("definition_proposed", same, actor=actor, kind=kind, **same.numbers)
            return same
    return look_again(definition=same)


def look_again(*, definition: ChurnDefinition) -> ChurnDefinition:
    """Preview on the data as it is now (the caller rings). One that is being looked at goes on."""
    if definition.standing == Standing.RETIRED:
        raise Refused("retired", _("This definition was given up: propose it anew."))
    if definition.state in _RESTING:
        jobs.resume(definition, since=_RESTING)
    return definition


def _chosen(kind: str, *, field: str, grace: int, silent: int, horizon: int, gap: int) -> dict[str, object]:
    if kind == Kind.LABEL:
        _require(0 <= horizon <= LONGEST_DAYS, "bad_horizon", _("The horizon is between 1 and 360 days."))
        return {"horizon_days": horizon}
    _require(1 <= horizon <= LONGEST_DAYS, "bad_horizon", _("The horizon is between 1 and 360 days."))
    _require(0 <= gap <= LONGEST_GAP, "bad_gap", _("The gap is between 0 and 180 days."))
    if kind == Kind.SILENCE:
        whole = all(days % MONTH_DAYS == 0 for days in (silent, horizon, gap))
        _require(whole, "not_months", _("Use is known by month: days of silence, horizon and gap are multiples of 30."))
        _require(MONTH_DAYS <= silent <= LONGEST_DAYS, "bad_silence", _("Silence is between 30 and 360 days."))
        return {"silent_days": silent, "horizon_days": horizon, "gap_days": gap}
    _require(kind == Kind.CONTRACT_END, "unknown_kind", _("Leaving is told by label, contract_end or silence."))
    _require(0 <= grace <= LONGEST_GRACE, "bad_grace", _("The grace is between 0 and 180 days."))
    _require(field in selectors.date_fields(), "no_date_field", _("Name a field of your customers that holds dates."))
    return {"field": field, "grace_days": grace, "horizon_days": horizon, "gap_days": gap}


def _require(is_so: bool, code: str, sentence: str) -> None:
    if not is_so:
        raise Refused(code, sentence)


# ---------------------------------------------------------------- previewing


def preview_definition(*, definition_id: int) -> ChurnDefinition:
    """Count how many would have left in each past month, and hold it against the label column; starts anew when interrupted.

    ``preview``: see ``_as_json``; of kind LABEL only customers, left, stayed and unknown. The same data gives the same.
    """
    with jobs.claimed(ChurnDefinition, definition_id) as held:
        definition: ChurnDefinition = held.job
        if not definition.is_dated:
            base = selectors.customer_base()
            held.save(preview={name: base[name] for name in ("customers", "left", "stayed", "unknown")})
            return definition
        total = selectors.count_all()
        held.report(0, total, _("Counting the months of use"), force=True)
        history = selectors.read_history(definition)
        tally = Tally(history.rule, history.calendar)
        for frame in selectors.plain_blocks(history, block=PREVIEW_BLOCK):
            tally.add(selectors.people_of(history, frame), frame["label"].to_numpy())
            held.report(tally.customers, max(total, tally.customers), _("Looking at customers as they were"))
        held.save(preview=_as_json(history, tally))
        held.report(tally.customers, tally.customers, "", force=True)
    return definition


def _as_json(history: selectors.History, tally: Tally) -> dict[str, object]:
    """What a preview keeps.

    customers, unjudged   of whom the rule can say nothing (no use, no contract's end known)
    known_until, first_month, holes   the months of use: last day known, first month (None: none), months in part only
    months   each {month, at_risk, left, too_soon, fading, labelled, agree}; None where the outcome is not known yet
    learns   train, test (first days of months or None), missing, missing_to_test
    label    left_both, left_here (and stayed by the label column), left_there, stayed_both: as of now
    """
    calendar, dates = history.calendar, find_dates(history.rule, history.calendar)
    nobody = dict.fromkeys(("at_risk", "left", "too_soon", "fading", "labelled", "agree"))
    (stayed_both, left_there), (left_here, left_both) = tally.against_label.tolist()
    return {
        "customers": tally.customers,
        "unjudged": tally.unjudged,
        "known_until": history.known_until.isoformat(),
        "first_month": _iso(calendar.first) if calendar.covered else None,
        "holes": [_iso(month) for month in calendar.holes],
        "months": [{"month": _iso(month), **(counts or nobody)} for month, counts in tally.months()],
        "learns": {
            "train": _iso(dates.train),
            "test": _iso(dates.test),
            "missing": dates.missing,
            "missing_to_test": dates.missing_to_test,
        },
        "label": {
            "left_both": left_both,
            "left_here": left_here,
            "left_there": left_there,
            "stayed_both": stayed_both,
        },
    }


def _iso(month: int | None) -> str | None:
    return first_day(month).isoformat() if month is not None else None


# ---------------------------------------------------------------- adopting and giving up


def adopt_definition(*, definition: ChurnDefinition, actor: User, reason: str) -> ChurnDefinition:
    """From now on leaving means this, instead of what did before. Raises Refused: no reason, no preview, too few months."""
    reason = _reason(reason)
    if definition.is_adopted:
        raise Refused("already_adopted", _("This definition is adopted already."))
    if definition.standing == Standing.RETIRED:
        raise Refused("retired", _("This definition was given up: propose it anew."))
    if definition.state != JobState.SUCCEEDED:
        raise Refused("no_preview", _("Wait for the preview: a definition is adopted once its figures are known."))
    if definition.is_dated and definition.preview["learns"]["train"] is None:
        raise Refused("too_few_months", words.too_few_months(definition.preview["learns"]["missing"]))
    try:
        with transaction.atomic():
            before = ChurnDefinition.objects.select_for_update().filter(standing=Standing.ADOPTED).first()
            now = timezone.now()
            if before is not None:
                ChurnDefinition.objects.filter(pk=before.pk).update(standing=Standing.RETIRED, retired_at=now)
            adopted = {"standing": Standing.ADOPTED, "adopted_by": actor, "adopted_at": now, "adopt_reason": reason}
            if not ChurnDefinition.objects.filter(pk=definition.pk, standing=Standing.DRAFT).update(**adopted):
                raise Refused("moved_on", _("Somebody decided about this definition meanwhile: look again."))
            instead_of = str(before.public_id) if before else None
            facts = {"kind": definition.kind, **definition.numbers, "reason": reason, "instead_of": instead_of}
            tenants.record("definition_adopted", definition, actor=actor, **facts)
    except IntegrityError as error:  # two people at once: the other one was first
        raise Refused("moved_on", _("Somebody decided about this definition meanwhile: look again.")) from error
    definition.refresh_from_db()
    return definition


def retire_definition(*, definition: ChurnDefinition, actor: User, reason: str) -> ChurnDefinition:
    """Give up an adopted definition: the label column says again who left. A proposal is only put away."""
    reason = _reason(reason)
    with transaction.atomic():
        standing = (Standing.ADOPTED, Standing.DRAFT)
        rows = ChurnDefinition.objects.filter(pk=definition.pk, standing__in=standing)
        if not rows.update(standing=Standing.RETIRED, retired_at=timezone.now()):
            raise Refused("retired", _("This definition was given up already."))
        facts = {"kind": definition.kind, "was": definition.standing, "reason": reason}
        tenants.record("definition_retired", definition, actor=actor, **facts)
    jobs.cancel(definition)
    definition.refresh_from_db()
    return definition


def _reason(said: str) -> str:
    reason = reasons.reason(said)
    if not reason:
        raise Refused("no_reason", _("Say why: the reason stands in the audit trail."))
    return reason


# ---------------------------------------------------------------- for models


def require_training_cut() -> selectors.Cut | None:
    """When a model learns by the adopted definition, and on which customers (selectors.training_frames, evaluation_frames).

    None where the label column says who left. Raises Refused, with how many months are missing, where it cannot learn yet.
    """
    cut = selectors.training_cut()
    if cut is not None and cut.train is None:
        raise Refused("too_few_months", words.too_few_months(cut.dates.missing))
    return cut


def describe_cut(facts: Mapping[str, object]) -> list[str]:
    """Sentences for a model's card from ``Cut.facts()``, in the reader's language."""
    return words.cut_sentences(facts)
