"""Dividing the customers: a run is written beside the current one, and a pointer moves when all is there."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs, partitions
from core.errors import Refused
from core.models import OPEN_STATES
from customers import selectors as customers
from predictions import registry
from predictions import selectors as predictions
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import features, selectors
from ..clustering import choose, clusters, naming, overlap
from ..clustering.preparation import Preparation
from ..clustering.profiles import ProfileBuilder
from ..clustering.refusal import ClusteringRefused
from ..features import checked
from ..models import Segment, Segmentation, SegmentMembership
from ..signals import segments_refreshed
from ..wording_runs import refused
from . import members, portraits
from .offers import first_offers

LEAST_K, MOST_K = 2, 10
REFRESHED_EVERY = timedelta(days=7)
SETTLED_AFTER = timedelta(seconds=45)  # since an import, when nothing follows it


def open_run(*, requested_by: User | None = None, k: int | None = None, features: Sequence[str] = ()) -> Segmentation:
    """A segmentation that waits; the one already open where there is one.

    ``k`` None: as many segments as are in use, at first as SEGMENT_LABELS has names. ``features`` (): the usual ones, or
    those a person chose last. Raises Refused: ``bad_k``, ``unknown_feature``, ``too_many_features``.
    """
    if k is not None and not LEAST_K <= k <= MOST_K:
        raise Refused("bad_k", _("Choose from %(least)s to %(most)s segments.") % {"least": LEAST_K, "most": MOST_K})
    if features:
        checked(features)
    tenant = current_tenant()
    try:
        with transaction.atomic():
            run = Segmentation.objects.create(tenant=tenant, requested_by=requested_by, k=k, features=list(features))
            tenants.record("segmentation_opened", run, actor=requested_by, k=k, features=list(features))
            return run
    except IntegrityError:
        if existing := selectors.open_run():
            return existing
        raise


def refresh_segments(*, run_id: int, follow: bool = True) -> Segmentation:
    """Divide all customers; the run becomes current when everybody has a place. After that customers get their personas,
    and the number of segments is looked into. Begins anew when killed before it is current, goes on when after.
    """
    try:
        with jobs.claimed(Segmentation, run_id) as held:
            run: Segmentation = held.job
            if run.is_current:  # a worker died after everybody had a place
                keys, numbers = members.read(run)
                prepared = None
            else:
                try:
                    keys, numbers, prepared = _divide(held, run)
                except (jobs.Cancelled, Refused):
                    members.forget([run])
                    raise
            members.analyse(run)
            _follow_moves(held, run, keys, numbers)
            _name_customers(held, run, keys, numbers)
            if not run.advice and not run.refusal:
                _advise(held, run, keys, prepared)
    except Refused as refusal:
        url = reverse("segmentation:segments")
        tenants.notify("segmentation_failed", level=Level.ERROR, url=url, reason=refusal.message)
        raise
    tenants.notify(
        "segments_refreshed",
        level=Level.SUCCESS,
        url=reverse("segmentation:segments"),
        customers=run.customers,
        segments=run.profiles.count(),
    )
    segments_refreshed.send(sender=Segmentation, run_id=run.pk, follow=follow)
    members.forget_old_runs()
    return run


def _divide(held: jobs.Claim, run: Segmentation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Key and number of everybody, and their prepared values (float32 [n, q]), once the run is current."""
    before = selectors.current_run()
    held.report(0, 100, _("Reading the customers"))
    known = features.offered(_chosen(run, before))
    asked = _asked(run, before, known)
    keys, values, worth, scores = _read(held, asked, known)
    if not len(keys):
        raise Refused("no_customers", _("There is no customer to group yet: import a file first."))
    k = run.k or (len(before.state_of_engine["numbers"]) if before else 0) or min(len(settings.SEGMENT_LABELS), MOST_K)
    held.report(45, 100, _("Finding groups"))
    try:
        preparation = Preparation.learn(values, asked, keys=keys)
        prepared = preparation.apply(values)
        found, labels = clusters.fit_and_assign(prepared, k=k, seed=run.seed, keys=keys)
    except ClusteringRefused as refusal:
        raise refused(refusal) from refusal
    numbers, matching = _names(before, preparation, found, labels, keys, worth)
    order = np.argsort(numbers, kind="stable")
    found, labels, numbers = found.reordered(order), naming.relabelled(labels, order), numbers[order]

    held.report(55, 100, _("Drawing their portraits"))
    builder = ProfileBuilder(preparation, found.k, seed=run.seed)
    segments = portraits.segments_for(numbers)
    table = members.empty_table(held, run, keys)
    with ThreadPoolExecutor(1, thread_name_prefix="portraits") as worker:  # the database works meanwhile
        adding = worker.submit(builder.add, values, labels, keys, prepared)
        done = 0
        for written in members.write(held, run, table, keys, numbers[labels], segments):
            done += written
            held.report(60 + round(25 * done / len(keys)), 100, _("Writing who belongs where"))
        adding.result()
    profile = builder.profile()
    drawn = portraits.draw(profile, [segments[number] for number in numbers.tolist()], labels, keys, scores)
    results = {
        "customers": len(keys),
        "last_customer": int(keys[-1]),
        "has_members": True,
        "features": _chosen(run, before),
        "state_of_engine": {
            "preparation": preparation.as_json(),
            "clusters": found.as_json(),
            "numbers": numbers.tolist(),
            "asked": list(asked),
            "ever": max(int(numbers.max()), matching.ever if matching else 0),
        },
        "figures": portraits.figures(asked, preparation, profile, numbers, before),
        "flow": {"matching": matching.as_json()} if matching else {},
    }

    def show() -> None:
        _make_current(held, run, table, results, drawn, numbers)

    def others_pass() -> None:
        held.report(86, 100, _("Waiting until others have read the customers, such as a backup"), force=True)

    partitions.giving_way(show, SegmentMembership, run.pk, waiting=others_pass)
    return keys, numbers[labels], prepared


def _asked(run: Segmentation, before: Segmentation | None, known: features.Offered) -> tuple[str, ...]:
    """The columns to group by: those asked for; those a person chose last, where they are still there; the usual ones."""
    still = [name for name in _chosen(run, before) if name in known]
    return checked(still, known)


def _chosen(run: Segmentation, before: Segmentation | None) -> list[str]:
    """What a person chose lasts, run after run."""
    return run.features or (before.features if before else [])


def _read(
    held: jobs.Claim, asked: Sequence[str], known: features.Offered
) -> tuple[np.ndarray, np.ndarray, np.ndarray, features.Scores]:
    """Everybody: key int64 [n], values float64 [n, p], what each brings float64 [n], and the scores that are shown."""
    scores = features.shown_scores()
    parts, done, total = [], 0, max(1, customers.count_all())
    for part in features.blocks(asked, scores, known, halves=True):
        parts.append(part)
        done += len(part[0])
        held.report(min(44, round(44 * done / total)), 100, _("Reading the customers"))
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty((0, len(asked))), np.empty(0), scores
    keys, values, worth = (np.concatenate(column) for column in zip(*parts, strict=True))
    return keys, values, worth, scores


def _names(
    before: Segmentation | None,
    preparation: Preparation,
    found: clusters.Clusters,
    labels: np.ndarray,
    keys: np.ndarray,
    worth: np.ndarray,
) -> tuple[np.ndarray, naming.Matching | None]:
    """The number of each new label, int64 [k]: by value at first; then as the segment before it that it continues. Where
    other columns are grouped by than before, the one that shares most of its customers."""
    if before is None:
        numbers = np.empty(found.k, dtype=np.int64)
        numbers[naming.order_by_value(labels, worth, found.k)] = np.arange(1, found.k + 1)
        return numbers, None
    stored = before.state_of_engine
    old = Preparation.from_json(stored["preparation"])
    if old.used == preparation.used and old.set_aside == preparation.set_aside:
        real = np.full((found.k, len(stored["asked"])), np.nan)
        real[:, list(old.positions)] = preparation.undo(found.centres)
        matching = naming.match(
            clusters.Clusters.from_json(stored["clusters"]).centres,
            old.apply(real),
            old_numbers=stored["numbers"],
            ever=stored["ever"],
        )
    else:
        matching = overlap.match_by_members(*members.read(before), keys, labels, found.k, ever=stored["ever"])
    return np.array(matching.numbers, dtype=np.int64), matching


def _make_current(
    held: jobs.Claim, run: Segmentation, table: members.Table, results, drawn, numbers: np.ndarray
) -> None:
    with transaction.atomic():
        members.attach(run, table)
        held.save(**results)
        Segmentation.objects.filter(is_current=True).exclude(pk=run.pk).update(is_current=False)
        held.save(is_current=True)
        portraits.keep(run, drawn)
        used = numbers.tolist()
        Segment.objects.filter(number__in=used).update(is_retired=False)
        Segment.objects.exclude(number__in=used).update(is_retired=True)
        first_offers()
        tenants.record("segments_refreshed", run, actor=run.requested_by, customers=run.customers, segments=len(used))


def _follow_moves(held: jobs.Claim, run: Segmentation, keys: np.ndarray, numbers: np.ndarray) -> None:
    """Who went from where to where since the run before."""
    before = selectors.run_before(run)
    if before is not None and "links" not in run.flow:
        held.report(87, 100, _("Looking who moved"), force=True)
        held.save(flow=run.flow | portraits.flow_from(before, keys, numbers))


def _name_customers(held: jobs.Claim, run: Segmentation, keys: np.ndarray, numbers: np.ndarray) -> None:
    """Write each segment's persona on its customers, where no file and no person gave them another."""
    held.report(87, 100, _("Giving customers their personas"), force=True)
    names, replaced, _changed = portraits.personas_to_write(run)
    for share in portraits.write_personas(keys, numbers, names, replaced):
        held.report(87 + round(6 * share), 100, _("Giving customers their personas"))


def _advise(held: jobs.Claim, run: Segmentation, keys: np.ndarray, prepared: np.ndarray | None) -> None:
    """How good each number of segments would be, and whether there are clusters worth the name."""
    note = _("Looking at other numbers of segments")
    held.report(93, 100, note, force=True)
    if prepared is None:
        stored = run.state_of_engine
        parts = list(features.blocks(stored["asked"], features.shown_scores()))
        keys = np.concatenate([part[0] for part in parts])
        prepared = Preparation.from_json(stored["preparation"]).apply(np.concatenate([part[1] for part in parts]))
    try:
        choice = choose.choose(
            prepared, seed=run.seed, keys=keys, progress=lambda share: held.report(93 + int(6 * share), 100, note)
        )
    except ClusteringRefused as refusal:
        held.save(refusal={"code": refusal.code})
        return
    held.save(advice=choice.as_json())


def is_due(now: datetime | None = None) -> bool:
    """Whether a week has passed since the customers were divided, by the company's own clock; at the hour of its scoring."""
    newest = Segmentation.objects.order_by("-requested_at").values_list("requested_at", flat=True).first()
    if newest is None or selectors.open_run():
        return False
    zone = ZoneInfo(current_tenant().time_zone)
    local = (now or timezone.now()).astimezone(zone)
    passed = local.date() - newest.astimezone(zone).date()
    return passed > REFRESHED_EVERY or (passed == REFRESHED_EVERY and local.hour >= registry.routine().scoring_hour)


def needs_first_run() -> bool:
    """Whether customers wait to be divided for the first time; a failed attempt counts as tried. Nothing else may be under
    way: use and scores that come a minute later would change what S1 means."""
    return not Segmentation.objects.exists() and customers.customer_base()["customers"] > 0 and _is_at_rest()


def has_new_columns() -> bool:
    """Whether there are usual columns that the current run did not have (the risk is known, use came), where nobody chose
    others. Looks through all months of use: asked after an import or a scoring, not by the clock."""
    current = selectors.current_run()
    if current is None or current.features or selectors.open_run():
        return False
    newest = Segmentation.objects.order_by("-pk").first()
    return newest.pk == current.pk and not set(features.usual()) <= set(current.state_of_engine["asked"])


def _is_at_rest() -> bool:
    if predictions.open_training() or predictions.open_scoring():
        return False
    imports = customers.import_list()
    recent = timezone.now() - SETTLED_AFTER
    return not imports.filter(state__in=OPEN_STATES).exists() and not imports.filter(finished_at__gt=recent).exists()
