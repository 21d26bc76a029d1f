"""``python -m core.embedded run [--valkey] [--postgres] -- COMMAND``: a command beside servers that live as long."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from .postgres import Postgres
from .processes import EmbeddedError
from .supervisor import Interrupted, ending_on_signals
from .valkey import Valkey


def run(command: list[str], *, valkey: bool, postgres: bool) -> int:
    """The command's exit code. A server whose address is in the environment already is not started but used."""
    env = dict(os.environ)
    with ExitStack() as servers:
        if valkey and not env.get("REDIS_URL"):
            folder = servers.enter_context(tempfile.TemporaryDirectory(prefix="churnguard-valkey-"))
            env["REDIS_URL"] = servers.enter_context(Valkey(Path(folder))).url
        if postgres and not env.get("DATABASE_URL"):
            server = servers.enter_context(Postgres())
            env["DATABASE_URL"] = server.url
            env["PATH"] = f"{server.bin}{os.pathsep}{env.get('PATH', '')}"  # pg_dump of the server's own version
        # In our own process group, so that a Ctrl-C reaches it as it would without us.
        process = subprocess.Popen(command, env=env)
        try:
            return process.wait()
        except Interrupted as interrupted:
            # The terminal has sent a Ctrl-C to the command too: a second one would cut its clearing up short.
            if interrupted.number != signal.SIGINT:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return 128 + interrupted.number


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m core.embedded", description=__doc__.splitlines()[0])
    doors = parser.add_subparsers(dest="door", required=True)
    door = doors.add_parser("run", help="run a command beside embedded servers")
    door.add_argument("--valkey", action="store_true", help="a Valkey, as REDIS_URL, unless that is set")
    door.add_argument("--postgres", action="store_true", help="a PostgreSQL, as DATABASE_URL, unless that is set")
    door.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("a command is missing")
    try:
        with ending_on_signals():
            return run(command, valkey=options.valkey, postgres=options.postgres)
    except (EmbeddedError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        return 128 + interrupted.number


if __name__ == "__main__":
    sys.exit(main())
