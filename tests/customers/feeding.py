"""Feeds for tests: set up through the service, looked at as a worker would."""

from __future__ import annotations

import os
import time
from pathlib import Path

from core.errors import Refused, Unreachable
from customers import services
from customers.models import Feed, FeedRun, Import
from customers.services import Given

ROWS = ("customerID,tenure,Churn", "C1,1,Yes", "C2,2,No", "C3,30,No")


def make_feed(kind: str = "folder", *, name: str = "Nightly", actor=None, review: str = "at_once", **given) -> Feed:
    """A feed of the company in scope. ``given``: what a person would write about the source."""
    return services.create_feed(kind=kind, given=Given(**given), actor=actor, name=name, review=review)


def look(feed: Feed, *, by=None, scheduled: bool = False, is_test: bool = False) -> FeedRun:
    """One look at the feed, to its end or rest; the FeedRun however it ended."""
    run = services.open_feed_run(feed=feed, requested_by=by, is_test=is_test)
    if scheduled:
        FeedRun.objects.filter(pk=run.pk).update(is_scheduled=True)
    return go_on(run)


def go_on(run: FeedRun) -> FeedRun:
    """Do what a worker would do with this run; the run as it stands afterwards."""
    try:
        services.run_feed(run_id=run.pk, follow=False)
    except (Refused, Unreachable):
        pass
    return FeedRun.objects.select_related("feed", "import_run").get(pk=run.pk)


def agree_to_shape(tmp_path: Path, *lines: str) -> None:
    """Let the company have agreed before to what files with this header mean."""
    path = tmp_path / "agreed.csv"
    path.write_text("\n".join(lines or ROWS) + "\n", encoding="utf-8")
    run = services.open_import(path=path, attended=True)
    services.map_import(run=run, mapping=run.proposal["mapping"], actor=None)
    services.run_import(import_id=run.pk, follow=False)
    run.refresh_from_db()
    services.agree_import(run=run, actor=None)
    services.run_import(import_id=run.pk, follow=False)


def lay(folder: Path, name: str, *lines: str, age: float = 0) -> Path:
    """A file in the inbox, last changed ``age`` seconds ago as far as its own time says."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(lines or ROWS) + "\n", encoding="utf-8")
    if age:
        then = time.time() - age
        os.utime(path, (then, then))
    return path


def imports() -> list[Import]:
    return list(Import.objects.order_by("pk"))
