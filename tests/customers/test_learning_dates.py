"""Learning by what leaving means: customers as they were on a past day, labelled by what came of them, nothing from later."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from core.errors import Refused
from customers import selectors, services
from customers.frames import histories
from customers.ingest.synthetic import prepaid
from customers.models import Customer, Subscription, UsageRecord
from tests.customers.prepaid_company import (
    CUSTOMERS,
    adopted,
    bring_in,
    drawn_to_leave,
    months_ago,
    previewed,
    this_month,
)

pytestmark = pytest.mark.usefixtures("atlas_scope")


@pytest.fixture
def company(atlas_scope) -> prepaid.Prepaid:
    return bring_in()


def together(frames) -> pd.DataFrame:
    found = list(frames)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def numbers(frame: pd.DataFrame) -> list[str]:
    names = dict(Customer.objects.values_list("pk", "external_id"))
    return [names[key] for key in frame["id"]]


# ---------------------------------------------------------------- learning as of a past day


def test_learning_and_testing_are_labelled_by_what_was_drawn(company, alice):
    adopted(alice)
    cut = services.require_training_cut()
    assert (cut.train.day, cut.test.day) == (months_ago(6), months_ago(3))
    for moment, frames in ((cut.train, selectors.training_frames(cut)), (cut.test, selectors.evaluation_frames(cut))):
        frame = together(frames)
        told = {
            n: float(what == "left") for n, what in drawn_to_leave(company, moment.day).items() if what != "too soon"
        }
        assert dict(zip(numbers(frame), frame["label"], strict=True)) == told
        assert selectors.count_outcomes(moment) == (int(frame["label"].sum()), int((frame["label"] == 0).sum()))


def test_nothing_that_happened_afterwards_is_in_a_feature(company, alice):
    adopted(alice)
    cut = services.require_training_cut()
    before = together(selectors.training_frames(cut)).set_index("id")
    later = UsageRecord.objects.filter(month__gte=cut.train.day)
    later.update(nombre_appels=999, montant_consommation=999, nombre_recharges=99)
    Subscription.objects.update(total_charges=5)
    after = together(selectors.training_frames(cut)).set_index("id")
    pd.testing.assert_frame_equal(before, after)
    later.filter(
        month__gte=months_ago(6 - 3)
    ).delete()  # what became of the test's customers, after the training's outcomes
    pd.testing.assert_frame_equal(before, together(selectors.training_frames(cut)).set_index("id"))


def test_trends_and_tenure_are_those_of_the_day(company, alice):
    adopted(alice)
    cut = services.require_training_cut()
    frame = together(selectors.training_frames(cut))
    place = {name: i for i, name in enumerate(company.customers["external_id"])}
    tenure = [company.customers["tenure"][place[name]] - 6 for name in numbers(frame)]
    assert frame["tenure"].tolist() == tenure
    assert frame["tenure"].min() >= 1
    month = months_ago(7)
    spent = {
        name: amount
        for name, day, amount in zip(
            company.usage["external_id"], company.usage["month"], company.usage["montant_consommation"], strict=True
        )
        if day == month
    }
    assert frame["montant_consommation_last"].tolist() == pytest.approx([spent[name] for name in numbers(frame)])
    assert (frame["silence_days"] == 0).all()
    assert "total_charges" not in frame
    assert set(selectors.FEATURES) - set(frame.columns) == {"total_charges"}


def test_frames_keep_their_contract_in_blocks(company, alice):
    adopted(alice)
    cut = services.require_training_cut()
    whole = together(selectors.training_frames(cut))
    blocks = list(selectors.training_frames(cut, block=41))
    assert max(map(len, blocks)) <= 41
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), whole)
    assert list(whole.columns[:2]) == ["id", "label"]
    assert whole["id"].is_monotonic_increasing and set(whole["label"]) == {0.0, 1.0}
    sample = selectors.labelled_sample()
    assert sorted(sample["id"]) == sorted(whole["id"]) and list(sample.columns) == list(whole.columns)


def test_date_written_after_the_day_is_left_out_and_a_stray_one_is_unknown(company, alice):
    long_ago, yesterday = (this_month() - dt.timedelta(days=900)).isoformat(), this_month().isoformat()
    everybody = list(Customer.objects.order_by("pk"))
    for i, customer in enumerate(everybody):
        customer.attributes = {
            "seen_on": yesterday if i % 2 else long_ago, "signed_on": long_ago if i else yesterday, "zone": f"z{i % 3}",
        }  # fmt: skip
    Customer.objects.bulk_update(everybody, ["attributes"])
    services.refresh_customer_base()
    adopted(alice)
    cut = services.require_training_cut()
    assert dict(cut.train.left_out) == {"total_charges": "running_total", "seen_on": "written_since"}
    frame = together(selectors.training_frames(cut)).set_index("id")
    assert "seen_on" not in frame and set(frame["zone"]) == {"z0", "z1", "z2"}
    days = (cut.train.day - dt.date.fromisoformat(long_ago)).days
    stray = everybody[0].pk
    assert set(frame["signed_on"].drop(stray, errors="ignore")) == {days}
    assert stray not in frame.index or np.isnan(frame.loc[stray, "signed_on"])


def test_customers_of_today_end_with_the_last_whole_month_and_know_who_is_gone(company, alice):
    plain = together(selectors.feature_frames())
    assert plain["label"].isna().all()
    UsageRecord.objects.bulk_create(
        [UsageRecord(customer=c, month=this_month(), nombre_appels=1) for c in Customer.objects.order_by("pk")[:30]]
    )
    adopted(alice)
    frame = together(selectors.feature_frames())
    assert len(frame) == CUSTOMERS
    left = {n for n, gone in zip(numbers(frame), frame["label"] == 1, strict=True) if gone}
    assert left == {
        n for n, last in zip(company.customers["external_id"], company.last_month, strict=True) if 0 <= last < 10
    }
    assert frame["label"].isin([1.0]).sum() == frame["label"].notna().sum()
    pd.testing.assert_frame_equal(frame.drop(columns="label"), plain.drop(columns="label"))
    blocks = pd.concat(selectors.feature_frames(block=37), ignore_index=True)
    pd.testing.assert_frame_equal(blocks, frame)


def test_page_does_not_count_the_months_anew_until_something_was_brought(company, alice, django_assert_max_num_queries):
    adopted(alice)
    known = histories.adopted_history(remembered=True).calendar
    with django_assert_max_num_queries(2):
        assert histories.adopted_history(remembered=True).calendar == known
    UsageRecord.objects.filter(month=months_ago(1)).delete()
    services.refresh_customer_base()
    assert histories.adopted_history(remembered=True).calendar.now == known.now - 1


def test_too_few_months_stop_a_training_with_a_sentence(company, alice):
    adopted(alice)
    UsageRecord.objects.filter(month__lt=months_ago(4)).delete()
    with pytest.raises(Refused, match="more months are needed before a model can learn"):
        services.require_training_cut()
    assert not selectors.labelled_sample().empty or not selectors.count_labelled()


def test_card_tells_when_it_learned_and_what_it_was_not_shown(company, alice):
    definition = adopted(alice)
    cut = services.require_training_cut()
    facts = cut.facts()
    assert facts["definition"] == {
        "id": str(definition.public_id), "kind": "silence", "silent_days": 60, "horizon_days": 30, "gap_days": 30,
    }  # fmt: skip
    assert (facts["as_of"], facts["test_as_of"]) == (months_ago(6).isoformat(), months_ago(3).isoformat())
    assert (facts["tenure"], facts["left_out"]) == ("as_then", [["total_charges", "running_total"]])
    text = " ".join(services.describe_cut(facts))
    for said in (
        "uses nothing for 60 days in a row", "learned from customers as they were on", "was tested on customers",
        "Fields without dates are as they are today", "Left out, because they may tell what happened afterwards: Total charges.",
    ):  # fmt: skip
        assert said in text


# ---------------------------------------------------------------- a contract's end


def contracts(n: int = 400) -> None:
    """Every fifth did not renew and fell silent; of the others half renewed for a year, and half go on without a date."""
    rng = np.random.default_rng(4)
    people = []
    for i in range(n):
        end = months_ago(int(rng.integers(1, 11))) + dt.timedelta(days=int(rng.integers(0, 27)))
        if i % 5 and i % 2:
            end = end.replace(year=end.year + 1)
        people.append(Customer(external_id=f"K{i}", attributes={"ends": end.isoformat()}))
    people = Customer.objects.bulk_create(people)
    Subscription.objects.bulk_create([Subscription(customer=c, tenure=30) for c in people])
    used = [
        UsageRecord(customer=c, month=months_ago(back), nombre_appels=5)
        for i, c in enumerate(people)
        for back in range(1, 13)
        if i % 5 or months_ago(back) <= dt.date.fromisoformat(c.attributes["ends"])
    ]
    UsageRecord.objects.bulk_create(used)
    services.refresh_customer_base()


CONTRACT = {"kind": "contract_end", "field": "ends", "grace_days": 0, "gap_days": 30, "silent_days": 0}


def test_contracts_end_is_judged_by_renewal_and_by_life_after_it(alice):
    contracts()
    definition = adopted(alice, **CONTRACT)
    cut = services.require_training_cut()
    frame = together(selectors.training_frames(cut))
    day = cut.train.day
    told = {}
    for customer in Customer.objects.all():
        end = dt.date.fromisoformat(customer.attributes["ends"])
        stops = int(customer.external_id[1:]) % 5 == 0
        if end > day and not (stops and end <= day + dt.timedelta(days=30)):
            told[customer.external_id] = float(stops and end <= day + dt.timedelta(days=60))
    assert dict(zip(numbers(frame), frame["label"], strict=True)) == told
    assert sum(told.values()) > 2
    assert dict(cut.train.left_out)["ends"] == "moved_when_renewed"
    assert {"ends", "tenure"}.isdisjoint(frame.columns), "neither may say what happened afterwards"
    assert cut.facts()["tenure"] == "left_out"
    assert definition.preview["unjudged"] == 0


def test_contracts_without_months_of_use_are_judged_by_their_date(alice):
    contracts()
    UsageRecord.objects.all().delete()
    preview = previewed(alice, **CONTRACT).preview
    assert preview["first_month"] is None and preview["learns"]["test"] is not None
    assert sum(line["left"] or 0 for line in preview["months"]) > 50
    adopted(alice, **CONTRACT)
    frame = together(selectors.training_frames(services.require_training_cut()))
    assert "silence_days" not in frame and set(frame["label"]) == {0.0, 1.0}


def test_field_that_came_later_is_no_contracts_end_of_anybody(alice):
    contracts(40)
    definition = previewed(alice, **CONTRACT)
    Customer.objects.update(attributes={"other": "2026-01-01"})
    again = services.look_again(definition=definition)
    services.preview_definition(definition_id=again.pk)
    again.refresh_from_db()
    assert again.preview["unjudged"] == 40
    assert all(not line["at_risk"] for line in again.preview["months"])
