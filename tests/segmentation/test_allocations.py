"""Who would be offered what for a budget: within the limits, told in words, as a file, and refused where nothing can be reckoned."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core import columnar
from core.errors import Refused
from core.models import JobState
from customers.models import Customer
from predictions import services as predictions
from predictions.models import Economics, Score, ScoringRun
from segmentation import selectors, services
from segmentation.models import AllocatedOffer, Allocation, Offer, Segment
from segmentation.services import allocations
from tenants.models import AuditEntry, Notification
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx

from .conftest import divide, places

PAGE, API = "/segments/offers", "/api/offers/allocations"
SAID = {
    "contact_cost": 1.5, "offer_cost": 12, "acceptance": 0.3, "stayer_acceptance": 0.4, "margin": 0.5, "horizon_months": 12,
    "discount_rate": 0.1,
}  # fmt: skip


class Killed(BaseException):
    pass


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def ready(cast, quick_advice):
    """Atlas with scores, segments, their first offers, and what a contact costs; in scope."""
    with tenant_scope(cast.atlas):
        run = divide()
        predictions.set_economics(actor=None, **SAID)
        yield run


def allocate(budget=None, most_customers=None) -> Allocation:
    job = services.open_allocation(requested_by=None, budget=budget, most_customers=most_customers)
    services.allocate_offers(allocation_id=job.pk)
    return Allocation.objects.get(pk=job.pk)


def lines(found: Allocation) -> list[AllocatedOffer]:
    return list(AllocatedOffer.objects.filter(allocation=found).select_related("customer", "offer"))


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode()).replace("\xa0", " ")


# ---------------------------------------------------------------- within the limits


def test_without_a_budget_whoever_is_worth_it_gets_the_offer_of_their_segment(ready):
    found = allocate()
    given, belongs = lines(found), places(ready)
    assert 0 < len(given) == found.result["customers"] == sum(found.result["counts"]) < found.result["people"]
    for line in given:
        assert line.offer.name.split(" · ")[0] == belongs[line.customer.external_id]
        assert line.expected_profit > 0 and 0 < line.kept_chance < 1
    assert found.result["profit"] == pytest.approx(sum(line.expected_profit for line in given))
    assert AuditEntry.objects.get(verb="offers_allocated").facts["customers"] == len(given)


def test_who_has_left_is_offered_nothing(ready):
    left = set(Score.objects.filter(run__is_current=True, churn_label=True).values_list("customer_id", flat=True))
    assert left and not left & {line.customer_id for line in lines(allocate())}


def test_budget_is_kept_and_its_price_told(ready):
    free = allocate()
    budget = round(Decimal(free.result["cost"]) / 4, 3)
    found = allocate(budget=budget)
    spent = sum(line.expected_cost for line in lines(found))
    assert 0 < spent <= float(budget) + 0.01
    assert found.result["cost"] == pytest.approx(spent, abs=0.01)
    assert 0 < found.result["profit"] < free.result["profit"]
    assert found.result["budget_binds"] and not free.result["budget_binds"]
    assert found.result["marginal"]["profit"] > 0
    kept = [row["kept"] for row in found.result["curve"]]
    assert kept == sorted(kept) and kept[0] == 0


def test_budget_of_nothing_gives_nobody_anything(ready):
    found = allocate(budget=Decimal(0))
    assert (found.state, found.result["customers"], lines(found)) == (JobState.SUCCEEDED, 0, [])


def test_stock_and_number_of_customers_are_kept(ready):
    free = allocate()
    scarce = max(Offer.objects.all(), key=lambda o: free.lines.filter(offer=o).count())
    services.save_offer(actor=None, offer=scarce, stock=2)
    found = allocate()
    assert found.lines.filter(offer=scarce).count() == 2
    at = [then["name"] for then in found.offers_then].index(scarce.name)
    assert found.result["bound_by"][at] == "stock"
    best = [line.customer_id for line in free.lines.filter(offer=scarce).order_by("-expected_profit")[:2]]
    assert {line.customer_id for line in found.lines.filter(offer=scarce)} == set(best)
    few = allocate(most_customers=5)
    assert few.lines.count() == 5 == few.result["customers"]


def test_rule_lets_in_whom_it_says_only(ready):
    Offer.objects.all().delete()
    rule = {
        "all": [
            {"field": "tenure", "is": "at_most", "value": 12},
            {"field": "segment", "is": "one_of", "value": ["S1", "S2", "S3"]},
        ]
    }
    services.save_offer(actor=None, name="For the new", rule=rule)
    found, belongs = allocate(), places(ready)
    given = lines(found)
    assert given
    for line in given:
        assert line.customer.subscription.tenure <= 12
        assert belongs[line.customer.external_id] in ("S1", "S2", "S3")


def test_offer_of_no_segment_is_for_all_and_each_gets_one_at_most(ready):
    services.save_offer(actor=None, name="For all", cost=Decimal("0.5"), contact_cost=Decimal("0.1"), acceptance=0.9)
    found = allocate()
    assert found.lines.filter(offer__name="For all").count() > found.result["customers"] / 2
    assert found.lines.count() == found.lines.values("customer").distinct().count()


def test_only_offers_in_use_today_are_given(ready):
    today = timezone.localdate()
    first, second, third, fourth, fifth = Offer.objects.order_by("position")
    services.save_offer(actor=None, offer=first, is_active=False)
    services.save_offer(actor=None, offer=second, valid_until=today - timedelta(days=1))
    services.save_offer(actor=None, offer=third, valid_from=today + timedelta(days=1))
    services.save_offer(actor=None, offer=fourth, stock=0)
    services.save_offer(actor=None, offer=fifth, valid_from=today, valid_until=today)
    assert list(allocations.usable_offers()) == [fifth]
    assert {line.offer for line in lines(allocate())} <= {fifth}


def test_offer_of_a_rule_that_cannot_be_read_any_more_is_given_to_nobody(ready):
    Offer.objects.filter(segments__number=1).update(rule={"all": [{"field": "attribute:Gone", "is": "known"}]})
    assert not allocate().lines.filter(offer__segments__number=1).exists()


def test_price_effect_and_own_figures_are_reckoned_with(ready):
    offer = Offer.objects.get(segments__number=1)
    services.save_offer(actor=None, offer=offer, cost=3, contact_cost=1, acceptance=0.5, discount=0.1)
    (told,) = (then for then in allocate().offers_then if then["name"] == offer.name)
    assert (told["offer_cost"], told["contact_cost"], told["effect"], told["price_share"]) == (3, 1, 0.5, 0.2)


def test_customers_of_unknown_charges_are_counted_and_left_out(ready):
    from customers.models import Subscription

    keys = list(Score.objects.filter(churn_label=False, run__is_current=True).values_list("customer_id", flat=True)[:3])
    Subscription.objects.filter(customer_id__in=keys).update(monthly_charges=None, tenure=None)
    Score.objects.filter(customer_id__in=keys).update(monthly_charges=None)
    assert allocate().result["left_out"] == 3


# ---------------------------------------------------------------- refused, interrupted, forgotten


def test_nothing_is_reckoned_without_scores_costs_or_offers(ready):
    for code, spoil in (
        ("no_offers", lambda: Offer.objects.update(is_active=False)),
        ("no_economics", lambda: Economics.objects.all().delete()),
        ("no_scores", lambda: ScoringRun.objects.update(is_current=False)),
    ):
        spoil()
        with pytest.raises(Refused) as refused:
            services.open_allocation(requested_by=None, budget=None)
        assert refused.value.code == code and refused.value.message
    assert not Allocation.objects.exists()


def test_what_went_meanwhile_fails_in_words_and_is_told(ready):
    job = services.open_allocation(requested_by=None, budget=None)
    Offer.objects.all().delete()
    with pytest.raises(Refused):
        services.allocate_offers(allocation_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "nothing_to_allocate")
    assert Notification.objects.get(code="allocation_failed").level == "error"
    assert selectors.newest_allocation() is None


def test_one_allocation_is_open_at_a_time(ready):
    first = services.open_allocation(requested_by=None, budget=Decimal(10))
    assert services.open_allocation(requested_by=None, budget=Decimal(20)) == first


def test_worker_that_died_while_writing_leaves_no_line_twice(ready, monkeypatch):
    monkeypatch.setattr(allocations, "_WRITTEN_AT_ONCE", 10)
    whole = {line.customer_id: line.offer_id for line in lines(allocate())}
    job = services.open_allocation(requested_by=None, budget=None)
    insert, calls = columnar.insert, []

    def die_at_the_third(*given):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return insert(*given)

    with monkeypatch.context() as killed:
        killed.setattr(columnar, "insert", die_at_the_third)
        with pytest.raises(Killed):
            services.allocate_offers(allocation_id=job.pk)
    assert job.lines.count() == 20
    services.allocate_offers(allocation_id=job.pk)
    assert {line.customer_id: line.offer_id for line in lines(job)} == whole


def test_customer_erased_before_the_writing_is_offered_nothing(ready, monkeypatch):
    first = allocate()
    gone = first.lines.order_by("-expected_profit").first().customer
    curve = allocations._curve

    def erase_first(*given):
        Customer.objects.filter(pk=gone.pk).delete()
        return curve(*given)

    monkeypatch.setattr(allocations, "_curve", erase_first)
    found = allocate()
    assert found.state == JobState.SUCCEEDED
    assert gone.pk not in {line.customer_id for line in lines(found)}


def test_only_the_newest_allocations_keep_their_lines(ready, monkeypatch):
    monkeypatch.setattr(allocations, "KEPT", 2)
    first, second, third = allocate(), allocate(), allocate()
    first.refresh_from_db()
    assert not first.has_lines and not first.lines.exists()
    assert first.result["customers"] == second.lines.count() == third.lines.count()


# ---------------------------------------------------------------- the page


@pytest.fixture
def page_of(cast, quick_advice, client_for):
    """Atlas ready to allocate, nobody in scope; ``page_of(person)`` is a browser."""
    with tenant_scope(cast.atlas):
        divide()
        predictions.set_economics(actor=None, **SAID)
    return client_for


def test_analyst_allocates_and_reads_it_in_words(page_of, cast, django_capture_on_commit_callbacks):
    client = page_of(cast.anna)
    assert 'action="/segments/offers/allocate"' in text_of(client.get(PAGE))
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"{PAGE}/allocate", {"budget": "1,000", "most_customers": ""})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    with tenant_scope(cast.atlas):
        found = Allocation.objects.get()
        assert (found.state, found.budget, found.requested_by) == (JobState.SUCCEEDED, Decimal(1000), cast.anna)
        customers = found.result["customers"]
    text = text_of(client.get(PAGE))
    assert "Customers offered something" in text and f">{customers}<" in text
    assert "of 1,000 TND" in text
    assert re.search(r"more would keep about|all that is worth spending", text)
    assert "budget-chart" in text and "Worth most" in text and "All as CSV" in text
    bobs = text_of(page_of(cast.bob).get(PAGE))
    assert "Customers offered something" in bobs and "All as CSV" not in bobs


def test_open_allocation_is_asked_again_and_can_be_stopped(page_of, cast):
    with tenant_scope(cast.atlas):
        job = services.open_allocation(requested_by=None, budget=None)
    client = page_of(cast.anna)
    part = client.get(PAGE, headers=htmx("job"))
    assert "hx-trigger" in part.content.decode() and "<html" not in part.content.decode()
    address = f"{PAGE}/allocations/{job.public_id}/cancel"
    assert page_of(cast.bob).post(address).status_code == 403
    assert page_of(cast.charlie).post(address).status_code == 404
    assert client.post(address)["Location"] == PAGE
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert client.get(PAGE, headers=htmx("job"))["HX-Refresh"] == "true"


def test_viewer_cannot_allocate(page_of, cast):
    client = page_of(cast.bob)
    assert client.post(f"{PAGE}/allocate").status_code == 403
    assert "/allocate" not in text_of(client.get(PAGE))
    assert client.get(f"{PAGE}/allocate").status_code == 405


@pytest.mark.parametrize(
    "wrong", [{"budget": "-1"}, {"budget": "much"}, {"budget": "99999999999"}, {"most_customers": "0"}]
)
def test_wrong_budget_stands_at_its_field(page_of, cast, wrong):
    answer = page_of(cast.anna).post(f"{PAGE}/allocate", wrong)
    assert answer.status_code == 422
    assert "field-error" in text_of(answer)
    with tenant_scope(cast.atlas):
        assert not Allocation.objects.exists()


def test_page_says_what_is_missing_first(page_of, cast):
    client = page_of(cast.anna)
    with tenant_scope(cast.atlas):
        Economics.objects.all().delete()
    assert "Say first what a contact costs" in text_of(client.get(PAGE))
    assert "Say first what a contact costs" in text_of(client.post(f"{PAGE}/allocate", follow=True))
    with tenant_scope(cast.atlas):
        ScoringRun.objects.update(is_current=False)
    assert "train a model first" in text_of(client.get(PAGE))


def test_failed_allocation_says_why(page_of, cast):
    with tenant_scope(cast.atlas):
        allocate()
        Allocation.objects.create(state="failed", error_message="It broke here.")
    text = text_of(page_of(cast.bob).get(PAGE))
    assert "It broke here." in text and "Customers offered something" in text


def test_page_survives_offers_that_were_deleted_since(page_of, cast):
    with tenant_scope(cast.atlas):
        allocate()
        Offer.objects.all().delete()
    assert page_of(cast.bob).get(PAGE).status_code == 200


def test_page_costs_no_more_for_more_lines(page_of, cast):
    client = page_of(cast.anna)
    with tenant_scope(cast.atlas):
        allocate(most_customers=2)
    few = cost(client, PAGE)
    with tenant_scope(cast.atlas):
        allocate()
    assert cost(client, PAGE) == few <= 24


def test_lines_are_a_file_for_who_may_export(page_of, cast):
    with tenant_scope(cast.atlas):
        found = allocate()
        known = {(line.customer.external_id, line.offer.name) for line in lines(found)}
    address = f"{PAGE}/allocations/{found.public_id}.csv"
    answer = page_of(cast.anna).get(address)
    assert answer["Content-Disposition"] == 'attachment; filename="allocation.csv"'
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert {(row["customerID"], row["offer"]) for row in rows} == known and len(rows) == len(known)
    assert set(rows[0]) == {"customerID", "offer", "expected_profit", "expected_cost", "kept_chance"}
    assert page_of(cast.bob).get(address).status_code == 403
    assert page_of(cast.charlie).get(address).status_code == 404
    with tenant_scope(cast.atlas):
        Allocation.objects.update(has_lines=False)
    assert page_of(cast.anna).get(address).status_code == 404


# ---------------------------------------------------------------- for programs


def post(client, body, **headers):
    return client.post(API, body, content_type="application/json", headers=headers)


def test_program_allocates_and_reads_the_result(page_of, cast):
    client = page_of(cast.anna)
    absent = client.get(API)
    assert (absent.status_code, absent.json()["code"]) == (404, "no_allocation")
    answer = post(client, {"budget": 500.5, "most_customers": 20})
    assert answer.status_code == 202 and answer["Location"] == answer.json()["url"]
    with tenant_scope(cast.atlas):
        job = selectors.open_allocation()
        assert (job.budget, job.most_customers) == (Decimal("500.5"), 20)
        services.allocate_offers(allocation_id=job.pk)
    assert client.get(answer.json()["url"]).json()["state"] == "succeeded"
    told = page_of(cast.bob).get(API).json()
    assert told["result"]["customers"] <= 20 and told["result"]["cost"] <= 500.5
    assert told["result"]["gap"] >= 0 and told["in_words"]
    assert sum(one["customers"] for one in told["offers"]) == told["result"]["customers"]


def test_same_key_allocates_once(page_of, cast):
    client = page_of(cast.anna)
    first = post(client, {"budget": "100"}, idempotency_key="again")
    with tenant_scope(cast.atlas):
        services.allocate_offers(allocation_id=selectors.open_allocation().pk)
    second = post(client, {"budget": "100"}, idempotency_key="again")
    assert second.json() == first.json() and second["Idempotency-Replayed"] == "true"
    other = post(client, {"budget": "200"}, idempotency_key="again")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with tenant_scope(cast.atlas):
        assert Allocation.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [{"budget": -1}, {"budget": "NaN"}, {"budget": True}, {"budget": [1]}, {"most_customers": 0}, {"most_customers": "5"}, {"x": 1}, [1]],
)  # fmt: skip
def test_program_is_told_the_field_that_is_wrong(page_of, cast, body):
    answer = post(page_of(cast.anna), body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "invalid"


def test_program_is_refused_with_a_code_it_can_read(page_of, cast):
    client = page_of(cast.anna)
    with tenant_scope(cast.atlas):
        Offer.objects.all().delete()
    answer = post(client, {})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "no_offers"
    with tenant_scope(cast.atlas):
        Economics.objects.all().delete()
    assert post(client, {}).json()["code"] == "no_economics"
    assert post(page_of(cast.bob), {}).status_code == 403
    assert post(page_of(cast.charlie), {}).json()["code"] == "no_scores"
    assert page_of(None).get(API).status_code in (401, 403)


def test_segments_that_retire_take_no_offer_to_others(page_of, cast):
    """An offer whose segment is gone reaches nobody: it is not one for all."""
    with tenant_scope(cast.atlas):
        divide(k=3)
        retired = set(Segment.objects.filter(is_retired=True).values_list("number", flat=True))
        assert retired
        found = allocate()
        assert not found.lines.filter(offer__segments__number__in=retired).exists()
