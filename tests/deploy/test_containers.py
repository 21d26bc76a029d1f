"""The image and compose.yml, read: nobody builds them here, so what can be wrong without a build is looked for."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path

import pytest
import yaml

from core.broker import QUEUES
from core.postgresql.roles import Roles, as_script, statements
from deploy.check import settings_file, units

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("churnguard:")}
DOCKERFILE = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
LINES = [line.split(None, 1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]


def instructions(name: str, stage: int = 2) -> list[str]:
    """The arguments of an instruction in a stage of the Dockerfile (database, build, image), the last stage by default."""
    starts = [number for number, line in enumerate(LINES) if line[0] == "FROM"] + [len(LINES)]
    return [line[1] for line in LINES[starts[stage] : starts[stage + 1]] if line[0] == name]


def filled(command: list[str]) -> list[str]:
    """With the defaults of the variables."""
    return [re.sub(r"\${\w+:-([^}]*)}", r"\1", word) for word in command]


# ---------------------------------------------------------------- the image


def test_image_is_built_in_stages_and_runs_as_nobody():
    bases = [line[1] for line in LINES if line[0] == "FROM"]
    assert bases == [
        f"{SERVICES['postgres']['image']} AS postgres", "python:3.11-slim-bookworm AS build", "python:3.11-slim-bookworm",
    ]  # fmt: skip
    assert instructions("USER") == ["10001:10001"]
    assert LINES.index(["USER", "10001:10001"]) < next(n for n, line in enumerate(LINES) if line[0] == "CMD")


def test_image_asks_livez_for_its_health():
    [check] = instructions("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"] and "http://127.0.0.1:8000/livez" in command[2]
    compile(command[2], "health", "exec")
    assert instructions("EXPOSE") == ["8000"]


def ignored(path: str) -> bool:
    """As Docker reads Dockerfile.dockerignore: the last line that fits decides."""
    out = False
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
        if any(fnmatch.fnmatch(one, pattern.removeprefix("**/")) for one in parents) or (
            pattern.startswith("**/") and any(fnmatch.fnmatch(part, pattern[3:]) for part in Path(path).parts)
        ):
            out = not line.startswith("!")
    return out


def test_image_holds_the_product_and_nothing_else():
    needed = [
        "manage.py", "requirements.txt", "requirements.lock", "bin/build_static.py", "core/env.py",
        "churnguard/wsgi.py", "templates/403_csrf.html", "static/src/app.css", "locale/fr/LC_MESSAGES/django.po", "LICENSE",
    ]  # fmt: skip
    kept_out = [
        ".env", ".git/config", "deploy/.env", "deploy/tls/privkey.pem", "tests/conftest.py", "var/secret-key",
        ".venv/bin/python", "static/built/app.css", "locale/fr/LC_MESSAGES/django.mo", "core/__pycache__/env.pyc",
    ]  # fmt: skip
    assert [path for path in needed if not (ROOT / path).exists() or ignored(path)] == []
    assert [path for path in kept_out if not ignored(path)] == []


def test_every_package_of_the_product_is_let_in():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "deploy"}
    assert [name for name in packages if ignored(f"{name}/__init__.py")] == []


def test_what_is_copied_exists():
    for line in instructions("COPY", 1):
        *sources, _target = line.split()
        assert all((ROOT / source).exists() for source in sources), line
    *packages, ours = instructions("COPY")
    assert ours == "--from=build /srv/churnguard /srv/churnguard"
    assert all(line.startswith("--from=postgres /") and len({*line.split()[1:]}) == 1 for line in packages)


def test_image_has_the_tools_of_the_databases_own_version():
    """pg_dump refuses a server that is newer; the image of the server brings the address and the key of its packages."""
    version = re.match(r"postgres:(\d+)-bookworm$", SERVICES["postgres"]["image"])[1]
    assert any(f" postgresql-client-{version} " in line for line in instructions("RUN"))
    assert [line.split()[1] for line in instructions("COPY")[:-1]] == [
        "/usr/local/share/keyrings/postgres.gpg.asc", "/etc/apt/sources.list.d/pgdg.list",
    ]  # fmt: skip


def test_image_has_the_folders_that_are_mounted():
    made = " ".join(instructions("RUN"))
    [volumes] = instructions("VOLUME")
    mounted = {volume.rpartition(":")[2] for volume in SERVICES["web"]["volumes"]}
    assert set(json.loads(volumes)) == mounted
    assert [path for path in mounted if f"--owner 10001 --group 10001 --mode 0755 {path}" not in made
            and f"--owner 10001 --group 10001 --mode 0750 {path}" not in made] == []  # fmt: skip
    [variables] = instructions("ENV")
    assert f"BACKUP_DIR={SERVICES['web']['environment']['BACKUP_DIR']}" in variables


# ---------------------------------------------------------------- the same commands everywhere


def test_site_is_started_as_on_a_plain_server():
    [unit] = units.read("churnguard-web@.service").commands("8001")
    [image] = instructions("CMD")
    expected = [word.replace("127.0.0.1:8001", "0.0.0.0:8000") for word in ["python", *unit[1:]]]
    assert filled(SERVICES["web"]["command"]) == json.loads(image) == expected


@pytest.mark.parametrize("queue", QUEUES)
def test_worker_is_started_as_on_a_plain_server(queue):
    [unit] = units.read("churnguard-worker@.service").commands(queue)
    assert filled(SERVICES[f"worker-{queue}"]["command"]) == ["python", *unit[1:]]


def test_clock_is_started_as_on_a_plain_server_and_once():
    [unit] = units.read("churnguard-beat.service").commands()
    assert SERVICES["beat"]["command"] == ["python", *unit[1:]]
    assert len([name for name, service in OURS.items() if "beat" in service["command"]]) == 1
    assert "deploy" not in SERVICES["beat"]  # no replicas


def test_release_does_what_it_does_on_a_plain_server():
    wanted = [" ".join(["python", *command[1:]]) for command in units.read("churnguard-release.service").commands()]
    assert SERVICES["release"]["command"][2].split(" && ") == wanted
    assert SERVICES["release"]["restart"] == "no"


# ---------------------------------------------------------------- compose


def test_every_part_is_there():
    queues = {f"worker-{queue}" for queue in QUEUES}
    assert set(SERVICES) == {"release", "web", "beat", "postgres", "redis", "nginx", *queues}


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_may_do_little_and_know_no_password_but_their_own(name):
    service = OURS[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in service and "privileged" not in service and "user" not in service
    assert service["environment"]["DJANGO_ENV"] == "production"
    passwords = {name for name in settings_file.named() if name.endswith("_PASSWORD")}
    assert {name: service["environment"][name] for name in passwords} == dict.fromkeys(passwords, "")
    if name != "release":
        assert service["depends_on"]["release"] == {"condition": "service_completed_successfully"}


ROLE = {name: {variable: re.match(r"postgres://churnguard_(\w+):|$", str(service["environment"].get(variable, "")))[1]
               for variable in ("DATABASE_URL", "BACKUP_DATABASE_URL", "BACKUP_DRILL_DATABASE_URL")}
        for name, service in OURS.items()}  # fmt: skip


def test_each_container_is_the_role_that_it_needs():
    assert {name: roles["DATABASE_URL"] for name, roles in ROLE.items()} == {
        **dict.fromkeys(OURS, "app"), "release": "owner",
    }  # fmt: skip
    for name, roles in ROLE.items():
        assert roles["BACKUP_DATABASE_URL"] == ("watch" if name == "worker-default" else None), name
        tries_restores = name in ("worker-default", "release")
        assert roles["BACKUP_DRILL_DATABASE_URL"] == ("drill" if tries_restores else None), name
        for variable, role in roles.items():
            if role:
                assert f":${{POSTGRES_{role.upper()}_PASSWORD:?" in OURS[name]["environment"][variable]


def test_only_nginx_is_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["servers"] == {"internal": True}
    assert [SERVICES[name]["networks"] for name in ("postgres", "redis")] == [["servers"], ["servers"]]
    assert SERVICES["nginx"]["networks"] == ["front"] and "front" in SERVICES["web"]["networks"]


def test_health_is_asked_of_who_serves():
    assert {name for name, s in SERVICES.items() if s.get("healthcheck", {}).get("test")} == {
        "postgres",
        "redis",
        "nginx",
    }
    assert "healthcheck" not in SERVICES["web"]  # the image's own: /livez
    for name in OURS:
        if name != "web":
            assert SERVICES[name]["healthcheck"] == {"disable": True}


def test_what_is_mounted_exists_and_what_is_named_is_declared():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = filled([volume])[0].split(":")[0]
            if not source.startswith("."):
                assert source in COMPOSE["volumes"]
            elif source not in ("./tls", "./acme"):  # the operator's own
                assert (DEPLOY / source).is_file(), source
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    build = SERVICES["release"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_site_has_the_time_to_drain():
    command = SERVICES["web"]["command"]
    needed = float(settings_file.read(settings_file.EXAMPLE)["DRAIN_SECONDS"])
    needed += float(command[command.index("--graceful-timeout") + 1])
    assert int(SERVICES["web"]["stop_grace_period"].removesuffix("s")) > needed


def test_broker_forgets_nothing_and_asks_for_its_password():
    command = SERVICES["redis"]["command"]
    for option, value in {"--appendonly": "yes", "--maxmemory-policy": "noeviction"}.items():
        assert command[command.index(option) + 1] == value
    assert "--requirepass" in command


def test_variables_of_compose_are_told_of():
    text = (DEPLOY / "compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\${(\w+)", text)) <= set(settings_file.named())


def test_first_start_makes_the_roles_and_gives_each_its_password():
    script = DEPLOY / "postgres" / "first-start.sh"
    assert script.stat().st_mode & 0o111
    text = script.read_text(encoding="utf-8")
    roles = re.findall(r"ALTER ROLE churnguard_(\w+) PASSWORD :'\1';", text)
    assert roles == ["owner", "app", "watch", "drill"]
    for role in roles:
        assert rf"\set {role} `printenv POSTGRES_{role.upper()}_PASSWORD`" in text
        assert f"POSTGRES_{role.upper()}_PASSWORD" in SERVICES["postgres"]["environment"]
    [mounted] = [v for v in SERVICES["postgres"]["volumes"] if v.startswith("./postgres/roles.sql:")]
    assert f"ROLES_SQL:-{mounted.split(':')[1]}}}" in text


@pytest.mark.parametrize("version", [15, 17])
def test_roles_are_those_of_the_command(version):
    """roles.sql, as psql fills it in, is what ``manage.py database_roles`` says; the drill's role comes on top."""
    text = (DEPLOY / "postgres" / "roles.sql").read_text(encoding="utf-8")
    said = text.partition("BEGIN;\n")[2].partition(
        "\nDO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'churnguard_drill')"
    )[0]
    filled_in = said.replace(':"DBNAME"', '"churnguard"').replace(":maintain", ", MAINTAIN" if version >= 17 else "")
    assert filled_in == as_script(statements(Roles(), "churnguard", version=version))
    assert 'ALTER ROLE "churnguard_drill" LOGIN NOSUPERUSER NOCREATEROLE CREATEDB NOBYPASSRLS;' in text
