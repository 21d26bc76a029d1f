"""What the commands share: a progress bar on stderr, one JSON object on stdout, one clear sentence on failure."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

from django.core.management.base import BaseCommand, CommandError

from . import jobs
from .errors import Refused
from .models import Job, JobState

T = TypeVar("T")
_WIDTH = 28


class ProgressBar:
    """A line on a terminal that redraws itself; on a file or a pipe, a line at each tenth."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self.label = label
        self.stream = stream or sys.stderr
        self._tenth = -1
        self._width = 0

    def __call__(self, job: Job) -> None:
        self.draw(job.fraction, job.progress_note, job.seconds_left)

    def draw(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None:
        if not self.stream.isatty():
            tenth = int(fraction * 10)
            if tenth > self._tenth:
                self._tenth = tenth
                self.stream.write(f"{self.label}: {100 * fraction:3.0f} % {note}\n")
                self.stream.flush()
            return
        filled = round(_WIDTH * fraction)
        left = f", {seconds_left:.0f} s left" if seconds_left and seconds_left >= 1 else ""
        line = f"{self.label:<22} {'━' * filled}{'┄' * (_WIDTH - filled)} {100 * fraction:3.0f} %  {note}{left}"
        self.stream.write("\r" + line.ljust(self._width))
        self._width = len(line)
        self.stream.flush()

    def close(self) -> None:
        if self.stream.isatty() and self._width:
            self.stream.write("\n")
            self._width = 0


class JobCommand(BaseCommand):
    """A command that does a job's work in the foreground, with neither worker nor broker, and leaves the same rows."""

    def add_arguments(self, parser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="short name of the company")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self.run_in_company(**options)
        except Refused as refusal:
            if options["as_json"]:
                body = {"error": {"code": refusal.code, "detail": refusal.message, **refusal.facts}}
                self.stdout.write(json.dumps(body, default=str, ensure_ascii=False))
            raise CommandError(refusal.message) from refusal
        if options["as_json"]:
            self.stdout.write(json.dumps(result, default=str, ensure_ascii=False))
        else:
            self.say(result)

    def run_in_company(self, **options: Any) -> dict[str, object]:
        raise NotImplementedError

    def say(self, result: dict[str, object]) -> None:
        """The result for a person."""
        for key, value in result.items():
            self.stdout.write(f"{key}: {json.dumps(value, default=str, ensure_ascii=False)}")


def foreground(label: str, job: Job, work: Callable[[], T]) -> T:
    """Run a job here, with a bar. Where another process holds it, wait until it is over or was let go.

    Raises Refused with the job's own reason where the other process's attempt failed.
    """
    bar = ProgressBar(label)
    try:
        while True:
            try:
                with jobs.watching(bar):
                    return work()
            except jobs.NotClaimable:
                job.refresh_from_db()
                if not job.is_open:
                    return _ending(job)
                if jobs.is_lost_for_good(job):
                    raise Refused(
                        "worker_lost", "The workers of this job died too often; it is not tried again."
                    ) from None
                bar.draw(job.fraction, job.progress_note, job.seconds_left)
                time.sleep(1)
            except jobs.Cancelled:
                raise Refused("cancelled", "The job was cancelled.") from None
    finally:
        bar.close()


def _ending(job: Job):
    if job.state == JobState.SUCCEEDED:
        return
    raise Refused(job.error_code or job.state, job.error_message or f"The job ended {job.state}.")
