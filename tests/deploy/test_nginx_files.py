"""nginx's configuration against the settings that it must fit; ``make prod-check`` runs it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from core.middleware import _FORM_BYTES
from deploy.check import proxy, units
from deploy.check.place import Place

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
TEXT = (FOLDER / "churnguard.conf").read_text(encoding="utf-8")


def directive(name: str) -> list[str]:
    return re.findall(rf"^\s*{name}\s+([^;]+);", TEXT, flags=re.MULTILINE)


def test_largest_upload_passes():
    [size] = directive("client_max_body_size")
    assert int(size.removesuffix("m")) * 2**20 > settings.UPLOAD_MAX_BYTES + _FORM_BYTES


def test_an_answer_is_waited_for_as_long_as_the_site_may_take():
    [command] = units.read("churnguard-web@.service").commands("8001")
    assert int(directive("proxy_read_timeout")[0].removesuffix("s")) > int(command[command.index("--timeout") + 1])


def test_the_other_side_cannot_say_how_it_came():
    headers = dict(line.split(None, 1) for line in directive("proxy_set_header"))
    assert headers["X-Forwarded-Proto"] == "$scheme"
    assert headers["X-Forwarded-For"] == "$proxy_add_x_forwarded_for"  # ours is the last, as TRUSTED_PROXIES=1 counts
    assert headers["Forwarded"] == headers["X-Forwarded-Host"] == '""'


def test_what_was_sent_is_not_sent_again():
    assert directive("proxy_next_upstream") == ["error"]
    assert "non_idempotent" not in TEXT


def test_only_todays_tls_is_spoken_and_no_version_told():
    assert directive("ssl_protocols") == ["TLSv1.2 TLSv1.3"]
    assert directive("server_tokens") == ["off", "off"]


def test_addresses_are_in_no_log():
    assert directive("access_log") == ["off", "off"]
    assert [line.split()[-1] for line in directive("error_log")] == ["crit"]  # below it errors quote the address


def test_both_instances_are_asked():
    text = (FOLDER / "upstream-server.conf").read_text(encoding="utf-8")
    ports = re.findall(r"server 127\.0\.0\.1:(\d+) max_fails=0;", text)
    wanted = " ".join(units.read("churnguard.target").values("Wants", "Unit"))
    assert ports == re.findall(r"churnguard-web@(\d+)\.service", wanted)


def test_nginx_reads_it(tmp_path):
    nginx = proxy.installed()
    if nginx is None:
        pytest.skip("nginx is not installed")
    place = Place(tmp_path / "place")
    (place.folder / "nginx").mkdir()
    (place.folder / "log").mkdir()
    proxy.write_certificate(place.etc / "tls")
    file = place.folder / "nginx" / "nginx.conf"
    file.write_text(proxy.configuration(place))
    command = [nginx, "-t", "-q", "-p", str(file.parent), "-c", str(file), "-e", str(place.folder / "log" / "e.log")]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (tried.returncode, tried.stderr) == (0, "")
    assert "/etc/churnguard" not in file.read_text() and "/srv/churnguard" not in file.read_text()
