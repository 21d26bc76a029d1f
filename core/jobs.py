"""Who may run a job, how far it is, and what becomes of it when its worker dies.

Every change is a compare-and-set on the row, so that two workers, a sweeper and a person pressing "cancel" can act at
once. The same code runs embedded and in production, in a worker and in the foreground of a command.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from . import companies, logs
from .errors import Refused
from .models import Job, JobState
from .signals import job_buried

logger = logging.getLogger(__name__)

_watchers: contextvars.ContextVar[tuple[Callable[[Job], None], ...]] = contextvars.ContextVar("watchers", default=())
_WRITE_EVERY_SECONDS = 0.4


class NotClaimable(Exception):
    """Somebody else has the job, or it is over. Nothing to do: a duplicate message is normal."""


class LeaseLost(Exception):
    """This worker was taken for dead and its job given to another: stop, write nothing more."""


class Cancelled(Exception):
    """A person asked for the job to stop."""


class Claim:
    """A job row that this process runs: the row's own attributes, and ``report`` to say how far it is."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.token = job.token
        self.outcome = JobState.SUCCEEDED
        self.not_before: datetime | None = None
        self.error = ("", "")
        self._written = 0.0
        self._lost = threading.Event()

    def _row(self):
        return type(self.job)._base_manager.filter(pk=self.job.pk, token=self.token, state=JobState.RUNNING)

    def report(self, done: int, total: int, note: str = "", *, force: bool = False) -> None:
        """Say how far the work is. Written at most every 0.4 s; raises Cancelled or LeaseLost where it must stop."""
        if self._lost.is_set():
            raise LeaseLost
        job = self.job
        changed_note = note != job.progress_note
        job.progress_done, job.progress_total, job.progress_note = done, total, note[:200]
        if not (force or changed_note) and time.monotonic() - self._written < _WRITE_EVERY_SECONDS:
            return
        self._written = time.monotonic()
        for watcher in _watchers.get():
            watcher(job)
        written = self._row().update(
            progress_done=done,
            progress_total=total,
            progress_note=note[:200],
            lease_until=timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS),
        )
        if written != 1:
            raise LeaseLost
        if type(job)._base_manager.filter(pk=job.pk, cancel_requested=True).exists():
            raise Cancelled

    def report_fraction(self, fraction: float, note: str = "") -> None:
        self.report(round(1000 * fraction), 1000, note)

    def save(self, **fields: object) -> None:
        """Write columns of the job's own model, only while the claim still holds."""
        if self._row().update(**fields) != 1:
            raise LeaseLost
        for name, value in fields.items():
            setattr(self.job, name, value)

    def await_person(self) -> None:
        """End this stretch of work ``awaiting``: a person decides how it goes on (``resume``)."""
        self.outcome = JobState.AWAITING

    def rest_until(self, moment: datetime) -> None:
        """End this stretch of work waiting: the job goes on by itself at ``moment``, and nothing failed."""
        self.outcome, self.not_before = JobState.QUEUED, moment

    def give_up(self, code: str, message: str, *, state: str = JobState.DEAD) -> None:
        """End with a reason and without an exception: the job itself has tried as long as makes sense."""
        self.outcome, self.error = state, (code, message)

    def made_headway(self) -> None:
        """Count the attempts anew: a worker killed after this is not one more failure of the same work."""
        self.save(attempts=1)

    def renew(self) -> bool:
        lease = timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        if self._row().update(lease_until=lease) == 1:
            return True
        self._lost.set()
        return False


@contextmanager
def watching(watcher: Callable[[Job], None]) -> Iterator[None]:
    """Call ``watcher`` at each report of the jobs run in this context: a command's progress bar."""
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


def claim(model: type[Job], job_id: int) -> Claim | None:
    """Take a waiting job, or one whose worker's lease ran out. None where somebody else was first or it is over.

    Asked through the default manager: a message may name any job, and one of another company is not there (RULES 2).
    """
    now = timezone.now()
    due = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_until__lt=now)
    taken = (
        model.objects.filter(due, pk=job_id, attempts__lt=settings.JOB_MAX_ATTEMPTS)
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .update(
            state=JobState.RUNNING,
            attempts=F("attempts") + 1,
            token=F("token") + 1,
            lease_until=now + timedelta(seconds=settings.JOB_LEASE_SECONDS),
            started_at=Coalesce("started_at", now),
            error_code="",
            error_message="",
        )
    )
    if taken != 1:
        return None
    return Claim(model.objects.get(pk=job_id))


@contextmanager
def claimed(model: type[Job], job_id: int) -> Iterator[Claim]:
    """Run a job's body: claim, keep the lease, and write how it ended.

    A Refused ends it ``failed`` with its sentence: trying again would change nothing. Another exception puts it back
    in the queue with a growing pause until ``JOB_MAX_ATTEMPTS``, then it is ``dead``. Both are raised on to the caller.
    """
    held = claim(model, job_id)
    if held is None:
        raise NotClaimable(f"{model.__name__} {job_id}")
    stop = _keep_lease(held)
    told = logs.bind(job=f"{model._meta.label_lower}:{job_id}")
    try:
        yield held
    except Cancelled:
        _end(held, JobState.CANCELLED)
        raise
    except LeaseLost:
        logger.warning("lease lost: %s %s", model.__name__, job_id)
        raise
    except Refused as refusal:
        _end(held, JobState.FAILED, refusal.code, refusal.message)
        raise
    except Exception as error:
        _retry_or_bury(held, error)
        raise
    except BaseException:
        # Ctrl-C or a stopping worker: let go at once, so that nobody has to wait for the lease to run out.
        held._row().update(state=JobState.QUEUED, lease_until=None, published_at=None, attempts=F("attempts") - 1)
        raise
    else:
        if held.outcome == JobState.QUEUED:
            _rest(held)
        else:
            _end(held, held.outcome, *held.error)
    finally:
        stop()
        logs.unbind(told)


def _keep_lease(held: Claim) -> Callable[[], None]:
    """Renew the lease from a thread of its own, since a long fit reports nothing for a while."""
    pause = settings.JOB_HEARTBEAT_SECONDS
    if not pause:
        return lambda: None
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(pause):
            try:
                if not held.renew():
                    return
            except Exception:
                logger.exception("heartbeat failed")
            finally:
                close_old_connections()
        connection.close()

    # In a copy of this context: the row is its company's, and shows itself within that scope only.
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(beat,), name=f"lease-{held.job.pk}", daemon=True
    )
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join(timeout=pause)

    return stop


def _end(held: Claim, state: str, code: str = "", message: str = "") -> None:
    finished = timezone.now()
    ended = held._row().update(
        state=state, finished_at=finished, lease_until=None, error_code=code, error_message=message
    )
    if ended != 1:
        raise LeaseLost
    held.job.state, held.job.finished_at = state, finished
    held.job.error_code, held.job.error_message = code, message
    for watcher in _watchers.get():
        watcher(held.job)


def _rest(held: Claim) -> None:
    waiting = {"state": JobState.QUEUED, "not_before": held.not_before, "attempts": 0}
    if held._row().update(lease_until=None, published_at=None, **waiting) != 1:
        raise LeaseLost
    for name, value in waiting.items():
        setattr(held.job, name, value)


def _retry_or_bury(held: Claim, error: Exception) -> None:
    attempts = held.job.attempts
    reason = f"{type(error).__name__}: {error}"[:2000]
    if attempts >= settings.JOB_MAX_ATTEMPTS:
        _end(held, JobState.DEAD, "error", reason)
        job_buried.send(sender=type(held.job), model=type(held.job), job_id=held.job.pk)
        return
    held._row().update(
        state=JobState.QUEUED,
        lease_until=None,
        published_at=None,
        not_before=timezone.now() + timedelta(seconds=5 * 3 ** (attempts - 1)),
        error_code="error",
        error_message=reason,
    )


# ---------------------------------------------------------------- the doorbell


def ring(job: Job) -> None:
    """Tell a worker, once the row is committed, that this job waits. With the broker down it waits for the sweeper."""
    transaction.on_commit(lambda: _publish(job))


def _publish(job: Job) -> bool:
    task = current_app.tasks[job.task_name]
    if current_app.conf.broker_url.startswith("memory:") and not current_app.conf.task_always_eager:
        return False  # no broker in this process: the row waits for the sweeper of the running site
    try:
        task.apply_async(kwargs=job.message(), retry=False)
    except (OSError, OperationalError) as error:
        logger.warning("broker unreachable, %s %s waits as a row: %s", type(job).__name__, job.pk, error)
        return False
    type(job)._base_manager.filter(pk=job.pk).update(published_at=timezone.now())
    return True


def resume(job: Job, *, since: tuple[str, ...] = (JobState.AWAITING,), **fields: object) -> bool:
    """Put a resting job back in the queue for its next stretch, with ``fields`` written along. False: it moved meanwhile."""
    fresh = {
        "state": JobState.QUEUED,
        "attempts": 0,
        "published_at": None,
        "not_before": None,
        "started_at": None,
        "finished_at": None,
        "cancel_requested": False,
        "progress_done": 0,
        "progress_total": 0,
        "progress_note": "",
        "error_code": "",
        "error_message": "",
    }
    taken = type(job)._base_manager.filter(pk=job.pk, state__in=since, token=job.token).update(**fresh, **fields)
    job.refresh_from_db()
    return taken == 1


def job_models() -> list[type[Job]]:
    return [model for model in apps.get_models() if issubclass(model, Job)]


def sweep() -> int:
    """Ring again for every job whose message or worker was lost; bury those that died too often. Returns how many."""
    now = timezone.now()
    found = 0
    for company in companies.each():
        with company:
            for model in _unquiet(now):
                rung, is_heard = _sweep(model, now)
                found += rung
                if not is_heard:
                    return found
    return found


def _unquiet(now: datetime) -> list[type[Job]]:
    """Kinds of which there is something to sweep. On PostgreSQL by one question, since it is put for each company."""
    models = job_models()
    if connection.vendor != "postgresql":
        return models
    asked = [
        model._base_manager.filter(_is_due(now) | _is_orphaned(now) | Q(state=JobState.QUEUED, cancel_requested=True))
        .order_by()
        .values_list(Value(place))[:1]
        for place, model in enumerate(models)
    ]
    return [models[place] for (place,) in sorted(asked[0].union(*asked[1:], all=True))] if asked else []


def _is_due(now: datetime) -> Q:
    """Waiting, and nobody was told, or nobody heard."""
    unheard = now - timedelta(seconds=settings.JOB_LEASE_SECONDS)
    return Q(state=JobState.QUEUED) & (Q(published_at=None) | Q(published_at__lt=unheard))


def _is_orphaned(now: datetime) -> Q:
    return Q(state=JobState.RUNNING, lease_until__lt=now)


def _sweep(model: type[Job], now: datetime) -> tuple[int, bool]:
    """How many were rung for, and whether the broker takes messages."""
    rows = model._base_manager
    _bury_lost(model, now)
    rows.filter(state=JobState.QUEUED, cancel_requested=True).update(state=JobState.CANCELLED, finished_at=now)
    due = rows.filter(_is_due(now) | _is_orphaned(now)).filter(Q(not_before=None) | Q(not_before__lte=now))
    found = 0
    for job in due.order_by("requested_at")[:200]:
        if not _publish(job):
            return found, False
        found += 1
    return found, True


def _bury_lost(model: type[Job], now: datetime) -> None:
    """End jobs whose workers died as often as is allowed, and say so where their owner looks."""
    lost = model._base_manager.filter(
        state=JobState.RUNNING, lease_until__lt=now, attempts__gte=settings.JOB_MAX_ATTEMPTS
    )
    for pk in list(lost.values_list("pk", flat=True)[:200]):
        buried = lost.filter(pk=pk).update(
            state=JobState.DEAD,
            finished_at=now,
            error_code="worker_lost",
            error_message=_("The worker stopped %(times)d times while running this job.")
            % {"times": settings.JOB_MAX_ATTEMPTS},
        )
        if buried:
            job_buried.send(sender=model, model=model, job_id=pk)


def is_lost_for_good(job: Job) -> bool:
    """Whether its last allowed worker died: the sweeper will bury it, nobody can claim it."""
    lapsed = job.lease_until is not None and job.lease_until < timezone.now()
    return job.state == JobState.RUNNING and lapsed and job.attempts >= settings.JOB_MAX_ATTEMPTS


def cancel(job: Job) -> None:
    """Ask an open job to stop. A waiting or resting one stops at once, a running one at its next report."""
    rows = type(job)._base_manager.filter(pk=job.pk)
    now = timezone.now()
    if not rows.filter(state__in=(JobState.QUEUED, JobState.AWAITING)).update(
        state=JobState.CANCELLED, finished_at=now, cancel_requested=True
    ):
        rows.filter(state=JobState.RUNNING).update(cancel_requested=True)
    job.refresh_from_db()
