"""Columns that know the answer are caught, with their evidence; honest columns are left alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.ingest import synthetic
from customers.ingest.leakage import QUARANTINE, SET_ASIDE, WARN, watch

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
N = 4_000


def read(name: str, label: str, *, as_text: bool = True) -> tuple[pd.DataFrame, np.ndarray]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path.parent.name} is not at hand")
    frame = pd.read_csv(path, dtype=str if as_text else None, keep_default_na=not as_text)
    left = frame.pop(label).astype(str).str.lower().isin(["yes", "1"]).to_numpy()
    return frame, left


def by_severity(findings) -> dict[str, list[str]]:
    return {s: [f.column for f in findings if f.severity == s] for s in (QUARANTINE, WARN, SET_ASIDE)}


@pytest.fixture  # anew for each test: shared, its generator would make one test's noise depend on the order of all
def base() -> tuple[pd.DataFrame, np.ndarray, np.random.Generator]:
    """Customers of whom a fifth left; ``use`` tells leavers with an honest AUC of 0.76."""
    rng = np.random.default_rng(5)
    left = rng.random(N) < 0.2
    frame = pd.DataFrame({"use": rng.normal(size=N) - left, "region": rng.choice(["N", "S", "E"], N)})
    return frame, left, rng


@pytest.mark.parametrize("as_text", [True, False])
def test_three_added_leaks_are_quarantined_and_no_honest_column_of_ibm_is(as_text):
    frame, left = read("ibm_telco/Telco-Customer-Churn.csv", "Churn", as_text=as_text)
    rng = np.random.default_rng(1)
    tenure = pd.to_numeric(frame["tenure"])
    frame["Churn Reason"] = np.where(left, rng.choice(["Moved", "Price", "Competitor"], len(frame)), "")
    frame["Churn Score"] = (left * 2.2 + rng.normal(size=len(frame))).round(2)
    frame["Customer Status"] = np.where(left, "Churned", np.where(tenure < 3, "Joined", "Stayed"))
    found = watch(frame, left)
    assert by_severity(found) == {
        QUARANTINE: ["Churn Reason", "Churn Score", "Customer Status"], WARN: [], SET_ASIDE: ["customerID"],
    }  # fmt: skip
    reason, score, status, _ = found
    assert (
        "filled_only_for_leavers" in reason.codes
        and reason.evidence["filled"] == reason.evidence["filled_left"] == 1869
    )
    assert score.codes == ("knows_the_answer", "named_like_leaving") and score.evidence["auc"] == pytest.approx(
        0.94, abs=0.005
    )
    assert "determined_by_the_label" in status.codes


@pytest.mark.parametrize("as_text", [True, False])
def test_no_column_of_mlc_churn_is_suspected(as_text):
    assert watch(*read("mlc_churn/mlc_churn.csv", "churn", as_text=as_text)) == []


def test_iranian_status_is_shown_but_learned_from():
    # An activity of the months before the label: AUC 0.80 alone, far from knowing the answer whatever it is called
    (finding,) = watch(*read("iranian_churn/customer_churn.csv", "Churn"))
    assert (finding.column, finding.severity) == ("Status", WARN)
    assert finding.evidence["auc"] == pytest.approx(0.796, abs=0.001)


def test_outcomes_of_a_campaign_are_quarantined_against_each_other():
    frame, left = read("hillstrom/hillstrom.csv", "visit")
    assert by_severity(watch(frame, left))[QUARANTINE] == ["conversion", "spend"]


def test_no_column_of_a_made_up_company_is_quarantined():
    batch = next(iter(synthetic.Carrier(seed=3).batches(customers=3000, size=3000)))
    frame = pd.DataFrame({name: pd.Series(list(cells), dtype=object) for name, cells in batch.customers.items()})
    left = frame.pop("churn_label").astype(bool).to_numpy()
    found = by_severity(watch(frame, left))
    assert found[QUARANTINE] == [] and found[WARN] == []
    assert {"external_id", "email"} <= set(found[SET_ASIDE])


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("motif", lambda left, rng: np.where(left & (rng.random(N) < 0.3), "prix", ""), "filled_only_for_leavers"),
        ("date de résiliation", lambda left, rng: np.where(left, "2026-03-01", None), "filled_only_for_leavers"),
        ("next renewal", lambda left, rng: np.where(left, "", rng.choice(["2027-01-01", "2027-06-01"], N)), "filled_only_for_stayers"),
        ("fee", lambda left, rng: np.where(left & (rng.random(N) < 0.4), rng.random(N).round(2), 0.0), "set_only_for_leavers"),
        ("x17", lambda left, rng: np.where(left, "b", "a"), "determined_by_the_label"),
        ("contract end", lambda left, rng: np.where(left, "2026-04-30", "9999-12-31"), "knows_the_answer"),
        ("days", lambda left, rng: np.where(left, rng.integers(0, 40, N), rng.integers(30, 400, N)), "knows_the_answer"),
        ("u-shaped", lambda left, rng: np.where(left, rng.choice([0.0, 9.0], N), rng.normal(4.5, 1, N)), "knows_the_answer"),
        ("statut", lambda left, rng: np.where(left ^ (rng.random(N) < 0.05), "inactif", "actif"), "knows_the_answer"),
        ("exit survey", lambda left, rng: [f"they said it was number {i}" if gone else "" for i, gone in enumerate(left)], "filled_only_for_leavers"),
    ],
)  # fmt: skip
def test_column_written_after_the_customer_left_is_quarantined(base, name, make, code):
    frame, left, rng = base
    found = watch(frame.assign(**{name: make(left, rng)}), left)
    assert by_severity(found)[QUARANTINE] == [name]
    assert code in found[0].codes


def test_a_name_alone_is_no_evidence(base):
    frame, left, rng = base
    honest = frame.assign(**{"churn score": rng.random(N), "status": rng.choice(["a", "b"], N), "category": "x"})
    assert by_severity(watch(honest, left)) == {QUARANTINE: [], WARN: [], SET_ASIDE: ["category"]}


def test_header_of_the_file_counts_where_the_column_is_called_otherwise(base):
    frame, left, rng = base
    leaky = frame.assign(field_9=left * 1.4 + rng.normal(size=N))
    assert watch(leaky, left) == []
    assert watch(leaky, left, names={"field_9": "ChurnProbability"})[0].severity == QUARANTINE


def test_value_filled_for_a_few_is_not_pure_by_luck(base):
    frame, left, _ = base
    few = np.flatnonzero(left)[:6]
    frame = frame.assign(note=[(f"yes {i % 2}" if i in few else "") for i in range(N)])
    assert watch(frame, left) == []


def test_honest_blank_of_new_customers_is_no_leak(base):
    frame, left, _ = base
    blank = np.flatnonzero(~left)[:60]
    total = frame["use"].to_numpy(copy=True)
    total[blank] = np.nan
    assert watch(frame.assign(total=total), left) == []


def test_what_nothing_can_be_learned_from_is_set_aside_with_its_reason(base):
    frame, left, rng = base
    frame = frame.assign(
        row=range(N), country="US", empty=" ", ref=rng.permutation(N) * 977 + 10**8, charge=(rng.random(N) * 1e6).round(4),
        note=[f"a long remark of one customer that is not like any other remark, number {i}" for i in range(N)],
    )  # fmt: skip
    codes = {f.column: f.codes for f in watch(frame, left)}
    assert codes == {
        "row": ("identifier",), "country": ("constant",), "empty": ("all_missing",), "ref": ("identifier",),
        "note": ("near_unique_text",),
    }  # fmt: skip


def test_unknown_outcomes_are_passed_over_and_too_few_known_ones_judge_nothing(base):
    frame, left, _ = base
    answer = pd.Series(left.astype(object))
    answer[1000:] = None
    assert watch(frame.assign(leak=left), answer)[0].severity == QUARANTINE
    answer[40:] = None
    assert watch(frame.assign(leak=left, country="US"), answer)[0].codes == ("constant",)
    with pytest.raises(ValueError, match="labels"):
        watch(frame, left[:5])


def test_same_seed_gives_the_same_findings_on_a_sample(base):
    rng = np.random.default_rng(2)
    left = rng.random(120_000) < 0.15
    frame = pd.DataFrame({"a": rng.normal(size=left.size), "churn_score": left * 2.0 + rng.normal(size=left.size)})
    once, again = watch(frame, left), watch(frame, left)
    assert once == again and once[0].column == "churn_score" and once[0].evidence["left"] == 10_000


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(st.none(), st.text(max_size=4), st.integers(-3, 3), st.floats(), st.booleans()),
            min_size=60,
            max_size=60,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_no_column_breaks_the_watch(columns):
    frame = pd.DataFrame({f"c{i}": pd.Series(cells, dtype=object) for i, cells in enumerate(columns)})
    for finding in watch(frame, [i % 2 for i in range(60)]):
        assert finding.codes and all(np.isfinite(v) for v in finding.evidence.values())
