"""How people are told: by their role until they choose, by their own choice then, kind by kind."""

import json

import pytest

from core.errors import Refused
from tenants import api_keys, notice_kinds, notice_settings, noticeboard, notices, services
from tenants.models import Membership, NotificationSettings
from tenants.notice_kinds import KIND_OF, KINDS, Way
from tenants.permissions import CAPABILITIES
from tenants.scoping import tenant_scope
from tests.everywhere import every

PAGE = "/notifications/settings"
API = "/api/notifications/settings"


def seat(person) -> Membership:
    return Membership.objects.select_related("tenant", "user").get(user=person)


def codes(person) -> list[str]:
    return [row.code for row in noticeboard.notices_of(seat(person))]


def test_every_event_with_a_sentence_has_one_kind_and_the_other_way_round():
    assert set(KIND_OF) == set(notices._SENTENCES)
    every = [code for kind in KINDS for code in kind.codes]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("role", list(CAPABILITIES))
def test_every_role_has_a_default_for_each_of_its_kinds(role):
    for kind in notice_kinds.kinds_for(role):
        assert kind.default(role) in Way.values
        assert set(kind.ways or {}) <= set(CAPABILITIES)


@pytest.mark.parametrize(
    ("kind", "role", "way"),
    [
        ("campaigns_stopped", "operator", "now"),
        ("campaigns_stopped", "viewer", "bell"),
        ("backups", "owner", "now"),
        ("drift", "analyst", "daily"),
        ("drift", "viewer", "bell"),
        ("campaigns", "viewer", "weekly"),
        ("members", "admin", "weekly"),
    ],
)
def test_defaults_suit_the_role(kind, role, way):
    assert notice_kinds.BY_NAME[kind].default(role) == way


def test_kind_of_some_roles_is_shown_to_nobody_else(atlas_scope, cast):
    services.notify("member_joined", member="Zoe")
    services.notify("backup_failed")
    services.notify("customers_scored", scored=1, high=0)
    assert codes(cast.bob) == ["customers_scored"]
    assert codes(cast.omar) == ["customers_scored", "backup_failed"]
    assert codes(cast.alice) == ["customers_scored", "backup_failed", "member_joined"]


def test_who_is_named_is_told_whatever_their_role(atlas_scope, cast):
    services.notify("key_expires", recipient=cast.bob, name="Billing", days=3)
    assert codes(cast.bob) == ["key_expires"]
    assert codes(cast.alice) == []


def test_what_one_switched_off_is_hidden_from_them_alone(client_for, cast):
    with tenant_scope(cast.atlas):
        services.notify("customers_scored", scored=1, high=0)
        services.notify("import_finished", filename="a.csv", created=1, updated=0, refused=0)
        notice_settings.choose(membership=seat(cast.bob), ways={"scoring": "off"})
    for person, seen in ((cast.bob, 1), (cast.anna, 2)):
        body = client_for(person).get("/api/notifications").json()
        assert (body["unread"], len(body["notifications"])) == (seen, seen)
    assert "customer scored" not in client_for(cast.bob).get("/notifications").content.decode()
    assert "customer scored" in client_for(cast.anna).get("/notifications").content.decode()


def test_choosing_keeps_what_is_not_named(atlas_scope, cast):
    notice_settings.choose(membership=seat(cast.alice), ways={"drift": "now"})
    notice_settings.choose(membership=seat(cast.alice), ways={"imports": "off"})
    ways = notice_settings.ways_of(seat(cast.alice))
    assert (ways["drift"], ways["imports"], ways["scoring"]) == ("now", "off", "bell")


@pytest.mark.parametrize(
    ("ways", "code"),
    [({"nonsense": "bell"}, "unknown_kind"), ({"drift": "pigeon"}, "unknown_way"), ({"keys": "bell"}, "unknown_kind")],
)
def test_choice_that_is_none_is_refused_and_changes_nothing(atlas_scope, cast, ways, code):
    with pytest.raises(Refused) as refused:
        notice_settings.choose(membership=seat(cast.bob), ways={"imports": "off", **ways})
    assert refused.value.code == code
    assert not NotificationSettings.objects.exists()


def test_choice_of_a_newer_release_is_the_roles_default(atlas_scope, cast):
    NotificationSettings.objects.create(user=cast.bob, choices={"drift": "hologram", "yet_unknown": "now"})
    assert notice_settings.ways_of(seat(cast.bob))["drift"] == "bell"


def test_page_shows_the_defaults_and_keeps_choices(client_for, cast):
    client = client_for(cast.bob)
    page = client.get(PAGE)
    assert page.status_code == 200
    form = page.context["form"]
    assert "keys" not in form.fields
    assert form["campaigns"].value() == "weekly"
    said = dict.fromkeys(form.fields, "bell") | {"drift": "daily"}
    assert client.post(PAGE, said).headers["Location"] == PAGE
    assert client.get(PAGE).context["form"]["drift"].value() == "daily"
    assert client.post(PAGE, said | {"drift": "pigeon"}).status_code == 422
    assert client_for(None).get(PAGE).status_code == 302


def test_program_reads_choices_and_a_person_sets_them(client_for, cast):
    client = client_for(cast.bob)
    ways = {row["kind"]: row["way"] for row in client.get(API).json()["kinds"]}
    assert ways["campaigns"] == "weekly"
    answer = post(client, {"kinds": [{"kind": "campaigns", "way": "off"}]})
    assert {row["kind"]: row["way"] for row in answer.json()["kinds"]}["campaigns"] == "off"
    assert post(client, {"kinds": [{"kind": "keys", "way": "off"}]}).status_code == 422
    assert post(client, {"kinds": [{"kind": "drift", "way": "pigeon"}]}).status_code == 400
    assert post(client, {"kinds": "all"}).status_code == 400
    assert post(client, []).status_code == 400


def test_key_cannot_silence_its_maker(client_for, cast):
    with tenant_scope(cast.atlas):
        _key, text = api_keys.make_key(membership=seat(cast.alice), name="x", scopes=["view_notifications"])
    headers = {"Authorization": f"Bearer {text}"}
    assert client_for(None).get(API, headers=headers).status_code == 200
    body = json.dumps({"kinds": [{"kind": "keys", "way": "off"}]})
    answer = client_for(None).post(API, body, content_type="application/json", headers=headers)
    assert answer.status_code == 403
    assert not every(NotificationSettings).exists()


def post(client, body):
    return client.post(API, json.dumps(body), content_type="application/json")
