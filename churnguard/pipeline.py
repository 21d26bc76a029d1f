"""★ Start here: the product on one page. Which fact triggers which stage.

    file ─▶ customers.import_finished ─▶ score (where a model is in charge; training waits for a person or the schedule)
                                           and look at what the file brought, for the quality page
    take back ─▶ customers.import_undone ─▶ score
    rows of a program ─▶ customers.customers_pushed ─▶ score, once an hour at most
    merge two customers ─▶ customers.customer_merged ─▶ scores of the one who goes pass to the one who stays
    train ─▶ predictions.model_trained ─▶ score everybody, where the training was asked to
    promote, roll back ─▶ predictions.champion_changed ─▶ score everybody by the model that is in charge now
    score ─▶ predictions.customers_scored ─▶ look for drift, and account for what contacting would earn;
                                             score again where another model took charge meanwhile
    the first scores, or an import that rests ─▶ divide the customers into segments (after that: weekly, by beat)
    import, score ─▶ newcomers get their segment, and what each segment stands to lose is reckoned anew
    a program's campaign is checked ─▶ approve and launch it · a campaign is measured ─▶ learn whom to write to
    import, train, score, drift, campaign ─▶ events to the company's own programs: see announcing.py
    drift, a refused artefact, a wrong estimate ─▶ predictions.alarm_raised ─▶ mail to those who asked for alarms

Early stages announce facts and know nobody; only this module listens. A listener opens the next job's row and rings for
a worker; it never does the work itself. Only what must hold in the announcer's own transaction is done at once.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from campaigns import services as campaigns
from campaigns.signals import campaign_checked, campaign_measured
from core import jobs
from customers import services as customers
from customers.signals import customer_merged, customers_pushed, import_finished, import_undone
from predictions import alarms, merging
from predictions import selectors as scorings
from predictions import services as predictions
from predictions.signals import alarm_raised, champion_changed, customers_scored, model_trained
from segmentation import selectors as segments
from segmentation import services as segmentation

PUSHES_FOLLOWED_EVERY = timedelta(hours=1)


def connect() -> None:
    import_finished.connect(score_after_import, dispatch_uid="pipeline.score_after_import")
    import_undone.connect(score_after_import, dispatch_uid="pipeline.score_after_undo")
    customers_pushed.connect(follow_push, dispatch_uid="pipeline.follow_push")
    import_finished.connect(profile_after_import, dispatch_uid="pipeline.profile_after_import")
    customer_merged.connect(keep_scores_of_merged, dispatch_uid="pipeline.keep_scores_of_merged")
    model_trained.connect(score_after_training, dispatch_uid="pipeline.score_after_training")
    champion_changed.connect(score_after_promotion, dispatch_uid="pipeline.score_after_promotion")
    customers_scored.connect(watch_after_scoring, dispatch_uid="pipeline.watch_after_scoring")
    alarm_raised.connect(mail_alarm, dispatch_uid="pipeline.mail_alarm")
    customers_scored.connect(catch_up_after_scoring, dispatch_uid="pipeline.catch_up_after_scoring")
    import_finished.connect(place_after_import, dispatch_uid="pipeline.place_after_import")
    customers_scored.connect(place_after_scoring, dispatch_uid="pipeline.place_after_scoring")
    campaign_checked.connect(launch_after_check, dispatch_uid="pipeline.launch_after_check")
    campaign_measured.connect(learn_after_measuring, dispatch_uid="pipeline.learn_after_measuring")
    customer_merged.connect(keep_recipients_of_merged, dispatch_uid="pipeline.keep_recipients_of_merged")


def score_after_import(sender, *, follow: bool = True, **_: object) -> None:
    if follow and (run := predictions.open_scoring()):
        jobs.ring(run)


def follow_push(sender, **_: object) -> None:
    """Programs may send every second, and each pass over everybody costs: one an hour (the nightly one takes the rest)."""
    since = timezone.now() - PUSHES_FOLLOWED_EVERY
    if not scorings.scored_since(since) and (run := predictions.open_scoring()):
        jobs.ring(run)  # newcomers get their segment when it ends
    elif scorings.champion() is None and not segments.assigned_since(since) and (job := segmentation.open_assignment()):
        jobs.ring(job)


def profile_after_import(sender, *, import_id: int, follow: bool = True, **_: object) -> None:
    if follow and (job := customers.open_profile(import_id=import_id)):
        jobs.ring(job)


def keep_scores_of_merged(sender, *, kept_id: int, gone_id: int, **_: object) -> None:
    merging.move_scores(kept_id=kept_id, gone_id=gone_id)


def keep_recipients_of_merged(sender, *, kept_id: int, gone_id: int, **_: object) -> None:
    campaigns.move_recipients(kept_id=kept_id, gone_id=gone_id)


def launch_after_check(sender, *, campaign_id: int, follow: bool = True, **_: object) -> None:
    if follow and (launch := campaigns.launch_itself(campaign_id=campaign_id)):
        jobs.ring(launch)


def learn_after_measuring(sender, *, campaign_id: int, follow: bool = True, **_: object) -> None:
    if follow and (run := campaigns.open_learning()):
        jobs.ring(run)


def score_after_training(sender, *, follow: bool = True, **_: object) -> None:
    if follow and (run := predictions.open_scoring()):
        jobs.ring(run)


def score_after_promotion(sender, **_: object) -> None:
    if run := predictions.open_scoring():
        jobs.ring(run)


def watch_after_scoring(sender, *, follow: bool = True, **_: object) -> None:
    if follow:
        for job in (predictions.open_check(), predictions.open_account()):
            if job:
                jobs.ring(job)


def place_after_import(sender, *, follow: bool = True, **_: object) -> None:
    """Newcomers into the current segmentation. The first one waits for use and scores that may be on their way (catch_up)."""
    if follow:
        place()


def place_after_scoring(sender, *, follow: bool = True, **_: object) -> None:
    if follow:
        place(is_first=segmentation.needs_first_run())


def place(*, is_first: bool = False) -> None:
    job = segmentation.open_run() if is_first or segmentation.has_new_columns() else segmentation.open_assignment()
    if job:
        jobs.ring(job)


def mail_alarm(sender, *, code: str, facts: dict, **_: object) -> None:
    alarms.mail(code, facts)


def catch_up_after_scoring(sender, *, follow: bool = True, **_: object) -> None:
    if follow:
        catch_up()


def catch_up() -> None:
    """Open what a lost announcement should have opened: a scoring by the model in charge, where it has none yet, a
    profile of the newest import, an account of profit by the newest costs, and the first segmentation.

    A worker can die between the end of its job and its announcement; beat asks this of every company.
    """
    if predictions.needs_scoring() and (run := predictions.open_scoring()):
        jobs.ring(run)
    if job := customers.open_missing_profile():
        jobs.ring(job)
    if predictions.needs_account() and (job := predictions.open_account()):
        jobs.ring(job)
    if segmentation.needs_first_run():
        jobs.ring(segmentation.open_run())
