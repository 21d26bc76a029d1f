"""Makes ``.venv`` with the pinned requirements, and the built front end; a second call finds its stamps and is done.

Runs under the system's own Python, before anything is installed: standard library only, and a syntax that an old
Python can still read, so that it can say that it is too old.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)


def too_old(version, found):
    """The one line for a Python that is too old; ``found`` says whether a program runs, to offer a newer one."""
    line = "ChurnGuard needs Python %d.%d or newer, and this one is %d.%d" % (OLDEST + tuple(version[:2]))
    for minor in range(20, OLDEST[1] - 1, -1):
        if found("python3.%d" % minor):
            return line + ". Run the same command with PYTHON=python3.%d" % minor
    return line + ". Install a newer one, then run the same command with PYTHON=/path/to/it"


def runs(program):
    """Whether the program is there and starts: a version manager's stand-in for one that is not installed does not."""
    with open(os.devnull, "w") as nowhere:
        try:
            return subprocess.call([program, "-c", ""], stdout=nowhere, stderr=nowhere) == 0
        except OSError:
            return False


if sys.version_info < OLDEST:
    sys.exit(too_old(sys.version_info, runs))

import argparse
import hashlib
import json
import shutil
import time
from pathlib import Path

import build_static

ROOT = Path(__file__).resolve().parent.parent
NEEDED_GIGABYTES = 1.5
UV = "uv==0.13.9"
PROFILES = {"runtime": "requirements.txt", "dev": "requirements-dev.txt"}
NETWORK_SIGNS = (
    "connection",
    "name resolution",
    "getaddrinfo",
    "dns error",
    "timed out",
    "network is unreachable",
    "proxy",
    "no matching distribution found for uv",
)


class SetupFailed(Exception):
    """Something a person has to mend; the text is for them."""


def requirement_files(root: Path, profile: str) -> list[Path]:
    """The files that decide what the profile installs."""
    names = ["requirements.txt", "requirements.lock"] + (["requirements-dev.txt"] if profile == "dev" else [])
    return [root / name for name in names if (root / name).exists()]


def fingerprint(root: Path, profile: str) -> str:
    """Changes whenever another set of packages would be installed."""
    digest = hashlib.sha256(UV.encode())
    for path in requirement_files(root, profile):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class Environment:
    """The virtual environment in a checkout, and the stamp that says what was last installed into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "installed.json"

    def installed(self) -> dict[str, str]:
        try:
            return json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def is_current(self, profile: str) -> bool:
        """Whether the profile is installed, from the very files of now, at this very place."""
        installed = self.installed()
        # A folder that was copied or moved has scripts that point to the old place.
        if installed.get("folder") != str(self.folder) or not self.python.exists():
            return False
        profiles = ["dev"] if profile == "dev" else ["runtime", "dev"]
        return any(installed.get(each) == fingerprint(self.root, each) for each in profiles)

    def remember(self, profile: str) -> None:
        installed = {"folder": str(self.folder), "runtime": fingerprint(self.root, "runtime")}
        if profile == "dev":
            installed["dev"] = fingerprint(self.root, "dev")
        self.stamp.write_text(json.dumps(installed, indent=1), encoding="utf-8")


def check_space(root: Path, needed: float = NEEDED_GIGABYTES) -> None:
    free = shutil.disk_usage(root).free / 1e9
    if free < needed:
        raise SetupFailed(f"Not enough disk space at {root}: {free:.1f} GB free, about {needed:.1f} GB needed.")


def run(command: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def failure(what: str, result: subprocess.CompletedProcess[str]) -> SetupFailed:
    """What went wrong in one line, with the last useful lines of the tool beneath it."""
    lines = [line.rstrip() for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    useful = [line for line in lines if not line.lstrip().lower().startswith(("[notice]", "warning", "looking in"))]
    text = " ".join(lines).lower()
    if "no space left" in text:
        what = f"{what}: the disk is full"
    elif any(sign in text for sign in NETWORK_SIGNS):
        what = f"{what}: the package index cannot be reached. Check the network, and pip's settings (`pip config list`)"
    return SetupFailed("\n".join([f"{what}.", *(f"  {line}" for line in useful[-6:])]))


def make_environment(environment: Environment) -> None:
    """A fresh ``.venv``; one that is broken, moved or of another Python is replaced."""
    if environment.folder.exists():
        probe = run([str(environment.python), "-c", "import sys, pip; print(*sys.version_info[:2], sys.prefix)"])
        wanted = f"{sys.version_info[0]} {sys.version_info[1]} {environment.folder}"
        if probe.returncode == 0 and probe.stdout.strip() == wanted:
            return
        shutil.rmtree(environment.folder)
    say(f"Making .venv with Python {sys.version.split()[0]}")
    result = run([sys.executable, "-m", "venv", str(environment.folder)])
    if result.returncode:
        shutil.rmtree(environment.folder, ignore_errors=True)
        if "ensurepip" in result.stdout + result.stderr:
            raise SetupFailed(
                "This Python has no `venv`. On Debian and Ubuntu: apt-get install python3-venv, then run this again."
            )
        raise failure("Could not make .venv", result)


def pip_settings(environment: Environment) -> dict[str, str]:
    """What pip is configured with, from its files and variables; a variable wins over a file."""
    result = run([str(environment.python), "-m", "pip", "config", "list"])
    found: dict[str, str] = {}
    for line in sorted(result.stdout.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        found[name.split(".", 1)[-1].replace("_", "-")] = value.strip().strip("'\"")
    return found


def uv_variables(settings: dict[str, str], env: dict[str, str]) -> dict[str, str]:
    """uv does not read pip's configuration: the part of it that decides where packages come from, in uv's own words."""
    wanted = {
        "UV_DEFAULT_INDEX": settings.get("index-url"),
        "UV_INSECURE_HOST": settings.get("trusted-host"),
        "UV_HTTP_TIMEOUT": settings.get("default-timeout") or settings.get("timeout"),
        "SSL_CERT_FILE": settings.get("cert"),
        "ALL_PROXY": settings.get("proxy"),
    }
    said = set(env) | ({"UV_DEFAULT_INDEX"} if "UV_INDEX_URL" in env else set())
    return {name: value for name, value in wanted.items() if value and name not in said}


def install(environment: Environment, profile: str) -> None:
    """The profile's packages, by uv where it can be had, else by pip."""
    requirements = str(environment.root / PROFILES[profile])
    pins = ["-r", requirements]
    lock = environment.root / "requirements.lock"
    if lock.exists():
        pins += ["-c", str(lock)]
    pip = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check", "--retries", "2", "--quiet"]
    uv = environment.folder / "bin" / "uv"

    say(f"Installing the packages of {PROFILES[profile]}")
    if not uv.exists():
        result = run([*pip, UV])
        if result.returncode and any(sign in result.stderr.lower() for sign in NETWORK_SIGNS):
            raise failure("Could not install", result)
    if uv.exists():
        env = dict(os.environ)
        env.update(uv_variables(pip_settings(environment), env))
        if run([str(uv), "pip", "install", "--quiet", "--python", str(environment.python), *pins], env).returncode == 0:
            return
    # pip knows its whole configuration (extra indexes, find-links, keyrings), so it may reach what uv could not.
    result = run([*pip, *pins])
    if result.returncode:
        raise failure("Could not install the packages", result)


def compile_packages(environment: Environment) -> None:
    """Where Python may not write bytecode (PYTHONDONTWRITEBYTECODE) every start would compile the packages anew.

    Measured: the second `make demo` took 14 s without this and takes 4 s with it. What cannot be compiled is left.
    """
    if sys.dont_write_bytecode:
        packages = environment.folder / "lib"
        run([str(environment.python), "-m", "compileall", "-q", "-j", "0", "-x", "/tests?/", str(packages)])


def say(line: str) -> None:
    print(f"  {line}", flush=True)


def set_up(root: Path, profile: str, *, force: bool = False) -> None:
    environment = Environment(root)
    if force or not environment.is_current(profile):
        started = time.monotonic()
        check_space(root, NEEDED_GIGABYTES if not environment.stamp.exists() else 0.3)
        make_environment(environment)
        install(environment, profile)
        compile_packages(environment)
        environment.remember(profile)
        say(f"Installed in {time.monotonic() - started:.0f} s")
    if force or not build_static.is_current(root):
        result = run([str(environment.python), str(Path(build_static.__file__).resolve())])
        if result.returncode:
            raise failure("Could not build the front end", result)
        for line in result.stdout.splitlines():
            say(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profile", nargs="?", choices=sorted(PROFILES), default="runtime")
    parser.add_argument("--force", action="store_true", help="install and build again, whatever the stamps say")
    options = parser.parse_args()
    try:
        set_up(ROOT, options.profile, force=options.force)
    except SetupFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The next call goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
