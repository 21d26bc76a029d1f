"""What is logged: one line each, with the request, company, person, task and job it belongs to, and no personal data.

Production writes JSON, to stdout and to a file a day; a person's console gets readable lines. Both go through ``scrub``:
a message is written by a programmer, but what an exception says may have come from a customer's file.
"""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from celery import current_task

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_bound: ContextVar[Mapping[str, str]] = ContextVar("log_facts", default={})  # noqa: B039 - never changed in place

# Every quantifier has an end: a line of any length is read in linear time.
_LEFT_OUT = (
    # Passwords in addresses of servers
    (re.compile(r"(?<=://)[^/\s@]{1,200}@"), "[secret]@"),
    (re.compile(r"[^\s@<>\"'(),;:=\[\]{}]{1,64}(?:@|%40)[^\s@<>\"'(),;:=\[\]{}]{1,190}\.[^\W\d_]{2,24}"), "[e-mail]"),
    (re.compile(r"(?<![\w.])\+\d[\d ().-]{6,16}\d"), "[phone]"),
    # What PostgreSQL quotes of a row
    (re.compile(r"^(DETAIL|CONTEXT|LINE \d{1,9}):.*$", re.MULTILINE), r"\1: [left out]"),
    # Tokens of links: who holds one may act for its owner. Identifiers (UUIDs) are hexadecimal and stay.
    (
        re.compile(r"(?<![\w-])(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])(?=[\w-]{0,200}[a-z])[A-Za-z0-9_-]{24,}"),
        "[token]",
    ),
)


def scrub(text: str) -> str:
    """The text without what looks like an e-mail address, a phone number, a secret, or a quoted row."""
    for pattern, instead in _LEFT_OUT:
        text = pattern.sub(instead, text)
    return text


# ---------------------------------------------------------------- what a line belongs to


def request_id(offered: str) -> str:
    """The identifier that a proxy gave a request, where it is a sane one; else a new one."""
    return offered if _SANE_ID.fullmatch(offered) else uuid.uuid4().hex


def bind(**facts: object) -> Token:
    """From here on, lines of this context carry these facts; ``unbind`` ends it. Identifiers only; None is left out."""
    return _bound.set({**_bound.get(), **{name: str(value) for name, value in facts.items() if value is not None}})


def unbind(token: Token) -> None:
    _bound.reset(token)


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """Lines logged in the block carry these facts."""
    token = bind(**facts)
    try:
        yield
    finally:
        unbind(token)


def facts_of_context() -> dict[str, str]:
    """What a line logged now belongs to: ``request_id company_id user_id task_id job``, those that are known."""
    facts = dict(_bound.get())
    if current_task and current_task.request.id:
        facts["task_id"] = str(current_task.request.id)
    return facts


# ---------------------------------------------------------------- lines


class JsonLines(logging.Formatter):
    """One JSON object a line. ``extra={"facts": {…}}`` of a call adds its own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": scrub(record.getMessage()),
            **facts_of_context(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = scrub(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = scrub(self.formatStack(record.stack_info))
        return json.dumps(line, default=str, ensure_ascii=False)


class ReadableLines(logging.Formatter):
    """For a person's console: the same facts behind the message, short."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        facts = {**getattr(record, "facts", {}), **facts_of_context()}
        behind = " ".join(f"{name}={value}" for name, value in facts.items())
        return super().formatMessage(record) + (f"  [{behind}]" if behind else "")

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class DailyFile(logging.Handler):
    """Appends to ``<stem>-2026-11-27.log``, a file a day (UTC), and removes those older than ``days``.

    The standard library's rotation renames the file under other processes that still write to it. Here nothing is
    renamed: every process opens the day's file by itself, and a line is one ``write`` to a file opened for appending.
    """

    def __init__(self, folder: str | Path, stem: str, days: int) -> None:
        super().__init__()
        # Not ``name``: that is a handler's own, and dictConfig sets it to the handler's key.
        self.folder, self.stem, self.days = Path(folder), stem, days
        self._day: date | None = None
        self._file = -1

    def emit(self, record: logging.LogRecord) -> None:
        try:
            day = datetime.fromtimestamp(record.created, UTC).date()
            if day != self._day:
                self._turn_to(day)
            os.write(self._file, (self.format(record) + "\n").encode("utf-8", "backslashreplace"))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self._close_file()
        super().close()

    def _turn_to(self, day: date) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self.folder / f"{self.stem}-{day}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        self._close_file()
        self._file, self._day = file, day
        oldest = day - timedelta(days=self.days)
        for path in self.folder.glob(f"{self.stem}-*.log"):
            try:
                if date.fromisoformat(path.stem.removeprefix(f"{self.stem}-")) < oldest:
                    path.unlink(missing_ok=True)
            except ValueError:
                continue  # not one of ours

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = -1, None


def configuration(
    *, form: str, level: str, stream: str = "stderr", folder: str | Path = "", days: int = 30
) -> dict[str, object]:
    """Django's LOGGING. ``form`` ("json" or "line") is that of ``stream``; files, where there is a ``folder``, are JSON."""
    if form not in ("json", "line"):
        raise ValueError(f"LOG_FORMAT is “{form}”: json or line.")
    if stream not in ("stdout", "stderr"):
        raise ValueError(f"LOG_STREAM is “{stream}”: stdout or stderr.")
    handlers: dict[str, dict[str, object]] = {
        "console": {"class": "logging.StreamHandler", "formatter": form, "stream": f"ext://sys.{stream}"}
    }
    if folder:
        file = {"()": DailyFile, "folder": str(folder), "days": days, "formatter": "json"}
        handlers["file"] = {**file, "stem": "churnguard"}
        handlers["errors"] = {**file, "stem": "errors", "level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": ReadableLines}, "json": {"()": JsonLines}},
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            # It logs whole addresses, with whatever stands behind their question marks.
            "httpx": {"level": "WARNING"},
            # A name that a stranger made up is no error of ours; the request's own line says 400.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
        },
    }
