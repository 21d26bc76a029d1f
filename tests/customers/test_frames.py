"""Customers as frames: other fields by their agreed types, months of use as trends, and nothing from the future."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import merge, selectors, services
from customers.frames import attributes as other_fields
from customers.frames.attributes import Attribute
from customers.models import Customer, CustomerBase, Import, UsageRecord
from tests.conftest import import_file, write_csv

pytestmark = pytest.mark.usefixtures("atlas_scope")
MEASURES = (
    "montant_consommation",
    "nombre_appels",
    "volume_data",
    "nombre_sms",
    "nombre_recharges",
    "nombre_reclamations",
)


def whole_frame(**options) -> pd.DataFrame:
    frames = list(selectors.feature_frames(**options))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


# ---------------------------------------------------------------- other fields


@pytest.fixture
def plans(tmp_path):
    """Twelve customers with one other field of each type, and one called like a field of ours."""
    rows = [
        f"C{i},{'Yes' if i % 3 == 0 else 'No'},{i},{i * 1.5},{'Gold' if i % 2 else 'Silver'},"
        f"{'oui' if i % 4 else 'non'},2026-0{1 + i % 9}-15,{30 + i}"
        for i in range(12)
    ]
    path = write_csv(
        tmp_path / "plans.csv", "customerID,Churn,tenure,Spend Index,Tier,Autopay,Signed on,contract", *rows
    )
    mapping = {
        "columns": {
            "customerID": "external_id", "Churn": "churn_label", "tenure": "tenure",
            "Spend Index": {"target": "attribute", "type": "number"}, "Tier": {"target": "attribute", "type": "category"},
            "Autopay": {"target": "attribute", "type": "flag"}, "Signed on": {"target": "attribute", "type": "date"},
            "contract": {"target": "attribute", "type": "number"},
        },
        "label": {"yes": ["Yes"]},
    }  # fmt: skip
    return import_file(path, mapping=mapping)


def test_other_fields_become_columns_of_their_agreed_types(plans):
    frame = whole_frame()
    days = (timezone.localdate() - dt.date(2026, 1, 15)).days
    assert frame["Spend Index"].tolist() == [i * 1.5 for i in range(12)]
    assert frame["Tier"].tolist()[:3] == ["Silver", "Gold", "Silver"]
    assert frame["Autopay"].tolist()[:2] == ["No", "Yes"]
    assert frame["Signed on"].iloc[0] == days, "a date counts days before the last import"
    assert {str(frame[name].dtype) for name in ("Spend Index", "Signed on")} == {"float64"}


def test_field_called_like_one_of_ours_keeps_out_of_its_way(plans):
    frame = whole_frame()
    assert frame["contract"].isna().all()
    assert frame["contract (other field)"].tolist() == [30 + i for i in range(12)]


def test_roll_up_knows_each_other_field_with_its_values(plans):
    known = {a.name: a for a in selectors.known_attributes()}
    assert {name: a.kind for name, a in known.items()} == {
        "Autopay": "flag", "Signed on": "date", "Spend Index": "number", "Tier": "category", "contract": "number",
    }  # fmt: skip
    assert (known["Tier"].values, known["Tier"].is_complete, known["Tier"].filled) == (["Silver", "Gold"], True, 1.0)
    assert (known["Spend Index"].low, known["Spend Index"].high) == (0, 16.5)
    assert (known["Signed on"].low, known["Signed on"].high) == ("2026-01-15", "2026-09-15")


def test_values_of_few_people_are_listed_nowhere(tmp_path):
    rows = [f"C{i},{'Yes' if i % 2 else 'No'},remark number {i}" for i in range(20)]
    import_file(write_csv(tmp_path / "a.csv", "customerID,Churn,Remark", *rows))
    (remark,) = selectors.known_attributes()
    assert (remark.name, remark.values, remark.is_complete) == ("Remark", [], False)


def test_field_of_an_import_that_was_taken_back_is_forgotten(plans, alice):
    run = Import.objects.get(pk=plans.pk)
    services.undo_import(run=run, actor=alice)
    services.run_import(import_id=run.pk, follow=False)
    assert selectors.known_attributes() == []


def test_company_without_other_fields_or_months_pays_nothing_for_them(imported):
    assert selectors.known_attributes() == []
    with CaptureQueriesContext(
        connection,
    ) as asked:
        frame = whole_frame()
    assert list(frame.columns) == ["id", "label", *selectors.FEATURES]
    text = " ".join(query["sql"] for query in asked)
    assert '"attributes"' not in text
    assert len([q for q in asked if "usagerecord" in q["sql"]]) <= 1


def test_columns_that_are_not_needed_are_not_read(plans):
    with CaptureQueriesContext(connection) as asked:
        frame = whole_frame(only=["tenure", "Tier"])
    assert "Tier" in frame and "Autopay" not in frame
    assert not [q for q in asked if "usagerecord" in q["sql"]]
    with CaptureQueriesContext(connection) as asked:
        whole_frame(only=["tenure"])
    assert '"attributes"' not in " ".join(q["sql"] for q in asked)


def test_blocks_do_not_change_what_is_read(plans):
    pd.testing.assert_frame_equal(whole_frame(), whole_frame(block=5))
    pd.testing.assert_frame_equal(whole_frame(), whole_frame(block=5, halves=True))


def test_field_that_no_mapping_speaks_of_is_judged_by_its_values():
    for i in range(6):
        kept = {
            "n": i,
            "yes": bool(i % 2),
            "day": f"2026-03-0{i + 1}",
            "word": "a",
            "2024": 5,
            "mixed": i if i % 2 else "x",
        }
        Customer.objects.create(external_id=f"C{i}", attributes=kept)
    services.refresh_customer_base()
    assert {a.name: a.kind for a in selectors.known_attributes()} == {
        "n": "number", "yes": "flag", "day": "date", "word": "category", "2024": "number", "mixed": "category",
    }  # fmt: skip
    frame = whole_frame()
    assert frame["2024"].tolist() == [5.0] * 6
    assert frame["mixed"].tolist() == ["x", "1", "x", "3", "x", "5"]


def test_base_summed_up_by_an_earlier_release_is_looked_at_anew(plans):
    base = CustomerBase.objects.get()
    del base.facts["attributes"]
    base.save()
    assert [a.name for a in selectors.known_attributes()] == ["Autopay", "Signed on", "Spend Index", "Tier", "contract"]


KINDS = [Attribute("n", "number"), Attribute("c", "category"), Attribute("f", "flag"), Attribute("d", "date")]
CELLS = [
    {"n": 1.5, "c": "été \"quoted\"\n", "f": True, "d": "2026-01-01"},
    {},
    {"n": 7, "c": "", "f": False, "d": "2025-12-31", "another": [1, 2]},
    {"n": None, "c": None, "f": None, "d": None},
]  # fmt: skip
STRAY = {"n": "a lot", "c": 5, "f": "perhaps", "d": "soon"}


@pytest.mark.parametrize("stray", [False, True])
def test_both_readers_of_cells_agree(stray):
    """Arrow reads what is of its type; one stray cell, and the slower reader takes over with the same result."""
    texts = [json.dumps(row) for row in (*CELLS, *([STRAY] if stray else []))]
    assert (other_fields._by_arrow(texts, KINDS) is None) is stray
    found = other_fields.columns(texts, KINDS, dt.date(2026, 1, 2))
    assert found["n"][:3].tolist()[::2] == [1.5, 7.0] and np.isnan(found["n"][[1, 3]]).all()
    assert found["c"].tolist()[:4] == ['été "quoted"\n', None, None, None]
    assert found["f"].tolist()[:4] == ["Yes", None, "No", None]
    assert found["d"][[0, 2]].tolist() == [1.0, 2.0] and np.isnan(found["d"][[1, 3]]).all()
    if stray:
        assert np.isnan(found["n"][4]) and np.isnan(found["d"][4])
        assert (found["c"][4], found["f"][4]) == ("5", None)
        by_hand = other_fields._by_hand(texts[:4], KINDS)
        for attribute in KINDS:
            one, other = (
                pd.Series(other_fields._typed(raw[attribute.name], attribute.kind, dt.date(2026, 1, 2)), dtype=object)
                for raw in (by_hand, other_fields._by_arrow(texts[:4], KINDS))
            )
            pd.testing.assert_series_equal(one, other)


# ---------------------------------------------------------------- months of use


def months(customer: str, *rows: tuple) -> list[tuple]:
    """(month, spend, calls, data, texts, top-ups, complaints) of one customer."""
    return [(i, customer, dt.date(*row[0], 1), *row[1:]) for i, row in enumerate(rows)]


def record(*rows: tuple) -> None:
    for number in {row[1] for row in rows}:
        Customer.objects.get_or_create(external_id=number)
    merge.merge_months(MEASURES, rows)


def trends_of(customer: str) -> pd.Series:
    frame = whole_frame()
    key = Customer.objects.get(external_id=customer).pk
    return frame.set_index("id").loc[key]


def test_months_become_last_mean_slope_ratio_and_silence():
    record(
        *months(
            "A",
            ((2026, 1), 10, 10, 0, 0, 1, 0), ((2026, 2), 10, 10, 0, 0, 1, 0), ((2026, 3), 10, 10, 0, 0, 1, 0),
            ((2026, 4), 10, 8, 5, 0, 1, 0), ((2026, 5), 20, 6, 5, 0, None, 0), ((2026, 6), 60, 4, 5, 0, 4, 2),
        ),
    )  # fmt: skip
    found = trends_of("A")
    assert (found["montant_consommation_last"], found["montant_consommation_mean_3m"]) == (60, 30)
    assert found["montant_consommation_slope_3m"] == 25
    assert found["montant_consommation_trend_3m"] == 3
    assert (found["nombre_appels_last"], found["nombre_appels_slope_3m"]) == (4, -2)
    assert found["volume_data_slope_3m"] == 0
    assert np.isnan(found["volume_data_trend_3m"]), "nothing to divide by"
    assert found["nombre_recharges_mean_3m"] == 2.5, "the month not known is left out"
    assert found["nombre_recharges_slope_3m"] == 1.5, "three over two months"
    assert found["nombre_reclamations_last"] == 2
    assert found["silence_days"] == 0


def test_silence_counts_from_the_end_of_the_last_month_with_any_use():
    used, unused = (5, 1, 1.0, 1, 1, 0), (0, 0, 0.0, 0, 0, 1)
    record(
        *months("busy", ((2026, 6), *used)),
        *months("quiet", ((2026, 3), *used), ((2026, 4), *unused), ((2026, 6), *unused)),
        *months("gone", ((2025, 12), *used)),
        *months("never", ((2026, 5), *unused), ((2026, 6), *unused)),
    )
    Customer.objects.create(external_id="none")
    silence = {name: trends_of(name)["silence_days"] for name in ("busy", "quiet", "gone", "never")}
    assert silence == {"busy": 0, "quiet": 30 + 31 + 30, "gone": 181, "never": 31 + 30}
    assert np.isnan(trends_of("none")["silence_days"])


def test_one_month_has_a_mean_and_no_slope():
    record(*months("A", ((2026, 6), 5, 1, 1.0, 1, 1, 0)))
    found = trends_of("A")
    assert found["nombre_appels_mean_3m"] == 1
    assert np.isnan(found["nombre_appels_slope_3m"])


def test_customer_without_a_recent_month_is_unknown_not_zero():
    record(*months("A", ((2026, 6), 5, 1, 1.0, 1, 1, 0)), *months("B", ((2026, 2), 5, 1, 1.0, 1, 1, 0)))
    found = trends_of("B")
    assert np.isnan(found["nombre_appels_last"]) and np.isnan(found["nombre_appels_mean_3m"])
    assert found["silence_days"] == 122


def test_month_of_the_future_is_never_read():
    record(*months("A", ((2026, 5), 5, 1, 1.0, 1, 1, 0), ((2026, 6), 5, 3, 1.0, 1, 1, 0)))
    before = trends_of("A")
    record(*months("A", ((2062, 1), 900, 900, 900.0, 900, 900, 900)))
    pd.testing.assert_series_equal(before, trends_of("A"))
    UsageRecord.objects.filter(month__year__lt=2062).delete()
    assert "silence_days" not in whole_frame()


def test_measures_that_the_company_does_not_have_are_no_columns():
    record(*months("A", ((2026, 6), 5, 1, None, None, None, None)))
    frame = whole_frame()
    found = [name for name in frame.columns if name in selectors.TREND_COLUMNS]
    assert found == [
        *(f"montant_consommation_{what}" for what in ("last", "mean_3m", "slope_3m", "trend_3m")),
        *(f"nombre_appels_{what}" for what in ("last", "mean_3m", "slope_3m", "trend_3m")),
        "silence_days",
    ]


# ---------------------------------------------------------------- the sample for the leak watch


def test_sample_of_a_small_base_is_everybody_whose_label_is_known(imported):
    everybody = whole_frame(labelled_only=True)
    sample = selectors.labelled_sample()
    assert sorted(sample["id"]) == sorted(everybody["id"])
    assert list(sample.columns) == list(everybody.columns)


def test_sample_of_a_large_base_is_spread_over_it(imported, monkeypatch):
    from customers.frames import blocks

    monkeypatch.setattr(blocks, "_SAMPLE_ROWS", 60)
    sample = selectors.labelled_sample()
    assert 40 <= len(sample) <= 60
    assert sample["id"].is_unique
    reach = Customer.objects.order_by("pk").values_list("pk", flat=True)
    assert (sample["id"] > reach[len(reach) // 2]).sum() > 15


def test_sample_of_no_customers_is_empty():
    assert selectors.labelled_sample().empty
