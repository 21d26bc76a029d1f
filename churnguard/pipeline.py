"""★ Start here: the product on one page. Which fact triggers which stage.

    file ─▶ customers.import_finished ─▶ score (where a model is in charge; training waits for a person or the schedule)
    train ─▶ predictions.model_trained ─▶ score everybody, where the training was asked to
    score ─▶ predictions.customers_scored ─▶ score again where another model took charge meanwhile
                                             (segments and campaigns join here as they are built)

Early stages announce facts and know nobody; only this module listens. A listener opens the next job's row and rings for
a worker; it never does the work itself.
"""

from __future__ import annotations

from core import jobs
from customers.signals import import_finished
from predictions import services as predictions
from predictions.signals import customers_scored, model_trained


def connect() -> None:
    import_finished.connect(score_after_import, dispatch_uid="pipeline.score_after_import")
    model_trained.connect(score_after_training, dispatch_uid="pipeline.score_after_training")
    customers_scored.connect(catch_up_after_scoring, dispatch_uid="pipeline.catch_up_after_scoring")


def score_after_import(sender, *, follow: bool = True, **_: object) -> None:
    if follow and (run := predictions.open_scoring()):
        jobs.ring(run)


def score_after_training(sender, *, follow: bool = True, **_: object) -> None:
    if follow and (run := predictions.open_scoring()):
        jobs.ring(run)


def catch_up_after_scoring(sender, *, follow: bool = True, **_: object) -> None:
    if follow:
        catch_up()


def catch_up() -> None:
    """Open what a lost announcement should have opened: a scoring by the model in charge, where it has none yet.

    A worker can die between the end of its job and its announcement; beat asks this of every company.
    """
    if predictions.needs_scoring() and (run := predictions.open_scoring()):
        jobs.ring(run)
