"""A second factor: sealed, asked for at the door, good once, limited, and never in the owner's way from their usual place."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from core.errors import Refused
from tenants import api_keys, members, second_factor
from tenants.models import AuditEntry, RecoveryCode, SecondFactor
from tenants.scoping import tenant_scope
from tests.conftest import PASSWORD
from tests.tenants.test_members import last_line, said, seat
from tests.tenants.test_sign_in import ask_for_reset, sign_in

PAGE = "/profile/second-factor"
DOOR = "/sign-in/code"


@pytest.fixture(autouse=True)
def clock(time_machine, settings, request):
    """A clock that stands, and a cache of the test's own."""
    time_machine.move_to("2026-03-01T12:00:10Z", tick=False)
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    }
    cache.clear()
    return time_machine


def code_of(secret: str, *, late: int = 0) -> str:
    """What the app shows ``late`` seconds from now."""
    key = base64.b32decode(secret.replace(" ", ""))
    return TOTP(key, 6, SHA1(), 30).generate(int(time.time()) + late).decode()


@pytest.fixture
def app(cast, clock):
    """Alice's secret; her second factor is on, and its first code used up."""
    secret = second_factor.begin(cast.alice).secret
    codes = second_factor.confirm(cast.alice, code_of(secret))
    clock.shift(60)
    return secret, codes


def at_the_door(person) -> Client:
    client = Client()
    answer = sign_in(client, person.email)
    assert (answer.status_code, answer["Location"]) == (302, DOOR)
    return client


def is_in(client: Client) -> bool:
    return client.get("/members").status_code == 200


# ---------------------------------------------------------------- setting up


def test_it_is_set_up_by_the_first_code_and_gives_recovery_codes_once(client_for, cast):
    client = client_for(cast.alice)
    page = client.get(PAGE)
    setup = page.context["setup"]
    assert "<path" in page.content.decode() and setup.secret in page.content.decode()
    assert client.get(PAGE).context["setup"].secret == setup.secret, "a reload does not void what was scanned"
    assert client.post(PAGE, {"code": "000000"}).status_code == 422
    assert not second_factor.is_on(cast.alice)
    answer = client.post(PAGE, {"code": code_of(setup.secret)})
    codes = answer.context["codes"]
    assert len(codes) == len(set(codes)) == 10
    assert second_factor.is_on(cast.alice)
    later = client.get(PAGE).content.decode()
    assert not [code for code in codes if code in later] and setup.secret not in later
    assert last_line(cast.atlas).verb == "second_factor_on"


def test_picture_says_what_an_app_needs(cast):
    setup = second_factor.begin(cast.alice)
    assert setup.size >= 33
    assert set(setup.path) <= set("M h1v-z0123456789")


def test_secret_is_sealed_and_codes_are_hashes(cast, app):
    secret, codes = app
    row = SecondFactor.objects.get(user=cast.alice)
    assert secret.replace(" ", "") not in row.secret
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert len(stored) == 10
    assert not stored & set(codes)


def test_sealed_secret_moved_to_another_person_opens_nothing(cast, app):
    row = SecondFactor.objects.get(user=cast.alice)
    SecondFactor.objects.create(user=cast.bob, secret=row.secret, confirmed_at=row.confirmed_at)
    assert not second_factor.check(cast.bob, code_of(app[0]))
    assert second_factor.check(cast.alice, code_of(app[0]))


def test_new_credentials_key_keeps_it_once_resealed(cast, app, settings):
    settings.CREDENTIALS_KEY_FALLBACKS = [settings.CREDENTIALS_KEY]
    settings.CREDENTIALS_KEY = "another-credentials-key-" + "y" * 48
    call_command("reseal_credentials")
    settings.CREDENTIALS_KEY_FALLBACKS = []
    assert second_factor.check(cast.alice, code_of(app[0]))


def test_setting_it_up_signs_out_the_browsers_that_never_gave_a_code(client_for, cast):
    here, there = client_for(cast.alice), client_for(cast.alice)
    here.post(PAGE, {"code": code_of(here.get(PAGE).context["setup"].secret)})
    assert is_in(here)
    assert not is_in(there)


# ---------------------------------------------------------------- at the door


def test_password_alone_opens_nothing(cast, app):
    client = at_the_door(cast.alice)
    assert "_auth_user_id" not in client.session
    assert not is_in(client)
    assert client.get(DOOR).status_code == 200
    assert client.post(DOOR, {"code": code_of(app[0])})["Location"] == "/dashboard"
    assert is_in(client)


def test_page_that_was_asked_for_is_shown_after_the_code(cast, app):
    client = Client()
    sign_in(client, cast.alice.email, next="/members?x=1")
    assert client.post(DOOR, {"code": code_of(app[0])})["Location"] == "/members?x=1"
    client = Client()
    sign_in(client, cast.alice.email, next="https://evil.example.com/")
    app_code = code_of(app[0], late=30)
    assert client.post(DOOR, {"code": app_code})["Location"] == "/dashboard"


@pytest.mark.parametrize("late", [-30, 0, 30])
def test_clock_of_the_phone_may_be_half_a_minute_off(cast, app, late):
    assert second_factor.check(cast.alice, code_of(app[0], late=late))


@pytest.mark.parametrize("late", [-90, 90, 3600])
def test_code_of_another_time_is_wrong(cast, app, late):
    assert not second_factor.check(cast.alice, code_of(app[0], late=late))


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "abcdef", "１２３４５６", "0" * 60, "-12345"])
def test_nonsense_is_a_wrong_code(cast, app, code):
    assert not second_factor.check(cast.alice, code)


def test_code_with_the_blank_that_apps_show_is_right(cast, app):
    code = code_of(app[0])
    assert second_factor.check(cast.alice, f" {code[:3]} {code[3:]} ")


def test_code_is_good_once_and_no_older_one_after_it(cast, app):
    code, older = code_of(app[0]), code_of(app[0], late=-30)
    first, second = at_the_door(cast.alice), at_the_door(cast.alice)
    assert first.post(DOOR, {"code": code}).status_code == 302
    for replayed in (code, older):
        assert second.post(DOOR, {"code": replayed}).status_code == 200
    assert not is_in(second)


def test_recovery_code_is_good_once_in_any_spelling(cast, app):
    _secret, codes = app
    client = at_the_door(cast.alice)
    assert client.post(DOOR, {"code": codes[0].upper().replace("-", " ")}).status_code == 302
    assert second_factor.codes_left(cast.alice) == 9
    again = at_the_door(cast.alice)
    assert again.post(DOOR, {"code": codes[0]}).status_code == 200
    assert not is_in(again)
    assert not second_factor.check(cast.bob, codes[1])


def test_wrong_codes_are_limited_and_the_usual_place_is_not_shut_out(cast, app, settings, clock):
    settings.SIGN_IN_RATES = {"code": "5/15m"}
    usual = at_the_door(cast.alice)
    usual.post(DOOR, {"code": code_of(app[0])})
    usual.post("/sign-out")
    clock.shift(60)
    thieves = [at_the_door(cast.alice) for _ in range(3)]
    answers = [thieves[n % 3].post(DOOR, {"code": "000000"}) for n in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert int(answers[-1]["Retry-After"]) > 0
    assert thieves[0].post(DOOR, {"code": code_of(app[0])}).status_code == 429, "nor is the right one listened to"
    sign_in(usual, cast.alice.email)
    assert usual.post(DOOR, {"code": code_of(app[0])}).status_code == 302
    assert is_in(usual)


def test_who_waits_too_long_or_changes_the_password_begins_again(cast, app, clock):
    client = at_the_door(cast.alice)
    clock.shift(601)
    assert client.post(DOOR, {"code": code_of(app[0])})["Location"] == "/sign-in"
    client = at_the_door(cast.alice)
    cast.alice.set_password("a-brand-new-secret")
    cast.alice.save()
    assert client.post(DOOR, {"code": code_of(app[0])})["Location"] == "/sign-in"
    assert not is_in(client)


def test_code_page_without_a_password_leads_to_it(client, cast, app):
    for answer in (client.get(DOOR), client.post(DOOR, {"code": code_of(app[0])})):
        assert answer["Location"] == "/sign-in"


def test_new_password_by_mail_does_not_go_around_it(cast, app):
    client = Client()
    form = client.get(ask_for_reset(client, cast.alice.email), follow=True)
    new = {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}
    client.post(form.redirect_chain[-1][0], new)
    assert not is_in(client)
    assert sign_in(client, cast.alice.email, "a-brand-new-secret")["Location"] == DOOR


# ---------------------------------------------------------------- switching it off, new codes


def test_switching_it_off_and_new_codes_ask_for_the_password(cast, app):
    client = at_the_door(cast.alice)
    client.post(DOOR, {"code": code_of(app[0])})
    for door in (f"{PAGE}/codes", f"{PAGE}/end"):
        assert client.post(door, {"password": "wrong"}).status_code == 422
    assert second_factor.is_on(cast.alice)
    fresh = client.post(f"{PAGE}/codes", {"password": PASSWORD}).context["codes"]
    assert not second_factor.check(cast.alice, app[1][0]), "the earlier codes are void"
    assert second_factor.check(cast.alice, fresh[0])
    assert client.post(f"{PAGE}/end", {"password": PASSWORD}).status_code == 302
    assert not second_factor.is_on(cast.alice)
    assert not RecoveryCode.objects.exists()
    assert sign_in(Client(), cast.alice.email)["Location"] == "/dashboard"


def test_password_guesses_at_an_open_browser_are_limited(client_for, cast, app, settings):
    settings.SIGN_IN_RATES = {"code": "5/15m"}
    client = client_for(cast.alice)
    for _ in range(5):
        client.post(f"{PAGE}/end", {"password": "wrong"})
    client.post(f"{PAGE}/end", {"password": PASSWORD})
    assert second_factor.is_on(cast.alice)


def test_operator_of_the_site_frees_who_lost_everything(cast, app):
    client = at_the_door(cast.alice)
    client.post(DOOR, {"code": code_of(app[0])})
    call_command("end_second_factor", cast.alice.email.upper())
    assert not second_factor.is_on(cast.alice)
    assert not is_in(client)
    for email in (cast.alice.email, "nobody@example.com"):
        with pytest.raises(CommandError):
            call_command("end_second_factor", email)


# ---------------------------------------------------------------- a company that asks for it


@pytest.fixture
def demanding(cast):
    """Atlas asks for a second factor; Olfa, who decided it, has hers."""
    second_factor.confirm(cast.olfa, code_of(second_factor.begin(cast.olfa).secret))
    with tenant_scope(cast.atlas):
        members.require_second_factor(by=seat(cast.olfa), required=True)
    return cast


def test_who_has_none_is_led_to_its_set_up_and_sees_nothing_before(client_for, demanding, clock):
    client = client_for(demanding.bob)
    for page in ("/members", "/dashboard", "/clients", "/notifications", "/admin/"):
        assert client.get(page)["Location"] == PAGE, page
    answer = client.get("/api/notifications")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_wanted")
    assert client.get("/clients", headers={"HX-Request": "true"})["HX-Redirect"] == PAGE
    client.post(PAGE, {"code": code_of(client.get(PAGE).context["setup"].secret)})
    assert client.get("/members").status_code == 200


def test_session_from_before_is_asked_too(client_for, cast):
    bob = client_for(cast.bob)
    assert bob.get("/members").status_code == 200
    second_factor.confirm(cast.olfa, code_of(second_factor.begin(cast.olfa).secret))
    with tenant_scope(cast.atlas):
        members.require_second_factor(by=seat(cast.olfa), required=True)
    assert bob.get("/members")["Location"] == PAGE


def test_it_cannot_be_switched_off_there(demanding):
    with pytest.raises(Refused, match="asks for"):
        second_factor.end(demanding.olfa)


def test_keys_of_programs_go_on(client_for, demanding):
    with tenant_scope(demanding.atlas):
        _key, text = api_keys.make_key(membership=seat(demanding.alice), name="x", scopes=["view_members"])
    assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/members").status_code == 200


def test_other_company_does_not_ask(client_for, demanding):
    assert client_for(demanding.charlie).get("/members").status_code == 200


def test_owner_alone_decides_and_not_before_they_have_one(client_for, cast):
    door = "/members/second-factor"
    for person in (cast.alice, cast.bob, cast.charlie):
        assert client_for(person).post(door, {"required": "1"}).status_code == 403
    olfa = client_for(cast.olfa)
    assert "first" in said(olfa.post(door, {"required": "1"}, follow=True))
    cast.atlas.refresh_from_db()
    assert not cast.atlas.requires_second_factor
    olfa.post(PAGE, {"code": code_of(olfa.get(PAGE).context["setup"].secret)})
    for value, verb in (("1", "second_factor_required"), ("0", "second_factor_optional")):
        olfa.post(door, {"required": value})
        cast.atlas.refresh_from_db()
        assert cast.atlas.requires_second_factor is (value == "1")
        assert last_line(cast.atlas).verb == verb
    with tenant_scope(cast.atlas):
        assert AuditEntry.objects.filter(verb="second_factor_on").count() == 1
