"""Backed up while it is written to, destroyed, brought back elsewhere: as of the last increment, and it mails nothing until
somebody says so."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.embedded.postgres import Postgres
from tests.campaigns.sink import running_sink

from .conftest import PEOPLE
from .installation import ROOT, Installation, eventually, installed
from .test_killed_senders import SET_UP

pytestmark = pytest.mark.faults

MAILS = 200
DUE = """
from django.utils import timezone
from datetime import timedelta
from campaigns import services
from campaigns.models import Campaign
from tenants.models import User
with company("atlas-telecom"):
    who = User.objects.get(email="alice@atlas.example.com")
    campaign = services.copy_campaign(campaign=Campaign.objects.get(), actor=who)
    campaign.scheduled_at = timezone.now() + timedelta(days=1)
    campaign.name = "Due"
    campaign.save()
    services.prepare_campaign(preparation_id=services.open_check(campaign=campaign).pk)
    campaign.refresh_from_db()
    services.approve_campaign(campaign=campaign, actor=who, despite="a sink of the test's own")
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=timezone.now() - timedelta(minutes=1))
from churnguard.tasks import start_due_campaigns
from core import instance
from tenants.mail_hold import permit_mail
with company("atlas-telecom"):
    assert permit_mail() is None
tell(campaign.pk)
"""
WRITE = """
from tenants.services import notify
with company("atlas-telecom"):
    print("begun", flush=True)
    while True:
        notify("load", n=1)
"""
# What beat and the workers would do, at once and in this process.
START_AND_SEND = """
from campaigns import services
from campaigns.models import Campaign, Preparation, Shift
from churnguard.tasks import start_due_campaigns
from core.errors import Refused
from core.models import OPEN_STATES
from tenants import mail_hold
start_due_campaigns()
with company("atlas-telecom"):
    for launch in Preparation.objects.filter(state__in=OPEN_STATES, kind="launch"):
        services.prepare_campaign(preparation_id=launch.pk)
    for shift in Shift.objects.filter(state__in=OPEN_STATES):
        try:
            services.send_mail(shift_id=shift.pk)
        except Refused:
            pass
    hold = mail_hold.mail_hold()
    tell({"states": sorted(Campaign.objects.values_list("name", "state")), "hold": hold.code if hold else None})
"""


def manage(site: Installation, *arguments: str) -> dict:
    """One of the installation's own commands, asked for JSON."""
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "churnguard.settings", "LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if "--json" in arguments else {}


@contextlib.contextmanager
def written_to(site: Installation):
    """Somebody writes all the time, one commit after another."""
    head = "import django; django.setup()\nfrom tenants.company import company\n"
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "churnguard.settings", "LOG_LEVEL": "ERROR"}
    writer = subprocess.Popen([sys.executable, "-c", head + WRITE], cwd=ROOT, env=env, stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"begun\n"
        yield
        assert writer.poll() is None, "the writer failed meanwhile"
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()


def notes(site: Installation) -> int:
    return int(site.rows("SELECT count(*) AS n FROM tenants_notification WHERE code = 'load'")[0]["n"])


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_destroyed_installation_comes_back_elsewhere_and_mails_nothing_until_released(engine, tmp_path):
    store, there = tmp_path / "store", tmp_path / "second"
    (tmp_path / "sink").mkdir()
    with running_sink(tmp_path / "sink") as sink:
        with installed(tmp_path / "first", engine) as site:
            site.env["BACKUP_DIR"] = str(store)
            site.env["PUBLIC_URL"] = "https://retention.example.com"
            site.env["MAIL_PRIVATE_HOSTS"] = "127.0.0.1"
            site.django(PEOPLE)
            site.django(SET_UP.format(mails=MAILS, port=sink.port, rate=100_000))
            site.django(DUE)
            site.env["BACKUP_DATABASE_URL"] = (
                site.watch_url
            )  # row-level security shows the site's own role nobody's rows
            whole, quiet = manage(site, "backup", "--json"), manage(site, "backup", "--json")
            assert quiet["new_bytes"] < whole["new_bytes"], "an increment costs what is new"
            with written_to(site):
                first = manage(site, "backup", "--json")
                noted = notes(site)
                eventually(lambda: notes(site) > noted + 5, what="the load goes on")
                last = manage(site, "backup", "--json")
                assert notes(site) > noted
            assert last["tables"]["tenants_notification"]["rows"] > first["tables"]["tenants_notification"]["rows"]
            keys = {path.name: path.read_text() for path in site.var.glob("*-key")}
            kept = dict(site.env)
        shutil.rmtree(tmp_path / "first")  # the server is gone already: nothing of the installation is left

        with contextlib.ExitStack() as stack:
            server = stack.enter_context(Postgres()) if engine == "postgresql" else None
            there.mkdir()
            for name, key in keys.items():  # kept apart from backups, as docs/operating.md says
                (there / name).write_text(key)
            second = Installation(there, server.url, server.admin_url, server) if server else Installation(there)
            stack.callback(second.close)
            second.env |= {name: kept[name] for name in ("BACKUP_DIR", "PUBLIC_URL", "MAIL_PRIVATE_HOSTS")}
            second.env["BACKUP_DATABASE_URL"] = second.watch_url
            done = manage(second, "restore", "--json")
            assert (done["differences"], done["keys"], done["snapshot"]) == ([], [], last["id"])
            again = manage(second, "backup", "--to", str(tmp_path / "again"), "--json")
            assert again["tables"] == last["tables"], "every digest is that of the last increment"

            held = second.django(START_AND_SEND)
            assert held["hold"] == "restored"
            assert dict(held["states"])["Due"] == "approved"
            assert sink.accepted() == []
            manage(second, "release_mail", "--reason", "The first machine is destroyed.")
            free = second.django(START_AND_SEND)
            assert free["hold"] is None
            assert dict(free["states"])["Due"] == "finished"
            assert len(sink.accepted()) > 0
            assert Path(there / "restored.json").exists()
