"""The systemd units: what they run, as whom, and that stopping has the time it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from core.checks import row_security_binds
from deploy.check import settings_file, units

NAMES = sorted(path.name for path in units.FOLDER.glob("*.service"))
INSTANCES = {"churnguard-web@.service": "8001", "churnguard-worker@.service": "ml"}
HARDENED = (
    "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables",
    "ProtectKernelModules", "ProtectControlGroups", "RestrictNamespaces", "RestrictSUIDSGID", "LockPersonality",
    "RestrictAddressFamilies", "SystemCallFilter", "CapabilityBoundingSet",
)  # fmt: skip


def commands(name: str) -> list[list[str]]:
    return units.read(name).commands(INSTANCES.get(name, ""))


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_there_is_a_unit_for_each_part():
    assert NAMES == [
        "churnguard-beat.service", "churnguard-release.service", "churnguard-web@.service", "churnguard-worker@.service",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_unit_runs_as_nobody_of_importance_and_may_do_little(name):
    unit = units.read(name)
    assert unit.value("User") == unit.value("Group") == "churnguard"
    assert [setting for setting in HARDENED if not unit.values(setting)] == []
    assert unit.value("ProtectSystem") == "strict"
    assert unit.value("CapabilityBoundingSet") == ""
    assert unit.value("StateDirectory") == "churnguard"
    assert unit.values("EnvironmentFile")[0] == "/etc/churnguard/env"
    assert unit.environment()["DJANGO_ENV"] == "production"


@pytest.mark.parametrize("name", [name for name in NAMES if "release" not in name])
def test_process_comes_back_and_only_its_parent_is_asked_to_stop(name):
    unit = units.read(name)
    assert (unit.value("Restart"), unit.value("KillMode")) == ("always", "mixed")
    assert unit.value("StartLimitBurst", "Unit")  # one that refuses to start does not try for ever
    assert unit.value("PartOf", "Unit") == unit.value("WantedBy", "Install") == "churnguard.target"


def test_site_has_the_time_to_drain_and_to_end_what_it_began():
    unit = units.read("churnguard-web@.service")
    [command] = commands("churnguard-web@.service")
    drain = float(settings_file.read(settings_file.EXAMPLE)["DRAIN_SECONDS"])
    assert unit.seconds("TimeoutStopSec") > drain + float(option(command, "--graceful-timeout"))
    assert "-HUP" in unit.value("ExecReload")


def test_site_listens_on_loopback_by_our_own_configuration():
    [command] = commands("churnguard-web@.service")
    assert option(command, "--bind") == "127.0.0.1:8001"
    assert option(command, "--config") == "python:churnguard.serving"
    assert command[-1] == "churnguard.wsgi:application"


@pytest.mark.parametrize("queue", ["default", "ml", "mail"])
def test_worker_takes_the_queue_that_it_is_called_after(queue):
    [command] = units.read("churnguard-worker@.service").commands(queue, {"WORKER_PROCESSES": "3"})
    assert option(command, "--queues") == queue
    assert option(command, "--hostname") == f"{queue}@%h"
    assert option(command, "--concurrency") == "3"


def test_target_wants_every_part_and_a_worker_for_each_queue():
    from core.broker import QUEUES

    wanted = " ".join(units.read("churnguard.target").values("Wants", "Unit")).split()
    assert {f"churnguard-worker@{queue}.service" for queue in QUEUES} <= set(wanted)
    assert {"churnguard-web@8001.service", "churnguard-web@8002.service"} <= set(wanted)
    assert wanted.count("churnguard-beat.service") == 1


def test_release_checks_before_it_changes_anything_and_when_it_has():
    """What the tables are asked comes after the migrations: one that failed half-way leaves them such that only the next run
    mends them, which a check before it would not let begin."""
    first, *_, last = commands("churnguard-release.service")
    assert [" ".join(command[1:3]) for command in commands("churnguard-release.service")] == [
        "manage.py check", "manage.py collectstatic", "manage.py migrate", "manage.py check",
    ]  # fmt: skip
    assert option(first, "--tag") == "security"
    assert "--tag" not in last
    assert option(first, "--fail-level") == option(last, "--fail-level") == "WARNING"
    assert row_security_binds.tags == ("row_security",)


def test_only_the_release_is_the_owner_of_the_tables():
    owners = {name: ("/etc/churnguard/release.env", True) in units.read(name).files() for name in NAMES}
    assert [name for name, is_owner in owners.items() if is_owner] == ["churnguard-release.service"]


def test_who_makes_backups_may_write_them():
    folder = settings_file.read(settings_file.EXAMPLE)["BACKUP_DIR"]
    assert f"-{folder}" in units.read("churnguard-worker@.service").values("ReadWritePaths")


# ---------------------------------------------------------------- the reading itself


def read(tmp_path, text: str) -> units.Unit:
    (tmp_path / "x.service").write_text(text)
    return units.read("x.service", tmp_path)


def test_lines_go_on_and_variables_are_filled_in(tmp_path):
    unit = read(
        tmp_path, '# a remark\n[Service]\nEnvironment=A=1 "B=two words"\nExecStart=/bin/x \\\n    ${A} %i %%h "${B}"\n'
    )
    assert unit.commands("inst") == [["/bin/x", "1", "inst", "%h", "two words"]]


def test_files_of_settings_are_read_in_order(tmp_path):
    unit = read(tmp_path, "[Service]\nEnvironmentFile=/etc/a\nEnvironmentFile=-/etc/b-%i\n")
    assert unit.files("inst") == [("/etc/a", True), ("/etc/b-inst", False)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ExecStart=/bin/x ${NOBODY}", "nothing sets NOBODY"),
        ("ExecStart=/bin/x %h", "means something to systemd"),
        ("TimeoutStopSec=a while", "is no span of time"),
        ("a line of prose", "systemd would ignore"),
    ],
)
def test_wrong_line_is_found(tmp_path, line, said):
    with pytest.raises(ValueError, match=said):
        unit = read(tmp_path, f"[Service]\n{line}\n")
        unit.commands()
        unit.seconds("TimeoutStopSec")


def test_spans_of_time(tmp_path):
    spans = {"75": 75, "90s": 90, "5min": 300, "1h": 3600}
    assert {text: read(tmp_path, f"[Service]\nT={text}\n").seconds("T") for text in spans} == spans


def test_systemd_itself_has_nothing_to_say(tmp_path):
    """Offline: it reads the units and weighs what they may do (10: everything, 0: nothing)."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    for path in units.FOLDER.iterdir():
        text = path.read_text(encoding="utf-8").replace("/srv/churnguard/current/.venv/bin/python", sys.executable)
        (tmp_path / path.name.replace("@.", "@ml.")).write_text(text)
    services = sorted(str(path) for path in tmp_path.glob("*.service"))

    def said(*arguments: str) -> str:
        ended = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
        return ended.stdout + ended.stderr

    assert said("verify", "--recursive-errors=no", *services, str(tmp_path / "churnguard.target")) == ""
    for service in services:
        exposure = re.search(r"Overall exposure level for .*?: ([\d.]+)", said("security", "--offline=yes", service))
        assert exposure and float(exposure[1]) < 2.5, service
