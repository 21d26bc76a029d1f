"""``/api/duplicates``: customers who stand there twice, for programs."""

import pytest

from customers import services
from customers.models import Customer, DuplicateGroup, DuplicateSearch
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope


@pytest.fixture
def doubles(cast) -> None:
    """Three who share an e-mail, two who share a phone, and one like nobody."""
    with tenant_scope(cast.atlas):
        for number, facts in {
            "A1": {"email": "sami@example.com", "first_name": "Sami", "city": "Sfax"},
            "A2": {"email": "SAMI@example.com"},
            "A3": {"email": "sami@example.com"},
            "B1": {"phone": "20 123 456"},
            "B2": {"phone": "20123456"},
            "C1": {"email": "other@example.com"},
        }.items():
            Customer.objects.create(external_id=number, **facts)


def look(cast) -> None:
    with tenant_scope(cast.atlas):
        services.find_duplicates(search_id=services.open_duplicate_search(requested_by=cast.omar).pk)


def numbers(answer) -> list[list[str]]:
    return [[one["external_id"] for one in group["customers"]] for group in answer.json()["groups"]]


def test_nobody_searched_yet(client_for, cast, doubles):
    assert client_for(cast.omar).get("/api/duplicates").json() == {"search": None, "groups": [], "next": None}


def test_program_searches_and_reads_what_was_found(client_for, cast, doubles):
    client = client_for(cast.omar)
    asked = client.post("/api/duplicates/search")
    assert asked.status_code == 202
    assert asked["Location"] == asked.json()["url"]
    with tenant_scope(cast.atlas):
        search = DuplicateSearch.objects.get()
        assert search.requested_by == cast.omar
        if search.is_open:
            services.find_duplicates(search_id=search.pk)
    assert client.get(asked.json()["url"]).json()["state"] == "succeeded"

    answer = client.get("/api/duplicates")
    assert numbers(answer) == [["A1", "A2", "A3"], ["B1", "B2"]]
    said = answer.json()
    assert (said["search"]["customers"], said["search"]["groups"], said["search"]["partial"]) == (6, 2, False)
    assert [(group["rules"], group["size"]) for group in said["groups"]] == [(["email"], 3), (["phone"], 2)]
    sami = said["groups"][0]["customers"][0]
    assert (sami["first_name"], sami["city"], sami["email"]) == ("Sami", "Sfax", "sami@example.com")
    assert client.get(sami["url"]).json()["external_id"] == "A1"


def test_open_search_is_the_one_that_is_answered(client_for, cast, doubles, monkeypatch):
    monkeypatch.setattr("core.jobs.ring", lambda job: None)  # no worker takes it
    client = client_for(cast.omar)
    first, second = (client.post("/api/duplicates/search").json()["job"] for _ in range(2))
    assert first == second


def test_groups_come_in_pages(client_for, cast, doubles):
    look(cast)
    client = client_for(cast.omar)
    first = client.get("/api/duplicates?limit=1")
    assert numbers(first) == [["A1", "A2", "A3"]]
    second = client.get(first.json()["next"])
    assert (numbers(second), second.json()["next"]) == ([["B1", "B2"]], None)
    assert client.get("/api/duplicates?after=nowhere").status_code == 400


def test_page_costs_the_same_for_one_group_and_for_twenty(client_for, cast, doubles, django_assert_max_num_queries):
    with tenant_scope(cast.atlas):
        for pair in range(20):
            for half in ("x", "y"):
                Customer.objects.create(external_id=f"{half}{pair}", email=f"p{pair}@example.com")
    look(cast)
    client = client_for(cast.omar)
    with django_assert_max_num_queries(9):
        assert len(numbers(client.get("/api/duplicates?limit=50"))) == 22


def test_kept_apart_is_asked_no_more(client_for, cast, doubles):
    look(cast)
    client = client_for(cast.omar)
    group = client.get("/api/duplicates").json()["groups"][0]["id"]
    for _ in range(2):  # saying it twice changes nothing
        assert client.post(f"/api/duplicates/{group}/apart").json() == {"id": group, "kept_apart": True}
    with tenant_scope(cast.atlas):
        assert AuditEntry.objects.filter(verb="duplicates_kept_apart").count() == 1
        assert DuplicateGroup.objects.get(public_id=group).dismissed_by == cast.omar
    look(cast)
    assert numbers(client.get("/api/duplicates")) == [["B1", "B2"]]


def test_merged_customer_leaves_the_groups(client_for, cast, doubles):
    look(cast)
    client = client_for(cast.omar)
    body = {"gone": "B2", "reason": "one contract"}
    assert client.post("/api/customers/B1/merge", body, content_type="application/json").status_code == 200
    assert numbers(client.get("/api/duplicates")) == [["A1", "A2", "A3"]]


def test_another_companys_group_is_none(client_for, cast, doubles):
    look(cast)
    with tenant_scope(cast.atlas):
        group = DuplicateGroup.objects.first().public_id
    charlie = client_for(cast.charlie)
    assert charlie.post(f"/api/duplicates/{group}/apart").status_code == 404
    assert numbers(charlie.get("/api/duplicates")) == []


def test_who_may_not_curate_is_told_so(client_for, cast, doubles):
    for person in (cast.bob, cast.anna):
        assert client_for(person).get("/api/duplicates").status_code == 403
        assert client_for(person).post("/api/duplicates/search").status_code == 403
