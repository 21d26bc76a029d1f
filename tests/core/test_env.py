"""Variables, secrets in files, and the file of settings: what cannot be is said by its name, and never by its value."""

from __future__ import annotations

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from core.env import Environment, read_file, secret


@pytest.fixture
def variables(monkeypatch) -> dict[str, str]:
    """An environment of the test's own."""
    own: dict[str, str] = {}  # pytest writes into it as well
    monkeypatch.setattr(os, "environ", own)
    monkeypatch.setattr(Environment, "ENVIRON", own)
    return own


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda env: env.int("X"), "many", "a whole number"),
        (lambda env: env.float("X"), "slow", "a number"),
        (lambda env: env.json("X"), "{", "JSON"),
        (lambda env: env.list("X", cast=float), "1,two", "numbers between commas"),
    ],
)
def test_value_that_cannot_be_is_named_and_not_shown(variables, read, value, expected):
    variables["X"] = value
    with pytest.raises(ImproperlyConfigured) as refused:
        read(Environment())
    assert str(refused.value) == f"X cannot be read: {expected} is expected."


def test_values_that_can_be_are_read_as_before(variables):
    variables |= {"N": "12", "F": "1.5", "B": "true", "L": "a,b", "J": '{"a": 1}', "T": "text"}
    env = Environment()
    found = (env.int("N"), env.float("F"), env.bool("B"), env.list("L"), env.json("J"), env("T"), env("O", default="o"))
    assert found == (12, 1.5, True, ["a", "b"], {"a": 1}, "text", "o")


def test_secret_in_a_file_wins(variables, tmp_path):
    (tmp_path / "key").write_text("from-the-file\n")
    variables |= {"KEY": "from-the-environment", "OTHER": "here"}
    assert (secret("KEY"), secret("OTHER"), secret("NONE"), secret("NONE", default="x")) == (
        "from-the-environment", "here", "", "x",
    )  # fmt: skip
    variables["KEY_FILE"] = str(tmp_path / "key")
    assert secret("KEY") == "from-the-file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_secret_whose_file_cannot_be_read_is_refused(variables, tmp_path, content):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    variables["KEY_FILE"] = str(path)
    with pytest.raises(ImproperlyConfigured, match=f"KEY_FILE names {path}, which cannot be read"):
        secret("KEY")


def test_file_of_settings_adds_what_the_environment_does_not_say(variables, tmp_path):
    file = tmp_path / ".env"
    read_file(file)  # there is none
    assert "A" not in variables
    file.write_text("# a remark\nA=1\nB=two words <x@example.net>\n")
    variables["A"] = "0"
    read_file(file)
    assert (variables["A"], variables["B"]) == ("0", "two words <x@example.net>")


def test_file_of_settings_that_is_closed_to_us_stops_everything(variables, tmp_path):
    (tmp_path / ".env").symlink_to(tmp_path / "behind-a-closed-door")
    with pytest.raises(ImproperlyConfigured, match="is there and cannot be read"):
        read_file(tmp_path / ".env")
