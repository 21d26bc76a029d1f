"""``make setup``: stamps that hold until something changes, and one clear line for what a person has to mend."""

import importlib
import json
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bin")
    monkeypatch.delitem(sys.modules, "setup", raising=False)
    return importlib.import_module("setup")


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose environment looks made: what is asked here is the stamps, not the packages."""
    (tmp_path / "requirements.txt").write_text("django==5.2.19\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9.2.0\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    return tmp_path


def test_nothing_is_installed_twice(setup, checkout):
    environment = setup.Environment(checkout)
    assert not environment.is_current("runtime")
    environment.remember("runtime")
    assert environment.is_current("runtime")
    assert not environment.is_current("dev")
    environment.remember("dev")
    assert environment.is_current("dev")


def test_another_requirement_asks_for_another_install(setup, checkout):
    environment = setup.Environment(checkout)
    environment.remember("dev")
    (checkout / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9.3.0\n")
    assert environment.is_current("runtime")
    assert not environment.is_current("dev")
    (checkout / "requirements.txt").write_text("django==5.2.20\n")
    assert not environment.is_current("runtime")


def test_a_moved_or_damaged_environment_is_not_current(setup, checkout):
    environment = setup.Environment(checkout)
    environment.remember("runtime")
    moved = json.loads(environment.stamp.read_text()) | {"folder": "/elsewhere/.venv"}
    environment.stamp.write_text(json.dumps(moved))
    assert not environment.is_current("runtime")
    environment.stamp.write_text("not json")
    assert not environment.is_current("runtime")


def test_not_enough_space_is_said_in_one_line(setup, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: usage(10e9, 9.6e9, 0.4e9))
    with pytest.raises(setup.SetupFailed, match=r"0\.4 GB free, about 1\.5 GB needed") as caught:
        setup.check_space(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("Temporary failure in name resolution", "Could not install: the package index cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "Could not install: the disk is full"),
        ("error: no such package", "Could not install."),
    ],
)
def test_a_failed_install_says_why_first(setup, stderr, line):
    result = subprocess.CompletedProcess([], 1, stdout="", stderr=f"WARNING: noise\n{stderr}\n")
    message = str(setup.failure("Could not install", result))
    assert message.startswith(line)
    assert stderr in message
    assert "noise" not in message


def test_an_old_python_is_told_which_one_to_use(setup):
    assert setup.too_old((3, 8, 1), lambda name: None).startswith(
        "ChurnGuard needs Python 3.11 or newer, and this one is 3.8."
    )
    assert setup.too_old((3, 8, 1), lambda name: name == "python3.12").endswith("PYTHON=python3.12")


def test_uv_is_told_where_pip_would_look(setup):
    settings = {"index-url": "https://packages.example/simple", "cert": "/etc/ssl/company.pem", "timeout": "60"}
    assert setup.uv_variables(settings, {}) == {
        "UV_DEFAULT_INDEX": "https://packages.example/simple",
        "UV_HTTP_TIMEOUT": "60",
        "SSL_CERT_FILE": "/etc/ssl/company.pem",
    }
    assert "UV_DEFAULT_INDEX" not in setup.uv_variables(settings, {"UV_INDEX_URL": "https://chosen.example/simple"})


def test_every_direct_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                assert "==" in line, line
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    direct = {
        line.split("==")[0].split("[")[0]
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    assert direct <= locked, "run `make lock`"
