"""Wrong passwords are soon not listened to, from wherever they come; the owner gets in from their usual place all the same."""

import pytest
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client

from tenants import sign_in_limits
from tenants.models import User
from tests.conftest import PASSWORD
from tests.tenants.test_sign_in import ask_for_reset, sign_in

COOKIE = sign_in_limits.COOKIE
ALICE = "alice@atlas.example.com"


@pytest.fixture(autouse=True)
def limits(settings, request, time_machine):
    """The limits of the product, a cache of the test's own, and a clock that stands."""
    time_machine.move_to("2026-03-01T12:05:00Z", tick=False)
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
    settings.SIGN_IN_RATES = {"account": "10/15m", "address": "50/15m", "browser": "20/15m"}
    cache.clear()


def from_address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def attack(times: int, email: str = ALICE, *, client: Client | None = None, everywhere: bool = True) -> list[int]:
    """Wrong passwords from as many addresses: claimed in the header, and real ones where ``everywhere``."""
    said = []
    for number in range(times):
        extra = {"REMOTE_ADDR": from_address(number)} if everywhere else {}
        answer = (client or Client()).post(
            "/sign-in",
            {"username": email, "password": f"wrong-{number}"},
            HTTP_X_FORWARDED_FOR=from_address(number + 1_000_000),
            **extra,
        )
        said.append(answer.status_code)
    return said


def usual_place(email: str = ALICE) -> Client:
    """A browser that has signed in before, and out again."""
    client = Client()
    assert sign_in(client, email).status_code == 302
    client.post("/sign-out")
    return client


def test_owner_gets_in_from_the_usual_place_whatever_others_try(cast):
    owner = usual_place()
    assert attack(60) == [200] * 10 + [429] * 50
    assert attack(60, everywhere=False)[-1] == 429
    assert sign_in(owner, ALICE).status_code == 302
    assert "_auth_user_id" in owner.session


@pytest.mark.slow
@pytest.mark.parametrize("everywhere", [True, False], ids=["from 1,000 addresses", "claiming 1,000 addresses"])
def test_a_thousand_wrong_passwords_are_throttled(cast, everywhere):
    owner = usual_place()
    said = attack(1_000, everywhere=everywhere)
    assert said.count(200) == 10
    assert said.count(429) == 990
    assert sign_in(owner, ALICE).status_code == 302


def test_right_password_does_not_pass_from_a_strange_browser_meanwhile(cast):
    """Else the one right guess among a thousand would come through."""
    attack(11)
    stranger = Client()
    answer = sign_in(stranger, ALICE)
    assert answer.status_code == 429
    assert "_auth_user_id" not in stranger.session
    assert 1 <= int(answer["Retry-After"]) <= 1800
    assert "too many attempts" in answer.content.decode()


def test_time_opens_the_door_again(cast, time_machine):
    attack(11)
    time_machine.shift(int(sign_in(Client(), ALICE)["Retry-After"]))
    assert sign_in(Client(), ALICE).status_code == 302


def test_one_address_that_tries_many_accounts_is_throttled(cast):
    said = [sign_in(Client(), f"person{n}@example.com", "wrong").status_code for n in range(55)]
    assert said == [200] * 50 + [429] * 5
    assert sign_in(Client(), "anna@atlas.example.com", REMOTE_ADDR="10.9.9.9").status_code == 429
    answer = Client().post(
        "/sign-in", {"username": "anna@atlas.example.com", "password": PASSWORD}, REMOTE_ADDR="10.9.9.9"
    )
    assert answer.status_code == 302


def test_what_is_written_left_of_the_trusted_proxies_makes_nobody_another(cast, settings):
    """Behind one proxy: what it saw stands last, and an attacker who claims a new address each time is one attacker."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    owner = usual_place()

    def tries(number: int, real: str, password: str = "wrong"):
        claimed = {"HTTP_X_FORWARDED_FOR": f"{from_address(number)}, {real}", "REMOTE_ADDR": "10.0.0.1"}
        body = {"username": f"person{number}@example.com", "password": password}
        return Client().post("/sign-in", body, **claimed).status_code

    assert [tries(n, "203.0.113.9") for n in range(60)] == [200] * 50 + [429] * 10
    assert tries(61, "203.0.113.10") == 200, "who comes from elsewhere through the same proxy is heard"
    answer = owner.post(
        "/sign-in", {"username": ALICE, "password": PASSWORD}, HTTP_X_FORWARDED_FOR="1.2.3.4, 203.0.113.9"
    )
    assert answer.status_code == 302, "and the owner gets in even from the attacker's own address"


def test_other_spelling_of_an_address_is_the_same_account(cast):
    spelled = [ALICE, ALICE.upper(), f" {ALICE} ", "Alice@Atlas.Example.Com", "ａlice@atlas.example.com"]
    said = [Client().post("/sign-in", {"username": spelled[n % 5], "password": "wrong"}).status_code for n in range(12)]
    assert said == [200] * 10 + [429] * 2


def test_answer_does_not_tell_whether_the_account_exists(cast):
    assert attack(12, "nobody@example.com") == attack(12)


def test_who_is_right_is_not_counted(cast):
    for _ in range(15):
        assert sign_in(Client(), ALICE).status_code == 302


def test_known_browser_guesses_twenty_times_and_is_then_a_stranger(cast):
    thief = usual_place()
    said = attack(40, client=thief)
    assert said == [200] * 30 + [429] * 10, "its own twenty, and then the ten of anybody"
    assert sign_in(thief, ALICE).status_code == 429


def test_browser_is_known_to_the_accounts_that_signed_in_there(cast):
    shared = usual_place()
    sign_in(shared, "bob@atlas.example.com")
    shared.post("/sign-out")
    attack(11)
    attack(11, "bob@atlas.example.com")
    attack(11, "anna@atlas.example.com")
    assert sign_in(shared, "anna@atlas.example.com").status_code == 429
    assert sign_in(shared, "bob@atlas.example.com").status_code == 302
    shared.post("/sign-out")
    assert sign_in(shared, ALICE).status_code == 302


def test_cookie_of_one_person_helps_nobody_elses_account(cast):
    bobs = usual_place("bob@atlas.example.com")
    attack(11)
    assert sign_in(bobs, ALICE).status_code == 429


def test_cookie_says_nothing_and_is_for_one_page(cast, settings):
    settings.SESSION_COOKIE_SECURE = True
    cookie = usual_place().cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["secure"]) == ("/sign-in", True, "Lax", True)
    kept = signing.loads(cookie.value, salt="tenants.known_browser")
    user = User.objects.get(email=ALICE)
    assert user.email not in str(kept)
    assert user.get_session_auth_hash()[:16] not in str(kept)


@pytest.mark.parametrize("damage", ["forged", "other salt", "too old", "nonsense"])
def test_cookie_that_is_not_ours_is_none(cast, damage, time_machine):
    client = usual_place()
    value = client.cookies[COOKIE].value
    if damage == "forged":
        client.cookies[COOKIE] = value[:-1] + ("a" if value[-1] != "a" else "b")
    elif damage == "other salt":
        client.cookies[COOKIE] = signing.dumps(signing.loads(value, salt="tenants.known_browser"), salt="other")
    elif damage == "nonsense":
        client.cookies[COOKIE] = "x:y:z"
    else:
        time_machine.shift(181 * 86_400)
    attack(11)
    assert sign_in(client, ALICE).status_code == 429


def test_new_password_makes_other_browsers_strangers_and_this_one_known(cast):
    old, here = usual_place(), Client()
    sign_in(here, ALICE)
    new = {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}
    assert here.post("/password", {"old_password": PASSWORD, **new}).status_code == 302
    here.post("/sign-out")
    attack(11)
    assert sign_in(old, ALICE, "a-brand-new-secret").status_code == 429
    assert sign_in(here, ALICE, "a-brand-new-secret").status_code == 302


def test_link_in_a_mail_lets_the_owner_in_from_a_new_browser_during_an_attack(cast):
    attack(11)
    client = Client()
    form = client.get(ask_for_reset(client, ALICE), follow=True)
    new = {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}
    assert client.post(form.redirect_chain[-1][0], new).status_code == 302
    assert mail.outbox
    assert sign_in(client, ALICE, "a-brand-new-secret").status_code == 302


def test_password_is_not_even_looked_at_once_there_were_too_many(cast, monkeypatch):
    attack(10)
    monkeypatch.setattr(User, "check_password", lambda *_: pytest.fail("it was looked at"))
    assert sign_in(Client(), ALICE).status_code == 429


def test_new_secret_key_keeps_known_browsers_while_the_old_one_still_opens(cast, settings):
    client = usual_place()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-" + "y" * 48
    attack(11)
    assert sign_in(client, ALICE).status_code == 302


def change_password(client: Client, old: str, new: str = "a-brand-new-secret"):
    return client.post("/password", {"old_password": old, "new_password1": new, "new_password2": new})


def test_guesses_of_the_old_password_at_an_open_browser_are_counted(cast, settings, monkeypatch):
    settings.SIGN_IN_RATES = {**settings.SIGN_IN_RATES, "code": "5/15m"}
    client, elsewhere = Client(), Client()
    assert sign_in(client, ALICE).status_code == sign_in(elsewhere, ALICE).status_code == 302
    for _n in range(8):  # who knows the old one may look for a new one that is taken
        assert change_password(client, PASSWORD, "short").status_code == 200
    assert [change_password(client, f"guess {n}").status_code for n in range(7)] == [200] * 5 + [429] * 2
    answer = change_password(client, PASSWORD)
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    with monkeypatch.context() as patched:
        patched.setattr(User, "check_password", lambda *_: pytest.fail("it was looked at"))
        assert change_password(client, PASSWORD).status_code == 429
    assert change_password(elsewhere, PASSWORD).status_code == 302  # another browser has its own count
