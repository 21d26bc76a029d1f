"""An address that only looks like somebody's is nobody's: PostgreSQL's upper case makes an I of a dotless ı."""

import pytest
from django.core import mail

from tenants import mails
from tenants import services as tenants
from tenants.models import Membership, Role, User, UserManager
from tenants.scoping import tenant_scope
from tests.tenants.test_invitations import ACCOUNT, invite, link

DOTLESS = "mike@ma\u0131l.example.com"
LOOKS_LIKE_OMAR = "omar@atlas.example.com".replace("a", "\u0430")  # Cyrillic


@pytest.fixture(autouse=True)
def as_a_server_with_a_locale(monkeypatch):
    """The server of the tests folds A to Z only; one with ICU or a locale compares as Python's upper case does."""

    def fold(self, *given, **named):
        if "email__iexact" not in named:
            return self.get_queryset().filter(*given, **named)
        wanted = named.pop("email__iexact").upper()
        same = [user.pk for user in self.get_queryset().filter(*given, **named) if user.email.upper() == wanted]
        return self.get_queryset().filter(pk__in=same)

    monkeypatch.setattr(UserManager, "filter", fold)


@pytest.fixture
def mike(cast) -> User:
    """Was given a seat, and set no password yet."""
    with tenant_scope(cast.atlas):
        return tenants.add_member(email="mike@mail.example.com", role=Role.VIEWER, name="Mike").user


@pytest.mark.parametrize("typed", ["mike@mail.example.com", " MIKE@Mail.Example.COM "])
def test_person_is_found_in_any_case(mike, typed):
    assert User.objects.of_address(typed) == mike
    assert User.objects.get_by_natural_key(typed) == mike


@pytest.mark.parametrize("typed", [DOTLESS, "mike@ma\u0130l.example.com", LOOKS_LIKE_OMAR])
def test_look_alike_is_nobody(mike, typed):
    assert User.objects.of_address(typed) is None


def test_seat_for_a_look_alike_is_another_persons(cast, mike):
    with tenant_scope(cast.borealis):
        seat = tenants.add_member(email=DOTLESS, role=Role.VIEWER)
    assert seat.user != mike
    assert Membership.objects.filter(user=mike).count() == 1


def test_invited_look_alike_sets_no_password_of_who_has_none_yet(client, client_for, cast, mike):
    invite(client_for(cast.alice), DOTLESS, "viewer")
    client.post(link(), ACCOUNT)
    mike.refresh_from_db()
    assert not mike.has_usable_password()
    assert User.objects.get(email=DOTLESS).check_password(ACCOUNT["new_password1"])


def test_forgotten_password_of_a_look_alike_is_nobodys(mike):
    mails.send_password_reset(email=DOTLESS, host="testserver", is_secure=True, language="en")
    assert mail.outbox == []
    mails.send_password_reset(email="MIKE@mail.example.com", host="testserver", is_secure=True, language="en")
    assert [sent.to for sent in mail.outbox] == [["mike@mail.example.com"]]
