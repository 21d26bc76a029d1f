"""``python -m core.embedded run``: the command's own exit code, and servers that live as long as it does."""

import os
import subprocess
import sys
from pathlib import Path

from core.embedded.processes import port_is_free

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    command = [sys.executable, "-m", "core.embedded", "run", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**env, **variables}, capture_output=True, text=True, timeout=60)


def test_the_command_finds_the_broker_and_its_exit_code_is_ours():
    script = "import os, redis; url = os.environ['REDIS_URL']; print(url); assert redis.from_url(url).ping(); exit(7)"
    result = run("--valkey", "--", sys.executable, "-c", script)
    assert result.returncode == 7, result.stderr
    assert port_is_free(int(result.stdout.rsplit(":", 1)[1].split("/")[0]))


def test_a_given_server_is_used_instead_of_ours():
    script = "import os; print(os.environ['REDIS_URL'], os.environ['DATABASE_URL'])"
    result = run(
        "--valkey", "--postgres", "--", sys.executable, "-c", script,
        REDIS_URL="redis://127.0.0.1:1/0", DATABASE_URL="postgres://x@127.0.0.1:1/x",
    )  # fmt: skip
    assert result.stdout.split() == ["redis://127.0.0.1:1/0", "postgres://x@127.0.0.1:1/x"]


def test_an_unknown_command_is_one_clear_line():
    result = run("--", "no-such-command")
    assert result.returncode == 1
    assert result.stderr.strip().count("\n") == 0
    assert "no-such-command" in result.stderr
