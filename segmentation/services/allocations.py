"""Allocations: for a budget, who is offered what. A proposal in a table; nobody is written to by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import bulk, columnar, jobs
from core.errors import Refused
from customers.models import Customer
from predictions import registry as economics
from predictions import selectors as predictions
from predictions import services as scoring
from predictions.models import Economics
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import audiences, conditions, selectors
from ..clustering import allocation as engine
from ..clustering.allocation_terms import AllocationRefused, Expected, Limits, expected
from ..clustering.allocation_terms import Offer as Terms
from ..models import AllocatedOffer, Allocation, Offer, SegmentMembership

KEPT = 3  # allocations whose lines are kept
_KEYS_AT_ONCE = 200_000
_WRITTEN_AT_ONCE = 20_000
_CURVE = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # of the budget beyond which no more is worth spending
_DRAWN = ("budget", "cost", "profit", "kept", "customers")


def open_allocation(
    *, requested_by: User | None, budget: Decimal | None, most_customers: int | None = None
) -> Allocation:
    """A job that allocates the offers in use; the open one where there is one. Refused where nothing can be reckoned."""
    if predictions.current_run() is None:
        raise Refused("no_scores", _("Nobody has been scored yet: train a model first."))
    if economics.economics() is None:
        raise Refused(
            "no_economics", _("Say first what a contact costs and a kept customer is worth, on the page Profit.")
        )
    if not usable_offers().exists():
        raise Refused("no_offers", _("There is no offer in use today."))
    try:
        with transaction.atomic():
            found = Allocation.objects.create(
                tenant=current_tenant(), requested_by=requested_by, budget=budget, most_customers=most_customers
            )
            tenants.record("allocation_opened", found, actor=requested_by, budget=str(budget))
            return found
    except IntegrityError:
        if existing := selectors.open_allocation():
            return existing
        raise


def usable_offers() -> QuerySet[Offer]:
    """Offers that may be made today."""
    today = timezone.localdate()
    offers = Offer.objects.filter(is_active=True).exclude(valid_from__gt=today).exclude(valid_until__lt=today)
    return offers.exclude(stock=0)


def allocate_offers(*, allocation_id: int) -> Allocation:
    """Give each customer who is still here at most one offer, by expected profit within the limits. Begins anew when killed."""
    try:
        with jobs.claimed(Allocation, allocation_id) as held:
            found: Allocation = held.job
            _allocate(held, found)
    except Refused as refusal:
        url = reverse("segmentation:offers")
        tenants.notify("allocation_failed", level=Level.ERROR, url=url, reason=refusal.message)
        raise
    _forget_old()
    return found


def _allocate(held: jobs.Claim, found: Allocation) -> None:
    run, said = predictions.current_run(), economics.economics()
    offers = list(usable_offers().prefetch_related("segments"))
    if run is None or said is None or not offers:
        raise Refused("nothing_to_allocate", _("Scores, costs or offers have gone since this was asked for."))
    held.report(0, 100, _("Reading scores"))
    keys, chance, value, left_out = _people(run, said)
    if not len(keys):
        raise Refused("nobody", _("No customer who is still here has a score and known charges."))
    terms = [_terms(offer, said) for offer in offers]
    held.report(30, 100, _("Looking who may have which offer"))
    eligible = np.column_stack([_eligible(offer, keys) for offer in offers])
    held.report(45, 100, _("Weighing offers against each other"))
    try:
        table = expected(chance, value, terms)
        limits = Limits(budget=found.budget, customers=found.most_customers, stock=[offer.stock for offer in offers])
        best = engine.allocate(table, limits, eligible=eligible, keys=keys)
        held.report(70, 100, _("What other budgets would bring"))
        curve = _curve(table, limits, eligible, keys, best)
    except AllocationRefused as refusal:
        raise Refused(
            refusal.code, _("Offers cannot be allocated from this: %(why)s") % {"why": refusal.message}
        ) from None
    held.report(80, 100, _("Writing who is offered what"))
    AllocatedOffer.objects.filter(allocation=found).delete()
    _write(held, found, offers, keys, table, best.offer, lambda share: held.report(80 + int(20 * share), 100))
    held.save(
        offers_then=[_as_told(offer, one) for offer, one in zip(offers, terms, strict=True)],
        economics={"margin": said.margin, "horizon_months": said.horizon_months},
        result=_told(best, offers, curve) | {"people": len(keys), "left_out": left_out},
    )
    tenants.record("offers_allocated", found, actor=found.requested_by, customers=best.customers)


def _people(run, said: Economics) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Key, chance and value of those who are still here; how many are left out, their value not being known."""
    parts, left_out = [], 0
    for keys, chance, label, value in scoring.valued_blocks(run, said):
        here = label != 1
        known = here & ~np.isnan(value) & ~np.isnan(chance)
        left_out += int(here.sum() - known.sum())
        parts.append((keys[known], chance[known], np.maximum(value[known], 0.0)))
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), 0
    keys, chance, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return keys, chance, value, left_out


def _terms(offer: Offer, said: Economics) -> Terms:
    """The offer in the engine's words; what nobody said of it is as in the company's economics."""
    margin = float(said.margin)
    return Terms(
        name=offer.name,
        effect=float(said.acceptance if offer.acceptance is None else offer.acceptance),
        contact_cost=float(said.contact_cost if offer.contact_cost is None else offer.contact_cost),
        offer_cost=float(said.offer_cost if offer.cost is None else offer.cost),
        stayer_acceptance=float(said.stayer_acceptance),
        price_share=min(1.0, offer.discount / margin) if margin and offer.discount else 0.0,
    )


def _eligible(offer: Offer, keys: np.ndarray) -> np.ndarray:
    """bool [n]: in one of the offer's segments, where it has any, and let in by its rule, where it has one."""
    may = np.ones(len(keys), dtype=bool)
    segments = [segment.pk for segment in offer.segments.all()]
    if segments:
        run = selectors.current_run()
        rows = SegmentMembership.objects.filter(segmentation=run, segment_id__in=segments)
        may &= np.isin(keys, _keys(rows, "customer_id"), assume_unique=True)
    if offer.rule:
        try:
            tree = conditions.parse(offer.rule, audiences.catalogue())
        except conditions.Invalid:  # a field that it asks has gone: nobody is let in by a rule that cannot be read
            return np.zeros(len(keys), dtype=bool)
        may &= np.isin(keys, _keys(audiences.matching(tree), "pk"), assume_unique=True)
    return may


def _keys(rows: QuerySet, path: str) -> np.ndarray:
    frame = bulk.read_frame(rows.order_by().values_list(path))
    return frame.iloc[:, 0].to_numpy(dtype="int64") if len(frame) else np.empty(0, dtype="int64")


def _curve(table: Expected, limits: Limits, eligible: np.ndarray, keys: np.ndarray, best) -> list[dict[str, float]]:
    """What a few other budgets would keep and earn, for the chart."""
    enough = best.marginal.enough
    budgets = [share * enough for share in _CURVE] + ([float(limits.budget)] if limits.budget is not None else [])
    drawn = engine.budget_curve(
        table, dataclasses.replace(limits, budget=None), budgets=sorted(set(budgets)), eligible=eligible, keys=keys
    )
    columns = [getattr(drawn, name).tolist() for name in _DRAWN]
    return [dict(zip(_DRAWN, row, strict=True)) for row in zip(*columns, strict=True)]


def _write(
    held: jobs.Claim, found: Allocation, offers: list[Offer], keys: np.ndarray, table: Expected, chosen: np.ndarray,
    report: Callable[[float], None],
) -> None:  # fmt: skip
    given = np.flatnonzero(chosen >= 0)
    numbers = np.array([offer.pk for offer in offers], dtype=np.int64)
    for start in range(0, len(given), _WRITTEN_AT_ONCE):
        rows = given[start : start + _WRITTEN_AT_ONCE]
        picked = chosen[rows]
        here = _keys(
            Customer.objects.filter(pk__in=keys[rows].tolist()), "pk"
        )  # somebody may have been erased meanwhile
        still = np.isin(keys[rows], here)
        rows, picked = rows[still], picked[still]
        with transaction.atomic():
            held.save(progress_done=80)
            with bulk.proved_together(AllocatedOffer):
                columnar.insert(
                    AllocatedOffer._meta.db_table,
                    {
                        "tenant_id": found.tenant_id,
                        "allocation_id": found.pk,
                        "customer_id": keys[rows],
                        "offer_id": numbers[picked],
                        "expected_profit": table.profit[rows, picked],
                        "expected_cost": table.cost[rows, picked],
                        "kept_chance": table.kept[rows, picked],
                    },
                )
        report((start + len(rows)) / max(1, len(given)))


def _as_told(offer: Offer, terms: Terms) -> dict[str, object]:
    return {"id": str(offer.public_id), "stock": offer.stock, **dataclasses.asdict(terms)}


def _told(best: engine.Allocation, offers: list[Offer], curve: list[dict[str, float]]) -> dict[str, object]:
    """The allocation as JSON: everything but who gets what."""
    return {
        "profit": best.profit,
        "bound": best.bound,
        "gap": best.gap,
        "cost": float(best.cost),
        "outlay": best.outlay,
        "kept": best.kept,
        "customers": best.customers,
        "counts": best.counts.tolist(),
        "bound_by": list(best.bound_by),
        "customers_bind": best.customers_bind,
        "budget_binds": best.budget_binds,
        "marginal": dataclasses.asdict(best.marginal),
        "curve": curve,
    }


def _forget_old() -> None:
    old = Allocation.objects.filter(has_lines=True).exclude(state__in=("queued", "running")).order_by("-pk")
    for one in old[KEPT : KEPT + 10]:
        AllocatedOffer.objects.filter(allocation=one).delete()
        Allocation.objects.filter(pk=one.pk).update(has_lines=False)
