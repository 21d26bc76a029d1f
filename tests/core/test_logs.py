"""What is logged: a line that a machine reads, whose it is, and nothing of a customer."""

import io
import json
import logging
import logging.config
import multiprocessing
import sys
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from celery import shared_task
from django.db import IntegrityError
from django.test import Client

from core import jobs, logs
from customers.models import Import
from tenants.scoping import tenant_scope
from tenants.tasks import TenantTask

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def record(message: str = "done", *args, level: int = logging.INFO, at: datetime = NOON, **more) -> logging.LogRecord:
    made = logging.LogRecord("customers.services", level, __file__, 1, message, args, more.pop("exc_info", None))
    made.created = at.timestamp()
    vars(made).update(more)
    return made


def line_of(made: logging.LogRecord) -> dict:
    return json.loads(logs.JsonLines().format(made))


@pytest.fixture
def heard():
    """Every line logged in the test, as the file would hold it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(before)


# ---------------------------------------------------------------- a line


def test_line_says_when_how_grave_who_and_what():
    assert line_of(record("%d rows", 3)) == {
        "time": "2026-11-27T12:00:00.000+00:00",
        "level": "INFO",
        "logger": "customers.services",
        "message": "3 rows",
    }


def test_line_is_one_line_whatever_the_message_holds():
    text = logs.JsonLines().format(record("two\nlines \u2028 and “é”"))
    assert "\n" not in text
    assert json.loads(text)["message"] == "two\nlines \u2028 and “é”"


def test_exception_is_told_with_its_kind_and_its_trace():
    try:
        raise ValueError("no such column")
    except ValueError:
        line = line_of(record("failed", level=logging.ERROR, exc_info=sys.exc_info()))
    assert line["error"] == "ValueError"
    assert line["trace"].startswith("Traceback") and line["trace"].endswith("ValueError: no such column")


def test_what_a_line_is_about_ends_with_its_block():
    with logs.about(request_id="r-12345678", company_id=None), logs.about(job="customers.import:4"):
        inside = line_of(record())
    assert (inside["request_id"], inside["job"]) == ("r-12345678", "customers.import:4")
    assert "company_id" not in inside
    assert set(line_of(record())) == {"time", "level", "logger", "message"}


# ---------------------------------------------------------------- nothing of a customer

PERSONAL = [
    "leila.ben-salah@example.com",
    "Leila <leila@example.co.uk>",
    "'mohamed+offers@mail.example.org'",
    "q=leila%40example.com",
    "ليلى@مثال.كوم",
    "+216 98 123 456",
    "+21698123456",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_addresses_and_phones_are_in_no_line(text):
    for formatter in (logs.JsonLines(), logs.ReadableLines()):
        said = formatter.format(record("could not write to %s today", text))
        for piece in ("leila@", "leila.ben", "mohamed", "%40example", "ليلى", "98 123", "98123"):
            assert piece not in said
        assert "could not write to" in said and "today" in said


@pytest.mark.parametrize("text", PERSONAL)
def test_they_are_in_no_trace_either(text):
    try:
        raise LookupError(f"nobody is called {text}")
    except LookupError:
        said = line_of(record("failed", exc_info=sys.exc_info()))
    assert "[e-mail]" in said["trace"] or "[phone]" in said["trace"]


def test_what_postgresql_quotes_of_a_row_is_left_out():
    error = (
        'duplicate key value\nDETAIL:  Key (external_id)=(C-1042) already exists.\nCONTEXT:  COPY c, line 3: "Salah"'
    )
    try:
        raise IntegrityError(error)
    except IntegrityError:
        said = line_of(record("failed", exc_info=sys.exc_info()))["trace"]
    assert "duplicate key value" in said
    assert "C-1042" not in said and "Salah" not in said


def test_passwords_of_addresses_and_tokens_of_links_are_in_no_line():
    said = logs.scrub("postgresql://app:hunter2@db:5432/x and /u/Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRkdISUo-x9 end")
    assert said == "postgresql://[secret]@db:5432/x and /u/[token] end"


@pytest.mark.parametrize(
    "text",
    [
        "Task campaigns.tasks.send_mail[0b9ffb6e-3a52-4d3f-9d5e-0f6a3a1f2b4c] succeeded in 0.21s",
        "/clients/0B9FFB6E-3A52-4D3F-9D5E-0F6A3A1F2B4C",
        "2026-11-27 12:00:00,123 p95 0.004 1,000,000 rows +5 more",
        "test_a_name_of_a_function_that_is_very_long_indeed",
        "worker@machine is here",
    ],
)
def test_what_is_nobodys_stays(text):
    assert logs.scrub(text) == text


def test_long_text_is_read_in_linear_time():
    """Steps are counted by size, not by the clock: a hundred thousand signs must not cost ten thousand times a thousand."""
    for nasty in ("a" * 200_000, "@" * 200_000, "a." * 100_000 + "@", "+1" * 100_000, "A1a-" * 50_000 + "!"):
        logs.scrub(nasty)  # with an unbounded pattern this would not end within the suite


# ---------------------------------------------------------------- files


def test_a_day_has_a_file_and_old_ones_go(tmp_path):
    handler = logs.DailyFile(tmp_path, "churnguard", days=7)
    handler.setFormatter(logs.JsonLines())
    for name in (
        "churnguard-2026-11-19.log",
        "churnguard-2026-11-20.log",
        "churnguard-notes.log",
        "errors-2020-01-01.log",
    ):
        (tmp_path / name).write_text("old\n")
    handler.emit(record("today"))
    handler.emit(record("tomorrow", at=NOON + timedelta(days=1)))
    handler.emit(record("tomorrow again", at=NOON + timedelta(days=1)))
    handler.close()
    assert {p.name for p in tmp_path.iterdir()} == {
        "churnguard-2026-11-27.log", "churnguard-2026-11-28.log", "churnguard-notes.log", "errors-2020-01-01.log",
    }  # fmt: skip
    assert [json.loads(x)["message"] for x in (tmp_path / "churnguard-2026-11-28.log").read_text().splitlines()] == [
        "tomorrow", "tomorrow again",
    ]  # fmt: skip


def _write_many(folder, who: int) -> None:
    handler = logs.DailyFile(folder, "churnguard", days=7)
    handler.setFormatter(logs.JsonLines())
    for number in range(300):
        handler.emit(record(f"{who} {number} " + "x" * 500))


def test_processes_share_a_file_and_no_line_is_torn(tmp_path):
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write_many, args=(tmp_path, who)) for who in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    lines = (tmp_path / f"churnguard-{date(2026, 11, 27)}.log").read_text().splitlines()
    said = {tuple(json.loads(line)["message"].split()[:2]) for line in lines}
    assert len(lines) == len(said) == 900


def test_full_disk_breaks_no_request(tmp_path, monkeypatch, capsys):
    handler = logs.DailyFile(tmp_path / "a-file" / "below", "churnguard", days=7)
    (tmp_path / "a-file").write_text("in the way")
    handler.setFormatter(logs.JsonLines())
    handler.emit(record())  # says so on stderr, and raises nothing
    assert "Logging error" in capsys.readouterr().err


def test_normal_lines_and_errors_have_files_of_their_own(tmp_path):
    made = logs.configuration(form="json", level="INFO", stream="stdout", folder=tmp_path, days=9)
    assert made["handlers"]["console"] == {
        "class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout",
    }  # fmt: skip
    assert made["handlers"]["errors"]["level"] == "ERROR"
    assert made["root"] == {"handlers": ["console", "file", "errors"], "level": "INFO"}
    assert list(logs.configuration(form="line", level="INFO")["handlers"]) == ["console"]


def test_files_of_an_installation_have_the_names_that_are_told(tmp_path):
    """Through dictConfig, as the site does: it gives every handler a name of its own choosing."""
    made = logs.configuration(form="json", level="INFO", folder=tmp_path)
    made["loggers"] = {"tests.of_files": {"handlers": ["file", "errors"], "level": "INFO", "propagate": False}}
    logger = logging.getLogger("tests.of_files")
    try:
        logging.config.dictConfig({name: part for name, part in made.items() if name != "root"})
        logger.info("normal")
        logger.error("wrong")
    finally:
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
    today = datetime.now(UTC).date()
    said = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert said == {f"churnguard-{today}.log": 2, f"errors-{today}.log": 1}


@pytest.mark.parametrize("wrong", [{"form": "xml"}, {"form": "json", "stream": "paper"}])
def test_wrong_setting_is_refused_by_its_name(wrong):
    with pytest.raises(ValueError, match="LOG_"):
        logs.configuration(level="INFO", **wrong)


# ---------------------------------------------------------------- whose it is


@pytest.mark.parametrize("offered", ["3f2a9c7d-0001", "a" * 64, "trace.1_2-3456"])
def test_sane_identifier_of_a_request_is_kept_and_given_back(client, db, offered):
    assert client.get("/livez", headers={"X-Request-ID": offered})["X-Request-ID"] == offered


@pytest.mark.parametrize(
    "offered", ["", "short", "a" * 65, "two words here", "line\nbreak-12345", "é" * 10, "{}();--''\""]
)
def test_any_other_is_replaced(offered):
    made = logs.request_id(offered)
    assert made != offered and len(made) == 32


def test_every_answer_has_an_identifier_of_its_own(client, db):
    assert client.get("/sign-in")["X-Request-ID"] != client.get("/sign-in")["X-Request-ID"]


def test_request_leaves_one_line_with_names_and_no_address(client_for, cast, heard):
    client_for(cast.bob).get("/clients?q=Salah", headers={"X-Request-ID": "r-123456789"})
    (line,) = [line for line in heard() if line["logger"] == "churnguard.requests"]
    assert line | {"time": "", "ms": 0} == {
        "time": "", "level": "INFO", "logger": "churnguard.requests", "message": "answered", "request_id": "r-123456789",
        "company_id": str(cast.atlas.pk), "user_id": cast.bob.pk, "method": "GET", "route": "dashboard:client_list",
        "status": 200, "ms": 0,
    }  # fmt: skip
    assert line["ms"] > 0
    assert "Salah" not in json.dumps(heard())


def test_exception_in_a_view_is_an_error_with_company_person_and_request(client_for, cast, heard, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("of salah@example.com")

    monkeypatch.setattr("customers.selectors.customer_base", broken)
    client = client_for(cast.bob)
    client.raise_request_exception = False
    assert client.get("/dashboard", headers={"X-Request-ID": "r-123456789"}).status_code == 500
    (line,) = [line for line in heard() if line["level"] == "ERROR"]
    assert (line["request_id"], line["company_id"], line["user_id"]) == (
        "r-123456789", str(cast.atlas.pk), str(cast.bob.pk),
    )  # fmt: skip
    assert line["error"] == "RuntimeError" and "[e-mail]" in line["trace"]


def test_host_that_a_stranger_made_up_is_no_error(client, db, heard):
    for name, level in logs.configuration(form="json", level="INFO")["loggers"].items():
        logging.getLogger(name).setLevel(level["level"])
    assert client.get("/sign-in", headers={"host": "evil.example.net"}).status_code == 400
    assert [(line["level"], line["logger"], line.get("status")) for line in heard()] == [
        ("INFO", "churnguard.requests", 400)
    ]


def test_probes_leave_no_line(client, db, heard):
    client.get("/livez")
    client.get("/readyz")
    assert [line for line in heard() if line["logger"] == "churnguard.requests"] == []


def test_token_of_a_link_is_in_no_line(db, heard):
    token = "Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRkdISUo"
    Client(raise_request_exception=False).get(f"/u/{token}")
    Client().get(f"/nowhere/{token}")
    assert heard() and token not in json.dumps(heard())


@shared_task(base=TenantTask, name="tests.say_something")
def say_something(**_):
    logging.getLogger("tests").info("something")


def test_line_of_a_task_names_company_and_task(atlas, heard):
    result = say_something.delay(tenant_id=str(atlas.pk))
    (line,) = [line for line in heard() if line["logger"] == "tests"]
    assert (line["company_id"], line["task_id"]) == (str(atlas.pk), result.id)


def test_line_of_a_job_names_the_job(atlas, heard):
    with tenant_scope(atlas):
        job = Import.objects.create(filename="customers.csv")
        with jobs.claimed(Import, job.pk):
            logging.getLogger("tests").info("reading")
    logging.getLogger("tests").info("read")
    inside, after = (line for line in heard() if line["logger"] == "tests")
    assert inside["job"] == f"customers.import:{job.pk}"
    assert "job" not in after


def test_worker_logs_as_the_site_does(settings):
    """Celery leaves the handlers alone where somebody listens to this signal."""
    from celery import signals

    from churnguard.celery import log_as_the_site_does

    assert any(receiver() is log_as_the_site_does for _key, receiver in signals.setup_logging.receivers)
    before = logging.getLogger().handlers[:]
    settings.LOGGING = {"version": 1, "disable_existing_loggers": False, "incremental": True}
    log_as_the_site_does(sender=SimpleNamespace())
    assert logging.getLogger().handlers == before
