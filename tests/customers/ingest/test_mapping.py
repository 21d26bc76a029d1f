"""A mapping: agreed, kept as JSON, recognised on the next file, changed by hand, and refused where it is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.ingest import aliases
from customers.ingest.celltypes import attribute_type, parse_date, parse_month, sample_columns
from customers.ingest.cleaning import Wrong
from customers.ingest.mapping import (
    TARGETS,
    Mapping,
    MappingRefused,
    RowNumbers,
    row_hash,
    shape_key,
    typed,
    unique_headers,
)
from customers.ingest.proposal import propose
from customers.ingest.schema import COLUMNS, USAGE_COLUMNS

HEADERS = ["Nr", "Zone", "Statut", "Montant mensuel"]
ROWS = [[f"C-{i}", "Nord" if i % 2 else "Sud", "Actif" if i % 3 else "Résilié", f"{i},50"] for i in range(40)]


def codes(mapping: Mapping, headers=HEADERS, rows=ROWS) -> list[str]:
    return [problem.code for problem in mapping.problems(headers, rows)]


def agreed() -> Mapping:
    return propose(HEADERS, ROWS).mapping()


@pytest.mark.parametrize("column", [*COLUMNS, *USAGE_COLUMNS], ids=lambda c: c.name)
def test_every_column_is_known_by_its_own_header_name_and_aliases(column):
    for header in (column.name, column.header, column.header.upper(), *column.aliases):
        found = aliases.matches(header, has_months=True)
        assert column.name in {m.target for m in found}, header


def test_one_spelling_of_a_header_is_as_good_as_another():
    for header in ("MonthlyCharges", "monthly_charges", "MONTHLY CHARGES", "Monthly Charges ($)", "monthly-charge"):
        assert aliases.matches(header)[0].target == "monthly_charges", header


@pytest.mark.parametrize(
    "header",
    ["Churn Score", "Churn Reason", "Churn Category", "Total day charge", "Age Group", "Customer Value", "Charge Amount",
     "Support Calls", "Department", "Payment Delay", "Phone Model", "Contact", "State", "Internet minutes", "spend", "Calls"],
)  # fmt: skip
def test_a_header_that_only_resembles_ours_is_not_taken_for_it(header):
    cells = [[str(n)] for n in (1, 7, 3, 44, 25)]
    assert propose([header], cells).columns[0].target == "attribute"


def test_each_target_is_given_once_and_the_better_header_has_it():
    proposal = propose(["Customer sex", "Gender"], [["M", "Male"], ["F", "Female"]] * 5)
    assert [c.target for c in proposal.columns] == ["attribute", "gender"]
    assert proposal.columns[0].why == "taken" and proposal.columns[0].alternatives == ("gender",)


def test_values_object_to_a_header():
    proposal = propose(["Phone", "Email", "Age"], [["Yes", "No", "young"], ["No", "Yes", "old"]] * 10)
    assert [c.target for c in proposal.columns] == ["phone_service", "attribute", "attribute"]


def test_values_speak_where_the_header_does_not():
    rows = [[f"a{i}@example.org", "Homme" if i % 2 else "Femme", "Un an" if i % 2 else "Mensuel"] for i in range(20)]
    assert [c.target for c in propose(["f1", "f2", "f3"], rows).columns] == ["email", "gender", "contract"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2,5", "1 000"], "number"), (["0", "1"], "flag"), (["oui", "non", "Oui"], "flag"),
        (["2026-01-02", "2025-12-31"], "date"), (["31/12/2025", "01/02/2026"], "date"), (["01234", "75001"], "category"),
        (["A", "B"], "category"), (["1", "2"] * 20, "category"), ([], "category"), (["1", "1"], "number"),
    ],
)  # fmt: skip
def test_attribute_has_the_type_of_its_cells(cells, expected):
    assert attribute_type(sample_columns(["h"], [[c] for c in cells])[0]) == expected


@pytest.mark.parametrize(
    "text", ["2026-03", "03/2026", "202603", "mars 2026", "Mar-26", "2026-03-31", "15/03/2026", "2026 March"]
)
def test_month_is_read_in_every_usual_spelling(text):
    assert parse_month(text).isoformat() == "2026-03-01"


@pytest.mark.parametrize("text", ["", "13", "2026", "13/2026", "maybe 12", "99", "12345", "31/31/2026"])
def test_what_is_no_month_is_none(text):
    assert parse_month(text) is None


def test_day_and_month_are_told_apart_by_order():
    assert parse_date("03/04/2026").isoformat() == "2026-04-03"
    assert parse_date("03/04/2026", "mdy").isoformat() == "2026-03-04"
    assert parse_date("31/02/2026") is None


# ---------------------------------------------------------------- who left


@pytest.mark.parametrize(
    ("values", "yes", "notes"),
    [
        (["Churned", "Stayed", "Joined"], ("Churned",), ("new_counted_as_stayed",)),
        (["1", "0"], ("1",), ()), (["True", "False"], ("True",), ()), (["oui", "non"], ("oui",), ()),
        (["Attrited Customer", "Existing Customer"], ("Attrited Customer",), ()), (["1.0", "0.0"], ("1.0",), ()),
        (["No", "No"], ("yes",), ("one_class_in_sample",)), (["-1", "1"], ("1",), ()), (["False.", "True."], ("True.",), ()),
    ],
)  # fmt: skip
def test_value_that_means_left_is_proposed(values, yes, notes):
    label = propose(["id", "Churn"], [[f"C-{i}", values[i % len(values)]] for i in range(30)]).label
    assert (label.header, label.yes, label.notes) == ("Churn", yes, notes)


def test_unclear_values_are_left_to_a_person():
    proposal = propose(["id", "Churn"], [[f"C-{i}", "AB"[i % 2]] for i in range(30)])
    assert proposal.label is None and proposal.columns[1].target == "attribute"
    assert [g.header for g in proposal.label_alternatives] == ["Churn"]
    said = proposal.mapping().with_label("Churn", ["B"])
    assert said.label_of("B") is True and said.label_of("A") is False and said.label_of("") is None


def test_retained_is_a_label_backwards_and_only_an_alternative():
    proposal = propose(["id", "Retained"], [[f"C-{i}", str(i % 2)] for i in range(30)])
    assert proposal.label is None
    assert proposal.label_alternatives[0].yes == ("0",) and "reversed" in proposal.label_alternatives[0].notes


def test_person_names_another_label_and_its_values_are_read_again():
    rows = [[f"C-{i}", "Yes" if i % 2 else "No", "active" if i % 2 else "lost"] for i in range(30)]
    proposal = propose(["id", "Churn", "state of things"], rows)
    assert proposal.mapping(label_column="state of things").label_yes == ("lost",)
    assert proposal.mapping(label_yes=["No"]).label_of("Yes") is False
    by_hand = proposal.mapping(label_column="id")
    assert [p.code for p in by_hand.problems(["id", "Churn", "state of things"], rows)] == ["label_yes_missing"]


def test_label_is_read_in_other_spellings_of_the_same_answer():
    mapping = Mapping({"c": "churn_label"}, label_yes=("Yes",), label_no=("No",))
    assert {mapping.label_of(text) for text in ("yes", " YES ", "1", "Oui")} == {True}
    assert {mapping.label_of(text) for text in ("no", "0", "Non")} == {False}
    assert {mapping.label_of(text) for text in ("", " ", "n/a")} == {None}
    with pytest.raises(Wrong, match="not_yes_or_no"):
        mapping.label_of("perhaps")


# ---------------------------------------------------------------- customer numbers


def test_measure_that_never_repeats_is_no_customer_number():
    rows = [[f"{i * 1.37:.2f}", str(10_000 + i * i), "yes" if i % 2 else "no"] for i in range(60)]
    assert propose(["minutes", "income", "churn"], rows).identity.rule == "row_hash"


def test_column_of_numbers_drawn_alike_is_proposed_without_a_header():
    rows = [[f"{i:04d}-XK", "yes" if i % 2 else "no"] for i in range(60)]
    identity = propose(["f1", "churn"], rows).identity
    assert (identity.rule, identity.header, identity.notes) == ("column", "f1", ("from_values",))


def test_telephone_number_as_customer_number_is_said_to_be_one():
    rows = [[f"+216 20 {100000 + i}", "yes" if i % 2 else "no"] for i in range(60)]
    identity = propose(["MSISDN", "churn"], rows).identity
    assert (identity.header, identity.notes) == ("MSISDN", ("contact_as_id",))


def test_line_numbers_are_a_poor_customer_number_and_ignored_beside_a_better_one():
    rows = [[str(i), f"C-{i}", "yes" if i % 2 else "no"] for i in range(60)]
    assert propose(["", "churn"], [[r[0], r[2]] for r in rows]).identity.rule == "row_hash"
    assert propose(["Unnamed: 0", "churn"], [[r[0], r[2]] for r in rows]).identity.notes == ("counts_rows",)
    assert propose(["Unnamed: 0", "id", "churn"], rows).columns[0].target == "ignore"


def test_exact_copies_get_numbers_of_their_own():
    numbers = RowNumbers("row_hash")
    made = [numbers.number(row) for row in (["a", "b"], ["a", "c"], ["a", "b"], ["a", "b"])]
    assert made == [row_hash("ab"), row_hash("ac"), row_hash("ab") + "-2", row_hash("ab") + "-3"]
    again = RowNumbers("row_hash")
    assert [again.number(row) for row in (["a", "b"], ["a", "c"], ["a", "b"], ["a", "b"])] == made
    assert row_hash(["ab", ""]) != row_hash(["a", "b"])


def test_months_of_use_are_told_from_customers():
    rows = [[f"C-{i // 3}", f"2026-0{i % 3 + 1}", str(i), str(i * 2)] for i in range(60)]
    proposal = propose(["customer_id", "month", "calls", "sms"], rows)
    assert proposal.grain == "customer_month" and proposal.identity.notes == ("repeats",)
    assert [c.target for c in proposal.columns] == ["external_id", "month", "nombre_appels", "nombre_sms"]
    assert proposal.label is None


# ---------------------------------------------------------------- agreed, kept, recognised


def test_mapping_survives_json():
    mapping = agreed()
    assert Mapping.from_json(mapping.to_json()) == mapping and codes(mapping) == []


@given(
    st.dictionaries(st.text(max_size=20), st.sampled_from([*TARGETS, "attribute", "ignore"]), min_size=1, max_size=8),
    st.lists(st.text(max_size=5), max_size=3),
)
def test_any_mapping_survives_json(targets, yes):
    mapping = Mapping(targets, {h: "number" for h, t in targets.items() if t == "attribute"}, "column", tuple(yes))
    assert Mapping.from_json(mapping.to_json()) == mapping


def test_mapping_by_hand_may_be_short():
    mapping = Mapping.from_json(
        {"columns": {"Nr": "external_id", "Zone": "attribute", "Statut": "churn_label"}, "label": {"yes": "Résilié"}}
    )
    assert codes(mapping) == [] and typed(mapping, HEADERS, ROWS).types == {"Zone": "category"}
    assert mapping.positions(["ZONE", "statut", "nr"]) == {"external_id": 2, "churn_label": 1}


@pytest.mark.parametrize(
    "data", [None, [], {}, {"columns": {}}, {"columns": {"a": 1}}, {"columns": {"a": "age"}, "version": 9},
             {"columns": {"a": "age"}, "label": {"yes": {}}}, {"columns": {"a": "age"}, "id": 3}],
)  # fmt: skip
def test_what_is_no_mapping_is_refused(data):
    with pytest.raises(MappingRefused):
        Mapping.from_json(data)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (Mapping({"Nr": "external_id", "Zone": "external_id"}), ["two_on_one_target"]),
        (Mapping({"Nr": "external_id", "Zone": "zodiac"}), ["unknown_target"]),
        (Mapping({"Nr": "external_id", "Zone": "attribute"}, {"Zone": "poem"}), ["unknown_type"]),
        (Mapping({"Numero": "external_id"}), ["missing_column"]),
        (Mapping({"Zone": "attribute"}), ["no_id"]),
        (Mapping({"Nr": "external_id"}, id_rule="row_hash"), ["two_ids"]),
        (Mapping({"Nr": "external_id", "Statut": "churn_label"}), ["label_yes_missing"]),
        (Mapping({"Nr": "external_id"}, label_yes=("x",)), ["label_yes_without_column"]),
        (Mapping({"Nr": "external_id", "Statut": "churn_label"}, label_yes=("Parti",)), ["label_yes_absent_in_sample"]),
        (Mapping({"Nr": "external_id", "Statut": "churn_label"}, label_yes=("Parti",), label_no=("parti",)), ["label_value_twice"]),
        (Mapping({"Nr": "external_id", "Statut": "churn_label"}, label_yes=("Actif", "Résilié")), ["label_one_class_in_sample"]),
        (Mapping({"Zone": "month", "Nr": "attribute"}, id_rule="row_hash"), ["months_without_id"]),
    ],
)  # fmt: skip
def test_mapping_that_cannot_be_used_says_why(mapping, expected):
    assert codes(mapping) == expected


def test_next_file_of_the_same_shape_is_recognised_in_any_order():
    mapping = agreed().with_target("Zone", "city").with_label("Statut", ["Actif"])
    turned = ["statut", "MONTANT_MENSUEL", "nr", "zone"]
    assert shape_key(turned) == shape_key(HEADERS)
    proposal = propose(turned, [[r[2], r[3], r[0], r[1]] for r in ROWS], remembered=mapping.to_json())
    assert proposal.is_remembered and {c.why for c in proposal.columns} == {"remembered"}
    assert [c.target for c in proposal.columns] == ["churn_label", "monthly_charges", "external_id", "city"]
    assert proposal.label.yes == ("Actif",)


def test_of_another_shape_only_the_known_headers_are_remembered():
    mapping = agreed().with_target("Zone", "city")
    proposal = propose([*HEADERS, "Age"], [[*r, "30"] for r in ROWS], remembered=mapping)
    assert not proposal.is_remembered
    assert [c.target for c in proposal.columns] == ["external_id", "city", "churn_label", "monthly_charges", "age"]


def test_person_changes_one_column_and_the_holder_gives_way():
    mapping = agreed().with_id("Zone")
    assert mapping.targets["Nr"] == "attribute" and mapping.header_of("external_id") == "Zone"
    assert mapping.with_id("row_number").id_rule == "row_number"
    assert mapping.without_label().label_yes == ()
    with pytest.raises(MappingRefused, match="unknown_column"):
        mapping.with_id("nowhere")


def test_repeated_and_blank_headers_have_names():
    assert unique_headers(["a", "", "a", "\ufeffb", " a "]) == ("a", "column 2", "a (2)", "b", "a (3)")


@settings(max_examples=60)
@given(
    st.lists(st.text(max_size=12), max_size=6),
    st.lists(st.lists(st.one_of(st.none(), st.text(max_size=8), st.integers(), st.floats()), max_size=8), max_size=6),
)
def test_no_table_breaks_the_proposal(headers, rows):
    proposal = propose(headers, rows)
    assert len(proposal.columns) == len(headers)
    targets = [c.target for c in proposal.columns if c.target not in ("attribute", "ignore")]
    assert len(targets) == len(set(targets))
    assert Mapping.from_json(proposal.mapping().to_json()) == proposal.mapping() if headers else True
