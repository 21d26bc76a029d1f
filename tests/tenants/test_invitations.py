"""An invitation opens one seat, once, for a week, to who reads the mails of its address."""

import re

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone, translation

from core.errors import Refused
from tenants import invitations, mails, members, noticeboard, services, tasks
from tenants.models import AuditEntry, Invitation, Membership, Notification, Role, User
from tenants.scoping import tenant_scope
from tests.conftest import PASSWORD
from tests.everywhere import every
from tests.tenants.test_members import last_line, said, seat

NEW = "nadia@atlas.example.com"
ACCOUNT = {"name": "Nadia", "new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}


def invite(client, email: str = NEW, role: str = "analyst"):
    return client.post("/members", {"email": email, "role": role}, follow=True)


def link() -> str:
    """The address in the last mail."""
    found = re.search(r"http://testserver(/invitation/\S+)", mail.outbox[-1].body)
    assert found, mail.outbox[-1].body
    return found[1]


@pytest.fixture
def invited(client_for, cast) -> str:
    invite(client_for(cast.alice))
    return link()


def row() -> Invitation:
    return every(Invitation).get()


# ---------------------------------------------------------------- inviting


def test_mail_goes_to_the_address_in_the_inviters_language(client_for, cast):
    cast.alice.locale = "fr"
    cast.alice.save()
    seen = []
    with translation.override("en"):
        answer = invite(client_for(cast.alice))
        seen = [row().locale, mail.outbox[-1].to, mail.outbox[-1].alternatives]
    assert answer.status_code == 200
    assert seen == ["fr", [NEW], []]
    assert "Atlas Telecom" in mail.outbox[-1].body and "Alice" in mail.outbox[-1].subject
    assert row().sent_at is not None
    assert last_line(cast.atlas).verb == "member_invited"
    assert NEW not in str(last_line(cast.atlas).facts), "the trail holds identifiers, not values"


def test_link_is_kept_as_a_hash_only(invited):
    secret = invited.rsplit("/", 1)[1].split("~")[1].split(".")[0]
    stored = every(Invitation).values().get()
    assert len(secret) >= 43
    assert not [name for name, value in stored.items() if secret in str(value)]


def test_operators_word_of_where_the_site_is_goes_into_the_mail(client_for, cast, settings):
    settings.PUBLIC_URL = "https://churn.example.com"
    invite(client_for(cast.alice))
    assert "https://churn.example.com/invitation/" in mail.outbox[-1].body


@pytest.mark.parametrize(
    ("by", "email", "role"),
    [
        ("alice", "boss@example.com", "owner"),
        ("alice", "bob@atlas.example.com", "viewer"),
        ("alice", "BOB@atlas.example.com", "viewer"),
        ("alice", "not an address", "viewer"),
        ("alice", f"{'x' * 60}@{'y' * 60}.{'y' * 60}.{'y' * 60}.{'y' * 30}.example.com", "viewer"),
        ("alice", "x@example.com", "emperor"),
        ("alice", "x@example.com\nBcc: y@example.com", "viewer"),
    ],
)
def test_invitation_that_may_not_be_is_refused_with_words(client_for, cast, by, email, role):
    answer = invite(client_for(getattr(cast, by)), email, role)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert not every(Invitation).exists()
    assert not mail.outbox


@pytest.mark.parametrize("person", ["omar", "anna", "bob"])
def test_who_does_not_manage_members_invites_nobody(client_for, cast, person):
    invite(client_for(getattr(cast, person)))
    assert not every(Invitation).exists()
    with tenant_scope(cast.atlas), pytest.raises(Refused):
        invitations.invite(email=NEW, role="viewer", by=seat(getattr(cast, person)))


def test_same_address_is_invited_once_and_may_be_sent_again(client_for, cast, invited):
    answer = invite(client_for(cast.alice), NEW.upper())
    assert answer.status_code == 422
    assert len(mail.outbox) == 1


def test_mail_that_does_not_leave_is_shown_to_who_invited(client_for, cast, monkeypatch):
    def refuses(*_args, **_kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(mails, "send_mail", refuses)
    invite(client_for(cast.alice))
    assert row().failed_at is not None
    assert "The mail did not leave" in client_for(cast.alice).get("/members").content.decode()


# ---------------------------------------------------------------- taking the seat


def test_stranger_makes_an_account_and_is_in(client, cast, invited):
    page = client.get(invited)
    assert page.status_code == 200
    assert "Atlas Telecom" in page.content.decode()
    assert not User.objects.filter(email=NEW).exists(), "scanners follow links: looking changes nothing"
    answer = client.post(invited, ACCOUNT)
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:dashboard"))
    person = User.objects.get(email=NEW)
    assert person.check_password("a-brand-new-secret")
    assert (person.name, seat(person).role, seat(person).tenant) == ("Nadia", "analyst", cast.atlas)
    assert client.get("/members").context["workspace"] == cast.atlas
    entry = last_line(cast.atlas)
    assert (entry.verb, entry.actor, entry.facts["invited_by"]) == ("member_joined", person, cast.alice.pk)


def test_those_who_manage_members_are_told_who_joined(client, cast, invited):
    client.post(invited, ACCOUNT)
    person = User.objects.get(email=NEW)
    with tenant_scope(cast.atlas):
        told = Notification.objects.get(code="member_joined")
        assert told.facts == {"member": str(person), "role": "analyst"}
        seen = {one.role for one in Membership.objects.filter(tenant=cast.atlas) if told in noticeboard.notices_of(one)}
    assert seen == {"owner", "admin"}


def test_invitation_that_was_not_taken_tells_nobody(client_for, cast, invited):
    assert client_for(cast.bob).post(invited).status_code == 403
    with tenant_scope(cast.atlas):
        assert not Notification.objects.filter(code="member_joined").exists()


def test_link_works_once(client, client_for, cast, invited):
    client.post(invited, ACCOUNT)
    again = client_for(None)
    assert again.get(invited).status_code == 404
    assert again.post(invited, ACCOUNT | {"new_password1": "x" * 12, "new_password2": "x" * 12}).status_code == 404
    assert User.objects.get(email=NEW).check_password("a-brand-new-secret")


@pytest.mark.parametrize(
    "wrong",
    [
        {"new_password1": "short", "new_password2": "short"},
        {"new_password2": "another-secret"},
        {"name": ""},
        {"new_password1": "", "new_password2": ""},
    ],
)
def test_bad_account_is_refused_and_the_link_goes_on_working(client, cast, invited, wrong):
    assert client.post(invited, ACCOUNT | wrong).status_code == 422
    assert not User.objects.filter(email=NEW).exists()
    assert client.post(invited, ACCOUNT).status_code == 302


def test_role_and_address_in_the_body_change_nothing(client, cast, invited):
    client.post(invited, ACCOUNT | {"role": "owner", "email": "other@example.com", "is_staff": "1", "tenant": "x"})
    person = User.objects.get(email=NEW)
    assert (seat(person).role, person.is_staff) == ("analyst", False)


def test_who_has_an_account_signs_in_and_takes_it_as_themselves(client_for, cast):
    invite(client_for(cast.alice), cast.charlie.email, "operator")
    address = link()
    stranger = client_for(None)
    assert stranger.post(address, ACCOUNT).status_code == 403
    cast.charlie.refresh_from_db()
    assert cast.charlie.check_password(PASSWORD), "a link sets no password where there is one"
    charlie = client_for(cast.charlie)
    assert charlie.get(address).status_code == 200
    assert not Membership.objects.filter(user=cast.charlie, tenant=cast.atlas).exists()
    assert charlie.post(address).status_code == 302
    assert seat(cast.charlie, cast.atlas).role == "operator"
    assert seat(cast.charlie, cast.borealis).role == "admin"
    assert charlie.get("/members").context["workspace"] == cast.atlas


def test_somebody_else_who_is_signed_in_does_not_get_the_seat(client_for, cast, invited):
    bob = client_for(cast.bob)
    assert bob.post(invited).status_code == 403
    assert not Membership.objects.filter(user=cast.bob).exclude(tenant=cast.atlas).exists()
    assert row().accepted_at is None


def test_who_was_given_a_seat_without_a_password_sets_one_by_the_link(client, cast):
    with tenant_scope(cast.borealis):
        services.add_member(email=NEW, role=Role.VIEWER)
    with tenant_scope(cast.atlas):
        token = invitations.write_link(invitations.invite(email=NEW, role="viewer", by=seat(cast.olfa)))
    assert client.post(f"/invitation/{token}", ACCOUNT).status_code == 302
    assert User.objects.get(email=NEW).check_password("a-brand-new-secret")


@pytest.mark.parametrize("ending", ["withdrawn", "too old", "sent again", "inviter removed", "inviter smaller"])
def test_link_that_is_over_opens_nothing(client, client_for, cast, invited, ending, time_machine):
    alice, found = client_for(cast.alice), row()
    if ending == "withdrawn":
        alice.post(reverse("tenants:withdraw_invitation", args=[found.public_id]))
    elif ending == "too old":
        time_machine.move_to(timezone.now() + invitations.LASTS, tick=False)
    elif ending == "sent again":
        alice.post(reverse("tenants:resend_invitation", args=[found.public_id]))
        assert link() != invited
    else:
        with tenant_scope(cast.atlas):
            if ending == "inviter removed":
                members.remove_member(membership=seat(cast.alice), by=seat(cast.olfa))
            else:
                members.change_role(membership=seat(cast.alice), role="analyst", by=seat(cast.olfa))
    assert client.post(invited, ACCOUNT).status_code in (404, 422)
    assert not Membership.objects.filter(user__email=NEW).exists()
    if ending == "sent again":
        assert client.post(link(), ACCOUNT).status_code == 302


@pytest.mark.parametrize("token", ["x", "x.y", "0" * 32 + "~abc.def", "é", "a" * 3000])
def test_made_up_link_is_gone(client, db, token):
    assert client.get(f"/invitation/{token}").status_code == 404


def test_link_with_another_companys_name_is_gone(client, cast, invited):
    forged = invited.replace(cast.atlas.pk.hex, cast.borealis.pk.hex)
    assert forged != invited
    assert client.get(forged).status_code == 404


def test_other_company_neither_sees_nor_touches_it(client_for, cast, invited):
    charlie, found = client_for(cast.charlie), row()
    assert NEW not in charlie.get("/members").content.decode()
    for name in ("resend_invitation", "withdraw_invitation"):
        assert charlie.post(reverse(f"tenants:{name}", args=[found.public_id])).status_code == 404
    assert row().withdrawn_at is None


def test_withdrawing_twice_is_written_once(client_for, cast, invited):
    with tenant_scope(cast.atlas):
        for _ in range(2):
            invitations.withdraw(invitation=row(), by=seat(cast.alice))
        assert AuditEntry.objects.filter(verb="invitation_withdrawn").count() == 1


def test_no_message_to_a_worker_holds_the_link(client_for, cast, monkeypatch):
    seen = []
    monkeypatch.setattr(tasks, "hand_over", lambda task, **kwargs: seen.append(kwargs))
    answer = invite(client_for(cast.alice))
    assert "on its way" in said(answer)
    assert [set(kwargs) for kwargs in seen] == [{"tenant_id", "invitation_id", "site"}]


def test_worker_that_is_told_twice_leaves_one_link_that_works(client, cast, invited):
    with tenant_scope(cast.atlas):
        mails.send_invitation(invitation_id=row().pk, site="http://testserver")
    assert client.get(invited).status_code == 404
    assert client.post(link(), ACCOUNT).status_code == 302


def test_person_without_a_company_takes_a_seat_and_sees_it(client_for, cast):
    lone = User.objects.create_user("lone@example.com", PASSWORD)
    client = client_for(lone)
    assert client.get("/members").status_code == 403
    invite(client_for(cast.alice), "lone@example.com", "viewer")
    assert client.post(link()).status_code == 302
    assert client.get("/members").status_code == 200


def test_link_that_is_used_twice_at_once_opens_one_account(client, invited, monkeypatch):
    """The other request is a moment ahead: its account is there once ours is written."""
    real = invitations.validate_password

    def look(password, user):
        real(password, user)
        User.objects.create_user(NEW, "another-secret-of-hers")

    monkeypatch.setattr(invitations, "validate_password", look)
    answer = client.post(invited, ACCOUNT)
    assert answer.status_code == 422
    assert "This address has an account" in answer.content.decode()
