"""The companies of the demonstration: how far each is, and the next step, through the same jobs as in production."""

from __future__ import annotations

import hashlib
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from churnguard import seeding
from core import jobs
from core.console import ProgressBar
from core.errors import Refused
from core.models import OPEN_STATES, Job, JobState
from customers import samples
from customers import selectors as customers_selectors
from customers import services as customers
from customers.models import Import
from predictions import selectors
from predictions import services as predictions
from predictions.models import ScoringRun, TrainingRun
from tenants import services as tenants
from tenants.company import company
from tenants.models import AuditEntry, Role, Tenant
from tenants.scoping import tenant_scope

from . import decisions
from .steps import Stand, Step, due

HISTORY_RECORDED = "sample_history_recorded"
POLL_SECONDS = 0.2
BOREALIS_CUSTOMERS = 300


class Guest(ABC):
    """A company that the demonstration fills, and where its customers come from.

    ``remembers``: it has a history to record; ``learns``: it is trained and scored; ``writes``: it has a past campaign.
    """

    slug: str
    name: str
    remembers: bool
    learns: bool
    writes: bool

    @abstractmethod
    def imports(self) -> list[Import]:
        """The imports of the wanted customers, newest first: the open one and those that ended well."""

    @abstractmethod
    @contextmanager
    def file(self) -> Iterator[Path]:
        """The file to import, for the length of the block."""

    @abstractmethod
    def people(self) -> list[tuple[str, str]]:
        """Who can sign in with the demonstration's password: role and e-mail."""

    def history(self) -> AuditEntry | None:
        """The line of the trail that says the history of these customers is recorded."""
        return None

    def record_history(self, progress: Callable[[float], None]) -> int:
        """Record months of use and past contacts; returns how many months. Asked only of who ``remembers``."""
        raise NotImplementedError


@dataclass(frozen=True)
class SampleCompany(Guest):
    """Made-up customers. A larger number holds every customer of a smaller one, under the same customer numbers."""

    source: seeding.Company
    customers: int
    seed: int
    remembers: bool = True
    learns: bool = True
    writes: bool = True

    @property
    def slug(self) -> str:
        return self.source.slug

    @property
    def name(self) -> str:
        return self.source.name

    def people(self) -> list[tuple[str, str]]:
        return [(person.role, person.email) for person in self.source.people]

    def imports(self) -> list[Import]:
        found = Import.objects.filter(filename__startswith="sample-", state__in=(*OPEN_STATES, JobState.SUCCEEDED))
        return [run for run in found.order_by("-pk") if run.is_open or self._size(run.filename) >= self.customers]

    @staticmethod
    def _size(filename: str) -> int:
        digits = filename.removeprefix("sample-").removesuffix(".csv")
        return int(digits) if digits.isdigit() else 0

    @contextmanager
    def file(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=settings.VAR_DIR, prefix="sample-") as folder:
            path = Path(folder) / f"sample-{self.customers}.csv"
            yield samples.write_sample_file(path=path, customers=self.customers, seed=self.seed)

    def history(self) -> AuditEntry | None:
        return AuditEntry.objects.filter(verb=HISTORY_RECORDED, facts__customers__gte=self.customers).first()

    def record_history(self, progress: Callable[[float], None]) -> int:
        months = samples.record_sample_history(customers=self.customers, seed=self.seed, progress=progress)
        # After the last month, so that an interrupted recording is done again: a month that is known is written anew.
        tenants.record(HISTORY_RECORDED, customers=self.customers, months=months)
        return months


@dataclass(frozen=True)
class OwnFile(Guest):
    """A person's own file, in a company named after it."""

    path: Path
    slug: str
    name: str
    digest: str
    remembers: bool = False
    learns: bool = True
    writes: bool = False

    def people(self) -> list[tuple[str, str]]:
        return [(Role.OWNER, owner_of(self.slug))]

    def imports(self) -> list[Import]:
        """Empty where the newest import of a file of this name was of other content."""
        newest = (
            Import.objects.filter(filename=self.path.name[:255], state__in=(*OPEN_STATES, JobState.SUCCEEDED))
            .order_by("-pk")
            .first()
        )
        return [newest] if newest and (newest.is_open or newest.sha256 == self.digest) else []

    @contextmanager
    def file(self) -> Iterator[Path]:
        yield self.path


def sample_companies(count: int) -> list[Guest]:
    """Atlas with the whole pipeline, Borealis with customers only, to prove the separation."""
    return [
        SampleCompany(seeding.ATLAS, count, seeding.DEMO_SEED),
        SampleCompany(seeding.BOREALIS, BOREALIS_CUSTOMERS, seeding.DEMO_SEED + 1, remembers=False, learns=False),
    ]


def own_company(path: Path) -> OwnFile:
    """The company for a person's file. Raises Refused, and leaves nothing behind, where it is no table of customers."""
    # Also part of the owner's address, where an underscore would be no host's name.
    slug = slugify(path.stem.replace("_", " "))[:50].strip("-") or "my-company"
    if slug in (seeding.ATLAS.slug, seeding.BOREALIS.slug):
        slug += "-file"
    guest = OwnFile(path, slug, path.stem[:120], _digest(path))
    with transaction.atomic():
        tenant = Tenant.objects.filter(slug=slug).first() or tenants.create_company(slug=slug, name=guest.name)
        with tenant_scope(tenant):
            email = owner_of(slug)
            if not tenant.memberships.filter(user__email=email).exists():
                tenants.add_member(email=email, name="", role=Role.OWNER, password=seeding.DEMO_PASSWORD)
            if not guest.imports():
                # In the same transaction: with a file that is refused, the company made for it goes as well.
                customers.open_import(path=path)
    return guest


def owner_of(slug: str) -> str:
    return f"owner@{slug}.example.com"


def _digest(path: Path) -> str:
    """SHA-256 of the file; empty where it cannot be read, which ``open_import`` then says in words."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


# ---------------------------------------------------------------- how far a company is


def stand(guest: Guest) -> Stand:
    """The facts behind ``steps.due``; inside the company's scope."""
    imports = guest.imports()
    done = next((run for run in imports if not run.is_open), None)
    history = guest.history()
    complete_at = history.at if history else done.finished_at if done else None
    champion, current = selectors.champion(), selectors.current_run()
    return Stand(
        import_open=any(run.is_open for run in imports),
        is_imported=done is not None,
        has_history=history is not None,
        training_open=selectors.open_training() is not None,
        is_judged=complete_at is not None and _judged_since(complete_at),
        has_champion=champion is not None,
        scoring_open=selectors.open_scoring() is not None,
        is_scored=champion is not None and current is not None and current.version_id == champion.pk,
        has_campaigns=decisions.have_begun_campaigns(),
    )


def _judged_since(moment: datetime) -> bool:
    """Also a refusal counts: the same customers would be refused again."""
    ended = (JobState.SUCCEEDED, JobState.FAILED)
    return TrainingRun.objects.filter(requested_at__gte=moment, state__in=ended).exists()


def next_step(guest: Guest) -> Step:
    with company(guest.slug):
        return due(stand(guest), remembers=guest.remembers, learns=guest.learns, writes=guest.writes)


# ---------------------------------------------------------------- doing it


class Guide:
    """Leads a company through its steps with a bar for each; ``meanwhile`` is called while it waits."""

    def __init__(self, say: Callable[[str], None], meanwhile: Callable[[], None]) -> None:
        self.say = say
        self.meanwhile = meanwhile

    def lead(self, guest: Guest) -> None:
        """Do what is due until nothing is. A job that fails says why in one line and ends this company's turn."""
        asked: set[Step] = set()
        if next_step(guest) is not Step.NOTHING:
            self.say(guest.name)
        while (step := next_step(guest)) is not Step.NOTHING and step not in asked:
            if not step.startswith("wait"):
                asked.add(step)
            try:
                with company(guest.slug):
                    self._do(step, guest)
            except Refused as refusal:
                self.say(f"  {refusal.message}")
                return

    def _do(self, step: Step, guest: Guest) -> None:
        match step:
            case Step.IMPORT:
                with guest.file() as path:
                    run = customers.open_import(path=path)
                self._import(run)
            case Step.WAIT_IMPORT:
                self._import(next(run for run in guest.imports() if run.is_open))
            case Step.HISTORY:
                self._record_history(guest)
            case Step.TRAIN:
                if isinstance(guest, SampleCompany):
                    decisions.decide_for_the_sample()
                self._train(predictions.open_training())
            case Step.WAIT_TRAINING:
                if run := selectors.open_training():
                    self._train(run)
            case Step.SCORE:
                self._score(predictions.require_scoring())
            case Step.WAIT_SCORING:
                if run := selectors.open_scoring():
                    self._score(run)
            case Step.CAMPAIGNS:
                decisions.begin_campaigns()

    def _import(self, run: Import) -> None:
        self._follow("Importing", run, lambda: f"{run.rows_read:,} read, {run.rows_refused:,} refused")

    def _train(self, run: TrainingRun) -> None:
        self._follow("Training", run, lambda: _quality(run))
        decisions.take_the_newest()
        if not selectors.champion():
            predictions.require_scoring()  # says why nobody is in charge

    def _score(self, run: Job) -> None:
        self._follow("Scoring", run, lambda: f"{run.scored:,} scored, {_high(run):,} at high risk")

    def _record_history(self, guest: Guest) -> None:
        bar = ProgressBar("  Months of use")

        def draw(fraction: float) -> None:
            bar.draw(fraction)
            self.meanwhile()

        try:
            months = guest.record_history(draw)
            bar.draw(1.0, f"{months:,} months")
        finally:
            bar.close()

    def _follow(self, label: str, job: Job, outcome: Callable[[], str]) -> None:
        """Ring for the job and draw its row until it is over; raises Refused with its reason where it failed."""
        jobs.ring(job)
        bar = ProgressBar(f"  {label}")
        try:
            while job.is_open:
                bar(job)
                time.sleep(POLL_SECONDS)
                self.meanwhile()
                job.refresh_from_db()
            if job.state == JobState.SUCCEEDED:
                bar.draw(1.0, outcome())
        finally:
            bar.close()
        if job.state != JobState.SUCCEEDED:
            raise Refused(job.error_code or job.state, f"{label}: {job.error_message or job.get_state_display()}")


def _high(run: ScoringRun) -> int:
    """Of those who are still customers, as the dashboard counts them."""
    return run.summary.get("present", {}).get("bands", run.bands)["high"]


def _quality(run: TrainingRun) -> str:
    version = selectors.version_of(run)
    return f"{version.algorithm}, ROC AUC {version.metrics['roc_auc']:.3f}" if version else ""


# ---------------------------------------------------------------- what to say of it


def described(guest: Guest) -> str:
    """The company in one line: how many customers, how many at risk, or why there is no model."""
    with company(guest.slug):
        count = f"{customers_selectors.customer_base()['customers']:,} customers"
        if run := selectors.current_run():
            return f"{count}, {_high(run):,} at high risk"
        last = selectors.training_list().first()
        if last and last.error_message:
            return f"{count}; {last.error_message}"
        return f"{count}, no model yet"
