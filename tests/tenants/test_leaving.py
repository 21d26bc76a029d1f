"""A member leaves a company by themselves: with all that a removal brings, told to the administrators, and never its last owner."""

import pytest
from django.test import Client

from tenants import api_keys, invitations, members, services
from tenants.models import ApiKey, AuditEntry, BrowserSession, Invitation, Membership, Notification, User
from tenants.scoping import tenant_scope
from tests.everywhere import every
from tests.tenants.test_members import last_line, seat

PAGE = "/profile/leave"


def is_in(client) -> bool:
    return client.get("/members").status_code == 200


def test_page_asks_in_plain_words_and_does_nothing_yet(client_for, cast):
    client = client_for(cast.bob)
    assert f'href="{PAGE}"' in client.get("/profile").content.decode()
    text = client.get(PAGE).content.decode()
    assert "Leave Atlas Telecom?" in text and "Every browser where you are signed in" in text
    assert is_in(client)


def test_who_leaves_is_out_everywhere_with_keys_and_invitations(client_for, cast):
    with tenant_scope(cast.atlas):
        _key, text = api_keys.make_key(membership=seat(cast.alice), name="Hers", scopes=["view_customers"])
        invitations.invite(by=seat(cast.alice), email="new@example.com", role="viewer")
    client, elsewhere = client_for(cast.alice), Client()
    elsewhere.force_login(cast.alice)
    program = Client(headers={"Authorization": f"Bearer {text}"})
    assert is_in(elsewhere) and program.get("/api/customers").status_code == 200

    answer = client.post(PAGE, follow=True)
    assert answer.redirect_chain == [("/sign-in?left=1", 302)]
    assert "You have left the company" in answer.content.decode()
    assert not Membership.objects.filter(user=cast.alice).exists()
    assert not BrowserSession.objects.filter(user=cast.alice).exists()
    assert not is_in(client) and not is_in(elsewhere)
    assert program.get("/api/customers").status_code == 401
    assert every(ApiKey).get().revoked_at and every(Invitation).get().withdrawn_at
    assert User.objects.get(pk=cast.alice.pk).is_active, "the account stays: other companies may have it, or invite it"

    line = last_line(cast.atlas)
    assert (line.verb, line.actor_id) == ("member_left", cast.alice.pk)
    assert (line.facts["role"], line.facts["keys_revoked"], line.facts["invitations_withdrawn"]) == ("admin", 1, 1)
    with tenant_scope(cast.atlas):
        assert services.verify_trail() is None
        assert Notification.objects.get(code="member_left").sentence == "Alice has left the company."


def test_other_companies_of_the_person_stay_theirs(client_for, cast):
    with tenant_scope(cast.borealis):
        services.add_member(email=cast.bob.email, role="analyst")
    assert client_for(cast.bob).post(PAGE).status_code == 302
    assert [(one.tenant, one.role) for one in Membership.objects.filter(user=cast.bob)] == [(cast.borealis, "analyst")]


def test_last_owner_stays_and_is_told_why(client_for, cast):
    client = client_for(cast.olfa)
    shown = client.get(PAGE).content.decode()
    assert "You are the last owner of this company" in shown and "Leave the company" not in shown
    refused = client.post(PAGE)
    assert refused.status_code == 422 and "make somebody else an owner first" in refused.content.decode()
    assert is_in(client)
    assert not every(AuditEntry).filter(verb="member_left").exists()
    with tenant_scope(cast.atlas):
        members.change_role(membership=seat(cast.alice), role="owner", by=seat(cast.olfa))
    assert client.post(PAGE).status_code == 302
    assert not is_in(client)


def test_an_owner_who_was_shut_out_does_not_count(client_for, cast):
    with tenant_scope(cast.atlas):
        members.change_role(membership=seat(cast.alice), role="owner", by=seat(cast.olfa))
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert client_for(cast.olfa).post(PAGE).status_code == 422


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_in_no_company_has_none_to_leave(client_for, cast, method):
    nobody = User.objects.create_user(email="nobody@example.com", password=None)
    assert getattr(client_for(nobody), method)(PAGE).status_code == 403


def test_it_speaks_french(client_for, cast):
    User.objects.filter(pk=cast.bob.pk).update(locale="fr")
    text = client_for(User.objects.get(pk=cast.bob.pk)).get(PAGE).content.decode()
    assert "Quitter Atlas Telecom\u00a0?" in text and "Quitter l’entreprise" in text
