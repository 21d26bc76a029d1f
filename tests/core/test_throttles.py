"""How often the API answers: each key, each person and each address by itself, and 429 with the seconds to wait."""

import pytest
from django.core.cache import cache
from django.test import Client

from core.throttles import address_of
from tenants import api_keys
from tenants.models import Membership
from tenants.scoping import tenant_scope

NOTICES = "/api/notifications"


@pytest.fixture
def rates(settings, request):
    """Switch limits on, in a cache of the test's own: ``rates(key="3/min")``."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
    cache.clear()

    def switch_on(proxies: int = 0, **wanted: str) -> None:
        every = dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "") | wanted
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_RATES": every,
            "NUM_PROXIES": proxies,
        }

    return switch_on


def program(person, **headers) -> Client:
    membership = Membership.objects.select_related("tenant", "user").get(user=person)
    with tenant_scope(membership.tenant):
        _key, text = api_keys.make_key(membership=membership, name="x", scopes=["view_notifications"])
    return Client(headers={"Authorization": f"Bearer {text}", **headers})


def statuses(client, times: int, **extra) -> list[int]:
    return [client.get(NOTICES, **extra).status_code for _ in range(times)]


def test_key_is_limited_by_itself_and_its_maker_is_not(cast, client_for, rates, time_machine):
    time_machine.move_to("2026-03-01T12:00:30Z", tick=False)
    rates(key="3/min")
    one, other = program(cast.alice), program(cast.alice)
    assert statuses(one, 5) == [200, 200, 200, 429, 429]
    assert statuses(other, 3) == [200] * 3
    assert statuses(client_for(cast.alice), 5) == [200] * 5


def test_answer_says_what_happened_and_when_to_come_back(cast, rates, time_machine):
    time_machine.move_to("2026-03-01T12:00:30Z", tick=False)
    rates(key="1/min")
    client = program(cast.alice)
    client.get(NOTICES)
    answer = client.get(NOTICES)
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert 1 <= int(answer["Retry-After"]) <= 120
    assert answer.json()["code"] == "throttled"
    time_machine.shift(int(answer["Retry-After"]))
    assert client.get(NOTICES).status_code == 200


def test_person_is_limited_on_all_their_browsers_together(cast, client_for, rates, time_machine):
    time_machine.move_to("2026-03-01T12:00:30Z", tick=False)
    rates(person="3/min")
    assert statuses(client_for(cast.alice), 2) + statuses(client_for(cast.alice), 2) == [200, 200, 200, 429]
    assert statuses(client_for(cast.bob), 3) == [200] * 3
    assert statuses(program(cast.alice), 5) == [200] * 5


@pytest.mark.parametrize(
    ("proxies", "last"),
    [(0, 429), (1, 200)],
    ids=["no proxy is trusted, so the header is a claim", "one proxy wrote the right-most address"],
)
def test_address_is_what_the_trusted_proxies_saw(cast, client_for, rates, time_machine, proxies, last):
    time_machine.move_to("2026-03-01T12:00:30Z", tick=False)
    rates(proxies=proxies, address="4/min")
    client = client_for(cast.alice)
    assert [statuses(client, 1, HTTP_X_FORWARDED_FOR=f"9.9.9.{n}, 1.2.3.4")[0] for n in range(4)] == [200] * 4
    assert statuses(client, 1, HTTP_X_FORWARDED_FOR="9.9.9.9, 1.2.3.4") == [429]
    assert statuses(client, 1, HTTP_X_FORWARDED_FOR="1.2.3.4, 5.6.7.8") == [last]


def test_wrong_keys_are_soon_not_even_looked_at(cast, rates, time_machine):
    time_machine.move_to("2026-03-01T12:00:30Z", tick=False)
    rates(stranger="3/min")
    wrong = Client(headers={"Authorization": "Bearer cg_wrong"})
    assert statuses(wrong, 5) == [401, 401, 401, 429, 429]
    assert wrong.get(NOTICES)["Retry-After"]
    assert statuses(program(cast.alice), 5) == [200] * 5, "a right key from the same address still opens"


@pytest.mark.parametrize(
    ("header", "remote", "proxies", "address"),
    [
        (None, "10.0.0.1", 0, "10.0.0.1"),
        ("1.1.1.1", "10.0.0.1", 0, "10.0.0.1"),
        ("1.1.1.1", "10.0.0.1", 1, "1.1.1.1"),
        ("spoofed, 1.1.1.1, 2.2.2.2", "10.0.0.1", 2, "1.1.1.1"),
        ("1.1.1.1", "10.0.0.1", 3, "1.1.1.1"),
        (None, "2001:db8:1:2:3:4:5:6", 0, "2001:db8:1:2::/64"),
        (None, "2001:db8:1:2::1", 0, "2001:db8:1:2::/64"),
        (None, "::ffff:1.2.3.4", 0, "1.2.3.4"),
        ("not an address", "10.0.0.1", 1, "not an address"),
        ("x" * 10_000, "10.0.0.1", 1, "x" * 100),
        (None, "", 0, ""),
    ],
)
def test_address_of_a_caller(rf, settings, header, remote, proxies, address):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    extra = {"HTTP_X_FORWARDED_FOR": header} if header is not None else {}
    assert address_of(rf.get("/", REMOTE_ADDR=remote, **extra)) == address


def test_product_has_limits_out_of_the_box():
    from churnguard.settings import base

    assert all(base.SIGN_IN_RATES.values())
    assert {"KeyThrottle", "PersonThrottle", "AddressThrottle"} == {
        name.rpartition(".")[2] for name in base.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"]
    }
