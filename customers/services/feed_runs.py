"""One look at a feed: fetch, open the import, carry it as far as nobody is needed, put the file away, say what came of it.

Every step leaves its mark on the FeedRun before the next begins. A look that is taken up again (its worker died, or a
person has decided meanwhile) goes on behind the last mark, so that no content is brought in twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused, Unreachable
from core.models import OPEN_STATES, JobState
from tenants import services as tenants
from tenants.models import Level
from tenants.scoping import current_tenant

from ..channels import Brought, Unchanged
from ..channels.folder import PROCESSED, REFUSED
from ..models import Feed, FeedRun, Import, ImportStep
from ..wording import feeds as words
from . import feed_sources, feed_tests, feeds, imports

Outcome = FeedRun.Outcome
_QUIET = (Outcome.NOTHING, Outcome.UNCHANGED, Outcome.REPEATED)
_KEPT_QUIET, _KEPT = 20, 200  # runs of one feed


def run_feed(*, run_id: int, follow: bool = True) -> FeedRun:
    """Do a look or a test. Raises Refused where it failed for good, Unreachable where it is tried again in a while."""
    try:
        with jobs.claimed(FeedRun, run_id) as held:
            run: FeedRun = held.job
            try:
                if run.is_test:
                    with staging(run) as folder:
                        feed_tests.test(held, run.feed, folder)
                else:
                    _look(held, run.feed, follow=follow)
            except Unreachable as error:
                if not run.is_test and run.attempts < settings.JOB_MAX_ATTEMPTS:
                    raise
                held.save(outcome=Outcome.REFUSED)
                raise Refused(error.code, error.message) from error
            except Refused:
                held.save(outcome=Outcome.REFUSED)
                raise
    except Refused as refusal:
        run = FeedRun.objects.select_related("feed__created_by").get(pk=run_id)
        if not run.is_test:
            # A failed import told its own failure.
            feeds.note_failure(run.feed, refusal.message, is_told=run.import_run_id is not None)
        raise
    _tidy(run.feed)
    return FeedRun.objects.get(pk=run_id)


def _look(held: jobs.Claim, feed: Feed, *, follow: bool) -> None:
    run: FeedRun = held.job
    if run.import_run_id is None and run.outcome == Outcome.WAITING:
        _settle(held, feed, Outcome.DECLINED)  # the import it waited for was deleted
    elif run.import_run_id is not None or _fetch(held, feed):
        _carry_through(held, feed, follow=follow)


# ---------------------------------------------------------------- from the source to an import


def _fetch(held: jobs.Claim, feed: Feed) -> bool:
    """Bring the file and open its import. False where there is nothing to do; the outcome is then written."""
    run: FeedRun = held.job
    earlier = _last_settled(run, feed)
    with staging(run) as folder:
        target = folder / "brought"
        try:
            brought = _bring(held, feed, target, earlier)
        except Unchanged:
            _settle(held, feed, Outcome.UNCHANGED)
            return False
        if brought is None or brought.facts.get("rows") == 0:
            _settle(held, feed, Outcome.NOTHING)
            return False
        facts = {name: value for name, value in brought.facts.items() if name != "notes"}
        held.save(found=brought.name[:255], fingerprint=brought.sha256, report={**run.report, **facts})
        if (same := _same_content(run, feed, earlier)) is not None:
            outcome = Outcome.REPEATED if feed.kind == Feed.Kind.FOLDER else Outcome.UNCHANGED
            held.save(report={**run.report, "same_as": same.found, "same_on": same.requested_at.isoformat()})
            _put_away(held, feed, PROCESSED, outcome)
            _settle(held, feed, outcome)
            return False
        try:
            opened = _left_by_a_dead_worker(run, feed) or imports.open_import(
                path=target,
                filename=brought.name,
                requested_by=feeds.owner_of(feed),
                attended=True,
                sheet=feed.options.get("sheet", ""),
                without_label=feed.without_label,
                empty_clears=feed.empty_clears,
            )
        except Refused as refusal:
            _put_away(held, feed, REFUSED, Outcome.REFUSED, reason=refusal.message)
            raise
    held.save(import_run=opened)
    return True


def _bring(held: jobs.Claim, feed: Feed, target: Path, earlier: FeedRun | None) -> Brought | None:
    held.report(0, 1, _("Fetching"), force=True)

    def progress(done: int, total: int) -> None:
        held.report(done, max(total, done), _("Fetching"))

    if feed.kind != Feed.Kind.FOLDER:
        validators = earlier.report if earlier is not None else {}
        return feed_sources.bring(feed, target, progress=progress, validators=validators)
    inbox = feed_sources.inbox()
    inbox.prepare()
    for lying in inbox.ready(feed.options["pattern"]):
        held.save(found=lying.name[:255], report={"mark": lying.mark})
        try:
            brought = inbox.copy(lying, target, max_bytes=settings.UPLOAD_MAX_BYTES, progress=progress)
        except Refused as refusal:
            _put_away(held, feed, REFUSED, Outcome.REFUSED, reason=refusal.message)
            raise
        if brought is not None:
            return brought
    return None


def _last_settled(run: FeedRun, feed: Feed) -> FeedRun | None:
    """The last look that led to a decision, where what it saw still holds: a person's own wish after an undo counts anew."""
    if feed.kind == Feed.Kind.FOLDER:
        return None
    settled = FeedRun.objects.filter(feed=feed, is_test=False, outcome__in=(Outcome.IMPORTED, Outcome.DECLINED))
    last = settled.filter(requested_at__gte=feed.changed_at).exclude(pk=run.pk).select_related("import_run").first()
    if last is None or run.is_scheduled:
        return last
    return last if last.import_run is not None and last.import_run.is_written else None


def _same_content(run: FeedRun, feed: Feed, earlier: FeedRun | None) -> FeedRun | None:
    """The look that brought this very content before. A folder remembers every file, other sources the last state."""
    if feed.kind != Feed.Kind.FOLDER:
        return earlier if earlier is not None and earlier.fingerprint == run.fingerprint else None
    written = FeedRun.objects.filter(feed=feed, fingerprint=run.fingerprint, outcome=Outcome.IMPORTED)
    in_force = written.filter(import_run__step=ImportStep.WRITE, import_run__state=JobState.SUCCEEDED)
    return in_force.exclude(pk=run.pk).first()


def _left_by_a_dead_worker(run: FeedRun, feed: Feed) -> Import | None:
    """The import that an earlier attempt opened, and died before it could note that."""
    candidates = Import.objects.filter(
        sha256=run.fingerprint,
        filename=run.found,
        is_attended=True,
        requested_at__gte=run.started_at,
        state__in=(*OPEN_STATES, JobState.AWAITING),
    )
    return candidates.exclude(pk__in=FeedRun.objects.exclude(import_run=None).values("import_run")).first()


# ---------------------------------------------------------------- from an import to its end


def _carry_through(held: jobs.Claim, feed: Feed, *, follow: bool) -> None:
    """Run the import's steps, decide what the feed may decide, rest where a person is needed."""
    run: FeedRun = held.job

    def watch(job) -> None:
        if isinstance(job, Import):
            held.report_fraction(job.fraction, job.progress_note)

    while True:
        held.report(held.job.progress_done, held.job.progress_total, held.job.progress_note, force=True)
        opened = Import.objects.get(pk=run.import_run_id)
        if opened.state in OPEN_STATES:
            try:
                with jobs.watching(watch):
                    imports.run_import(import_id=opened.pk, follow=follow)
            except (jobs.NotClaimable, jobs.LeaseLost):
                return _rest(held, feed, "import")
            except (Refused, jobs.Cancelled):
                pass  # its row says so
        elif opened.is_awaiting:
            if not _decide(feed, opened):
                return _rest(held, feed, "person", opened)
        else:
            return _settle_import(held, feed, opened)


def _decide(feed: Feed, opened: Import) -> bool:
    """Agree for a person to what a person agreed to before; False where one must look."""
    if opened.step == ImportStep.MAP and opened.proposal.get("is_remembered"):
        try:
            imports.map_import(
                run=opened, mapping=opened.proposal["mapping"], actor=None, empty_clears=feed.empty_clears
            )
        except Refused:
            return False
        return True
    if opened.step == ImportStep.AGREE and feed.review == Feed.Review.AT_ONCE:
        read, refused = (opened.preview.get(name, 0) for name in ("read", "refused"))
        if not read or 2 * refused > read:
            return False  # a file that is mostly wrong is not what was agreed to
        imports.agree_import(run=opened, actor=None)
        return True
    return False


def _rest(held: jobs.Claim, feed: Feed, waits_for: str, opened: Import | None = None) -> None:
    run: FeedRun = held.job
    if opened is not None and run.outcome != Outcome.WAITING:
        tenants.notify(
            "feed_waits",
            recipient=feeds.owner_of(feed),
            level=Level.WARNING,
            url=reverse("customers:import_detail", args=[opened.public_id]),
            feed=feed.name,
            filename=run.found,
            step=opened.step,
        )
    held.save(outcome=Outcome.WAITING, report={**run.report, "waits_for": waits_for})
    _note_contact(feed)
    held.await_person()


def _settle_import(held: jobs.Claim, feed: Feed, opened: Import) -> None:
    """The import is over: the file goes where it belongs, and the look ends as the import did."""
    if opened.state == JobState.SUCCEEDED:
        _put_away(held, feed, PROCESSED, Outcome.IMPORTED, opened)
        _settle(held, feed, Outcome.IMPORTED)
    elif opened.state == JobState.CANCELLED:
        _put_away(held, feed, REFUSED, Outcome.DECLINED, opened)
        _settle(held, feed, Outcome.DECLINED)
    else:
        _put_away(held, feed, REFUSED, Outcome.REFUSED, opened, reason=opened.error_message)
        raise Refused(opened.error_code or "import_failed", opened.error_message)


def _settle(held: jobs.Claim, feed: Feed, outcome: str) -> None:
    held.save(outcome=outcome)
    _note_contact(feed)


def _note_contact(feed: Feed) -> None:
    Feed.objects.filter(pk=feed.pk).update(failures=0, last_run_at=timezone.now())


def _put_away(
    held: jobs.Claim, feed: Feed, place: str, outcome: str, opened: Import | None = None, *, reason: str = ""
) -> None:
    """Note the report, and move a folder's file with it beside."""
    run: FeedRun = held.job
    facts = words.report_facts(run, outcome, opened, reason)
    # Cells of refused lines stay with the import, where they are forgotten in time.
    held.save(report={**run.report, "result": {name: fact for name, fact in facts.items() if name != "refusals"}})
    if feed.kind != Feed.Kind.FOLDER:
        return
    try:
        name = feed_sources.inbox().put_away(run.found, run.report["mark"], place, words.report_files(facts))
    except Refused as refusal:
        # It was brought in, or refused, all the same: the next look tells it by its content.
        held.save(report={**run.report, "not_moved": refusal.message})
        return
    held.save(report={**run.report, "moved_to": f"{place}/{name}" if name else ""})


def _tidy(feed: Feed) -> None:
    """Keep the newest looks: the quiet ones for a while, those that brought something for longer."""
    runs = FeedRun.objects.filter(feed=feed, is_test=False).exclude(state__in=(*OPEN_STATES, JobState.AWAITING))
    for some, kept in ((runs.filter(outcome__in=_QUIET), _KEPT_QUIET), (runs.exclude(outcome__in=_QUIET), _KEPT)):
        oldest = list(some.order_by("-pk").values_list("pk", flat=True)[kept : kept + 1])
        if oldest:
            some.filter(pk__lte=oldest[0]).delete()


@contextmanager
def staging(run: FeedRun) -> Iterator[Path]:
    """A folder of the look's own, gone afterwards; one that a dead worker left is emptied."""
    folder = settings.PRIVATE_ROOT / str(current_tenant().pk) / "feeds" / str(run.public_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
