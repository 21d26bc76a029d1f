"""Keys for programs: shown once, kept as a hash, never more than their maker, and over when they are over."""

import datetime as dt
import hashlib
import json
import re

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from core.errors import Refused
from tenants import api_keys, selectors, services
from tenants.models import ApiKey, AuditEntry, BrowserSession, Membership, Role, StoredAnswer
from tenants.permissions import CAPABILITIES, FOR_KEYS
from tenants.scoping import current_tenant, tenant_scope
from tenants.wording import SCOPES
from tests.campaigns.conftest import write_message
from tests.everywhere import every
from tests.house.test_doors import DOORS, is_api

PAGE = "/workspace/keys"
NOTICES = "/api/notifications"
SUPPRESSIONS = "/api/suppressions"


def seat(person) -> Membership:
    return Membership.objects.select_related("tenant", "user").get(user=person)


def make(person, *scopes: str, days: int | None = 30, name: str = "Billing") -> tuple[ApiKey, str]:
    membership = seat(person)
    with tenant_scope(membership.tenant):
        return api_keys.make_key(membership=membership, name=name, scopes=scopes or ("view_notifications",), days=days)


def caller(text: str, **headers) -> Client:
    """A program with this key, and no cookies."""
    return Client(headers={"Authorization": f"Bearer {text}", **headers})


def post(client: Client, address: str, body: object, **headers):
    return client.post(address, json.dumps(body), content_type="application/json", headers=headers)


def trail_of(tenant) -> list[AuditEntry]:
    with tenant_scope(tenant):
        return list(AuditEntry.objects.order_by("sequence"))


# ---------------------------------------------------------------- making


def test_key_is_kept_as_a_hash_and_shows_how_it_begins(cast):
    key, text = make(cast.alice)
    assert re.fullmatch(rf"cg_{key.prefix}_{cast.atlas.pk.hex}_[A-Za-z0-9]{{43}}", text)
    assert key.digest == hashlib.sha256(text.encode()).hexdigest()
    stored = every(ApiKey).filter(pk=key.pk).values().get()
    secret = text.rpartition("_")[2]
    assert not [name for name, value in stored.items() if secret in str(value)]


def test_two_keys_share_nothing_but_their_company(cast):
    one, other = make(cast.alice)[1], make(cast.alice)[1]
    assert one.split("_")[2] == other.split("_")[2] == cast.atlas.pk.hex
    assert one.split("_")[1] != other.split("_")[1]
    assert one.split("_")[3] != other.split("_")[3]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"name": " "}, "no_name"),
        ({"name": "x" * 81}, "no_name"),
        ({"days": 0}, "bad_days"),
        ({"days": 4000}, "bad_days"),
        ({"scopes": []}, "no_scopes"),
        ({"scopes": ["fly"]}, "unknown_scopes"),
        ({"scopes": ["manage_keys"]}, "unknown_scopes"),
        ({"scopes": ["adopt_churn_definition"]}, "beyond_role"),
    ],
)
def test_key_that_cannot_be_is_refused_by_a_code(cast, changed, code):
    said = {"name": "Billing", "scopes": ["view_models"], "days": 30} | changed
    with tenant_scope(cast.atlas), pytest.raises(Refused) as refused:
        api_keys.make_key(membership=seat(cast.omar), **said)
    assert refused.value.code == code
    assert not every(ApiKey).exists()


def test_company_has_so_many_open_keys_and_no_more(cast, monkeypatch):
    monkeypatch.setattr(api_keys, "MOST_OPEN", 2)
    first, _text = make(cast.alice)
    make(cast.alice)
    with pytest.raises(Refused, match="2 keys"):
        make(cast.alice)
    with tenant_scope(cast.atlas):
        api_keys.revoke_key(key=first, actor=cast.alice)
    make(cast.alice)
    make(cast.charlie)


def test_every_capability_that_the_api_asks_can_be_given_and_has_its_words():
    asked = set()
    for _name, path, view in DOORS:
        if path == "api/docs":
            continue  # a page about the API, for people
        assert is_api(view) == path.startswith("api/"), "a key is looked at below /api/ only, and by every API view"
        if is_api(view):
            wanted = view.cls.capability
            asked |= set(wanted.values()) if isinstance(wanted, dict) else {wanted}
    assert asked - {"read_api"} <= set(FOR_KEYS)  # any key reads what the API is
    assert list(SCOPES) == list(FOR_KEYS)
    assert set(FOR_KEYS) <= CAPABILITIES["owner"] - {"manage_keys", "set_security"}


# ---------------------------------------------------------------- using


def test_program_is_answered_in_its_makers_name_company_and_language(cast):
    cast.alice.locale = "fr"
    cast.alice.save()
    with tenant_scope(cast.atlas):
        services.notify("job_given_up", job="x", reason="y")
    with tenant_scope(cast.borealis):
        services.notify("job_given_up", job="theirs", reason="y")
    answer = caller(make(cast.alice)[1]).get(NOTICES)
    assert answer.status_code == 200
    (line,) = answer.json()["notifications"]
    assert "abandonn" in line["text"]
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert not BrowserSession.objects.exists()


def test_scheme_is_read_in_any_case(cast):
    text = make(cast.alice)[1]
    assert Client(headers={"Authorization": f"bearer  {text} "}).get(NOTICES).status_code == 200


@pytest.mark.parametrize("held", [("view_customers",), ("view_customers", "view_notifications")])
def test_key_opens_what_it_was_given_and_nothing_else(cast, held):
    client = caller(make(cast.olfa, *held)[1])
    answer = client.get(NOTICES)
    assert answer.status_code == (200 if "view_notifications" in held else 403)
    assert client.get("/api/readiness").status_code == 200
    answer = client.get("/api/models")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_every_api_door_is_closed_to_a_key_without_its_capability(cast):
    """The owner's key with one capability: each door of another capability is shut, whatever else would be answered."""
    given = "view_notifications"
    client = caller(make(cast.olfa, given)[1])
    for _name, path, view in DOORS:
        if not is_api(view):
            continue
        address = "/" + path.replace("<uuid:public_id>", "00000000-0000-4000-8000-000000000000").replace(
            "<int:number>", "1"
        )
        for method in ("get", "post", "put", "patch", "delete"):
            wanted = view.cls.capability
            wanted = wanted.get(method.upper()) if isinstance(wanted, dict) else wanted
            if hasattr(view.cls, method) and wanted not in (given, "read_api"):  # any key reads what the API is
                assert getattr(client, method)(address).status_code == 403, (method, address)


def test_what_a_view_asks_beside_its_door_is_asked_of_the_key_too(cast):
    """Launching by program needs three capabilities: a key of somebody who has them all still needs each."""
    with tenant_scope(cast.atlas):
        write_message()
    body = {"name": "x", "audience": {"kind": "risk", "low": 0.0}, "template": "Thanks", "launch": True}
    needed = ("compose_campaigns", "approve_campaigns", "run_campaigns")
    for held in (needed[:1], needed[:2], (needed[0], needed[2])):
        assert post(caller(make(cast.olfa, *held)[1]), "/api/campaign/bulk", body).status_code == 403, held
    answer = post(caller(make(cast.olfa, *needed)[1]), "/api/campaign/bulk", body)
    assert (answer.status_code, answer.json()["state"]) == (202, "draft")


def test_key_is_never_more_than_its_maker_is_now(cast):
    client = caller(make(cast.alice, "view_notifications", "record_consent")[1])
    assert client.get(f"{SUPPRESSIONS}?address=a@example.com").status_code == 403
    assert post(client, SUPPRESSIONS, {"addresses": ["a@example.com"]}).status_code == 201
    with tenant_scope(cast.atlas):
        services.add_member(email=cast.alice.email, role=Role.VIEWER)
    assert post(client, SUPPRESSIONS, {"addresses": ["b@example.com"]}).status_code == 403
    assert client.get(NOTICES).status_code == 200


@pytest.mark.parametrize("how", ["removed", "shut out"])
def test_keys_stop_with_their_makers_place(cast, how):
    client = caller(make(cast.alice)[1])
    if how == "removed":
        Membership.objects.filter(user=cast.alice).delete()
    else:
        cast.alice.is_active = False
        cast.alice.save()
    answer = client.get(NOTICES)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_stopped")


def test_maker_with_a_place_elsewhere_acts_only_where_the_key_was_made(cast):
    text = make(cast.alice)[1]
    with tenant_scope(cast.borealis):
        services.add_member(email=cast.alice.email, role=Role.OWNER)
        services.notify("job_given_up", job="theirs", reason="y")
    assert caller(text).get(NOTICES).json()["notifications"] == []
    Membership.objects.filter(user=cast.alice, tenant=cast.atlas).delete()
    assert caller(text).get(NOTICES).status_code == 401


@pytest.mark.parametrize(
    "damage",
    [
        lambda text, other: text[:-1] + ("a" if text[-1] != "a" else "b"),
        lambda text, other: text.replace(text.split("_")[2], other.pk.hex),
        lambda text, other: text.replace(text.split("_")[2], "0" * 32),
        lambda text, other: text + "a",
        lambda text, other: text[:-1] + "ä",
        lambda text, other: text[:-1] + "١",
        lambda text, other: text.upper(),
        lambda text, other: text.split("_")[1],
        lambda text, other: "",
        lambda text, other: "cg_" + "x" * 100_000,
    ],
)
def test_wrong_key_is_refused_in_one_shape(cast, damage):
    text = damage(make(cast.alice)[1], cast.borealis)
    answer = Client().get(NOTICES, HTTP_AUTHORIZATION=f"Bearer {text}")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == 'Bearer realm="ChurnGuard", error="invalid_token"'
    assert answer.json() == {
        "status": 401,
        "code": "invalid_key",
        "detail": "This is no key of ours: look whether it was copied whole.",
    }


def test_revoked_and_ended_keys_say_so(cast):
    key, text = make(cast.alice)
    with tenant_scope(cast.atlas):
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert caller(text).get(NOTICES).json()["code"] == "key_expired"
    with tenant_scope(cast.atlas):
        api_keys.revoke_key(key=key, actor=cast.olfa)
    answer = caller(text).get(NOTICES)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")


def test_who_sends_nothing_is_told_how_to_come_in(client, db):
    answer = client.get(NOTICES)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="ChurnGuard"'


def test_no_cookie_is_needed_and_none_is_looked_at(cast):
    """A key needs no CSRF token; a session beside it neither helps a wrong key nor lends its rights to a right one."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.olfa)
    text = make(cast.alice, "record_consent")[1]
    body = {"addresses": ["a@example.com"]}
    assert post(strict, SUPPRESSIONS, body).status_code == 403
    assert post(strict, SUPPRESSIONS, body, Authorization=f"Bearer {text}").status_code == 201
    assert post(strict, SUPPRESSIONS, body, Authorization=f"Bearer {text}x").status_code == 401
    assert strict.get(NOTICES, headers={"Authorization": f"Bearer {text}"}).status_code == 403
    assert strict.get(NOTICES).status_code == 200


def test_answer_that_cannot_be_kept_for_another_reason_than_its_key_fails_at_once(cast, monkeypatch):
    def refuses(**_fields):
        raise IntegrityError("the person is no longer there")

    monkeypatch.setattr(StoredAnswer.objects, "create", refuses)
    client = caller(make(cast.alice, "record_consent")[1])
    with pytest.raises(IntegrityError):
        post(client, SUPPRESSIONS, {"addresses": ["a@example.com"]}, **{"Idempotency-Key": "1"})


def test_key_opens_no_page(cast):
    client = caller(make(cast.olfa, *FOR_KEYS)[1])
    for page in ("/clients", "/dashboard", PAGE, "/admin/tenants/apikey/"):
        answer = client.get(page, follow=True)
        assert answer.redirect_chain[-1][0].split("?")[0] == "/sign-in", page


def test_scope_holds_to_the_end_of_the_view_and_no_longer(cast):
    with tenant_scope(cast.atlas):
        assert current_tenant() == cast.atlas
    client = caller(make(cast.alice, "record_consent")[1])
    first = post(client, SUPPRESSIONS, {"addresses": ["a@example.com"]}, **{"Idempotency-Key": "1"})
    again = post(client, SUPPRESSIONS, {"addresses": ["a@example.com"]}, **{"Idempotency-Key": "1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    with pytest.raises(Exception, match="scope"):
        current_tenant()


def test_two_programs_of_one_maker_may_count_their_requests_from_one(cast):
    answers = [
        post(
            caller(make(cast.alice, "record_consent")[1]),
            SUPPRESSIONS,
            {"addresses": [one]},
            **{"Idempotency-Key": "1"},
        )
        for one in ("a@example.com", "b@example.com")
    ]
    assert [(a.status_code, a.json()["new"]) for a in answers] == [(201, 1), (201, 1)]
    assert {row.key.partition(":")[2] for row in every(StoredAnswer).all()} == {"1"}


def test_longest_idempotency_key_fits_behind_the_prefix(cast):
    answer = post(
        caller(make(cast.alice, "record_consent")[1]), SUPPRESSIONS, {"addresses": ["a@example.com"]},
        **{"Idempotency-Key": "k" * 200},
    )  # fmt: skip
    assert answer.status_code == 201


def test_use_is_written_at_most_once_a_minute(cast, time_machine):
    time_machine.move_to("2026-03-01T09:00:00Z", tick=False)
    key, text = make(cast.alice)
    client, seen = caller(text), []
    for second in (0, 30, 59, 60, 61):
        time_machine.move_to(dt.datetime(2026, 3, 1, 9, 0, 0, tzinfo=dt.UTC) + dt.timedelta(seconds=second), tick=False)
        assert client.get(NOTICES).status_code == 200
        seen.append(every(ApiKey).get(pk=key.pk).last_used_at)
    assert [(one - seen[0]).total_seconds() for one in seen] == [0, 0, 0, 60, 60]


def test_wrong_key_is_not_marked_as_used(cast):
    key, text = make(cast.alice)
    caller(text + "x").get(NOTICES)
    assert every(ApiKey).get(pk=key.pk).last_used_at is None


def test_question_by_key_costs_as_many_queries_as_one_by_session(cast, client_for, django_assert_num_queries):
    browser, program = client_for(cast.alice), caller(make(cast.alice)[1])
    browser.get(NOTICES)
    program.get(NOTICES)
    # session, person, membership; then the version of the bell, the choices, the notices and how many are unread
    with django_assert_num_queries(7):
        browser.get(NOTICES)
    with django_assert_num_queries(7):  # company, key, membership
        program.get(NOTICES)


# ---------------------------------------------------------------- the trail


def test_trail_names_keys_by_identifier_and_tells_a_programs_deed(cast):
    key, text = make(cast.alice, "record_consent", name="Secret project of Bob")
    post(caller(text), SUPPRESSIONS, {"addresses": ["a@example.com"]})
    with tenant_scope(cast.atlas):
        api_keys.revoke_key(key=key, actor=cast.olfa)
        api_keys.revoke_key(key=key, actor=cast.olfa)
        assert services.verify_trail() is None
    lines = [line for line in trail_of(cast.atlas) if line.verb not in ("company_created", "member_added")]
    made, deed, revoked = lines
    assert (made.verb, made.actor, made.object_id) == ("api_key_made", cast.alice, str(key.public_id))
    assert made.facts == {"scopes": ["record_consent"], "days": 30}
    assert (deed.actor, deed.facts["api_key"]) == (cast.alice, str(key.public_id))
    assert (revoked.verb, revoked.actor, revoked.facts) == ("api_key_revoked", cast.olfa, {})
    written = json.dumps([line.facts for line in lines])
    assert "Secret project" not in written and key.prefix not in written and text not in written


def test_persons_own_deed_names_no_key(cast, client_for):
    post(client_for(cast.omar), SUPPRESSIONS, {"addresses": ["a@example.com"]})
    assert "api_key" not in trail_of(cast.atlas)[-1].facts


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize(
    ("person", "status"), [("olfa", 200), ("alice", 200), ("omar", 403), ("anna", 403), ("bob", 403)]
)
def test_page_is_for_admins_and_owners(cast, client_for, person, status):
    client = client_for(getattr(cast, person))
    assert client.get(PAGE).status_code == status
    assert client.post(PAGE, {"name": "x", "days": "30", "scopes": ["view_models"]}).status_code == status
    with tenant_scope(cast.atlas):
        assert ApiKey.objects.count() == (status == 200)


def test_key_is_shown_once(cast, client_for):
    client = client_for(cast.alice)
    answer = client.post(PAGE, {"name": "Billing", "days": "90", "scopes": ["view_notifications"]})
    assert answer.status_code == 200
    (text,) = set(re.findall(r"cg_[a-z0-9]{8}_[0-9a-f]{32}_[A-Za-z0-9]{43}", answer.content.decode()))
    assert "no-store" in answer["Cache-Control"]
    assert caller(text).get(NOTICES).status_code == 200
    later = client.get(PAGE).content.decode()
    assert text.split("_")[3] not in later
    assert f"cg_{text.split('_')[1]}…" in later
    key = every(ApiKey).get()
    assert key.expires_at.date() == (timezone.now() + dt.timedelta(days=90)).date()
    assert key.digest not in later


def test_key_without_an_end_has_none(cast, client_for):
    client_for(cast.alice).post(PAGE, {"name": "Billing", "days": "0", "scopes": ["view_notifications"]})
    assert every(ApiKey).get().expires_at is None


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "x\x00"}, {"days": "7"}, {"scopes": []}, {"scopes": ["manage_keys"]}, {"scopes": ["fly"]}],
)
def test_wrong_form_makes_no_key(cast, client_for, wrong):
    answer = client_for(cast.olfa).post(PAGE, {"name": "Billing", "days": "90", "scopes": ["view_models"]} | wrong)
    assert answer.status_code == 422
    assert not every(ApiKey).exists()


def test_page_shows_what_is_left_of_each_key(cast, client_for):
    make(cast.alice, "view_notifications", "adopt_churn_definition", name="Weaker")
    gone, _text = make(cast.alice, name="Revoked")
    with tenant_scope(cast.atlas):
        api_keys.revoke_key(key=gone, actor=cast.alice)
        services.add_member(email=cast.alice.email, role=Role.VIEWER)
    lines = {line["key"].name: line for line in client_for(cast.olfa).get(PAGE).context["lines"]}
    assert lines["Weaker"]["may"] == [SCOPES["view_notifications"]]
    assert lines["Weaker"]["lost"] == [SCOPES["adopt_churn_definition"]]
    assert (lines["Weaker"]["works"], lines["Revoked"]["works"]) == (True, False)
    Membership.objects.filter(user=cast.alice).delete()
    lines = {line["key"].name: line for line in client_for(cast.olfa).get(PAGE).context["lines"]}
    assert (lines["Weaker"]["is_stopped"], lines["Weaker"]["works"]) == (True, False)


def test_any_admin_revokes_and_another_companys_cannot(cast, client_for):
    key, text = make(cast.alice)
    door = f"{PAGE}/{key.public_id}/revoke"
    assert client_for(cast.charlie).post(door).status_code == 404
    assert client_for(cast.omar).post(door).status_code == 403
    assert caller(text).get(NOTICES).status_code == 200
    assert client_for(cast.olfa).get(door).status_code == 405
    assert client_for(cast.olfa).post(door)["Location"] == PAGE
    assert caller(text).get(NOTICES).json()["code"] == "key_revoked"


def test_company_sees_its_own_keys(cast, client_for):
    make(cast.alice, name="Atlas only")
    assert "Atlas only" not in client_for(cast.charlie).get(PAGE).content.decode()
    with tenant_scope(cast.borealis):
        assert not selectors.api_keys().exists()


def test_page_costs_the_same_queries_for_one_key_as_for_many(cast, client_for, django_assert_max_num_queries):
    for number in range(8):
        make((cast.alice, cast.olfa)[number % 2], name=f"Key {number}")
    client = client_for(cast.olfa)
    with django_assert_max_num_queries(6):  # session, person, membership; keys, their makers' roles, the switcher
        client.get(PAGE)


def test_back_office_shows_keys_without_their_hash(cast, client_for):
    key, _text = make(cast.alice)
    answer = client_for(cast.olfa).get(f"/admin/tenants/apikey/{key.pk}/change/")
    assert answer.status_code == 200
    assert key.digest not in answer.content.decode()
    assert client_for(cast.omar).get("/admin/tenants/apikey/").status_code == 403
