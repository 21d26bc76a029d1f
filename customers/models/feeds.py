"""Feeds: where data comes from by itself, how often, and what each look brought."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import OPEN_STATES, JobState, PublicId, TimeStamped
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel

from .imports import Import

FEWEST_MINUTES, MOST_MINUTES = 5, 1_440  # between two looks


class Feed(TenantModel, PublicId, TimeStamped):
    """A folder, a query or an address that is read on a schedule, in the company's own time.

    ``options``: what is no secret, by kind: folder {pattern}; sql {driver, machine, query}; https {address, scheme of the
    credentials}; any {sheet}. ``secret``: sealed, opened by its channel only (core.secrets).
    """

    class Kind(models.TextChoices):
        FOLDER = "folder", _("folder")
        SQL = "sql", _("database")
        HTTPS = "https", _("web address")

    class Rhythm(models.TextChoices):
        MINUTES = "minutes", _("every few minutes")
        HOURLY = "hourly", _("every hour")
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("every week")

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    class Review(models.TextChoices):
        AGREE = "agree", _("a person agrees first")
        AT_ONCE = "at_once", _("brought in at once")

    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    is_active = models.BooleanField(_("active"), default=True)
    rhythm = models.CharField(_("how often"), max_length=8, choices=Rhythm, default=Rhythm.DAILY)
    every_minutes = models.PositiveSmallIntegerField(
        _("minutes"), default=60, validators=[MinValueValidator(FEWEST_MINUTES)]
    )
    at = models.TimeField(_("time of day"), default=time(6, 0))
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday, default=Weekday.MONDAY)
    review = models.CharField(_("what it brings is"), max_length=8, choices=Review, default=Review.AGREE)
    without_label = models.BooleanField(_("need not say who left"), default=False)
    empty_clears = models.BooleanField(_("empty means empty"), default=False)
    options = models.JSONField(_("options"), default=dict, blank=True)
    secret = models.TextField(blank=True, editable=False)
    next_run_at = models.DateTimeField(_("next run"), null=True, blank=True)
    last_run_at = models.DateTimeField(_("last run"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0)
    paused_by_itself = models.BooleanField(_("paused by itself"), default=False)
    # What was brought before this moment came from another place, or was read in another way.
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("set up by")
    )

    class Meta:
        verbose_name = _("feed")
        verbose_name_plural = _("feeds")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="feed_name"),
            models.CheckConstraint(name="feed_not_too_often", condition=models.Q(every_minutes__gte=FEWEST_MINUTES)),
            models.CheckConstraint(name="feed_weekday", condition=models.Q(weekday__lte=6)),
        ]
        indexes = [models.Index(fields=["tenant", "next_run_at"], name="feed_due")]

    def __str__(self) -> str:
        return self.name

    @property
    def secret_scope(self) -> str:
        """Whose and what the sealed text is: see core.secrets."""
        return f"{self.tenant_id}/feed/{self.public_id}"

    def due_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first time of the schedule after ``moment``. A local time that a clock change leaves out comes just after it."""
        if self.rhythm == self.Rhythm.MINUTES:
            return moment + timedelta(minutes=max(self.every_minutes, FEWEST_MINUTES))
        if self.rhythm == self.Rhythm.HOURLY:
            return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        day = moment.astimezone(zone).date()
        step = 1
        if self.rhythm == self.Rhythm.WEEKLY:
            day += timedelta(days=(self.weekday - day.weekday()) % 7)
            step = 7
        due = datetime.combine(day, self.at, tzinfo=zone)
        if due.astimezone(UTC) <= moment:
            due = datetime.combine(day + timedelta(days=step), self.at, tzinfo=zone)
        return due.astimezone(UTC)


class FeedRun(TenantJob):
    """One look at a feed's source, or a test of it. Rests ``awaiting`` while its import waits for a person.

    A file's content (``fingerprint``) and its import stand on this row before anything is moved or written, so that a
    worker that dies between two steps leaves nothing to be brought in twice.
    """

    task_name = "customers.tasks.run_feed"

    class Outcome(models.TextChoices):
        NOTHING = "nothing", _("nothing to bring")
        UNCHANGED = "unchanged", _("unchanged")
        REPEATED = "repeated", _("brought in before")
        WAITING = "waiting", _("waits for a person")
        IMPORTED = "imported", _("brought in")
        DECLINED = "declined", _("declined by a person")
        REFUSED = "refused", _("not brought in")
        TESTED = "tested", _("tested")

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="runs", verbose_name=_("feed"))
    is_test = models.BooleanField(_("test"), default=False)
    is_scheduled = models.BooleanField(_("by schedule"), default=True)
    found = models.CharField(_("file"), max_length=255, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    import_run = models.ForeignKey(
        Import, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("import")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    report = models.JSONField(_("report"), default=dict, blank=True)

    class Meta:
        verbose_name = _("run of a feed")
        verbose_name_plural = _("runs of feeds")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "feed", "is_test"],
                condition=models.Q(state__in=(*OPEN_STATES, JobState.AWAITING)),
                name="feed_run_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "feed", "-id"], name="feed_run_newest"),
            models.Index(fields=["tenant", "feed", "fingerprint"], name="feed_run_content"),
        ]

    def __str__(self) -> str:
        return f"{self.feed_id} {self.requested_at:%Y-%m-%d %H:%M}"
