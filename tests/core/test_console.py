"""Commands: one JSON object on stdout, progress on stderr, one sentence and a non-zero exit when refused."""

import io
import json
from types import SimpleNamespace

import pytest
from django.core.management.base import CommandError

from core import console, jobs
from core.console import JobCommand, ProgressBar, foreground
from core.errors import Refused
from core.models import JobState
from customers.models import Import


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Refusing(JobCommand):
    def run_in_company(self, **_):
        raise Refused("no_id", "The file has no customer number.", file="x.csv")


class Answering(JobCommand):
    def run_in_company(self, **_):
        return {"read": 3, "name": "Éloïse"}


def run(command: type[JobCommand], *, as_json: bool) -> str:
    out = io.StringIO()
    command(stdout=out).handle(tenant="atlas", as_json=as_json)
    return out.getvalue()


def test_result_is_one_json_object():
    assert json.loads(run(Answering, as_json=True)) == {"read": 3, "name": "Éloïse"}


def test_result_for_a_person_is_lines():
    assert run(Answering, as_json=False).splitlines() == ["read: 3", 'name: "Éloïse"']


def test_refusal_is_a_command_error_with_its_sentence():
    with pytest.raises(CommandError, match="no customer number"):
        run(Refusing, as_json=False)


def test_refusal_as_json_names_code_and_detail():
    out = io.StringIO()
    with pytest.raises(CommandError):
        Refusing(stdout=out).handle(tenant="atlas", as_json=True)
    assert json.loads(out.getvalue()) == {
        "error": {"code": "no_id", "detail": "The file has no customer number.", "file": "x.csv"}
    }


def test_bar_in_a_file_is_a_line_for_each_tenth():
    out = io.StringIO()
    bar = ProgressBar("Importing", out)
    for i in range(101):
        bar.draw(i / 100)
    bar.close()
    lines = out.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("Importing:   0 %")
    assert "\r" not in out.getvalue()


def test_bar_on_a_terminal_redraws_its_line():
    out = Terminal()
    bar = ProgressBar("Importing", out)
    bar(SimpleNamespace(fraction=0.5, progress_note="3,500", seconds_left=12.0))
    bar.close()
    assert out.getvalue().startswith("\rImporting")
    assert "50 %" in out.getvalue()
    assert "12 s left" in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_foreground_returns_what_the_work_returns_and_draws(atlas_scope, capsys):
    job = Import.objects.create(filename="x.csv")

    def work():
        with jobs.claimed(Import, job.pk) as held:
            held.report(1, 2, "half")
        return "done"

    assert foreground("Importing", job, work) == "done"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "50 %" in captured.err


def test_foreground_waits_for_another_process_that_holds_the_job(atlas_scope, monkeypatch):
    job = Import.objects.create(filename="x.csv")
    jobs.claim(Import, job.pk)
    naps = []

    def nap(seconds):
        naps.append(seconds)
        Import.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED)

    monkeypatch.setattr(console.time, "sleep", nap)

    def work():
        with jobs.claimed(Import, job.pk):
            pytest.fail("ran beside the other process")

    assert foreground("Importing", job, work) is None
    assert len(naps) == 1


def test_foreground_passes_on_the_reason_of_the_other_process(atlas_scope):
    job = Import.objects.create(
        filename="x.csv", state=JobState.FAILED, error_code="no_rows", error_message="No customer in it."
    )

    def work():
        raise jobs.NotClaimable

    with pytest.raises(Refused, match=r"No customer in it\."):
        foreground("Importing", job, work)


def test_foreground_says_that_a_job_was_cancelled(atlas_scope):
    job = Import.objects.create(filename="x.csv")

    def work():
        with jobs.claimed(Import, job.pk) as held:
            jobs.cancel(job)
            held.report(1, 2, "next")

    with pytest.raises(Refused, match="cancelled"):
        foreground("Importing", job, work)
