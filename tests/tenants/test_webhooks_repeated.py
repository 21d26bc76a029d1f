"""``Idempotency-Key`` where the answer holds a secret: given again to who lost it, and kept so that nobody else reads it."""

import json

import pytest

from core import secrets
from tenants import webhooks
from tenants.models import StoredAnswer, WebhookEndpoint
from tenants.scoping import tenant_scope
from tests.everywhere import every

API = "/api/webhooks"
BODY = {"url": "https://hooks.example.com/churn", "events": ["drift.alarm"]}


def post(client, address: str = API, body: object = None, key: str = "once"):
    return client.post(address, body or {}, content_type="application/json", headers={"Idempotency-Key": key})


def test_endpoint_asked_for_twice_is_one_with_one_secret(client_for, cast):
    first, again = (post(client_for(cast.olfa), body=BODY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() and again.json()["secret"]
    assert (again["Idempotency-Replayed"], again["Location"]) == ("true", first["Location"])
    assert every(WebhookEndpoint).count() == 1
    other = post(client_for(cast.olfa), body=BODY | {"description": "Another"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_secret_asked_for_twice_is_changed_once(client_for, cast):
    """Changed twice it would void the one that the receiver still checks with."""
    made = post(client_for(cast.olfa), body=BODY).json()
    address = f"{API}/{made['id']}/secret"
    first, again = (post(client_for(cast.olfa), address, key="rotate").json() for _ in range(2))
    assert first == again
    with tenant_scope(cast.atlas):
        assert webhooks.valid_secrets(every(WebhookEndpoint).get()) == [first["secret"], made["secret"]]


def test_kept_answer_is_unreadable_without_the_installations_key(client_for, cast):
    made = post(client_for(cast.olfa), body=BODY).json()
    kept = every(StoredAnswer).get()
    assert list(kept.body) == ["sealed"]
    assert made["secret"] not in json.dumps(kept.body) and made["url"] not in json.dumps(kept.body)
    with pytest.raises(secrets.SealBroken):
        secrets.unseal(kept.body["sealed"], scope=f"{cast.borealis.pk}/answer/{kept.pk}")


def test_answer_that_no_key_opens_any_more_is_said_to_be_lost(client_for, cast, settings):
    post(client_for(cast.olfa), body=BODY)
    settings.CREDENTIALS_KEY, settings.CREDENTIALS_KEY_FALLBACKS = "newer-" + "k" * 40, []
    again = post(client_for(cast.olfa), body=BODY)
    assert (again.status_code, again.json()["code"]) == (409, "answer_lost")
    assert every(WebhookEndpoint).count() == 1, "and nothing is made a second time"


def test_refusal_is_given_again_as_it_was(client_for, cast):
    wrong = BODY | {"url": "http://hooks.example.com/plain"}
    first, again = (post(client_for(cast.olfa), body=wrong) for _ in range(2))
    assert (first.status_code, first.json()["code"]) == (422, "not_https")
    assert (again.status_code, again.json()) == (422, first.json())
