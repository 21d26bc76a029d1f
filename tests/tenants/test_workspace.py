"""Which company a request works for: the membership row decides, and nothing that a browser sends."""

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone, translation

from tenants import services
from tenants.middleware import TenantMiddleware
from tenants.models import Membership, Role, Tenant, User
from tenants.scoping import current_tenant, tenant_scope
from tests.conftest import PASSWORD


@pytest.fixture
def both_places(cast):
    """Diana is a viewer at Atlas and an owner at Borealis."""
    for tenant, role in ((cast.atlas, Role.VIEWER), (cast.borealis, Role.OWNER)):
        with tenant_scope(tenant):
            member = services.add_member(email="diana@example.com", name="Diana", role=role, password=PASSWORD)
    return member.user


def ask(rf, person, *, session: dict | None = None, cookies: dict | None = None, **headers) -> dict:
    """What a view sees of the request."""
    seen = {}

    def view(request) -> HttpResponse:
        seen.update(
            membership=request.membership,
            tenant=request.tenant,
            zone=timezone.get_current_timezone_name(),
            language=translation.get_language(),
        )
        if request.tenant:
            assert current_tenant() == request.tenant
        return HttpResponse()

    request = rf.get("/", **headers)
    request.user, request.session = person, session or {}
    request.COOKIES.update(cookies or {})
    TenantMiddleware(view)(request)
    return seen


def test_member_works_in_their_company_with_its_clock(rf, cast):
    seen = ask(rf, cast.alice)
    assert (seen["tenant"], seen["membership"].role, seen["zone"]) == (cast.atlas, "admin", "Africa/Tunis")


def test_workspace_of_another_company_in_the_session_is_ignored(rf, cast):
    assert ask(rf, cast.charlie, session={"workspace": str(cast.atlas.pk)})["tenant"] == cast.borealis


@pytest.mark.parametrize("nonsense", ["", "x", "0" * 36, 5, None, ["a"]])
def test_nonsense_in_the_session_is_ignored(rf, cast, nonsense):
    assert ask(rf, cast.alice, session={"workspace": nonsense})["tenant"] == cast.atlas


def test_headers_do_not_choose_a_company(rf, cast):
    seen = ask(rf, cast.charlie, headers={"X-Tenant": str(cast.atlas.pk), "X-Tenant-Id": "atlas-telecom"})
    assert seen["tenant"] == cast.borealis


def test_person_of_two_companies_chooses_and_has_each_role_in_its_place(rf, cast, both_places):
    first = ask(rf, both_places)
    assert (first["tenant"], first["membership"].role) == (cast.atlas, "viewer")
    second = ask(rf, both_places, session={"workspace": str(cast.borealis.pk)})
    assert (second["tenant"], second["membership"].role) == (cast.borealis, "owner")


def test_person_of_very_many_companies_chooses_any_of_them(rf, cast, both_places):
    more = Tenant.objects.bulk_create(Tenant(name=f"Company {n:02d}", slug=f"company-{n:02d}") for n in range(60))
    Membership.objects.bulk_create(Membership(tenant=one, user=both_places, role="viewer") for one in more)
    assert ask(rf, both_places, session={"workspace": str(more[-1].pk)})["tenant"] == more[-1]
    assert ask(rf, both_places, session={"workspace": "no company's"})["tenant"] == cast.atlas


def test_person_without_a_company_has_none(rf, db):
    seen = ask(rf, User.objects.create_user("lone@example.com", PASSWORD))
    assert (seen["tenant"], seen["membership"]) == (None, None)


def test_membership_that_ended_closes_the_door_at_the_next_request(client_for, cast):
    client = client_for(cast.bob)
    assert client.get(reverse("tenants:notification_list")).status_code == 200
    Membership.objects.filter(user=cast.bob).delete()
    assert client.get(reverse("tenants:notification_list")).status_code == 403


@pytest.mark.parametrize(
    ("own", "cookie", "spoken"),
    [("fr", "en", "fr"), ("", "fr", "fr"), ("", None, "en"), ("", "xx", "en"), ("", "../../etc", "en")],
)
def test_persons_language_goes_before_the_browsers_and_that_before_the_companys(rf, cast, own, cookie, spoken):
    cast.alice.locale = own
    cookies = {"django_language": cookie} if cookie else {}
    assert ask(rf, cast.alice, cookies=cookies)["language"] == spoken


def test_company_speaks_its_language_to_who_chose_none(rf, cast):
    assert ask(rf, cast.charlie)["language"] == "fr"


def test_switching_goes_to_ones_own_companies_only(client_for, cast, both_places):
    client = client_for(both_places)
    client.post(reverse("tenants:switch_workspace"), {"workspace": "borealis-mobile"})
    assert client.session["workspace"] == str(cast.borealis.pk)
    client = client_for(cast.charlie)
    client.post(reverse("tenants:switch_workspace"), {"workspace": "atlas-telecom"})
    assert client.session["workspace"] == str(cast.borealis.pk)


def test_switching_is_a_post(client_for, cast):
    assert client_for(cast.alice).get(reverse("tenants:switch_workspace")).status_code == 405


def test_workspace_that_is_no_text_changes_nothing(client_for, both_places):
    client = client_for(both_places)
    client.get("/dashboard")
    before = client.session["workspace"]
    assert client.post(reverse("tenants:switch_workspace"), {"workspace": "atlas\x00"}).status_code == 302
    assert client.session["workspace"] == before
