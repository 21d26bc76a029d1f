"""The list of customers: filters, order, pages and export, all from the address."""

import csv
import io

import pytest
from django.core.signals import request_finished

from core.templatetags.ui import risk_percent
from customers.models import Customer
from predictions.models import Score
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS
from tests.dashboard.conftest import htmx, shown, walk


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def imported(shared):
    return shared.imported


@pytest.fixture
def scored(shared):
    return shared.scored


@pytest.fixture
def everybody(atlas, scored) -> list[Score]:
    with tenant_scope(atlas):
        return list(Score.objects.filter(run=scored).select_related("customer__subscription", "run"))


def wanted(rows: list[Score], keep, *, key=lambda s: s.risk, down: bool = True) -> list[str]:
    kept = sorted((s for s in rows if keep(s)), key=lambda s: (key(s), s.pk), reverse=down)
    return [str(s.customer.public_id) for s in kept]


def here(score: Score) -> bool:
    return score.churn_label is not True


def test_list_begins_with_those_still_here_most_at_risk_first(bob_reads, everybody):
    assert shown(bob_reads.get("/clients")) == wanted(everybody, here)[:50]


def test_pages_in_a_row_are_the_whole_list_once(bob_reads, everybody):
    assert walk(bob_reads, "churned=all") == wanted(everybody, lambda s: True)
    assert len(walk(bob_reads, "churned=all")) == CUSTOMERS


def test_way_back_shows_the_page_before(bob_reads, everybody):
    import re

    first = bob_reads.get("/clients?churned=all")
    on = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    second = bob_reads.get("/clients" + on)
    back = re.search(r'rel="prev" href="([^"]+)"', second.content.decode())[1].replace("&amp;", "&")
    assert shown(bob_reads.get("/clients" + back)) == shown(first)
    assert "churned=all" in back


@pytest.mark.parametrize(
    ("sort", "key", "down"),
    [
        ("-risk", lambda s: s.risk, True),
        ("risk", lambda s: s.risk, False),
        ("-charges", lambda s: s.monthly_charges, True),
        ("charges", lambda s: s.monthly_charges, False),
        ("-tenure", lambda s: s.tenure, True),
        ("tenure", lambda s: s.tenure, False),
    ],
)
def test_each_order_is_the_right_one_over_all_pages(bob_reads, everybody, sort, key, down):
    assert walk(bob_reads, f"churned=all&sort={sort}") == wanted(everybody, lambda s: True, key=key, down=down)


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("band=high", lambda s: here(s) and s.risk >= 0.6),
        ("band=medium", lambda s: here(s) and 0.3 <= s.risk < 0.6),
        ("band=low", lambda s: here(s) and s.risk < 0.3),
        ("churned=yes", lambda s: s.churn_label is True),
        ("churned=no", here),
        ("churned=unknown", lambda s: s.churn_label is None),
        ("contract=Two+year", lambda s: here(s) and s.contract == "Two year"),
        ("internet=Fiber+optic", lambda s: here(s) and s.internet_service == "Fiber optic"),
        ("senior=yes", lambda s: here(s) and s.senior_citizen is True),
        ("senior=no", lambda s: here(s) and s.senior_citizen is False),
        ("tenure_from=12&tenure_to=24", lambda s: here(s) and 12 <= s.tenure <= 24),
        ("charges_from=50.5", lambda s: here(s) and float(s.monthly_charges) >= 50.5),
        ("charges_to=50.5", lambda s: here(s) and float(s.monthly_charges) <= 50.5),
        (
            "contract=Month-to-month&internet=Fiber+optic&senior=no&churned=all",
            lambda s: (
                s.contract == "Month-to-month" and s.internet_service == "Fiber optic" and s.senior_citizen is False
            ),
        ),
        (
            "driver=contract&churned=all",
            lambda s: any(d["feature"] == "contract" and d["effect"] > 0 for d in s.drivers),
        ),
    ],
)
def test_filter_keeps_exactly_those_that_one_picks_by_hand(bob_reads, everybody, query, keep):
    assert walk(bob_reads, query) == wanted(everybody, keep)


def test_search_is_by_the_beginning_of_number_name_or_address(bob_reads, everybody):
    one = everybody[0].customer
    for text in (
        one.external_id,
        one.external_id[:6].lower(),
        one.last_name,
        one.first_name,
        one.email,
        f"{one.first_name} {one.last_name}",
        f"{one.last_name} {one.first_name}",
    ):
        answer = bob_reads.get("/clients", {"q": text, "churned": "all"})
        assert str(one.public_id) in walk(bob_reads, answer.wsgi_request.GET.urlencode()), text


@pytest.mark.parametrize("text", ["%", "_", "'", "\\", "zzzzzz", "%%%", "'; DROP TABLE x; --", "é" * 120])
def test_search_for_odd_characters_finds_only_what_begins_so(bob_reads, everybody, text):
    assert shown(bob_reads.get("/clients", {"q": text, "churned": "all"})) == []


@pytest.mark.parametrize(
    "query",
    [
        "band=purple",
        "sort=password",
        "sort=-customer__tenant__name",
        "tenure_from=x",
        "tenure_from=-1",
        "tenure_from=9999999999999999999999",
        "tenure_from=30&tenure_to=10",
        "charges_from=NaN",
        "charges_to=1e999999",
        "contract=Nothing",
        "churned=maybe",
        "senior=perhaps",
        "driver=nothing",
        "driver=risk__gt",
        "after=nonsense",
        "before=nonsense",
        "after=x&before=y",
        "q=" + "x" * 121,
        "q=%00",
        "tenant=1&tenant_id=2&customer__tenant=3",
        "band=high&band=low",
    ],
)
def test_bad_value_is_said_or_left_out_and_breaks_nothing(bob_reads, everybody, query):
    for headers in ({}, htmx("results")):
        answer = bob_reads.get(f"/clients?{query}", headers=headers)
        assert answer.status_code == 200
        assert len(shown(answer)) <= 50


def test_address_keeps_the_state_in_links_and_form(bob_reads, everybody):
    text = bob_reads.get("/clients?band=high&q=A&sort=-charges").content.decode()
    assert 'value="high" selected' in text
    assert 'value="A"' in text
    assert "band=high" in text


def test_page_says_when_nobody_fits(bob_reads, everybody):
    assert "Nobody fits these filters" in bob_reads.get("/clients?q=zzzzzz").content.decode()


def test_customer_who_came_after_the_scoring_is_found_as_not_scored(bob_reads, atlas, everybody):
    with tenant_scope(atlas):
        new = Customer.objects.create(external_id="NEW-1")
    assert shown(bob_reads.get("/clients?band=unscored")) == [str(new.public_id)]
    assert bob_reads.get(f"/clients/{new.public_id}").status_code == 200


# ---------------------------------------------------------------- one customer


def test_customer_page_tells_who_what_and_why(bob_reads, everybody):
    score = max(everybody, key=lambda s: s.risk)
    text = bob_reads.get(f"/clients/{score.customer.public_id}").content.decode()
    assert score.customer.external_id in text
    assert risk_percent(score.risk) in text
    assert text.count("the risk") >= 3
    assert str(score.customer.pk) not in [p.strip('"') for p in text.split("/")]


def test_customer_page_shows_months_of_use(bob_reads, atlas, everybody):
    import datetime as dt

    from customers import services

    customer = everybody[0].customer
    with tenant_scope(atlas):
        services.record_usage(
            rows=[(customer.external_id, dt.date(2026, m, 1), 20.0 + m, m, 100.0 * m, m) for m in range(1, 13)]
        )
    text = bob_reads.get(f"/clients/{customer.public_id}").content.decode()
    assert 'type="application/json"' in text
    assert "2026-12" in text


def test_customer_page_without_subscription_or_anything_works(bob_reads, atlas):
    with tenant_scope(atlas):
        bare = Customer.objects.create(external_id="BARE-1")
    text = bob_reads.get(f"/clients/{bare.public_id}").content.decode()
    assert "BARE-1" in text


@pytest.mark.parametrize(
    "address", ["/clients/1", "/clients/nobody", "/clients/00000000-0000-4000-8000-000000000000", "/clients/'"]
)
def test_absent_customer_is_not_found(bob_reads, address):
    assert bob_reads.get(address).status_code == 404


# ---------------------------------------------------------------- export


def export(client, query: str = "") -> list[list[str]]:
    answer = client.get(f"/clients/export.csv?{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_export_holds_the_whole_filtered_list_in_its_order(client_for, cast, everybody):
    rows = export(client_for(cast.anna), "band=high")
    by_number = {s.customer.external_id: str(s.customer.public_id) for s in everybody}
    assert [by_number[row[0]] for row in rows[1:]] == wanted(everybody, lambda s: here(s) and s.risk >= 0.6)
    assert len(export(client_for(cast.anna), "churned=all")) == CUSTOMERS + 1


def test_export_says_what_the_list_says(client_for, cast, everybody):
    rows = export(client_for(cast.anna), "churned=all")
    header, by_number = rows[0], {row[0]: row for row in rows[1:]}
    for score in everybody[:40]:
        row = dict(zip(header, by_number[score.customer.external_id], strict=True))
        assert float(row["Risk"]) == round(score.risk, 4)
        assert row["Contract"] == score.contract
        assert row["tenure"] == str(score.tenure)
        assert float(row["MonthlyCharges"]) == float(score.monthly_charges)
        assert row["Churn"] == {True: "Yes", False: "No", None: ""}[score.churn_label]
        assert row["Driver 1"]


def test_export_comes_back_in_as_unchanged(client_for, cast, everybody, tmp_path):
    from tests.conftest import import_file

    answer = client_for(cast.anna).get("/clients/export.csv?churned=all")
    path = tmp_path / "export.csv"
    path.write_bytes(b"".join(answer.streaming_content))
    with tenant_scope(cast.atlas):
        run = import_file(path)
        assert (run.rows_read, run.rows_created, run.rows_refused) == (CUSTOMERS, 0, 0)
        changed = Customer.objects.exclude(attributes={}).count()
    assert changed == CUSTOMERS  # the scores' columns are kept as other fields, nothing of the customer's own changed


def test_export_runs_nothing_in_a_spreadsheet(client_for, cast, everybody):
    with tenant_scope(cast.atlas):
        Customer.objects.filter(pk=everybody[0].customer_id).update(
            first_name="=HYPERLINK(1)", last_name="@x", email="+1"
        )
    rows = export(client_for(cast.anna), f"churned=all&q={everybody[0].customer.external_id}")
    assert rows[1][1:4] == ["'=HYPERLINK(1)", "'@x", "'+1"]


def test_export_is_for_those_who_may_and_is_written_in_the_trail(client_for, cast, everybody):
    assert client_for(cast.bob).get("/clients/export.csv").status_code == 403
    export(client_for(cast.anna), "q=Ali&band=high")
    with tenant_scope(cast.atlas):
        entry = AuditEntry.objects.get(verb="customers_exported")
    assert (entry.actor, entry.facts) == (cast.anna, {"filters": ["band", "q"]})


def test_export_of_another_company_holds_none_of_these(client_for, cast, everybody):
    assert export(client_for(cast.charlie), "churned=all")[1:] == []


def test_export_leaves_no_company_in_scope(client_for, cast, everybody, monkeypatch):
    from django_scopes import get_scope

    answer = client_for(cast.anna).get("/clients/export.csv")
    next(iter(answer.streaming_content))
    monkeypatch.setattr(request_finished, "send", lambda **_: None)  # it would close the test's own connection
    answer.close()  # as a server does when the browser goes away
    assert get_scope().get("tenant") is None
    export(client_for(cast.charlie))
