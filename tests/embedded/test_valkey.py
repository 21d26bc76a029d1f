"""The embedded broker: on loopback, behind a password, and with its queues still there after a restart."""

import os
import signal

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.embedded import valkey as embedded_valkey
from core.embedded.processes import EmbeddedError, port_is_free, spawn
from core.embedded.valkey import Valkey

NEVER = Retry(NoBackoff(), 0)


def queue_of(server: Valkey) -> list[bytes]:
    with redis.Redis.from_url(server.url) as client:
        return client.lrange("mail", 0, -1)


def test_queued_messages_survive_a_restart(tmp_path):
    with Valkey(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.rpush("mail", "one", "two")
    assert port_is_free(server.port)
    with Valkey(tmp_path) as again:
        assert queue_of(again) == [b"one", b"two"]


def test_strangers_on_the_machine_are_refused(tmp_path):
    with Valkey(tmp_path) as server, redis.Redis(port=server.port, retry=NEVER) as stranger:
        with pytest.raises(redis.AuthenticationError):
            stranger.lrange("mail", 0, -1)
        assert (tmp_path / "password").stat().st_mode & 0o077 == 0
        assert (tmp_path / "valkey.conf").stat().st_mode & 0o077 == 0


def test_listens_on_loopback_only(tmp_path):
    with Valkey(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_a_server_left_behind_is_ended_before_its_files_are_opened_again(tmp_path):
    abandoned = Valkey(tmp_path)
    program = abandoned.prepare()
    process = spawn(program.command, log=tmp_path / "log")
    try:
        while not abandoned.is_ready():
            assert process.poll() is None
        with redis.Redis.from_url(abandoned.url) as client:
            client.rpush("mail", "kept")
        with Valkey(tmp_path) as server:
            assert process.wait(5) == 0
            assert queue_of(server) == [b"kept"]
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)


def test_a_port_in_use_is_one_clear_line(tmp_path):
    with Valkey(tmp_path / "first") as first, pytest.raises(EmbeddedError, match=f"Port {first.port} is in use"):
        Valkey(tmp_path / "second", port=first.port).start()


def test_a_machine_without_the_wheel_is_told_what_to_set(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_valkey.platform, "machine", lambda: "riscv64")
    with pytest.raises(EmbeddedError, match="set REDIS_URL"):
        Valkey(tmp_path).start()
