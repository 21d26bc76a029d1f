"""What became of customers since a day: by the files' own column, or by the definition of leaving that the company adopted."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.utils import timezone

from customers import selectors
from customers.models import Customer, Import, UsageRecord
from tests.conftest import import_file, write_csv
from tests.customers.prepaid_company import adopted, bring_in, drawn_to_leave, months_ago, this_month

pytestmark = pytest.mark.usefixtures("atlas_scope")


def keys() -> np.ndarray:
    return np.array(sorted(Customer.objects.values_list("pk", flat=True)), dtype=np.int64)


def by_number(found) -> dict[str, tuple[float, bool]]:
    names = dict(Customer.objects.values_list("pk", "external_id"))
    return {
        names[k]: (float(gone), bool(judged)) for k, gone, judged in zip(keys(), *found.outcomes(keys()), strict=True)
    }


# ---------------------------------------------------------------- by the column


def test_column_tells_who_left_as_of_the_newest_file_that_has_it(tmp_path):
    import_file(write_csv(tmp_path / "a.csv", "customerID,Churn", "A,No", "B,Yes", "C,No"))
    Customer.objects.filter(external_id="C").update(churn_label=None)
    today = timezone.localdate()
    found = selectors.aftermath(today - dt.timedelta(days=60), today)
    assert (found.source, found.file, found.is_known, found.known_until) == ("label", "a.csv", True, today)
    told = by_number(found)
    assert told["A"] == (0.0, True) and told["B"] == (1.0, True)
    assert np.isnan(told["C"][0]) and told["C"][1]


def test_file_of_before_the_end_is_not_enough_and_of_before_the_beginning_nothing(tmp_path):
    import_file(write_csv(tmp_path / "a.csv", "customerID,Churn", "A,No", "B,Yes"))
    today = timezone.localdate()
    later = selectors.aftermath(today - dt.timedelta(days=20), today + dt.timedelta(days=40))
    assert not later.is_known and later.can_be_looked_at and later.wanted == today + dt.timedelta(days=40)
    before = selectors.aftermath(today, today + dt.timedelta(days=60))
    assert before.known_until is None and not before.can_be_looked_at


def test_file_that_does_not_say_who_left_or_was_taken_back_tells_nothing(tmp_path):
    today = timezone.localdate()
    import_file(write_csv(tmp_path / "b.csv", "customerID,tenure", "A,3", "B,5"), without_label=True)
    assert selectors.aftermath(today - dt.timedelta(days=60), today).known_until is None
    import_file(write_csv(tmp_path / "a.csv", "customerID,Churn", "A,No", "B,Yes"))
    assert selectors.aftermath(today - dt.timedelta(days=60), today).is_known
    Import.objects.filter(filename="a.csv").update(undone_at=timezone.now())
    assert not selectors.aftermath(today - dt.timedelta(days=60), today).is_known


# ---------------------------------------------------------------- by dates


@pytest.fixture
def company(atlas_scope, alice):
    drawn = bring_in()
    adopted(alice)  # silent for two months
    return drawn


def test_silence_that_begins_within_the_horizon_is_leaving(company):
    begin = months_ago(6)
    found = selectors.aftermath(begin, begin + dt.timedelta(days=45))  # the month of the beginning, and the next
    assert found.source == "definition" and found.is_known
    drawn = drawn_to_leave(company, begin)  # too soon: in the first month; left: in the second
    told = by_number(found)
    for name, (left, is_judged) in told.items():
        assert is_judged == (name in drawn)
        if is_judged:
            assert left == (drawn[name] != "stayed")
    assert sum(left == 1 for left, _judged in told.values()) > 5


def test_day_within_a_month_judges_the_same_people_as_its_first(company):
    """Who can be judged is settled by use of before the campaign, which no mail can change."""
    first, within = months_ago(6), months_ago(6).replace(day=20)
    judged = [selectors.aftermath(day, months_ago(4)).outcomes(keys())[1] for day in (first, within)]
    assert (judged[0] == judged[1]).all() and 0 < judged[0].sum() < len(judged[0])


def test_months_that_are_wanting_are_named(company):
    begin = months_ago(1)
    found = selectors.aftermath(begin, begin + dt.timedelta(days=60))
    assert not found.is_known and not found.can_be_looked_at
    assert found.wanted > this_month()


# ---------------------------------------------------------------- what they paid


def test_spans_are_whole_months_on_either_side_or_none(company):
    begin = months_ago(6).replace(day=14)
    spans = selectors.spans_around(begin, begin + dt.timedelta(days=60))
    assert spans.before == (months_ago(8), months_ago(7)) and spans.after == (months_ago(5), months_ago(4))
    recent = months_ago(1).replace(day=3)
    assert selectors.spans_around(recent, recent + dt.timedelta(days=60)) is None


def test_money_spent_is_summed_and_nothing_is_nothing(company):
    first, last = months_ago(5), months_ago(4)
    paid = selectors.spent(keys(), first, last)
    names = dict(Customer.objects.values_list("pk", "external_id"))
    expected = dict.fromkeys(names.values(), 0.0)
    rows = UsageRecord.objects.filter(month__gte=first, month__lte=last)
    for name, amount in rows.values_list("customer__external_id", "montant_consommation"):
        expected[name] += float(amount)
    assert [expected[names[k]] for k in keys()] == pytest.approx(paid.tolist())
    some = keys()[::7]
    assert selectors.spent(some, first, last).tolist() == pytest.approx(paid[::7].tolist())


# ---------------------------------------------------------------- some customers


def test_picked_frames_say_what_feature_frames_say(company):
    everybody = next(selectors.feature_frames())
    some = keys()[3::5]
    frames = list(selectors.picked_frames([some[:20], some[20:]]))
    assert [len(frame) for frame in frames] == [20, len(some) - 20]
    for frame in frames:
        same = everybody[everybody["id"].isin(frame["id"])].reset_index(drop=True)
        assert list(frame.columns) == list(same.columns)
        for name in ("id", "tenure", "monthly_charges", "nombre_appels_mean_3m"):
            assert np.array_equal(frame[name].to_numpy(), same[name].to_numpy(), equal_nan=True)
