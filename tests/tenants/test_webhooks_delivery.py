"""A delivery on its way: signed, taken once, tried again with growing pauses, given up, and what a receiver verifies."""

import base64
import json
import os
import re
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from core.jobs import NotClaimable
from tenants import webhook_delivery, webhook_signing, webhooks
from tenants.models import Notification, WebhookDelivery, WebhookEndpoint
from tests.core.tls import send, tls_site

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def receiver_site(tmp_path_factory):
    with tls_site(tmp_path_factory.mktemp("receiver")) as site:
        yield site


@pytest.fixture
def receiver(receiver_site, settings):
    """A program of the company's, on a machine that the operator has allowed."""
    settings.WEBHOOK_PRIVATE_HOSTS = [f"127.0.0.1:{receiver_site.port}"]
    settings.WEBHOOK_CA_FILE = str(receiver_site.certificate)
    settings.WEBHOOK_SECONDS = 10
    receiver_site.asked.clear()
    receiver_site.bodies.clear()
    receiver_site.answer = lambda handler: send(handler, b"thanks")
    return receiver_site


@pytest.fixture
def endpoint(atlas_scope, cast, receiver):
    made, secret = webhooks.make_endpoint(
        actor=cast.alice, url=receiver.url("/hook"), events=["import.finished", "drift.alarm"]
    )
    made.secret = secret
    return made


@pytest.fixture
def delivery(endpoint):
    return webhooks.announce("import.finished", subject="i-1", rows={"read": 3}, url="/imports/é")[0]


def deliver(row: WebhookDelivery) -> WebhookDelivery:
    """One attempt, as soon as may be."""
    WebhookDelivery.objects.filter(pk=row.pk).update(not_before=None)
    webhook_delivery.deliver(delivery_id=row.pk)
    row.refresh_from_db()
    return row


def answer(status: int, body: bytes = b"", **headers: str):
    return lambda handler: send(handler, body, status, **headers)


def documented(language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.+?)```", DOCS, flags=re.S)[number]


def test_event_is_posted_signed_and_taken(delivery, receiver, endpoint):
    row = deliver(delivery)
    assert (row.state, row.tries, row.last_status, row.last_note) == ("succeeded", 1, 200, "thanks")
    asked, body = receiver.asked[0], receiver.bodies[0]
    assert asked["path"] == "/hook"
    assert asked["content-type"] == "application/json; charset=utf-8"
    assert asked["webhook-id"] == delivery.event.message_id
    assert abs(time.time() - int(asked["webhook-timestamp"])) < 60
    said = json.loads(body)
    assert said["type"] == "import.finished"
    assert said["data"] == {"rows": {"read": 3}, "url": "/imports/é"}
    expected = webhook_signing.signature(
        endpoint.secret, message_id=asked["webhook-id"], timestamp=int(asked["webhook-timestamp"]), body=body
    )
    assert asked["webhook-signature"] == expected
    endpoint.refresh_from_db()
    assert endpoint.delivered_at
    with pytest.raises(NotClaimable):
        webhook_delivery.deliver(delivery_id=row.pk)
    assert len(receiver.asked) == 1


def test_documented_python_accepts_what_we_send_and_nothing_else(delivery, receiver, endpoint):
    deliver(delivery)
    headers, body = receiver.asked[0], receiver.bodies[0]
    names: dict = {}
    exec(documented("python"), names)
    is_ours = names["is_ours"]
    assert is_ours(headers, body, endpoint.secret)
    assert not is_ours(headers, body + b" ", endpoint.secret)
    assert not is_ours(headers, body, webhook_signing.new_secret())
    assert not is_ours({**headers, "webhook-id": "msg_other"}, body, endpoint.secret)
    old = str(int(headers["webhook-timestamp"]) - 600)
    assert not is_ours({**headers, "webhook-timestamp": old}, body, endpoint.secret)


def test_documented_shell_prints_the_signature_that_we_send(delivery, receiver, endpoint, tmp_path):
    deliver(delivery)
    headers = receiver.asked[0]
    (tmp_path / "body.json").write_bytes(receiver.bodies[0])
    said = {
        "SECRET": endpoint.secret,
        "WEBHOOK_ID": headers["webhook-id"],
        "WEBHOOK_TIMESTAMP": headers["webhook-timestamp"],
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", documented("sh")],
        cwd=tmp_path,
        env={**os.environ, **said},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == headers["webhook-signature"]


def test_documented_events_are_those_that_there_are():
    named = set(re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", DOCS, flags=re.M))
    assert named == {*webhooks.EVENTS, webhooks.TEST}


def test_both_secrets_sign_while_one_is_changed(delivery, receiver, endpoint, cast):
    _row, new = webhooks.rotate_secret(endpoint=endpoint, actor=cast.alice)
    deliver(delivery)
    headers, body, names = receiver.asked[0], receiver.bodies[0], {}
    exec(documented("python"), names)
    assert names["is_ours"](headers, body, new)
    assert names["is_ours"](headers, body, endpoint.secret)


@pytest.mark.parametrize("status", [300, 301, 400, 401, 404, 429, 500, 503])
def test_whatever_is_not_2xx_is_tried_again(delivery, receiver, status):
    receiver.answer = answer(status, b"no", Location="https://elsewhere.example.com/")
    row = deliver(delivery)
    assert (row.state, row.tries, row.last_status, row.attempts) == ("queued", 1, status, 0)
    assert timezone.now() < row.not_before < timezone.now() + timedelta(seconds=7)
    assert len(receiver.asked) == 1, "no redirect is followed"


def test_pauses_grow_for_about_a_day_then_it_is_given_up_and_the_bell_rings_once(delivery, receiver, endpoint, cast):
    receiver.answer = answer(500, b"broken")
    pauses, most = [], len(webhook_delivery.PAUSES) + 1
    for tries in range(1, most + 1):
        row = deliver(delivery)
        assert row.tries == tries
        if row.not_before:
            pauses.append((row.not_before - timezone.now()).total_seconds())
    assert all(0.75 * p < got < 1.25 * p for p, got in zip(webhook_delivery.PAUSES, pauses, strict=True))
    assert 20 * 3600 < sum(webhook_delivery.PAUSES) < 28 * 3600
    assert (row.state, row.error_code, row.error_message) == ("dead", "not_delivered", "the answer was 500")
    assert {asked["webhook-id"] for asked in receiver.asked} == {delivery.event.message_id}
    assert len(set(receiver.bodies)) == 1
    told = Notification.objects.get(code="webhook_given_up")
    assert told.sentence == "An event could not be delivered to 127.0.0.1 and was given up: the answer was 500"
    second = webhooks.announce("import.finished", subject="i-2")[0]
    WebhookDelivery.objects.filter(pk=second.pk).update(tries=most - 1)
    assert deliver(second).state == "dead"
    assert Notification.objects.filter(code="webhook_given_up").count() == 1


def test_given_up_is_sent_again_with_the_same_identifier(delivery, receiver, cast):
    WebhookDelivery.objects.update(state="dead", tries=12, finished_at=timezone.now())
    delivery.refresh_from_db()
    webhooks.redeliver(delivery=delivery, actor=cast.alice)
    row = deliver(delivery)
    assert (row.state, row.tries) == ("succeeded", 1)
    assert receiver.asked[0]["webhook-id"] == row.event.message_id


def test_jitter_is_no_fixed_rhythm():
    assert len({webhook_delivery._pause(3, 0) for _n in range(20)}) > 10


def test_receiver_may_ask_for_more_time_but_not_for_ever(delivery, receiver):
    receiver.answer = answer(503, Retry_After="900")
    row = deliver(delivery)
    assert timedelta(seconds=890) < row.not_before - timezone.now() < timedelta(seconds=901)
    receiver.answer = answer(503, Retry_After="999999")
    row = deliver(delivery)
    assert row.not_before - timezone.now() < timedelta(seconds=3_601)


def test_answer_is_kept_in_its_beginning_only(delivery, receiver):
    receiver.answer = answer(500, b"\x00\xff" + "é".encode() * 9_000)
    row = deliver(delivery)
    assert len(row.last_note) == 500
    assert "\x00" not in row.last_note


def test_endless_answer_does_not_hold_a_worker(delivery, receiver, settings):
    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        for _n in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.1)

    settings.WEBHOOK_SECONDS = 1
    receiver.answer = drip
    began = time.monotonic()
    row = deliver(delivery)
    assert time.monotonic() - began < 8
    assert (row.state, row.last_status) == ("queued", None)
    assert "did not answer within the time" in row.last_note


def test_machine_that_became_private_is_not_written_to(delivery, receiver, settings):
    settings.WEBHOOK_PRIVATE_HOSTS = []
    row = deliver(delivery)
    assert (row.state, row.last_status) == ("queued", None)
    assert "WEBHOOK_PRIVATE_HOSTS" in row.last_note
    assert receiver.asked == []


def test_certificate_that_nobody_knows_is_not_believed(delivery, receiver, settings):
    settings.WEBHOOK_CA_FILE = ""
    row = deliver(delivery)
    assert "certificate" in row.last_note
    assert receiver.asked == []


def test_secret_that_cannot_be_opened_sends_nothing_unsigned(delivery, receiver, settings):
    settings.CREDENTIALS_KEY, settings.CREDENTIALS_KEY_FALLBACKS = "lost-" + "k" * 40, []
    row = deliver(delivery)
    assert "secret cannot be opened" in row.last_note
    assert receiver.asked == []


def test_endpoint_that_fails_for_long_switches_itself_off_and_says_so(delivery, receiver, endpoint, settings, cast):
    receiver.answer = answer(500)
    settings.WEBHOOK_STOP_AFTER = 3
    for _n in range(3):
        deliver(delivery)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.failures) == (True, 3), "an hour of trouble is not long"
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(hours=settings.WEBHOOK_STOP_HOURS))
    deliver(delivery)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.stopped_by_itself) == (False, True)
    assert Notification.objects.filter(code="webhook_stopped").count() == 1
    assert deliver(delivery).state == "cancelled"
    assert webhooks.announce("import.finished", subject="i-2") == []

    webhooks.change_endpoint(endpoint=endpoint, actor=cast.alice, is_active=True)
    receiver.answer = answer(204)
    webhooks.redeliver(delivery=webhooks.find_delivery(delivery.public_id), actor=cast.alice)
    assert deliver(delivery).state == "succeeded"
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_receiver_that_is_gone_for_good_is_left_alone_at_once(delivery, receiver, endpoint):
    receiver.answer = answer(410)
    assert deliver(delivery).state == "dead"
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.stopped_by_itself) == (False, True)


def test_test_event_is_tried_once_and_rings_no_bell(endpoint, receiver, cast):
    receiver.answer = answer(500, b"broken")
    row = deliver(webhooks.send_test(endpoint=endpoint, actor=cast.alice))
    assert (row.state, row.last_status, row.last_note) == ("failed", 500, "broken")
    assert json.loads(receiver.bodies[0])["type"] == "webhook.test"
    endpoint.refresh_from_db()
    assert endpoint.failures == 0
    assert not Notification.objects.exists()


def test_worker_killed_after_the_answer_sends_it_again_as_the_same_message(delivery, receiver, monkeypatch):
    """The process is gone before the row is written: its lease runs out, and another one takes the row."""
    from core import jobs

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patched:
        patched.setattr(jobs.Claim, "save", _raise(Killed))
        patched.setattr(jobs.Claim, "_row", lambda self: WebhookDelivery.objects.none())  # it writes nothing any more
        with pytest.raises(Killed):
            webhook_delivery.deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "running"
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert deliver(delivery).state == "succeeded"
    assert len(receiver.asked) == 2
    assert len({asked["webhook-id"] for asked in receiver.asked}) == 1


def test_key_of_a_signature_is_256_bits():
    assert len(base64.b64decode(webhook_signing.new_secret().removeprefix("whsec_"))) == 32


def _raise(kind: type[BaseException]):
    def fail(*_args, **_kwargs):
        raise kind

    return fail
