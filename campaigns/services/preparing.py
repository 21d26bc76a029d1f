"""A pass over a campaign's audience: to say beforehand who would get it and who not, or to freeze it and draw the lots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import bulk, jobs
from core.errors import Refused
from customers import services as customers
from customers.models import Interaction
from predictions import registry as predictions
from tenants import services as tenants
from tenants.models import Level
from tenants.scoping import current_tenant

from ..models import Campaign, Preparation, Recipient
from ..outreach import experiment
from ..signals import campaign_checked
from . import audience, running, senders, snapshots
from .eligibility import REASONS, Eligibility, Person
from .moves import address_of, try_move

BLOCK = 10_000
_SHOWN = 8  # of a sample of names
State = Campaign.State


def prepare_campaign(*, preparation_id: int) -> Preparation:
    """Do a check or a launch. A check begins anew when killed; a launch goes on at its checkpoint."""
    try:
        with jobs.claimed(Preparation, preparation_id) as held:
            campaign = Campaign.objects.select_related("offer", "message", "rival").get(pk=held.job.campaign_id)
            if held.job.kind == Preparation.Kind.CHECK:
                _check(held, campaign)
            else:
                _launch(held, campaign)
    except Refused as refusal:
        job = Preparation.objects.select_related("campaign").get(pk=preparation_id)
        if job.kind == Preparation.Kind.LAUNCH:
            try_move(job.campaign, State.LAUNCHING, State.PAUSED, why_paused={"code": refusal.code, "facts": {}})
        tenants.notify(
            "campaign_stopped",
            level=Level.ERROR,
            url=address_of(job.campaign),
            campaign=job.campaign.name,
            reason=refusal.message,
        )
        raise
    if held.job.kind == Preparation.Kind.CHECK:
        campaign_checked.send(sender=Campaign, campaign_id=held.job.campaign_id)
    return held.job


# ---------------------------------------------------------------- before: who would get it


def _check(held: jobs.Claim, campaign: Campaign) -> None:
    tally = _Tally()
    asked = audience.read(campaign.audience)
    total = audience.look(campaign.audience).customers
    held.report(0, total, _("Looking at the audience"), force=True)
    lots = Eligibility(senders.sender(), campaign, default_language=campaign.default_language)
    for keys in _blocks(asked, after=0):
        people = lots.people(keys)
        arms = _arms(campaign, people)
        tally.add(people, arms)
        held.report(tally.audience, max(total, tally.audience), _("Looking at the audience"))
    found = tally.as_json() | _expected(campaign, tally)
    with transaction.atomic():
        still = Campaign.objects.filter(pk=campaign.pk, state__in=(State.DRAFT, State.CHECKED, State.APPROVED))
        still.update(checked=found, checked_at=timezone.now(), why_paused={})
        Campaign.objects.filter(pk=campaign.pk, state=State.DRAFT).update(state=State.CHECKED)
        tenants.record("campaign_checked", campaign, actor=held.job.requested_by, treated=tally.treated)


class _Tally:
    """Counts of a pass: how many are in, in which arm, why others are not, and a few names."""

    def __init__(self, stored: dict[str, Any] | None = None) -> None:
        stored = stored or {}
        self.audience: int = stored.get("audience", 0)
        self.arms: dict[str, int] = dict(stored.get("arms", {}))
        self.left_out: dict[str, int] = dict(stored.get("left_out", {}))
        self.languages: dict[str, int] = dict(stored.get("languages", {}))
        self.risk: float = stored.get("risk_sum", 0.0)
        self.scored: int = stored.get("scored", 0)
        self.charges: float = stored.get("charges_sum", 0.0)
        self.charged: int = stored.get("charged", 0)
        self.sample: list[int] = list(stored.get("sample", []))

    @property
    def treated(self) -> int:
        return sum(n for arm, n in self.arms.items() if arm != Recipient.Arm.HOLDOUT)

    def add(self, people: Sequence[Person], arms: Sequence[str]) -> None:
        self.audience += len(people)
        for one, arm in zip(people, arms, strict=True):
            if one.reason:
                self.left_out[one.reason] = self.left_out.get(one.reason, 0) + 1
                continue
            self.arms[arm] = self.arms.get(arm, 0) + 1
            if one.risk is not None:
                self.risk += one.risk
                self.scored += 1
            if one.monthly_charges is not None:
                self.charges += float(one.monthly_charges)
                self.charged += 1
            if arm != Recipient.Arm.HOLDOUT:
                self.languages[one.language] = self.languages.get(one.language, 0) + 1
                if len(self.sample) < _SHOWN:
                    self.sample.append(one.pk)

    def as_json(self) -> dict[str, Any]:
        return {
            "audience": self.audience,
            "treated": self.treated,
            "held_out": self.arms.get(Recipient.Arm.HOLDOUT, 0),
            "arms": self.arms,
            "left_out": {reason: self.left_out[reason] for reason in REASONS if self.left_out.get(reason)},
            "languages": self.languages,
            "risk_sum": self.risk,
            "scored": self.scored,
            "mean_risk": self.risk / self.scored if self.scored else None,
            "charges_sum": self.charges,
            "charged": self.charged,
            "sample": self.sample,
        }


def _expected(campaign: Campaign, tally: _Tally) -> dict[str, Any]:
    """What it will cost, what effect this size could show, and what could go wrong."""
    said = predictions.economics()
    offer = campaign.offer
    contact = _first(offer and offer.contact_cost, said and said.contact_cost)
    taken = _first(offer and offer.cost, said and said.offer_cost)
    holdout = tally.arms.get(Recipient.Arm.HOLDOUT, 0)
    rate = tally.risk / tally.scored if tally.scored else None
    power = None
    if holdout and tally.treated and rate:
        power = experiment.power.smallest_difference(tally.treated, holdout, base_rate=rate)
    return {
        "cost": {
            "contacts": float(contact) * tally.treated if contact is not None else None,
            "offers_at_most": float(taken) * tally.treated if taken is not None else None,
        },
        "detectable": power,
        "warnings": _warnings(campaign, tally, holdout=holdout, rate=rate, power=power),
    }


def _first(*values):
    return next((value for value in values if value is not None), None)


def _warnings(
    campaign: Campaign, tally: _Tally, *, holdout: int, rate: float | None, power: float | None
) -> list[dict[str, Any]]:
    """Codes of what could go wrong, with facts; ``wording`` says them."""
    found: list[dict[str, Any]] = []
    sender = senders.sender()

    def warn(code: str, **facts: object) -> None:
        found.append({"code": code, "facts": facts})

    if not tally.treated:
        warn("nobody")
    if not campaign.holdout:
        warn("no_holdout")
    elif power is None or (rate and power > rate):
        warn("cannot_show", treated=tally.treated, held_out=holdout)
    if tally.treated and tally.left_out and sum(tally.left_out.values()) > tally.audience / 2:
        warn("mostly_left_out", left_out=sum(tally.left_out.values()), audience=tally.audience)
    if rate is not None and rate < 0.1:
        warn("mostly_stayers", rate=rate)
    if rate is None and tally.treated:
        warn("not_scored")
    version = campaign.message.versions.order_by("-number").first() if campaign.message else None
    wordless = {lang: n for lang, n in tally.languages.items() if version and lang not in version.parts}
    if wordless:
        warn("no_wording", languages=sorted(wordless), customers=sum(wordless.values()))
    if campaign.offer is None and _speaks_of_an_offer(campaign):
        warn("no_offer")
    if campaign.offer is not None:
        if campaign.offer.stock is not None and campaign.offer.stock < tally.treated:
            warn("short_stock", stock=campaign.offer.stock, treated=tally.treated)
        until = campaign.offer.valid_until
        if until is not None and until < timezone.localdate():
            warn("offer_over", until=until.isoformat())
    if sender.is_real:
        for one in sender.domain_report.get("findings", []):
            if one.get("severity") in ("error", "warning"):
                warn("domain", finding=one)
        if not sender.domain_checked_at:
            warn("domain_unchecked")
    else:
        warn("mailbox")
    if audience.current_uplift() is None or not audience.current_uplift().is_ready:
        warn("uplift_not_proved")
    return found


def _speaks_of_an_offer(campaign: Campaign) -> bool:
    """Whether a wording names the offer: where there is none, that sentence would come to nothing."""
    templates = [one for one in (campaign.message, campaign.rival) if one is not None]
    newest = [one.versions.order_by("-number").first() for one in templates]
    return any("{offer_" in str(version.parts) for version in newest if version is not None)


# ---------------------------------------------------------------- the launch


def _launch(held: jobs.Claim, campaign: Campaign) -> None:
    job: Preparation = held.job
    if campaign.state != State.LAUNCHING:
        return
    asked = audience.Asked(campaign.frozen["rule"])
    if campaign.frozen.get("uplift"):
        asked = audience.Asked(campaign.frozen["rule"], audience.current_uplift())
    tally = _Tally(job.tally)
    total = max(campaign.checked.get("audience", 0), tally.audience)
    held.report(tally.audience, total, _("Freezing the audience"), force=True)
    lots = Eligibility(senders.sender(), campaign, default_language=campaign.default_language)
    for keys in _blocks(asked, after=job.last_customer):
        people = lots.people(keys)
        arms = _arms(campaign, people)
        tally.add(people, arms)
        with transaction.atomic():
            _write(campaign, people, arms)
            held.save(last_customer=keys[-1], tally=tally.as_json())
        held.report(tally.audience, max(total, tally.audience), _("Freezing the audience"))
        if not Campaign.objects.filter(pk=campaign.pk, state=State.LAUNCHING).exists():
            raise jobs.Cancelled
    if connection.vendor == "postgresql":
        bulk.analyse(Recipient)
    for held_out in _held_out(campaign):
        customers.record_contacts(
            campaign_code=campaign.code,
            customers=held_out,
            kind=Interaction.Kind.HELD_OUT,
            on=timezone.localdate(campaign.launched_at),
        )
        held.report(tally.audience, tally.audience, _("Noting who is left alone"))
    snapshots.keep(campaign)
    with transaction.atomic():
        if try_move(campaign, State.LAUNCHING, State.RUNNING, checked=campaign.checked | tally.as_json()):
            for shift in running.open_shifts(campaign):
                jobs.ring(shift)


def _held_out(campaign: Campaign) -> Iterator[list[int]]:
    rows = Recipient.objects.filter(campaign=campaign, state=Recipient.State.HELD_OUT).order_by("pk")
    after = 0
    while block := list(rows.filter(pk__gt=after).values_list("pk", "customer_id")[:BLOCK]):
        yield [customer for _pk, customer in block]
        after = block[-1][0]


_COLUMNS = (
    "tenant_id", "campaign_id", "customer_id", "arm", "state", "language", "address", "address_key", "risk",
    "monthly_charges", "fence", "attempts", "reply", "reason",
)  # fmt: skip


def _write(campaign: Campaign, people: Sequence[Person], arms: Sequence[str]) -> None:
    tenant = current_tenant().pk
    as_key: Any = tenant if connection.vendor == "postgresql" else tenant.hex
    as_number = (lambda value: value) if connection.vendor == "postgresql" else _plain

    def rows():
        for one, arm in zip(people, arms, strict=True):
            if not one.reason:
                state = Recipient.State.HELD_OUT if arm == Recipient.Arm.HOLDOUT else Recipient.State.QUEUED
                yield (
                    as_key, campaign.pk, one.pk, str(arm), str(state), one.language, one.address, one.address_key,
                    one.risk, as_number(one.monthly_charges), 0, 0, "", "",
                )  # fmt: skip

    bulk.insert(Recipient._meta.db_table, _COLUMNS, rows())


def _plain(value):
    return str(value) if value is not None else None


def _blocks(asked: audience.Asked, *, after: int) -> Iterator[list[int]]:
    """Keys of the audience, rising, block by block."""
    rows = audience.customers_of(asked).order_by("pk").values_list("pk", flat=True)
    for _n in count():
        block = list(rows.filter(pk__gt=after)[:BLOCK])
        if not block:
            return
        yield block
        if len(block) < BLOCK:
            return
        after = block[-1]


def _arms(campaign: Campaign, people: Sequence[Person]) -> list[str]:
    """The lot of each, by the customer's own number: the same whenever it is drawn."""
    if not people:
        return []
    variants, shares = (("a",), None)
    if campaign.rival_id:
        variants, shares = ("a", "b"), (1 - campaign.rival_share, campaign.rival_share)
    drawn = experiment.assign(
        [one.number for one in people], salt=campaign.salt, holdout=campaign.holdout, variants=variants, shares=shares
    )
    names = (Recipient.Arm.HOLDOUT, Recipient.Arm.A, Recipient.Arm.B)
    return [names[code] for code in drawn.tolist()]
