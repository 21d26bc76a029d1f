"""Webhooks as their owner sees them: who may, which addresses, a secret shown once, events once, pages and API."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from django.utils import timezone

from core import secrets
from core.errors import Refused
from tenants import api_keys, webhook_signing, webhooks
from tenants.models import AuditEntry, Membership, Notification, WebhookDelivery, WebhookEndpoint, WebhookEvent
from tenants.scoping import tenant_scope
from tests.everywhere import every

PAGE = "/webhooks"
API = "/api/webhooks"
URL = "https://hooks.example.com/churn?token=abc"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


def make(actor, url: str = URL, events=("import.finished", "scoring.finished"), **more):
    return webhooks.make_endpoint(actor=actor, url=url, events=events, **more)


def send(client, method: str, address: str, body: object = None):
    return client.generic(method, address, "" if body is None else json.dumps(body), content_type="application/json")


# ---------------------------------------------------------------- making


def test_secret_is_shown_once_and_kept_sealed_for_this_row_alone(atlas_scope, cast):
    first, secret = make(cast.alice)
    second, _other = make(cast.alice)
    assert SECRET.fullmatch(secret)
    assert secret not in str(WebhookEndpoint.objects.filter(pk=first.pk).values().get())
    assert webhooks.valid_secrets(first) == [secret]
    second.secret_sealed = first.secret_sealed
    with pytest.raises(secrets.SealBroken):
        webhooks.valid_secrets(second)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com/", "not_https"),
        ("ftp://hooks.example.com/", "not_https"),
        ("hooks.example.com", "not_https"),
        ("https://", "not_https"),
        ("https://user:secret@hooks.example.com/", "credentials_in_address"),
        ("https://127.0.0.1/", "private_address"),
        ("https://10.1.2.3:8443/x", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
        ("https://localhost/x", "private_address"),
        ("https://hooks.example.com/" + "x" * 500, "too_long"),
        ("https://hooks.example.com:99999/", "bad_address"),
        ("https://ho\x00oks.example.com/", "bad_address"),
    ],
)
def test_address_that_no_event_may_go_to_is_refused(atlas_scope, cast, url, code):
    with pytest.raises(Refused) as refused:
        make(cast.alice, url)
    assert refused.value.code == code
    assert "FEED" not in refused.value.message
    assert not WebhookEndpoint.objects.exists()


def test_operator_opens_private_machines_one_by_one(atlas_scope, cast, settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1:8443"]
    assert make(cast.alice, "https://127.0.0.1:8443/x")
    with pytest.raises(Refused):
        make(cast.alice, "https://127.0.0.1:8444/x")


def test_name_that_cannot_be_looked_up_now_is_vetted_at_each_delivery(atlas_scope, cast, monkeypatch):
    def fails(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    endpoint, _secret = webhooks.make_endpoint(actor=cast.olfa, url="https://crm/hook", events=["drift.alarm"])
    assert endpoint.url == "https://crm/hook"


def test_description_that_no_database_takes_is_refused(atlas_scope, cast):
    with pytest.raises(Refused) as refused:
        make(cast.alice, description="half a character: \ud83d")
    assert refused.value.code == "bad_text"


@pytest.mark.parametrize(
    ("events", "code"), [([], "no_events"), (["customer.left"], "unknown_events"), (["webhook.test"], "unknown_events")]
)
def test_events_are_those_that_there_are(atlas_scope, cast, events, code):
    with pytest.raises(Refused) as refused:
        make(cast.alice, events=events)
    assert refused.value.code == code


def test_company_has_ten_at_most(atlas_scope, cast):
    for _n in range(webhooks.MOST_ENDPOINTS):
        make(cast.alice)
    with pytest.raises(Refused) as refused:
        make(cast.alice)
    assert refused.value.code == "too_many_webhooks"


def test_two_secrets_are_valid_for_a_day_after_a_change(atlas_scope, cast):
    endpoint, old = make(cast.alice)
    endpoint, new = webhooks.rotate_secret(endpoint=endpoint, actor=cast.alice)
    assert webhooks.valid_secrets(endpoint) == [new, old]
    signed = webhook_signing.headers([new, old], message_id="msg_1", timestamp=1, body=b"{}")["webhook-signature"]
    assert len(signed.split(" ")) == 2
    endpoint.previous_until = timezone.now()
    assert webhooks.valid_secrets(endpoint) == [new]


def test_secrets_are_resealed_with_the_others(atlas_scope, cast, settings):
    endpoint, secret = make(cast.alice)
    settings.CREDENTIALS_KEY_FALLBACKS, settings.CREDENTIALS_KEY = [settings.CREDENTIALS_KEY], "newer-" + "k" * 40
    assert webhooks.reseal_webhooks() == (1, 0)
    settings.CREDENTIALS_KEY_FALLBACKS = []
    endpoint.refresh_from_db()
    assert webhooks.valid_secrets(endpoint) == [secret]


def test_signature_is_that_of_the_scheme():
    """The example of the specification (standard-webhooks, spec/standard-webhooks.md)."""
    said = webhook_signing.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


# ---------------------------------------------------------------- events


def test_event_goes_to_those_who_asked_for_it_once(atlas_scope, cast):
    one, _s = make(cast.alice)
    make(cast.alice, events=["drift.alarm"])
    off, _s = make(cast.alice)
    webhooks.change_endpoint(endpoint=off, actor=cast.alice, is_active=False)
    told = webhooks.announce("import.finished", subject="i-1", rows={"read": 3})
    assert [row.endpoint_id for row in told] == [one.pk]
    assert webhooks.announce("import.finished", subject="i-1", rows={"read": 3}) == []
    event = WebhookEvent.objects.get()
    assert event.payload["type"] == "import.finished"
    assert event.payload["company"] == str(cast.atlas.pk)
    assert event.payload["data"] == {"rows": {"read": 3}}
    assert re.fullmatch(r"msg_[0-9a-f]{32}", event.message_id)


def test_nothing_is_kept_where_nobody_listens(atlas_scope, cast, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert webhooks.announce("import.finished", subject="i-1") == []
    assert not WebhookEvent.objects.exists()


def test_events_are_kept_for_a_while_and_no_longer(atlas_scope, cast, settings):
    make(cast.alice)
    webhooks.announce("import.finished", subject="old")
    past = timezone.now() - timezone.timedelta(days=settings.WEBHOOK_DAYS + 1)
    WebhookEvent.objects.update(created_at=past)
    webhooks.announce("import.finished", subject="new")
    assert webhooks.forget_events() == 1
    assert list(WebhookEvent.objects.values_list("subject", flat=True)) == ["new"]
    assert WebhookDelivery.objects.count() == 1


# ---------------------------------------------------------------- pages


def test_only_admins_and_owners_come_here(client_for, cast):
    for person, status in ((cast.olfa, 200), (cast.alice, 200), (cast.omar, 403), (cast.anna, 403), (cast.bob, 403)):
        assert client_for(person).get(PAGE).status_code == status
        assert client_for(person).get(API).status_code == status
    assert client_for(None).get(PAGE).status_code == 302
    assert client_for(None).get(API).status_code in (401, 403)


def test_page_makes_one_and_shows_its_secret_there_and_nowhere_else(client_for, cast):
    client = client_for(cast.alice)
    said = {"url": URL, "description": "Warehouse", "events": ["import.finished"]}
    page = client.post(PAGE, said)
    secret = SECRET.search(page.content.decode())[0]
    assert page.status_code == 200
    endpoint = every(WebhookEndpoint).get()
    for address in (PAGE, f"{PAGE}/{endpoint.public_id}"):
        text = client.get(address).content.decode()
        assert "Warehouse" in text
        assert secret not in text
    assert secret not in json.dumps([entry.facts for entry in every(AuditEntry).all()])
    changed = client.post(f"{PAGE}/{endpoint.public_id}/secret").content.decode()
    assert SECRET.search(changed)[0] != secret


def test_page_says_what_is_wrong_with_an_address(client_for, cast):
    page = client_for(cast.alice).post(PAGE, {"url": "https://127.0.0.1/", "events": ["import.finished"]})
    assert page.status_code == 422
    assert "WEBHOOK_PRIVATE_HOSTS" in page.content.decode()
    assert client_for(cast.alice).post(PAGE, {"url": URL}).status_code == 422


def test_webhook_is_changed_switched_and_removed(client_for, cast):
    client = client_for(cast.alice)
    with tenant_scope(cast.atlas):
        endpoint, _s = make(cast.alice)
    address = f"{PAGE}/{endpoint.public_id}"
    said = {"url": "https://other.example.com/", "description": "", "events": ["drift.alarm", "import.finished"]}
    assert client.post(address, said).status_code == 302
    assert client.post(address, {**said, "url": "http://x.example.com"}).status_code == 422
    client.post(f"{address}/switch")
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.is_active) == ("https://other.example.com/", False)
    assert "switched off" in client.post(f"{address}/test", follow=True).content.decode()
    client.post(f"{address}/switch", {"on": "1"})
    endpoint.refresh_from_db()
    assert endpoint.is_active
    client.post(f"{address}/remove")
    assert not every(WebhookEndpoint).exists()
    with tenant_scope(cast.atlas):
        verbs = list(
            AuditEntry.objects.filter(verb__startswith="webhook").order_by("sequence").values_list("verb", flat=True)
        )
    assert verbs == ["webhook_made", *["webhook_changed"] * 3, "webhook_removed"]


def test_test_event_and_redelivery_are_rows_that_wait(client_for, cast):
    client = client_for(cast.alice)
    with tenant_scope(cast.atlas):
        endpoint, _s = make(cast.alice)
    client.post(f"{PAGE}/{endpoint.public_id}/test")
    row = every(WebhookDelivery).get()
    assert (row.state, row.requested_by) == ("queued", cast.alice)
    every(WebhookDelivery).update(state="dead", tries=12, error_code="x", error_message="y")
    assert client.post(f"{PAGE}/deliveries/{row.public_id}/again").status_code == 302
    row.refresh_from_db()
    assert (row.state, row.tries, row.error_message) == ("queued", 0, "")
    text = client.get(f"{PAGE}/{endpoint.public_id}").content.decode()
    assert "A test" in text
    every(WebhookDelivery).update(state="running", lease_until=timezone.now())
    assert "at this moment" in client.post(f"{PAGE}/deliveries/{row.public_id}/again", follow=True).content.decode()


def test_receivers_answer_is_text_on_the_page(client_for, cast):
    with tenant_scope(cast.atlas):
        endpoint, _s = make(cast.alice)
        webhooks.announce("import.finished", subject="i-1")
        WebhookDelivery.objects.update(tries=1, last_status=500, last_note="<script>alert(1)</script>")
    text = client_for(cast.alice).get(f"{PAGE}/{endpoint.public_id}").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_page_asks_the_same_however_many_deliveries(client_for, cast, django_assert_max_num_queries):
    with tenant_scope(cast.atlas):
        endpoint, _s = make(cast.alice)
        for n in range(30):
            webhooks.announce("import.finished", subject=str(n))
    client = client_for(cast.alice)
    with django_assert_max_num_queries(8):
        page = client.get(f"{PAGE}/{endpoint.public_id}")
    assert len(page.context["page"].rows) == 25
    after = client.get(f"{PAGE}/{endpoint.public_id}", {"after": page.context["page"].after})
    assert len(after.context["page"].rows) == 5


@pytest.fixture
def theirs(cast):
    """An endpoint and a delivery of Atlas, which Charlie of Borealis has no business with."""
    with tenant_scope(cast.atlas):
        endpoint, _s = make(cast.alice)
        delivery = webhooks.announce("import.finished", subject="i-1")[0]
    return endpoint, delivery


def test_another_companys_webhook_is_not_there(client_for, cast, theirs):
    endpoint, delivery = theirs
    client, absent = client_for(cast.charlie), "00000000-0000-4000-8000-000000000000"
    addresses = [
        ("GET", ""),
        ("POST", ""),
        ("POST", "/secret"),
        ("POST", "/test"),
        ("POST", "/switch"),
        ("POST", "/remove"),
    ]
    for method, path in addresses:
        for public_id in (endpoint.public_id, absent):
            assert client.generic(method, f"{PAGE}/{public_id}{path}").status_code == 404, path
    calls = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret"), ("POST", "/test"), ("GET", "/deliveries")]
    for method, path in calls:
        own = send(client, method, f"{API}/{absent}{path}", {})
        foreign = send(client, method, f"{API}/{endpoint.public_id}{path}", {})
        assert (foreign.status_code, foreign.content) == (own.status_code, own.content) == (404, own.content), path
    for public_id in (delivery.public_id, absent):
        assert client.post(f"{PAGE}/deliveries/{public_id}/again").status_code == 404
        assert client.post(f"{API}/deliveries/{public_id}/again").status_code == 404
    assert client.get(API).json() == {"webhooks": []}
    endpoint.refresh_from_db()
    assert endpoint.previous_sealed == ""


# ---------------------------------------------------------------- API


def test_program_makes_changes_and_removes_one(client_for, cast):
    client = client_for(cast.olfa)
    made = send(client, "POST", API, {"url": URL, "events": ["drift.alarm"], "description": "Ops"})
    assert made.status_code == 201
    body = made.json()
    assert SECRET.fullmatch(body["secret"])
    address = f"{API}/{body['id']}"
    assert made.headers["Location"].endswith(address)
    assert "secret" not in client.get(address).json()
    changed = send(client, "PATCH", address, {"active": False, "events": ["import.finished"]}).json()
    assert (changed["active"], changed["events"], changed["url"]) == (False, ["import.finished"], URL)
    refused = send(client, "POST", f"{address}/test")
    assert (refused.status_code, refused.json()["code"]) == (422, "switched_off")
    send(client, "PATCH", address, {"active": True})
    test = send(client, "POST", f"{address}/test")
    assert (test.status_code, test.json()["event"], test.json()["state"]) == (202, "webhook.test", "queued")
    told = client.get(f"{address}/deliveries").json()
    assert [row["id"] for row in told["deliveries"]] == [test.json()["id"]]
    again = send(client, "POST", f"{API}/deliveries/{test.json()['id']}/again").json()
    assert again["message"] == test.json()["message"]
    assert SECRET.fullmatch(send(client, "POST", f"{address}/secret").json()["secret"])
    assert send(client, "DELETE", address).status_code == 204
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"url": URL},
        {"url": URL, "events": []},
        {"url": URL, "events": "import.finished"},
        {"url": URL, "events": ["nonsense"]},
        {"url": URL, "events": [["import.finished"]]},
        {"url": {"a": 1}, "events": ["import.finished"]},
        {"url": "https://x.example.com/\x00", "events": ["import.finished"]},
        {"url": URL, "events": ["import.finished"], "description": "x" * 121},
    ],
)
def test_program_is_told_what_is_wrong_with_its_body(client_for, cast, body):
    answer = send(client_for(cast.alice), "POST", API, body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not every(WebhookEndpoint).exists()


def test_body_cannot_set_what_is_ours(client_for, cast):
    ours = {"tenant": str(cast.borealis.pk), "failures": 99, "secret_sealed": "x", "stopped_by_itself": True, "id": 1}
    client = client_for(cast.alice)
    refused = send(client, "POST", API, {"url": URL, "events": ["drift.alarm"], **ours})
    assert (refused.status_code, set(refused.json()["errors"])) == (400, set(ours))
    made = send(client, "POST", API, {"url": URL, "events": ["drift.alarm"]}).json()
    refused = send(client, "PATCH", f"{API}/{made['id']}", ours)
    assert (refused.status_code, set(refused.json()["errors"])) == (400, set(ours))
    row = every(WebhookEndpoint).get()
    assert (row.tenant_id, row.failures, row.stopped_by_itself) == (cast.atlas.pk, 0, False)
    with tenant_scope(cast.atlas):
        assert webhooks.valid_secrets(row) == [made["secret"]]
        assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_documented_curl_makes_a_webhook(live_server, cast):
    docs = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    command = re.findall(r"```sh\n(curl .+?)```", docs, flags=re.S)[0]
    seat = Membership.objects.select_related("tenant", "user").get(user=cast.alice)
    with tenant_scope(cast.atlas):
        _key, text = api_keys.make_key(membership=seat, name="x", scopes=["manage_webhooks"])
    done = subprocess.run(
        ["sh", "-eu", "-c", command],
        env={**os.environ, "SITE": live_server.url, "KEY": text},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    made = json.loads(done.stdout)
    assert (made["events"], made["active"]) == (["import.finished", "drift.alarm"], True)
    assert SECRET.fullmatch(made["secret"])
    assert str(every(WebhookEndpoint).get().public_id) == made["id"]


def test_webhook_whose_address_became_private_can_be_switched_off_and_not_on(client_for, cast, settings):
    """The operator allowed the machine once, and does no longer: off is the way that must stay open."""
    settings.WEBHOOK_PRIVATE_HOSTS = ["10.1.2.3"]
    with tenant_scope(cast.atlas):
        endpoint, _secret = make(cast.alice, "https://10.1.2.3/x")
    settings.WEBHOOK_PRIVATE_HOSTS = []
    client, address = client_for(cast.alice), f"{API}/{endpoint.public_id}"
    assert client.post(f"{PAGE}/{endpoint.public_id}/switch", {}).status_code == 302
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    answer = client.post(f"{PAGE}/{endpoint.public_id}/switch", {"on": "1"}, follow=True)
    assert answer.status_code == 200
    assert "WEBHOOK_PRIVATE_HOSTS" in answer.content.decode()
    assert send(client, "PATCH", address, {"active": True}).json()["code"] == "private_address"
    assert send(client, "PATCH", address, {"description": "of before"}).status_code == 200
    endpoint.refresh_from_db()
    assert not endpoint.is_active
