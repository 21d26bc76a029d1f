"""Feeds: set up, changed, paused, resumed, and looked at when they are due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from core.models import OPEN_STATES, JobState
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from ..models import Feed, FeedRun
from . import feed_sources
from .feed_sources import Given

MOST_FEEDS = 50
_SCHEDULE = ("rhythm", "every_minutes", "at", "weekday")
_SETTINGS = ("name", *_SCHEDULE, "review", "without_label", "empty_clears")
# What each rhythm has to know besides.
NEEDS: dict[str, tuple[str, ...]] = {
    Feed.Rhythm.MINUTES: ("every_minutes",),
    Feed.Rhythm.HOURLY: (),
    Feed.Rhythm.DAILY: ("at",),
    Feed.Rhythm.WEEKLY: ("at", "weekday"),
}
_TESTS_KEPT = timedelta(days=1)  # a test's report has rows in it


def create_feed(*, kind: str, given: Given, actor: User | None, **fields: object) -> Feed:
    """A new feed of the company in scope; ``fields``: name, schedule and how what it brings is taken. Raises Refused."""
    if Feed.objects.count() >= MOST_FEEDS:
        raise Refused("too_many_feeds", _("A company has at most %(maximum)s feeds.") % {"maximum": MOST_FEEDS})
    feed = Feed(kind=kind, created_by=actor)
    feed.enter_scope()
    return _save(feed, given, fields, "feed_created", actor)


def change_feed(*, feed: Feed, given: Given | None, actor: User | None, **fields: object) -> Feed:
    """Other options; credentials that are not given again stay, for the same machine. ``given`` None: so does the source.
    Raises Refused."""
    return _save(feed, given, fields, "feed_changed", actor)


def _save(feed: Feed, given: Given | None, fields: dict[str, object], verb: str, actor: User | None) -> Feed:
    before = {name: getattr(feed, name) for name in (*_SETTINGS, "options", "secret")}
    for name in fields:
        if name not in _SETTINGS:
            raise TypeError(name)
        setattr(feed, name, fields[name])
    if given is not None:
        feed_sources.describe(feed, given)
    changed = sorted(name for name, value in before.items() if getattr(feed, name) != value)
    if {"options", "secret"} & set(changed):
        feed.changed_at = timezone.now()
    if feed.pk is None or {*_SCHEDULE} & set(changed):
        feed.next_run_at = _due(feed)
    try:
        feed.full_clean(exclude=["tenant", "created_by"])
        with transaction.atomic():
            feed.save()
            # By their names: a query, an address and a secret are no matter for the trail.
            tenants.record(verb, feed, actor=actor, fields=changed)
    except ValidationError as error:
        raise Refused("invalid", " ".join(error.messages)) from error
    except IntegrityError as error:
        raise Refused("name_taken", _("Another feed has this name.")) from error
    return feed


def missing_of_schedule(said: Mapping[str, object]) -> dict[str, str]:
    """What the rhythm that is said has to know and does not: field -> sentence."""
    sentences = {
        "every_minutes": _("Say how many minutes."),
        "at": _("Say at what time."),
        "weekday": _("Say on which day."),
    }
    return {name: sentences[name] for name in NEEDS.get(said.get("rhythm"), ()) if said.get(name) is None}


def _due(feed: Feed):
    return feed.due_after(timezone.now(), ZoneInfo(current_tenant().time_zone))


def pause_feed(*, feed: Feed, actor: User | None) -> None:
    """Nothing is looked at by schedule any more; what runs goes on."""
    with transaction.atomic():
        if Feed.objects.filter(pk=feed.pk, is_active=True).update(is_active=False, paused_by_itself=False):
            tenants.record("feed_paused", feed, actor=actor)


def resume_feed(*, feed: Feed, actor: User | None) -> None:
    """By schedule again, from its next time on; earlier failures are forgotten."""
    fresh = {"is_active": True, "paused_by_itself": False, "failures": 0, "next_run_at": _due(feed)}
    with transaction.atomic():
        if Feed.objects.filter(pk=feed.pk, is_active=False).update(**fresh):
            tenants.record("feed_resumed", feed, actor=actor)


def delete_feed(*, feed: Feed, actor: User | None) -> None:
    """The feed, its credentials and its history go; what it brought stays. Refused while it is at work."""
    if FeedRun.objects.filter(feed=feed, state__in=OPEN_STATES).exists():
        raise Refused("running", _("This feed is at work: stop it first, or wait."))
    with transaction.atomic():
        tenants.record("feed_deleted", feed, actor=actor)
        feed.delete()


def open_feed_run(*, feed: Feed, requested_by: User | None, is_test: bool = False) -> FeedRun:
    """A look that a person asks for, or a test. Refused where one is open already; the caller rings."""
    run = _open(feed, requested_by=requested_by, is_test=is_test, is_scheduled=False)
    if run is None:
        waits = FeedRun.objects.filter(feed=feed, is_test=False, state=JobState.AWAITING).exists()
        if waits and not is_test:
            raise Refused("awaiting", _("What this feed brought last still waits for a person: look at that first."))
        raise Refused("running", _("This feed is at work already."))
    tenants.record("feed_tested" if is_test else "feed_run_asked", feed, actor=requested_by)
    return run


def _open(feed: Feed, *, requested_by=None, is_test: bool = False, is_scheduled: bool = True) -> FeedRun | None:
    try:
        with transaction.atomic():
            return FeedRun.objects.create(
                feed=feed, requested_by=requested_by, is_test=is_test, is_scheduled=is_scheduled
            )
    except IntegrityError:
        return None


def stop_feed_run(*, run: FeedRun, actor: User | None) -> None:
    """Stop a look or a test; an import that it opened and that waits for a person goes on waiting."""
    jobs.cancel(run)
    tenants.record("feed_stopped", run.feed, actor=actor)


# ---------------------------------------------------------------- by the clock


def open_due_feeds() -> list[FeedRun]:
    """What is due in the company in scope: new looks, and those whose import a person has decided on. The caller rings."""
    now = timezone.now()
    FeedRun.objects.filter(is_test=True, requested_at__lt=now - _TESTS_KEPT).exclude(state__in=OPEN_STATES).delete()
    opened = _awaited()
    for feed in Feed.objects.filter(is_active=True, next_run_at__lte=now).order_by("next_run_at"):
        # Two beats at once: one of them has the turn.
        if not Feed.objects.filter(pk=feed.pk, next_run_at=feed.next_run_at).update(next_run_at=_due(feed)):
            continue
        if (run := _open_scheduled(feed)) is not None:
            opened.append(run)
    return opened


def _open_scheduled(feed: Feed) -> FeedRun | None:
    """A look by schedule; None where one is open, or where a glance shows that nothing lies in the folder."""
    if not _count_buried(feed):
        return None
    if feed.kind == Feed.Kind.FOLDER:
        try:
            is_empty = not feed_sources.inbox().ready(feed.options["pattern"])
        except Refused:
            is_empty = False  # to be told as the failure of a look
        if is_empty:
            Feed.objects.filter(pk=feed.pk).update(last_run_at=timezone.now())
            return None
    return _open(feed)


def open_following_run(*, run_id: int) -> FeedRun | None:
    """The next file of a folder, once one was dealt with; the caller rings."""
    run = FeedRun.objects.select_related("feed").filter(pk=run_id).first()
    if run is None or run.is_test or run.feed.kind != Feed.Kind.FOLDER or not run.found or not run.feed.is_active:
        return None
    if run.state not in (JobState.SUCCEEDED, JobState.FAILED):
        return None
    try:
        waiting = feed_sources.inbox().ready(run.feed.options["pattern"])
    except Refused:
        return None
    # A file that could not be put away must not be looked at in a circle.
    if not waiting or waiting[0].mark == run.report.get("mark"):
        return None
    return _open(run.feed, is_scheduled=run.is_scheduled)


def _awaited() -> list[FeedRun]:
    """Put looks back in the queue whose import is over, or was only busy elsewhere."""
    resting = FeedRun.objects.filter(state=JobState.AWAITING).select_related("import_run")
    over = ~Q(import_run__state__in=(*OPEN_STATES, JobState.AWAITING))
    busy = Q(report__waits_for="import", import_run__state=JobState.AWAITING)
    return [run for run in resting.filter(Q(import_run=None) | over | busy) if jobs.resume(run)]


def _count_buried(feed: Feed) -> bool:
    """A look whose workers died too often counts as a failure, once. False where the feed paused itself over it."""
    last = FeedRun.objects.filter(feed=feed, is_test=False).first()
    if last is not None and last.state == JobState.DEAD and not last.outcome:
        FeedRun.objects.filter(pk=last.pk).update(outcome=FeedRun.Outcome.REFUSED)
        return not note_failure(feed, last.error_message, is_told=True)
    return True


def note_failure(feed: Feed, reason: str, *, is_told: bool) -> bool:
    """Count a failure and ring the bell, unless it is told already. True where the feed paused itself over it."""
    now = timezone.now()
    Feed.objects.filter(pk=feed.pk).update(failures=F("failures") + 1, last_run_at=now)
    feed.refresh_from_db()
    facts = {"feed": feed.name, "reason": reason, "times": feed.failures}
    address = reverse("customers:feed_detail", args=[feed.public_id])
    if feed.is_active and feed.failures >= settings.FEED_PAUSE_AFTER:
        Feed.objects.filter(pk=feed.pk).update(is_active=False, paused_by_itself=True)
        tenants.record("feed_paused", feed, failures=feed.failures)
        tenants.notify("feed_paused", recipient=owner_of(feed), level=Level.ERROR, url=address, **facts)
        return True
    if not is_told:
        tenants.notify("feed_failed", recipient=owner_of(feed), level=Level.ERROR, url=address, **facts)
    return False


def owner_of(feed: Feed) -> User | None:
    """Who is told: who set it up, or everybody where that person is gone."""
    person = feed.created_by
    is_here = person is not None and current_tenant().memberships.filter(user=person).exists()
    return person if is_here else None


def reseal_feeds() -> tuple[int, int]:
    """Seal every secret of the company in scope under the newest key: (how many, how many could not be opened)."""
    done = lost = 0
    for feed in Feed.objects.exclude(secret=""):
        if feed_sources.reseal(feed):
            Feed.objects.filter(pk=feed.pk).update(secret=feed.secret)
            done += 1
        else:
            lost += 1
    return done, lost
