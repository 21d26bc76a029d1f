"""Sentences about feeds: when they run, what a look came to, and the report beside a file that was taken from a folder."""

from __future__ import annotations

import json

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import thousands

from ..models import Feed, FeedRun, Import
from .columns import field_name
from .rows import reason as why_refused

REPORTED_REFUSALS = 50
Outcome = FeedRun.Outcome


def schedule(feed: Feed) -> str:
    """How often, in words."""
    at = time_format(feed.at, "TIME_FORMAT")
    if feed.rhythm == Feed.Rhythm.MINUTES:
        return ngettext("every minute", "every %(n)s minutes", feed.every_minutes) % {"n": feed.every_minutes}
    if feed.rhythm == Feed.Rhythm.HOURLY:
        return _("every hour")
    if feed.rhythm == Feed.Rhythm.DAILY:
        return _("every day at %(time)s") % {"time": at}
    return _("every %(day)s at %(time)s") % {"day": feed.get_weekday_display(), "time": at}


def outcome(run: FeedRun) -> str:
    """What a finished or resting look came to, in one sentence; empty while it runs."""
    result = run.report.get("result", {})
    if run.outcome == Outcome.IMPORTED:
        counts = {name: thousands(result.get(name, 0)) for name in ("created", "updated", "unchanged", "refused")}
        return (
            _("New: %(created)s · brought up to date: %(updated)s · unchanged: %(unchanged)s · refused: %(refused)s")
            % counts
        )
    if run.outcome == Outcome.REPEATED:
        return _("The same content as “%(name)s”, which was brought in before: passed over.") % {
            "name": run.report.get("same_as", "")
        }
    if run.outcome == Outcome.WAITING:
        if run.report.get("waits_for") == "import":
            return _("The import is at work elsewhere.")
        return _("Waits until a person has looked at the import.")
    return {
        Outcome.NOTHING: _("Nothing was there to bring."),
        Outcome.UNCHANGED: _("Nothing new since the last time."),
        Outcome.DECLINED: _("A person decided against it; nothing was written."),
        Outcome.REFUSED: run.error_message,
    }.get(run.outcome, run.error_message)


def remark(code: str, name: str = "") -> str:
    """What a test noticed about the source."""
    return {
        "superuser": _(
            "This name may do everything in the database. Only reading is asked of it, but give the feed a name of its own that may only read."
        ),
        "left_pattern": _("“%(name)s” lies there and does not match the pattern: it is left.") % {"name": name},
        "left_unfinished": _("“%(name)s” looks unfinished by its name: it is left until it has its own.")
        % {"name": name},
        "left_changing": _("“%(name)s” was changed a moment ago: it is left until it rests.") % {"name": name},
    }.get(code, code)


# ---------------------------------------------------------------- the report of a file


def report_facts(run: FeedRun, outcome: str, opened: Import | None, reason: str) -> dict[str, object]:
    """What is told of a file: for the page, for programs, and for the words beside it."""
    facts: dict[str, object] = {
        "file": run.found,
        "sha256": run.fingerprint,
        "outcome": outcome,
        "at": timezone.now().isoformat(timespec="seconds"),
        "reason": reason,
        "same_as": run.report.get("same_as", ""),
    }
    if opened is not None:
        result = opened.result()
        facts |= {name: result[name] for name in ("read", "created", "updated", "unchanged", "refused", "import_id")}
        facts["columns"] = opened.columns
        facts["kept_columns"] = opened.kept_columns
        facts["refusals"] = list(opened.refusals[:REPORTED_REFUSALS])
    return facts


def report_files(facts: dict[str, object]) -> dict[str, bytes]:
    """The report as it lies beside the file: ending -> content; words in the company's language, and JSON."""
    return {
        ".report.txt": report_text(facts).encode(),
        ".report.json": json.dumps(facts, ensure_ascii=False, indent=1, default=str).encode(),
    }


def report_text(facts: dict[str, object]) -> str:
    """The report in words."""
    lines = [str(facts["file"]), date_format(timezone.localtime(), "DATETIME_FORMAT"), "", _verdict(facts)]
    if "read" in facts and facts["outcome"] == Outcome.IMPORTED:
        names = {
            "read": _("Read"),
            "created": _("New"),
            "updated": _("Brought up to date"),
            "unchanged": _("Unchanged"),
            "refused": _("Refused"),
        }
        lines += ["", *(f"{label}: {thousands(facts[name])}" for name, label in names.items())]
    if facts.get("columns"):
        lines += ["", _("Columns understood"), *(f"  {h}: {field_name(t)}" for h, t in facts["columns"].items())]
    if facts.get("kept_columns"):
        lines += ["", _("Kept as other fields"), *(f"  {header}" for header in facts["kept_columns"])]
    if facts.get("refusals"):
        lines += ["", _("Refused lines")]
        for row in facts["refusals"]:
            lines.append(
                _("  line %(line)s, %(column)s: %(value)s. %(reason)s")
                % {**row, "column": row["column"] or "–", "reason": why_refused(row["reason"])}
            )
    return "\n".join(_one_line(line) for line in lines) + "\n"


def _verdict(facts: dict[str, object]) -> str:
    return {
        Outcome.IMPORTED: _("This file was brought in."),
        Outcome.REPEATED: _("This file has the same content as “%(name)s”, which was brought in before: passed over.")
        % {"name": facts.get("same_as", "")},
        Outcome.DECLINED: _("A person decided against this file; nothing was written."),
        Outcome.REFUSED: _("This file was not brought in: %(reason)s") % {"reason": facts.get("reason", "")},
    }.get(facts["outcome"], "")


def _one_line(text: str) -> str:
    """A cell may hold line breaks and control characters; a report's line is one line."""
    return "".join(c if c.isprintable() else " " for c in text)
