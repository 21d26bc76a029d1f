"""The pages about segments: who may do what, what they cost, and what they say; the list of customers by segment."""

import copy
import csv
import io
import json
import re

import pytest

from core.models import JobState
from customers.models import Customer
from segmentation import selectors, services
from segmentation.models import Assignment, Segment, Segmentation
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx, shown

from .company_of_use import bring_in
from .conftest import MANY, divide, places

SEGMENTS, HOW_MANY, COMPARE = "/segments", "/segments/how-many", "/segments/compare"
PAGES = (SEGMENTS, HOW_MANY, COMPARE)


@pytest.fixture
def cast(divided_world, db):
    return copy.deepcopy(divided_world.cast)


@pytest.fixture
def divided(divided_world, db, quick_advice):
    return copy.deepcopy(divided_world.run)


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def figure(answer, name: str) -> dict:
    return json.loads(re.search(rf'id="{name}-data">(.*?)</script>', answer.content.decode(), re.S)[1])


# ---------------------------------------------------------------- who, and what it costs


@pytest.mark.parametrize("page", [*PAGES, "/segments/table.csv"])
def test_anonymous_is_led_to_sign_in(client, cast, page):
    answer = client.get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={page}")


def test_viewer_reads_and_changes_nothing(client_for, cast, divided):
    client = client_for(cast.bob)
    text = text_of(client.get(SEGMENTS))
    assert "S1" in text and "See its customers" in text
    assert "/segments/refresh" not in text and "/persona" not in text and "table.csv" not in text
    assert "Divide otherwise" not in text_of(client.get(HOW_MANY))
    for address in ("/segments/refresh", "/segments/1/persona"):
        assert client.post(address, {"persona": "x"}).status_code == 403
        assert client.get(address).status_code == 405
    assert client.get("/segments/table.csv").status_code == 403


def test_viewer_cannot_rename_a_segment(client_for, cast, divided):
    for person in (cast.bob, cast.anna):
        assert client_for(person).post("/segments/1/persona", {"persona": "Mine"}).status_code == 403
    with tenant_scope(cast.atlas):
        assert not Segment.objects.exclude(persona="").exists()
        assert not Assignment.objects.exists()


def test_other_company_sees_none_of_it(client_for, cast, divided):
    client = client_for(cast.charlie)
    text = text_of(client.get(SEGMENTS))
    assert 'id="S1"' not in text
    assert "share-chart" not in text
    assert client.get(COMPARE).status_code == 302
    assert client.get("/segments/table.csv").status_code == 404
    assert client.post("/segments/1/persona", {"persona": "Mine"}).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_page_costs_a_bounded_number_of_questions(client_for, cast, divided, page):
    client = client_for(cast.anna)
    few = cost(client, page)
    assert few <= 20
    with tenant_scope(cast.atlas):
        bring_in(30, first=MANY)
        for k in (8, 3, 8):
            divide(k=k)
    assert cost(client, page) <= few + 1, "neither segments, customers nor earlier runs make it dearer"


def test_page_reads_no_customer(client_for, cast, divided, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = client_for(cast.anna)
    for page in PAGES:
        with CaptureQueriesContext(connection) as asked:
            client.get(page)
        scans = [q["sql"] for q in asked if 'customers_customer"' in q["sql"] or "segmentmembership" in q["sql"]]
        assert scans == [], page


# ---------------------------------------------------------------- nothing yet, a run, its fragment


def test_open_run_is_asked_again_until_it_ends(client_for, cast, divided):
    client = client_for(cast.anna)
    with tenant_scope(cast.atlas):
        run = services.open_run(k=4)
    for page in (SEGMENTS, HOW_MANY):
        assert client.get(page).status_code == 200
    part = client.get(SEGMENTS, headers=htmx("job"))
    assert "hx-trigger" in part.content.decode() and "<html" not in part.content.decode()
    assert f"/segments/runs/{run.public_id}/cancel" in part.content.decode()
    assert cost(client, SEGMENTS, **htmx("job")) <= 8
    with tenant_scope(cast.atlas):
        services.refresh_segments(run_id=run.pk, follow=False)
    part = client.get(SEGMENTS, headers=htmx("job"))
    assert part["HX-Refresh"] == "true" and "hx-trigger" not in part.content.decode()


def test_run_can_be_stopped_and_the_segments_stay(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        run = services.open_run(k=4)
    address = f"/segments/runs/{run.public_id}/cancel"
    assert client_for(cast.bob).post(address).status_code == 403
    assert client_for(cast.charlie).post(address).status_code == 404
    assert client_for(cast.anna).post(address)["Location"] == SEGMENTS
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert 'id="S5"' in text_of(client_for(cast.anna).get(SEGMENTS))


def test_failed_run_says_why_and_the_segments_stay(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        Segmentation.objects.create(state="failed", error_code="x", error_message="It broke here.")
    text = text_of(client_for(cast.bob).get(SEGMENTS))
    assert "It broke here." in text and 'id="S5"' in text


# ---------------------------------------------------------------- what it says


def test_segments_are_told_with_portrait_offer_and_way_to_their_customers(client_for, cast, divided):
    answer = client_for(cast.bob).get(SEGMENTS)
    text = text_of(answer)
    assert text.count("Customers with ") == 5
    assert "One month free after six" in text
    assert "/clients?segment=S2&amp;churned=all" in text
    pie = figure(answer, "share-chart")["data"][0]
    assert (pie["values"], pie["type"]) == ([20] * 5, "pie")
    assert pie["customdata"][1] == "/clients?segment=S2&churned=all"
    assert len(figure(answer, "radar-chart")["data"]) == 5
    assert len(figure(answer, "box-0")["data"]) == 5
    assert "Spend a month" in text and "TND" in text


def test_two_columns_have_no_radar(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        divide(features=["age", "volume_data"])
    for page in (SEGMENTS, COMPARE):
        answer = client_for(cast.bob).get(page)
        assert answer.status_code == 200 and "radar-chart" not in text_of(answer)


def test_moves_are_told_and_drawn_after_the_second_run(client_for, cast, divided):
    client = client_for(cast.bob)
    assert "With the next division you see here who went" in text_of(client.get(HOW_MANY))
    with tenant_scope(cast.atlas):
        divide(k=6)
    answer = client.get(HOW_MANY)
    text = text_of(answer)
    assert "of the customers of both runs stayed in their segment" in text and "S6 is new." in text
    assert figure(answer, "moves-chart")["data"][0]["type"] == "sankey"
    assert "S6 is new." in text_of(client.get(SEGMENTS))


def test_advice_is_told_with_every_number_that_was_looked_at(client_for, cast, divided):
    candidates = [
        {"k": k, "silhouette": 0.5, "davies_bouldin": 0.6, "stability": 0.9, "stability_low": 0.8, "stability_high": 1.0,
         "reference": 0.2, "excess": 0.3, "gap": 1.0}
        for k in range(2, 11)
    ]  # fmt: skip
    advice = {
        "verdict": "clusters",
        "k": 4,
        "why": "best_separated",
        "candidates": candidates,
        "excess": 0.3,
        "needed": 0.04,
        "rows": 100,
    }
    with tenant_scope(cast.atlas):
        Segmentation.objects.filter(is_current=True).update(advice=advice)
    client = client_for(cast.anna)
    answer = client.get(HOW_MANY)
    text = text_of(answer)
    assert "The data speaks for 4 segments" in text and "5 are in use" in text
    assert figure(answer, "quality-chart")["data"][0]["x"] == list(range(2, 11))
    advice |= {"verdict": "no_clusters", "k": None, "excess": 0.01}
    with tenant_scope(cast.atlas):
        Segmentation.objects.filter(is_current=True).update(advice=advice)
    for page in (SEGMENTS, HOW_MANY):
        assert "There are no clusters worth the name" in text_of(client.get(page))
    with tenant_scope(cast.atlas):
        Segmentation.objects.filter(is_current=True).update(advice={}, refusal={"code": "x"})
    assert client.get(HOW_MANY).status_code == 200


def test_form_divides_by_the_number_and_columns_that_were_chosen(client_for, cast, divided):
    client = client_for(cast.anna)
    answer = client.post("/segments/refresh", {"k": "3", "feature": ["age", "nombre_sms"]})
    assert answer["Location"] == SEGMENTS
    with tenant_scope(cast.atlas):
        run = selectors.open_run()
        assert (run.k, run.features, run.requested_by) == (3, ["age", "nombre_sms"], cast.anna)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"k": "11"}, "Choose from 2 to 10 segments."),
        ({"feature": ["shoe_size"]}, "No column of numbers is called shoe_size."),
    ],
)
def test_what_the_form_cannot_have_is_said(client_for, cast, divided, form, sentence):
    answer = client_for(cast.anna).post("/segments/refresh", form, follow=True)
    assert answer.redirect_chain[-1][0] == HOW_MANY
    assert sentence in text_of(answer)
    with tenant_scope(cast.atlas):
        assert selectors.open_run() is None


def test_two_segments_stand_side_by_side(client_for, cast, divided):
    client = client_for(cast.bob)
    text = text_of(client.get(f"{COMPARE}?a=S5&b=S2"))
    assert re.findall(r'<article[^>]*id="(S\d)"', text) == ["S5", "S2"]
    text = text_of(client.get(f"{COMPARE}?a=S2&b=nobody"))
    assert re.findall(r'<article[^>]*id="(S\d)"', text) == ["S2", "S1"]


def test_table_is_a_file_with_a_row_for_each_segment(client_for, cast, divided):
    answer = client_for(cast.anna).get("/segments/table.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="segments.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["segment"] for row in rows] == ["S1", "S2", "S3", "S4", "S5"]
    assert {row["size"] for row in rows} == {"20"}
    assert float(rows[0]["mean_montant_consommation"]) > float(rows[4]["mean_montant_consommation"])
    assert rows[1]["offer"].startswith("One month free")


def test_name_that_begins_a_formula_is_disarmed_in_the_file(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        services.rename_segment(segment=Segment.objects.get(number=1), persona="=1+1", actor=None)
    answer = client_for(cast.anna).get("/segments/table.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert not rows[0]["persona"].startswith("=")


# ---------------------------------------------------------------- naming


def test_operator_renames_a_segment_and_its_customers_follow(
    client_for, cast, divided, django_capture_on_commit_callbacks
):
    client = client_for(cast.omar)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/segments/1/persona", {"persona": "Our best"}, follow=True)
    text = text_of(answer)
    assert "S1 is now called “Our best”" in text
    with tenant_scope(cast.atlas):
        assert Customer.objects.filter(persona="Our best").count() == 20
    taken = client.post("/segments/2/persona", {"persona": "our best"}, follow=True)
    assert "Another segment is called so." in text_of(taken)
    assert client.post("/segments/9/persona", {"persona": "x"}).status_code == 404


def test_name_is_written_as_it_is_and_runs_nothing(client_for, cast, divided):
    client_for(cast.omar).post("/segments/1/persona", {"persona": "<b>x</b>"})
    text = text_of(client_for(cast.bob).get(SEGMENTS))
    assert "<b>x</b>" not in text and "&lt;b&gt;x&lt;/b&gt;" in text


def test_back_office_names_segments_by_the_same_door(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        first, second = Segment.objects.filter(number__in=(1, 2))
    client = client_for(cast.omar)
    assert client.get("/admin/segmentation/segment/").status_code == 200
    assert client.post(f"/admin/segmentation/segment/{first.pk}/change/", {"persona": " Our  best "}).status_code == 302
    with tenant_scope(cast.atlas):
        assert Segment.objects.get(number=1).persona == "Our best"
        assert Assignment.objects.get().requested_by == cast.omar
    answer = client.post(f"/admin/segmentation/segment/{second.pk}/change/", {"persona": "our best"})
    assert answer.status_code == 200 and "Another segment is called so." in text_of(answer)


@pytest.mark.parametrize("table", ["segmentation", "segmentprofile", "allocation", "rulesegment", "offer"])
def test_back_office_shows_its_tables(client_for, cast, divided, table):
    assert client_for(cast.omar).get(f"/admin/segmentation/{table}/").status_code == 200
    assert client_for(cast.bob).get(f"/admin/segmentation/{table}/").status_code in (302, 403)


def test_retired_segment_is_named_by_nobody(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        divide(k=4)
        retired = Segment.objects.get(is_retired=True)
    client = client_for(cast.omar)
    assert client.post(f"/segments/{retired.number}/persona", {"persona": "x"}).status_code == 404
    assert f'id="{retired.label}"' not in text_of(client.get(SEGMENTS))


# ---------------------------------------------------------------- the list of customers


def test_list_is_narrowed_to_a_segment(client_for, cast, divided):
    with tenant_scope(cast.atlas):
        wanted = {
            str(c.public_id) for c in Customer.objects.all() if places(divided)[c.external_id] == "S2"
        }  # fmt: skip
    answer = client_for(cast.bob).get("/clients?segment=S2&churned=all")
    assert set(shown(answer)) == wanted and len(wanted) == 20
    assert "S2 · " in text_of(answer)


def test_segment_that_is_none_is_told_and_narrows_nothing(client_for, cast, divided):
    answer = client_for(cast.bob).get("/clients?segment=S9&churned=all")
    assert "S9" in text_of(answer) and "not one of the available choices" in text_of(answer)
    assert len(shown(answer)) == len(shown(client_for(cast.bob).get("/clients?churned=all")))


def test_narrowing_costs_few_questions(client_for, cast, divided):
    client = client_for(cast.bob)
    plain = cost(client, "/clients?churned=all")
    assert cost(client, "/clients?segment=S2&churned=all") <= plain + 2
