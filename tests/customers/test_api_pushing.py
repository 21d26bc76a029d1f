"""Rows that a program sends: cleaned, refused, written, traced and taken back as an import's."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers import selectors as reads
from customers import services
from customers.models import Customer, CustomerBase, CustomerChange, FormerNumber, Import, UsageRecord
from predictions.models import ScoringRun
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.customers.bases import whole_base

CUSTOMERS, USAGE = "/api/customers", "/api/usage"


def send(client, address: str, body: object, method: str = "post", **headers: str):
    return getattr(client, method)(address, json.dumps(body), content_type="application/json", headers=headers)


def push(client, *rows: object, **said: object):
    return send(client, CUSTOMERS, {"customers": list(rows), **said})


@pytest.fixture
def anna(client_for, cast):
    return client_for(cast.anna)


@pytest.fixture
def two(anna):
    """Two customers, pushed."""
    answer = push(
        anna,
        {"external_id": "C1", "first_name": "Amel", "city": "Tunis", "monthly_charges": 29.85, "churn_label": False},
        {
            "external_id": "C2",
            "city": "Sfax",
            "contract": "mensuel",
            "churn_label": "oui",
            "attributes": {"Zone": "Nord"},
        },
    )
    assert answer.status_code == 200
    return answer.json()


def counts(said: dict) -> tuple[int, ...]:
    return tuple(said[name] for name in ("read", "created", "updated", "unchanged", "refused"))


# ---------------------------------------------------------------- customers


def test_new_customers_are_created_with_their_subscription_and_other_fields(two, atlas):
    assert counts(two) == (2, 2, 0, 0, 0)
    with tenant_scope(atlas):
        first, second = Customer.objects.select_related("subscription").order_by("external_id")
        assert (first.first_name, first.city, first.churn_label) == ("Amel", "Tunis", False)
        assert first.subscription.monthly_charges == Decimal("29.850")
        assert (second.subscription.contract, second.churn_label) == ("Month-to-month", True)
        assert second.attributes == {"Zone": "Nord"}


def test_known_customers_are_brought_up_to_date_and_empty_leaves_what_stands(anna, two, atlas):
    said = push(anna, {"customerID": "C1", "city": "", "Partner": True}, {"external_id": "C2", "city": "Sfax"}).json()
    assert counts(said) == (2, 0, 1, 1, 0)
    with tenant_scope(atlas):
        first = Customer.objects.get(external_id="C1")
        assert (first.city, first.partner) == ("Tunis", True)


def test_empty_means_empty_where_the_rows_say_so(anna, two, atlas):
    said = push(anna, {"external_id": "C1", "city": None}, empty_means_empty=True)
    assert counts(said.json()) == (1, 0, 1, 0, 0)
    with tenant_scope(atlas):
        assert Customer.objects.get(external_id="C1").city == ""
    ragged = push(anna, {"external_id": "C1", "city": None}, {"external_id": "C2"}, empty_means_empty=True)
    assert (ragged.status_code, ragged.json()["code"]) == (422, "ragged_rows")


def test_each_refused_row_is_named_and_the_others_are_written(anna, atlas):
    rows = [
        {"external_id": "C1", "age": "twelve"},
        {"external_id": "C2", "monthly_charges": -1},
        {"city": "Tunis"},
        {"external_id": "C3"},
        {"external_id": "C3"},
        {"external_id": "C4", "tenant": "borealis-mobile", "score": 0},
        {"external_id": "C5", "city": ["Tunis"]},
        {"external_id": "C8", "attributes": {"email": "x"}},
        {"external_id": "C9", "attributes": "x"},
        {"external_id": "C10", "City": "a", "ville": "b"},
        {"external_id": "x" * 65},
        {"external_id": "C11", "partner": "perhaps"},
    ]
    answer = push(anna, *rows)
    assert answer.status_code == 200
    said = answer.json()
    assert counts(said) == (12, 1, 0, 0, 11)
    assert [(one["row"], one["code"]) for one in said["refusals"]] == [
        (0, "not_a_number"),
        (1, "too_small"),
        (2, "no_id"),
        (4, "duplicate_id"),
        (5, "unknown_field"),
        (6, "not_a_value"),
        (7, "standard_field"),
        (8, "not_an_object"),
        (9, "named_twice"),
        (10, "too_long"),
        (11, "not_yes_or_no"),
    ]
    assert (said["refusals"][0]["field"], said["refusals"][0]["value"]) == ("age", "twelve")
    assert all(one["detail"] and one["detail"] != one["code"] for one in said["refusals"])
    with tenant_scope(atlas):
        assert list(Customer.objects.values_list("external_id", flat=True)) == ["C3"]


@pytest.mark.parametrize("text", ["Tu\x00nis", "\ud800"])
def test_text_that_no_database_takes_refuses_the_body_and_nothing_is_written(anna, atlas, text):
    answer = push(anna, {"external_id": "C1"}, {"external_id": "C2", "city": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "unstorable_text")
    with tenant_scope(atlas):
        assert not Customer.objects.exists()
        row = {"external_id": "C2", "city": text}  # whoever else pushes rows is told by the row
        pushed = services.push_customers(rows=[row], actor=None, empty_clears=False, dry=False)
        assert [one.reason for one in pushed.refusals] == ["not_text"]


def test_dry_run_counts_the_same_and_writes_nothing(anna, two, atlas):
    with tenant_scope(atlas):
        before = whole_base()
    said = push(anna, {"external_id": "C1", "city": "Gafsa"}, {"external_id": "C9"}, {"age": 1}, dry_run=True).json()
    assert counts(said) == (3, 1, 1, 0, 1)
    assert (said["dry_run"], said["import"]) == (True, None)
    with tenant_scope(atlas):
        assert whole_base() == before


def test_push_leaves_history_and_trail_and_is_taken_back_as_an_import(anna, two, atlas, cast):
    with tenant_scope(atlas):
        before = whole_base()
    said = push(
        anna, {"external_id": "C1", "city": "Gafsa", "attributes": {"Zone": "Sud"}}, {"external_id": "C9"}
    ).json()
    shown = anna.get(said["import"])
    assert (shown.status_code, shown.json()["result"]["updated"]) == (200, 1)
    with tenant_scope(atlas):
        run = Import.objects.latest("pk")
        assert run.requested_by == cast.anna
        change = CustomerChange.objects.get(brought_by=run)
        assert change.before["customer"]["city"] == "Tunis"
        entry = AuditEntry.objects.latest("sequence")
        assert (entry.verb, entry.actor, entry.facts["created"]) == ("customers_pushed", cast.anna, 1)
        services.run_import(import_id=services.undo_import(run=run, actor=cast.anna).pk, follow=False)
        assert whole_base() == before


def test_page_of_a_pushed_import_and_the_list_are_shown(anna, two, atlas):
    assert anna.get("/imports").status_code == 200
    with tenant_scope(atlas):
        run = Import.objects.get()
    page = anna.get(f"/imports/{run.public_id}")
    assert page.status_code == 200
    assert "Rows of a program" in page.content.decode()


def test_push_that_changes_nothing_leaves_no_trace(anna, two, atlas):
    said = push(anna, {"external_id": "C1", "city": "Tunis"}).json()
    assert (counts(said), said["import"]) == ((1, 0, 0, 1, 0), None)
    with tenant_scope(atlas):
        assert Import.objects.count() == 1


def test_rollup_of_the_base_follows_a_push(anna, two, atlas):
    push(anna, {"external_id": "C1", "churn_label": True}, {"external_id": "C7", "monthly_charges": "10"})
    with tenant_scope(atlas):
        kept = CustomerBase.objects.get().facts
        counted = reads.count_customers()
        assert {name: kept[name] for name in ("customers", "left", "stayed", "unknown")} == {
            name: counted[name] for name in ("customers", "left", "stayed", "unknown")
        }
        assert kept["monthly_revenue"] == pytest.approx(counted["monthly_revenue"])
        assert [one.name for one in reads.known_attributes()] == ["Zone"]


def test_number_that_was_merged_away_reaches_the_one_who_stays(anna, two, atlas):
    with tenant_scope(atlas):
        stays = Customer.objects.get(external_id="C1")
        FormerNumber.objects.create(external_id="OLD", customer=stays)
    assert counts(push(anna, {"external_id": "OLD", "city": "Gafsa"}).json()) == (1, 0, 1, 0, 0)
    with tenant_scope(atlas):
        assert Customer.objects.get(external_id="C1").city == "Gafsa"


def test_same_key_writes_once(anna, atlas):
    body = {"customers": [{"external_id": "C1"}]}
    first, again = (send(anna, CUSTOMERS, body, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert send(anna, CUSTOMERS, {"customers": [{"external_id": "C2"}]}, **{"Idempotency-Key": "k1"}).status_code == 422
    with tenant_scope(atlas):
        assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"customers": []},
        {"customers": {}},
        {"customers": [1]},
        {"customers": [{"external_id": "C1"}], "tenant": "x"},
        {"customers": [{"external_id": "C1"}], "dry_run": "yes"},
        {"customers": [{"external_id": "C1"}] * 1001},
    ],
)
def test_body_that_is_none_is_refused_by_its_field(anna, body):
    answer = send(anna, CUSTOMERS, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_body_that_is_too_large_is_refused_before_it_is_read(anna):
    answer = send(anna, CUSTOMERS, {"customers": [{"external_id": "x" * 6_000_000}]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_viewer_cannot_push_and_another_companys_customers_are_not_touched(client_for, cast, two, atlas, borealis):
    assert push(client_for(cast.bob), {"external_id": "C1"}).status_code == 403
    said = push(client_for(cast.charlie), {"external_id": "C1", "city": "Québec"}).json()
    assert counts(said) == (1, 1, 0, 0, 0)
    with tenant_scope(atlas):
        assert Customer.objects.get(external_id="C1").city == "Tunis"


def test_columns_of_files_stay_learnable_however_often_a_program_pushes(imported, anna, atlas):
    with tenant_scope(atlas):
        before = reads.learnable_columns()
    for number in range(25):
        push(anna, {"external_id": f"N{number}", "attributes": {"Zone": "Nord"}})
    with tenant_scope(atlas):
        assert reads.learnable_columns() == before | {"Zone"}


def test_scores_follow_pushes_once_an_hour(scored, anna, atlas):
    push(anna, {"external_id": "N1"})
    with tenant_scope(atlas):
        assert ScoringRun.objects.count() == 1
        ScoringRun.objects.update(requested_at="2026-01-01T00:00:00Z")
    push(anna, {"external_id": "N2"})
    push(anna, {"external_id": "N3"})
    with tenant_scope(atlas):
        assert ScoringRun.objects.count() == 2


def test_thousand_rows_cost_a_bounded_number_of_questions(anna, two, django_assert_max_num_queries):
    rows = [{"external_id": f"M{n}", "city": "Tunis", "attributes": {"Zone": "Nord"}} for n in range(1000)]
    with django_assert_max_num_queries(80):
        assert counts(push(anna, *rows).json()) == (1000, 1000, 0, 0, 0)


# ---------------------------------------------------------------- use


def test_months_of_use_are_written_and_read(anna, two, atlas):
    rows = [
        {"customer": "C1", "month": "2026-05", "nombre_appels": 12, "montant_consommation": "12,5"},
        {"customer": "C1", "month": "2026-06", "nombre_appels": 14, "volume_data": 0.30000000000000004},
        {"customer": "C404", "month": "2026-06", "nombre_appels": 1},
        {"customer": "C2", "month": "soon", "nombre_appels": 1},
        {"customer": "C2", "month": "2026-06", "nombre_appels": -1},
        {"customer": "C2", "month": "2026-06", "state": 1},
        {"customer": "C1", "month": "2026-06", "nombre_appels": 3},
    ]
    said = send(anna, USAGE, {"usage": rows}).json()
    assert counts(said) == (7, 2, 0, 0, 5)
    assert [(one["row"], one["code"]) for one in said["refusals"]] == [
        (2, "unknown_customer"),
        (3, "not_a_month"),
        (4, "too_small"),
        (5, "unknown_field"),
        (6, "duplicate_month"),
    ]
    told = anna.get("/api/customers/C1/usage?limit=1").json()
    assert [(one["month"], one["nombre_appels"], one["volume_data"]) for one in told["usage"]] == [
        ("2026-06", 14, 0.30000000000000004)
    ]
    older = anna.get(told["next"]).json()
    assert [(one["month"], one["montant_consommation"]) for one in older["usage"]] == [("2026-05", "12.500")]
    assert older["next"] is None
    narrowed = anna.get("/api/customers/C1/usage?first=2026-06&last=2026-06").json()
    assert len(narrowed["usage"]) == 1


def test_months_are_brought_up_to_date_and_taken_back(anna, two, atlas, cast):
    send(anna, USAGE, {"usage": [{"customer": "C1", "month": "2026-05", "nombre_sms": 3}]})
    with tenant_scope(atlas):
        before = whole_base()
    said = send(anna, USAGE, {"usage": [{"customer": "C1", "month": "2026-05", "nombre_sms": 5}]}).json()
    assert counts(said) == (1, 0, 1, 0, 0)
    with tenant_scope(atlas):
        assert UsageRecord.objects.get(month=date(2026, 5, 1)).nombre_sms == 5
        run = Import.objects.latest("pk")
        services.run_import(import_id=services.undo_import(run=run, actor=cast.anna).pk, follow=False)
        assert whole_base() == before


def test_month_without_a_measure_is_no_use(anna, two):
    answer = send(anna, USAGE, {"usage": [{"customer": "C1", "month": "2026-05"}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_measures")


@pytest.mark.parametrize("query", ["first=soon", "limit=0", "limit=121", "limit=x", "since=2026-01", "last=%00"])
def test_wrong_question_about_use_is_refused(anna, two, query):
    assert anna.get(f"/api/customers/C1/usage?{query}").status_code == 400


def test_use_of_another_companys_customer_is_absent(client_for, cast, two, atlas):
    with tenant_scope(atlas):
        key = Customer.objects.first().public_id
    client = client_for(cast.charlie)
    absent = client.get("/api/customers/00000000-0000-4000-8000-000000000000/usage")
    for address in (f"/api/customers/{key}/usage", "/api/customers/C1/usage"):
        answer = client.get(address)
        assert (answer.status_code, answer.content) == (404, absent.content)
    assert send(client_for(cast.bob), USAGE, {"usage": [{"customer": "C1"}]}).status_code == 403


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_pushes_of_the_same_customers_at_once_neither_fail_nor_miscount(cast):
    """In opposite orders, with the label by turns: each waits for the other's rows, and counts what it found."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    numbers = [f"C{n:03}" for n in range(200)]

    def rows(label: bool, order: int) -> list[dict[str, object]]:
        return [{"external_id": number, "churn_label": label, "city": str(label)} for number in numbers[::order]]

    def months(order: int) -> list[dict[str, object]]:
        return [{"customer": number, "month": "2026-10", "nombre_appels": order + 5} for number in numbers[::order]]

    with tenant_scope(cast.atlas):
        services.push_customers(rows=rows(False, 1), actor=cast.anna)
    start, failed = Barrier(2), []

    def go(order: int) -> None:
        try:
            with tenant_scope(cast.atlas):
                for turn in range(12):
                    start.wait(60)
                    services.push_customers(rows=rows(turn % 2 == 0, order), actor=cast.anna)
                    services.push_usage(rows=months(order), actor=cast.anna)
        except Exception as error:
            failed.append(error)
            start.abort()
        finally:
            connection.close()

    threads = [Thread(target=go, args=(order,)) for order in (1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with tenant_scope(cast.atlas):
        facts = CustomerBase.objects.get().facts
        assert (facts["customers"], facts["left"], facts["stayed"]) == (200, 0, 200)
