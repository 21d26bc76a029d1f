"""``.env.example`` tells of every setting that is read, and of no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from deploy.check import settings_file

ROOT = Path(__file__).resolve().parents[2]
# Read by the files of deploy/, not by the product.
OF_DEPLOY = {
    "WEB_PROCESSES", "WEB_THREADS", "WORKER_PROCESSES", "POSTGRES_ADMIN_PASSWORD", "POSTGRES_OWNER_PASSWORD",
    "POSTGRES_APP_PASSWORD", "POSTGRES_WATCH_PASSWORD", "POSTGRES_DRILL_PASSWORD", "REDIS_PASSWORD",
    "BACKUP_FOLDER", "CHURNGUARD_VERSION",
}  # fmt: skip


def read_by(path: Path) -> list[tuple[str, str]]:
    """(kind, name) of each variable that a module reads: ``env``, ``env.int`` and so on, or ``secret``."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func)
            if function == "secret" or function == "env" or function.startswith("env."):
                found.append((function, node.args[0].value))
    return found


SETTINGS = [path for path in (ROOT / "churnguard" / "settings").glob("*.py") if path.name != "test.py"]
READ = [pair for path in SETTINGS for pair in read_by(path) if isinstance(pair[1], str)]
PASSED_ON = {"consolemail://"}


def test_every_setting_is_explained_and_nothing_else():
    names = {name for _function, name in READ} - PASSED_ON
    assert names - set(settings_file.named()) == set(), "tell of these in deploy/.env.example"
    assert set(settings_file.named()) - names == OF_DEPLOY, "nothing reads these"


def test_each_is_told_once():
    assert sorted(settings_file.named()) == sorted(set(settings_file.named()))


def test_every_secret_is_said_to_come_from_a_file_as_well():
    text = settings_file.EXAMPLE.read_text(encoding="utf-8")
    told = re.search(r"That holds for:(.*?)\n\n", text, flags=re.DOTALL)[1]
    assert set(re.findall(r"[A-Z_]{3,}", told)) == {name for function, name in READ if function == "secret"}


def test_settings_that_deploy_reads_are_read_there():
    files = [ROOT / "deploy" / "compose.yml", *(ROOT / "deploy" / "systemd").iterdir()]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [name for name in OF_DEPLOY if not re.search(rf"\${{{name}\b", text)] == []


def test_lines_are_what_systemd_compose_and_the_product_read_alike():
    for line in settings_file.EXAMPLE.read_text(encoding="utf-8").splitlines():
        assert (
            not line or line.startswith("#") or re.fullmatch(r"[A-Z_]+=[^\"'#$\s]*|DEFAULT_FROM_EMAIL=[^\"'#$]+", line)
        )


def test_filled_in_it_has_different_keys_and_no_gap(tmp_path):
    found = settings_file.fill_in(tmp_path / "env", ALLOWED_HOSTS="localhost", LOG_DAYS="7")
    keys = [
        found[name]
        for name in ("SECRET_KEY", "MODEL_SIGNING_KEY", "CREDENTIALS_KEY", "MAIL_KEY", "ADDRESS_KEY", "BACKUP_KEY")
    ]
    assert len(set(keys)) == 6 and min(map(len, keys)) >= 50
    assert (found["ALLOWED_HOSTS"], found["LOG_DAYS"]) == ("localhost", "7")
    assert all(found.values())
    assert (tmp_path / "env").stat().st_mode & 0o077 == 0
    with pytest.raises(ValueError, match="does not name NOBODY"):
        settings_file.fill_in(tmp_path / "env", NOBODY="1")


def test_the_example_itself_starts_nothing(tmp_path):
    """Who forgets to fill it in is told which keys are missing."""
    from churnguard.settings import safety

    given = settings_file.read(settings_file.EXAMPLE)
    assert [name for name in safety.KEYS if given[name]] == []


def defaults() -> dict[str, object]:
    """What holds where a variable is not set, for those whose default stands in the code as a value; production's wins."""
    found: dict[str, object] = {}
    for path in sorted(SETTINGS, key=lambda path: path.name == "prod.py"):
        if path.name == "dev.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("env") and node.args):
                continue
            given = next((word.value for word in node.keywords if word.arg == "default"), None)
            try:
                value = eval(ast.unparse(given), {"__builtins__": {}}) if given else None  # our own source
            except NameError:
                value = None  # made of other settings
            if isinstance(node.args[0], ast.Constant):
                found[node.args[0].value] = value
    return found


def test_values_told_are_those_that_hold():
    told = re.findall(r"^#([A-Z_]+)=(.*)$", settings_file.EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    known = defaults()
    compared = 0
    for name, value in told:
        default = known.get(name)
        if default is None:
            continue
        compared += 1
        if isinstance(default, bool):
            assert value == str(default).lower(), name
        elif isinstance(default, int | float):
            assert float(value) == default, name
        elif isinstance(default, list):
            assert [part for part in value.split(",") if part] == default, name
        else:
            assert value == default, name
    assert compared > 40
