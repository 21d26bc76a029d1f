"""Members and invitations for programs, and who is asking."""

import json

import pytest
from django.core import mail

from tenants import services
from tenants.models import Invitation, Membership, Role
from tenants.permissions import CAPABILITIES, FOR_KEYS
from tenants.scoping import tenant_scope
from tests.everywhere import every
from tests.tenants.test_api_keys import caller, make
from tests.tenants.test_members import role_of, seat

MEMBERS, INVITATIONS = "/api/members", "/api/invitations"
VIEWING = tuple(sorted(CAPABILITIES["viewer"] & set(FOR_KEYS)))


def send(client, method: str, address: str, body: object | None = None, **headers):
    return getattr(client, method)(
        address, json.dumps(body) if body is not None else "", content_type="application/json", headers=headers
    )


def address(person) -> str:
    return f"{MEMBERS}/{seat(person).public_id}"


def test_person_is_told_who_they_are(client_for, cast):
    said = client_for(cast.omar).get("/api/me").json()
    assert (said["email"], said["role"], said["company"]["short_name"]) == (
        cast.omar.email,
        "operator",
        "atlas-telecom",
    )
    assert set(said["capabilities"]) == CAPABILITIES["operator"]
    assert said["key"] is None


def test_key_is_told_what_it_may(cast):
    said = caller(make(cast.olfa, "view_members", "view_models", name="Nightly")[1]).get("/api/me").json()
    assert (said["email"], said["capabilities"]) == (cast.olfa.email, ["read_api", "view_members", "view_models"])
    assert said["key"]["name"] == "Nightly"


def test_members_are_listed_by_page(client_for, cast):
    with tenant_scope(cast.atlas):
        for number in range(100):
            services.add_member(email=f"p{number:03}@atlas.example.com", role=Role.VIEWER)
    client = client_for(cast.bob)
    first = client.get(MEMBERS).json()
    rest = client.get(first["next"]).json()
    found = [one["email"] for one in first["members"] + rest["members"]]
    assert len(found) == len(set(found)) == 105
    assert found == sorted(found)
    assert rest["next"] is None
    assert cast.charlie.email not in found


def test_role_is_changed_and_person_removed(client_for, cast):
    client = client_for(cast.alice)
    answer = send(client, "patch", address(cast.bob), {"role": "analyst"})
    assert (answer.status_code, answer.json()["role"], role_of(cast.bob)) == (200, "analyst", "analyst")
    assert send(client, "delete", address(cast.bob)).status_code == 204
    assert not Membership.objects.filter(user=cast.bob).exists()


@pytest.mark.parametrize(
    ("by", "whom", "body", "status", "code"),
    [
        ("alice", "bob", {"role": "owner"}, 422, "beyond_role"),
        ("alice", "olfa", {"role": "viewer"}, 422, "beyond_role"),
        ("olfa", "olfa", {"role": "viewer"}, 422, "last_owner"),
        ("olfa", "bob", {"role": "emperor"}, 422, "unknown_role"),
        ("olfa", "bob", {"role": 5}, 400, "invalid"),
        ("olfa", "bob", {"role": "viewer", "tenant": "x"}, 400, "invalid"),
        ("olfa", "bob", {}, 400, "invalid"),
        ("olfa", "bob", [], 400, "invalid"),
        ("omar", "bob", {"role": "analyst"}, 403, "permission_denied"),
        ("charlie", "bob", {"role": "analyst"}, 404, "not_found"),
    ],
)
def test_what_may_not_be_is_a_problem_with_its_code(client_for, cast, by, whom, body, status, code):
    before = role_of(getattr(cast, whom))
    answer = send(client_for(getattr(cast, by)), "patch", address(getattr(cast, whom)), body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert role_of(getattr(cast, whom)) == before


def test_invitation_is_made_listed_sent_again_and_withdrawn(client_for, cast):
    client = client_for(cast.alice)
    made = send(client, "post", INVITATIONS, {"email": "nadia@example.com", "role": "analyst"})
    assert made.status_code == 201
    assert made["Location"] == made.json()["url"]
    assert len(mail.outbox) == 1
    token = mail.outbox[0].body.split("/invitation/")[1].split()[0]
    listed = client.get(INVITATIONS)
    assert [one["email"] for one in listed.json()["invitations"]] == ["nadia@example.com"]
    assert token.split("~")[1][:20] not in listed.content.decode() + made.content.decode()
    assert send(client, "post", made.json()["url"] + "/resend").status_code == 202
    assert len(mail.outbox) == 2
    assert client_for(cast.charlie).get(made.json()["url"]).status_code == 404
    assert send(client, "delete", made.json()["url"]).status_code == 204
    assert client.get(made.json()["url"]).status_code == 404
    assert every(Invitation).get().withdrawn_at is not None


def test_same_request_sent_twice_invites_once(client_for, cast):
    client = client_for(cast.alice)
    body = {"email": "nadia@example.com", "role": "viewer"}
    answers = [send(client, "post", INVITATIONS, body, **{"Idempotency-Key": "1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(mail.outbox) == 1


# ---------------------------------------------------------------- keys give no more than they hold


def test_key_invites_and_removes_those_only_who_may_no_more_than_itself(cast):
    """It is the owner's, and still its scopes reach as far as a viewer's."""
    client = caller(make(cast.olfa, "manage_members", *VIEWING)[1])
    assert send(client, "post", INVITATIONS, {"email": "a@example.com", "role": "viewer"}).status_code == 201
    answer = send(client, "post", INVITATIONS, {"email": "b@example.com", "role": "analyst"})
    assert (answer.status_code, answer.json()["code"]) == (422, "beyond_role")
    assert send(client, "patch", address(cast.bob), {"role": "admin"}).json()["code"] == "beyond_role"
    assert send(client, "delete", address(cast.anna)).json()["code"] == "beyond_role"
    assert send(client, "delete", address(cast.bob)).status_code == 204


def test_key_that_only_manages_gives_nothing(cast):
    client = caller(make(cast.olfa, "manage_members")[1])
    answer = send(client, "post", INVITATIONS, {"email": "a@example.com", "role": "viewer"})
    assert answer.json()["code"] == "beyond_role"
