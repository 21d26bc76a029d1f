"""Who is in the company: roles given and taken within one's own, people removed with all that was theirs, nobody shut out."""

import pytest
from django.urls import reverse

from core.errors import Refused
from tenants import api_keys, invitations, members, services, wording_roles
from tenants.models import ApiKey, AuditEntry, Invitation, Membership, Role
from tenants.permissions import CAPABILITIES
from tenants.scoping import tenant_scope
from tests.everywhere import every

LADDER = ["viewer", "analyst", "operator", "admin", "owner"]


def seat(person, tenant=None) -> Membership:
    rows = Membership.objects.select_related("tenant", "user").filter(user=person)
    return rows.get(tenant=tenant) if tenant else rows.get()


def role_of(person) -> str:
    return Membership.objects.get(user=person).role


def last_line(tenant) -> AuditEntry:
    with tenant_scope(tenant):
        return AuditEntry.objects.order_by("-sequence").first()


def ask_role(client, person, role: str):
    return client.post(reverse("tenants:change_role", args=[seat(person).public_id]), {"role": role}, follow=True)


def ask_removal(client, person):
    return client.post(reverse("tenants:remove_member", args=[seat(person).public_id]), follow=True)


def said(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


# ---------------------------------------------------------------- the table and its words


def test_every_capability_has_its_words_and_no_words_are_without_one():
    assert wording_roles.nameless() == set()
    assert set(wording_roles.ROLES) == set(Role.values)
    held = {}
    for _title, lines in wording_roles.table():
        for line in lines:
            held[str(line.words)] = line.held
    assert len(held) == len(CAPABILITIES["owner"])
    assert held["Train models"] == (False, True, True, True, True)
    assert held["Ask every member for a second factor"] == (False, False, False, False, True)


@pytest.mark.parametrize(("person", "given"), [("olfa", LADDER), ("alice", LADDER[:4]), ("omar", []), ("bob", [])])
def test_nobody_gives_more_than_they_hold(cast, person, given):
    assert [role.value for role in members.roles_to_give(seat(getattr(cast, person)))] == given


# ---------------------------------------------------------------- the page


def test_page_shows_everybody_to_everybody_and_changes_to_who_may(client_for, cast):
    for name, may in (("olfa", True), ("alice", True), ("omar", False), ("bob", False)):
        text = client_for(getattr(cast, name)).get("/members").content.decode()
        assert "bob@atlas.example.com" in text
        assert "charlie@borealis.example.com" not in text
        assert ('name="email"' in text) is may
        assert (reverse("tenants:change_role", args=[seat(cast.anna).public_id]) in text) is may
    admins = client_for(cast.alice).get("/members").content.decode()
    assert reverse("tenants:change_role", args=[seat(cast.olfa).public_id]) not in admins
    assert reverse("tenants:remove_member", args=[seat(cast.alice).public_id]) not in admins
    assert reverse("tenants:set_second_factor_rule") not in admins


def test_page_costs_the_same_however_many_are_in(client_for, cast, django_assert_max_num_queries):
    with tenant_scope(cast.atlas):
        for number in range(60):
            services.add_member(email=f"p{number:02}@atlas.example.com", role=Role.VIEWER)
    client = client_for(cast.olfa)
    client.get("/members")
    with django_assert_max_num_queries(14):
        first = client.get("/members")
    assert len(first.context["lines"]) == 50
    rest = client.get(f"/members?after={first.context['page'].after}")
    assert len(rest.context["lines"]) == 15


def test_role_is_changed_and_holds_at_the_next_request(client_for, cast):
    bob = client_for(cast.bob)
    assert bob.get("/workspace/keys").status_code == 403
    ask_role(client_for(cast.olfa), cast.bob, "admin")
    assert role_of(cast.bob) == "admin"
    assert bob.get("/workspace/keys").status_code == 200
    entry = last_line(cast.atlas)
    assert (entry.verb, entry.actor, entry.facts) == (
        "member_role_set",
        cast.olfa,
        {"person": cast.bob.pk, "role": "admin", "before": "viewer"},
    )


@pytest.mark.parametrize(
    ("by", "whom", "role"),
    [
        ("alice", "bob", "owner"),  # more than they hold
        ("alice", "olfa", "viewer"),  # from somebody above
        ("alice", "alice", "owner"),
        ("olfa", "bob", "emperor"),
        ("olfa", "bob", ""),
        ("olfa", "olfa", "admin"),  # the last owner
    ],
)
def test_change_that_may_not_be_changes_nothing_and_says_why(client_for, cast, by, whom, role):
    before = role_of(getattr(cast, whom))
    lines = last_line(cast.atlas).sequence
    answer = ask_role(client_for(getattr(cast, by)), getattr(cast, whom), role)
    assert role_of(getattr(cast, whom)) == before
    assert said(answer)
    assert last_line(cast.atlas).sequence == lines


@pytest.mark.parametrize("person", ["omar", "anna", "bob", "charlie"])
def test_who_does_not_manage_members_changes_nobody(client_for, cast, person):
    client = client_for(getattr(cast, person))
    wanted = (404,) if person == "charlie" else (403,)
    victim = seat(cast.anna).public_id
    for name in ("change_role", "remove_member"):
        assert client.post(reverse(f"tenants:{name}", args=[victim]), {"role": "viewer"}).status_code in wanted
    assert role_of(cast.anna) == "analyst"


def test_second_owner_lets_the_first_go(client_for, cast):
    ask_role(client_for(cast.olfa), cast.alice, "owner")
    ask_role(client_for(cast.olfa), cast.olfa, "viewer")
    assert (role_of(cast.alice), role_of(cast.olfa)) == ("owner", "viewer")


def test_owner_who_was_shut_out_is_no_owner_to_lean_on(cast):
    with tenant_scope(cast.atlas):
        members.change_role(membership=seat(cast.alice), role="owner", by=seat(cast.olfa))
        cast.alice.is_active = False
        cast.alice.save()
        with pytest.raises(Refused) as refused:
            members.change_role(membership=seat(cast.olfa), role="viewer", by=seat(cast.olfa))
    assert refused.value.code == "last_owner"


def test_two_owners_who_demote_each_other_at_once_leave_one(cast):
    """The second comes with a row read before the first was served."""
    with tenant_scope(cast.atlas):
        members.change_role(membership=seat(cast.alice), role="owner", by=seat(cast.olfa))
        stale = seat(cast.alice)
        members.change_role(membership=seat(cast.alice), role="viewer", by=seat(cast.olfa))
        with pytest.raises(Refused) as refused:
            members.change_role(membership=seat(cast.olfa), role="viewer", by=stale)
    assert refused.value.code == "beyond_role"
    assert role_of(cast.olfa) == "owner"


# ---------------------------------------------------------------- removal


def test_removed_person_is_out_at_once_with_keys_sessions_and_invitations(client_for, cast):
    with tenant_scope(cast.atlas):
        key, text = api_keys.make_key(membership=seat(cast.alice), name="Hers", scopes=["view_models"])
        invited = invitations.invite(email="friend@example.com", role="viewer", by=seat(cast.alice))
    hers = client_for(cast.alice)
    assert hers.get("/members").status_code == 200
    cookie = hers.cookies["sessionid"].value
    olfa = client_for(cast.olfa)
    assert olfa.get(reverse("tenants:remove_member", args=[seat(cast.alice).public_id])).status_code == 200
    assert role_of(cast.alice) == "admin", "asking changes nothing"
    ask_removal(olfa, cast.alice)
    assert not Membership.objects.filter(user=cast.alice).exists()
    replay = client_for(None)
    replay.cookies["sessionid"] = cookie
    for browser in (hers, replay):
        assert browser.get("/members")["Location"].startswith("/sign-in")
    assert every(ApiKey).get(pk=key.pk).revoked_at is not None
    assert client_for(None).get("/api/models", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    assert every(Invitation).get(pk=invited.pk).withdrawn_at is not None
    entry = last_line(cast.atlas)
    assert (entry.verb, entry.facts["keys_revoked"], entry.facts["invitations_withdrawn"]) == ("member_removed", 1, 1)


def test_key_of_a_removed_person_stays_dead_when_they_come_back(client_for, cast):
    with tenant_scope(cast.atlas):
        _key, text = api_keys.make_key(membership=seat(cast.alice), name="Hers", scopes=["view_models"])
        members.remove_member(membership=seat(cast.alice), by=seat(cast.olfa))
        services.add_member(email=cast.alice.email, role=Role.ADMIN)
    answer = client_for(None).get("/api/models", headers={"Authorization": f"Bearer {text}"})
    assert answer.json()["code"] == "key_revoked"


@pytest.mark.parametrize(("by", "whom"), [("olfa", "olfa"), ("alice", "olfa"), ("alice", "alice")])
def test_nobody_removes_themselves_or_who_stands_above(client_for, cast, by, whom):
    answer = ask_removal(client_for(getattr(cast, by)), getattr(cast, whom))
    assert said(answer)
    assert Membership.objects.filter(user=getattr(cast, whom)).exists()


def test_other_company_of_a_removed_person_keeps_them(client_for, cast):
    with tenant_scope(cast.borealis):
        services.add_member(email=cast.anna.email, role=Role.VIEWER)
    with tenant_scope(cast.atlas):
        members.remove_member(membership=seat(cast.anna, cast.atlas), by=seat(cast.olfa))
    client = client_for(cast.anna)
    assert client.get("/members").context["workspace"] == cast.borealis


# ---------------------------------------------------------------- the back office asks the same verbs


def test_back_office_keeps_the_last_owner_and_ends_what_a_removed_person_had(client_for, cast):
    address = "/admin/tenants/membership/{}/{}/"
    olfa = client_for(cast.olfa)
    answer = olfa.post(address.format(seat(cast.olfa).pk, "change"), {"role": "viewer"}, follow=True)
    assert "last owner" in said(answer)
    assert role_of(cast.olfa) == "owner"
    bob = client_for(cast.bob)
    assert bob.get("/members").status_code == 200
    assert olfa.post(address.format(seat(cast.bob).pk, "delete"), {"post": "yes"}).status_code == 302
    assert bob.get("/members")["Location"].startswith("/sign-in")
    assert last_line(cast.atlas).verb == "member_removed"
