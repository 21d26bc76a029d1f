"""The search for people who stand there twice: by e-mail, phone, or name and city; bounded, and asked once."""

import pytest

from core.models import JobState
from customers import services
from customers.models import Customer, DuplicateGroup, DuplicateSearch
from customers.services import duplicates
from tenants.scoping import tenant_scope


def person(number: str, **facts) -> Customer:
    return Customer.objects.create(external_id=number, **facts)


def search() -> DuplicateSearch:
    run = services.open_duplicate_search()
    services.find_duplicates(search_id=run.pk)
    run.refresh_from_db()
    return run


def found() -> list[tuple[str, list[str], list[str]]]:
    numbers = dict(Customer.objects.values_list("pk", "external_id"))
    return [
        (group.rule, [numbers[key] for key in group.members], group.also)
        for group in DuplicateGroup.objects.filter(dismissed_at=None)
    ]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"email": "Sami@Example.com"}, {"email": "sami@example.COM"}),
        ({"phone": "+216 20-123.456"}, {"phone": "00216 (20) 123456"}),
        ({"phone": "20123456"}, {"phone": "20 123 456"}),
        (
            {"first_name": "Sami", "last_name": "Trabelsi", "city": "Sfax"},
            {"first_name": "SAMI", "last_name": "trabelsi", "city": "SFAX"},
        ),
    ],
)
def test_same_person_is_found(atlas_scope, one, two):
    person("A1", **one)
    person("A2", **two)
    person("A3", email="other@example.com", phone="71 000 000", first_name="Sami", last_name="Trabelsi", city="Tunis")
    run = search()
    assert [(numbers, also) for _rule, numbers, also in found()] == [(["A1", "A2"], [])]
    assert (run.state, run.customers, run.groups, run.is_partial) == (JobState.SUCCEEDED, 3, 1, False)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"email": "unknown"},
        {"email": "-"},
        {"phone": "0"},
        {"phone": "n/a"},
        {"first_name": "Sami", "last_name": "Trabelsi"},
        {"first_name": "Sami", "city": "Sfax"},
    ],
)
def test_nothing_said_is_nothing_shared(atlas_scope, facts):
    person("A1", **facts)
    person("A2", **facts)
    search()
    assert found() == []


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ({"age": 30}, {"age": 61}, False),
        ({"age": 30}, {"age": 31}, True),
        ({"age": 30}, {}, True),
        ({"email": "a@example.com", "phone": "20111111"}, {"email": "b@example.com", "phone": "20222222"}, False),
        ({"email": "a@example.com", "phone": "20111111"}, {"email": "b@example.com"}, True),
    ],
)
def test_namesakes_whom_something_tells_apart_are_no_duplicates(atlas_scope, one, two, expected):
    name = {"first_name": "Mohamed", "last_name": "Ben Ali", "city": "Tunis"}
    person("A1", **name, **one)
    person("A2", **name, **two)
    search()
    assert bool(found()) is expected


def test_group_found_by_several_rules_is_shown_once(atlas_scope):
    same = {"email": "s@example.com", "phone": "20123456", "first_name": "Sami", "last_name": "T", "city": "Sfax"}
    person("A1", **same)
    person("A2", **same)
    search()
    assert found() == [("email", ["A1", "A2"], ["phone", "name"])]


def test_large_group_keeps_its_first_members_and_its_size(atlas_scope):
    for i in range(duplicates.SHOWN_MEMBERS + 5):
        person(f"A{i:02}", email="shop@example.com")
    search()
    group = DuplicateGroup.objects.get()
    assert (len(group.members), group.size) == (duplicates.SHOWN_MEMBERS, duplicates.SHOWN_MEMBERS + 5)


def test_more_groups_than_are_kept_are_said_to_be_more(atlas_scope, monkeypatch):
    monkeypatch.setattr(duplicates, "MOST_GROUPS", 2)
    for i in range(3):
        person(f"A{i}", email=f"{i}@example.com")
        person(f"B{i}", email=f"{i}@example.com")
    run = search()
    assert (run.groups, run.is_partial) == (2, True)


def test_kept_apart_stays_so_until_somebody_joins(atlas_scope, alice):
    person("A1", email="family@example.com")
    person("A2", email="family@example.com")
    search()
    services.keep_apart(group=DuplicateGroup.objects.get(), actor=alice)
    run = search()
    assert (found(), run.groups) == ([], 0)
    person("A3", email="family@example.com")
    search()
    assert found() == [("email", ["A1", "A2", "A3"], [])]


def test_search_again_replaces_what_was_found_before(atlas_scope):
    person("A1", email="a@example.com")
    twin = person("A2", email="a@example.com")
    search()
    Customer.objects.filter(pk=twin.pk).update(email="b@example.com")
    search()
    assert found() == []


def test_one_search_at_a_time(atlas_scope, alice):
    first = services.open_duplicate_search(requested_by=alice)
    assert services.open_duplicate_search() == first


def test_search_sees_its_own_company_only(cast, atlas, borealis):
    with tenant_scope(borealis):
        person("B1", email="a@example.com")
    with tenant_scope(atlas):
        person("A1", email="a@example.com")
        search()
        assert found() == []


def test_search_costs_a_fixed_number_of_queries(atlas_scope, django_assert_max_num_queries):
    for i in range(40):
        person(f"A{i}", email=f"{i}@example.com", phone=f"2011{i:04}")
        person(f"B{i}", email=f"{i}@example.com", phone=f"2011{i:04}")
    run = services.open_duplicate_search()
    with django_assert_max_num_queries(45):
        services.find_duplicates(search_id=run.pk)
    assert DuplicateGroup.objects.count() == 40


def test_erased_customer_leaves_the_groups(atlas_scope, alice):
    people = [person(f"A{i}", email="a@example.com") for i in range(3)]
    search()
    services.erase_customer(customer=people[0], actor=alice, reason="asked for it")
    assert found() == [("email", ["A1", "A2"], [])]
    services.erase_customer(customer=people[1], actor=alice, reason="asked for it")
    assert found() == []


def test_its_task_is_known_to_the_workers(atlas_scope):
    from celery import current_app

    run = services.open_duplicate_search()
    current_app.tasks[run.task_name](**run.message())
    run.refresh_from_db()
    assert run.state == JobState.SUCCEEDED
