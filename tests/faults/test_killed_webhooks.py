"""A worker killed while a receiver has the event but has not answered: it is sent again, as the same message."""

from __future__ import annotations

import threading

import pytest

from tests.core.tls import send, tls_site

from .installation import eventually, finished

pytestmark = pytest.mark.faults

ANNOUNCE = """
from tenants import webhooks
from tenants.models import User
with company("atlas-telecom"):
    who = User.objects.get(email="alice@atlas.example.com")
    webhooks.make_endpoint(actor=who, url={url!r}, events=["import.finished"])
    delivery = webhooks.announce("import.finished", subject="i-1", rows={{"read": 3}})[0]
    jobs.ring(delivery)
    tell(delivery.pk)
"""


def test_event_whose_worker_was_killed_arrives_again_with_its_identifier(site, tmp_path):
    held = threading.Event()
    with tls_site(tmp_path) as receiver:
        site.env |= {
            "WEBHOOK_PRIVATE_HOSTS": f"127.0.0.1:{receiver.port}",
            "WEBHOOK_CA_FILE": str(receiver.certificate),
        }
        receiver.answer = lambda handler: held.wait(60)
        site.start("worker")
        key = site.django(ANNOUNCE.format(url=receiver.url("/hook")))
        eventually(lambda: receiver.asked, seconds=120)
        site.kill("worker")
        receiver.answer = lambda handler: send(handler, b"thanks")
        held.set()
        site.start("worker")
        row = finished(site, "tenants_webhookdelivery", key)
    assert (row["tries"], row["last_status"]) == (1, 200)
    assert len(receiver.asked) == 2
    assert len({asked["webhook-id"] for asked in receiver.asked}) == 1
    assert len(set(receiver.bodies)) == 1
