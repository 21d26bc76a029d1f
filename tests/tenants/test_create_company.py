"""``manage.py create_company``: a workspace with its owner, or one clear sentence."""

import io

import pytest
from django.core.management import CommandError, call_command

from tenants import services
from tenants.models import Membership, Tenant, User
from tests.conftest import count_rows

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_company", *arguments, stdout=out)
    return out.getvalue()


def test_company_is_made_with_its_owner():
    said = create(
        "atlas", "--name", "Atlas Telecom", "--owner", "Olfa@Atlas.example.com", "--currency", "TND", "--locale", "fr"
    )
    company = Tenant.objects.get()
    assert str(company.pk) in said
    assert (company.slug, company.name, company.currency, company.locale) == ("atlas", "Atlas Telecom", "TND", "fr")
    owner = Membership.objects.get()
    assert (owner.role, owner.user.email) == ("owner", "olfa@atlas.example.com")
    assert not owner.user.has_usable_password()


def test_name_is_the_short_name_where_none_is_given():
    create("atlas")
    assert Tenant.objects.get().name == "atlas"


def test_known_person_may_own_a_second_company():
    create("atlas", "--owner", "olfa@example.com")
    create("borealis", "--owner", "OLFA@example.com")
    assert User.objects.count() == 1
    assert Membership.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Atlas",), "lower-case"),
        (("atlas telecom",), "lower-case"),
        (("",), "lower-case"),
        (("../etc",), "lower-case"),
        (("taken",), "exists already"),
        (("a" * 61,), "60"),
        (("new", "--name", "x" * 121), "120"),
        (("new", "--currency", "tnd"), "Three letters"),
        (("new", "--currency", "EURO"), "3"),
        (("new", "--time-zone", "Mars/Olympus"), "time zone"),
        (("new", "--owner", "no-address"), "valid email"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_leaves_nothing(arguments, sentence):
    create("taken")
    before = count_rows()
    with pytest.raises(CommandError, match=sentence):
        create(*arguments)
    assert count_rows() == before


def test_weak_password_of_an_owner_leaves_no_company():
    before = count_rows()
    with pytest.raises(services.Refused):
        services.create_company(slug="atlas", name="Atlas", owner_email="o@example.com", owner_password="12345")
    assert count_rows() == before


def test_role_of_a_member_is_changed_by_adding_them_again(atlas_scope, bob):
    services.add_member(email=bob.email, role="analyst")
    assert Membership.objects.get(user=bob).role == "analyst"
    assert Membership.objects.filter(user=bob).count() == 1
