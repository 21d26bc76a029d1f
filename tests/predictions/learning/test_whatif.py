"""A question about one customer is answered by the model that may score them, or refused in words."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from predictions import learning

NOBODY_YET = 10**9


@pytest.fixture(params=["additive", "crossed"])
def company(request):
    """(fitted, frame, label, keys): one served by tables, one by trees."""
    return (
        request.getfixturevalue(f"{request.param}_fitted"),
        *request.getfixturevalue(f"{request.param}_company"),
    )


def other_level(fitted, frame, at):
    feature = next(feature for feature in fitted.features if feature.kind == "category" and len(feature.levels) > 2)
    return feature.name, next(level for level in feature.levels if level != str(frame[feature.name].iloc[at]))


@pytest.mark.parametrize("shift", [0, NOBODY_YET])
def test_before_and_after_are_the_scores_of_the_customer_and_of_the_changed_one(company, shift):
    fitted, frame, _, keys = company
    for at in (0, 5, 77):
        name, level = other_level(fitted, frame, at)
        number = frame.columns[0]
        changes = {name: level, number: 1.0}
        asked = learning.what_if(fitted, frame.iloc[[at]], keys[at] + shift, changes)
        row, changed = frame.iloc[[at]], frame.iloc[[at]].assign(**changes)
        before, after = (learning.score(fitted, one, keys[[at]] + shift).probability[0] for one in (row, changed))
        assert (asked.before, asked.after) == pytest.approx((before, after), abs=1e-12)
        assert sum(one.change for one in asked.differences) == pytest.approx(
            asked.logit_after - asked.logit_before, abs=1e-6
        )
        sizes = [abs(one.change) for one in asked.differences]
        assert sizes == sorted(sizes, reverse=True)
        assert asked.unseen == (shift == 0)


def test_a_yearly_contract_lowers_the_risk_and_only_the_contract_moves(additive_fitted, additive_company):
    frame, _, keys = additive_company
    at = int(np.flatnonzero(frame["contract"] == "monthly")[0])
    asked = learning.what_if(additive_fitted, frame.iloc[[at]], keys[at], {"contract": "yearly"})
    assert asked.after < asked.before
    assert [one.feature for one in asked.differences] == ["contract"]
    assert asked.extrapolates == ()


def test_no_change_changes_nothing(company):
    fitted, frame, _, keys = company
    row = frame.iloc[[3]]
    for changes in ({}, dict(zip(row.columns, row.iloc[0], strict=True))):
        asked = learning.what_if(fitted, row, keys[3], changes)
        assert asked.before == asked.after and asked.differences == ()


def test_numbers_outside_what_was_seen_are_flagged(additive_fitted, additive_company):
    frame, _, keys = additive_company
    for tenure, outside in ((0, ()), (72, ()), (73, ("tenure",)), (-1, ("tenure",))):
        asked = learning.what_if(additive_fitted, frame.iloc[[2]], keys[2], {"tenure": tenure})
        assert asked.extrapolates == outside, tenure


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"colour": "red"}, "unknown_column"),
        ({"contract": "for ever"}, "unknown_level"),
        ({"contract": 12}, "unknown_level"),
        ({"contract": None}, "never_unknown"),
        ({"tenure": None}, "never_unknown"),
        ({"tenure": "long"}, "not_a_number"),
        ({"tenure": float("inf")}, "not_a_number"),
        ({"tenure": True}, "not_a_number"),
        ({"tenure": [1]}, "not_a_number"),
    ],
)
def test_what_was_never_learned_is_refused(additive_fitted, additive_company, changes, code):
    frame, _, keys = additive_company
    with pytest.raises(learning.ImpossibleChange) as refusal:
        learning.what_if(additive_fitted, frame.iloc[[0]], keys[0], changes)
    assert refusal.value.code == code
    assert refusal.value.facts["column"] in changes and refusal.value.facts["column"] in str(refusal.value)
    assert isinstance(refusal.value, ValueError)
    again = pickle.loads(pickle.dumps(refusal.value))
    assert (again.code, again.facts, str(again)) == (code, refusal.value.facts, str(refusal.value))


def test_unknown_may_be_asked_where_it_was_seen(additive_fitted, additive_company):
    frame, _, keys = additive_company
    asked = learning.what_if(additive_fitted, frame.iloc[[0]], keys[0], {"charges": None})
    direct = learning.score(additive_fitted, frame.iloc[[0]].assign(charges=np.nan), keys[[0]])
    assert asked.after == pytest.approx(direct.probability[0])


def test_a_column_that_was_set_aside_is_refused_with_the_reason(additive_company, race_of):
    race_of("logistic")
    frame, label, keys = additive_company
    fitted = learning.fit(frame.assign(country="FR"), label, keys)
    with pytest.raises(learning.ImpossibleChange) as refusal:
        learning.what_if(fitted, frame.iloc[[0]], keys[0], {"country": "TN"})
    assert (refusal.value.code, refusal.value.facts["why"]) == ("not_learned", "constant")


def test_a_customers_own_rare_value_may_be_given_back(additive_company, race_of):
    race_of("logistic")
    frame, label, keys = additive_company
    frame = frame.assign(city=["only me", *(["here", "there", "far"] * len(frame))[: len(frame) - 1]])
    fitted = learning.fit(frame, label, keys)
    asked = learning.what_if(fitted, frame.iloc[[0]], keys[0], {"city": "only me"})
    assert asked.before == asked.after
    with pytest.raises(learning.ImpossibleChange) as refusal:
        learning.what_if(fitted, frame.iloc[[1]], keys[1], {"city": "only me"})
    assert refusal.value.facts["levels"] == ["far", "here", "there"] or len(refusal.value.facts["levels"]) == 3


def test_one_customer_is_asked_about(additive_fitted, additive_company):
    frame, _, keys = additive_company
    for rows in (frame[:0], frame[:2]):
        with pytest.raises(ValueError, match="one customer"):
            learning.what_if(additive_fitted, rows, keys[0], {})
