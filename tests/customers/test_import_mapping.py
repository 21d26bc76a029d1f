"""What each column is: by a file, by options, by memory; and why a mapping cannot be used, in words."""

import json

import pytest
from django.core.management import CommandError

from core.errors import Refused
from customers.models import ColumnMapping, Customer, Import
from tenants.scoping import tenant_scope
from tests.conftest import count_rows, import_file, write_csv
from tests.customers.bases import base, checked, command, counts, kept_files

SHORT = {
    "columns": {"Nr": "external_id", "Zone": "attribute", "Parti": "churn_label", "Durée": "tenure"},
    "label": {"yes": ["oui"]},
}
LINES = ("Nr;Zone;Parti;Durée;Note", "A1;Nord;oui;12;x", "A2;Sud;non;3;y", "A3;;non;;z")


@pytest.fixture
def clients(tmp_path):
    return write_csv(tmp_path / "clients.csv", *LINES, encoding="cp1252")


def mapping_file(tmp_path, mapping) -> str:
    path = tmp_path / "m.json"
    path.write_text(mapping if isinstance(mapping, str) else json.dumps(mapping), encoding="utf-8")
    return str(path)


# ---------------------------------------------------------------- by a file


def test_short_mapping_keeps_what_it_names_and_leaves_the_rest_out(atlas, tmp_path, clients):
    result = command(clients, "--mapping", mapping_file(tmp_path, SHORT))
    assert counts(result) == (3, 3, 0, 0, 0)
    assert result["kept_columns"] == ["Zone"]
    with tenant_scope(atlas):
        found = Customer.objects.order_by("external_id").select_related("subscription")
        assert [(c.external_id, c.churn_label, c.subscription.tenure, c.attributes) for c in found] == [
            ("A1", True, 12, {"Zone": "Nord"}),
            ("A2", False, 3, {"Zone": "Sud"}),
            ("A3", False, None, {}),
        ]


def test_long_mapping_says_the_type_of_an_other_field(atlas, tmp_path):
    path = write_csv(tmp_path / "a.csv", "Nr,Code,Parti", "A1,007,oui", "A2,12,non")
    long = {
        "version": 1,
        "columns": {
            "Nr": {"target": "external_id"},
            "Code": {"target": "attribute", "type": "category"},
            "Parti": {"target": "churn_label"},
        },
        "id": "column",
        "label": {"yes": ["oui"], "no": ["non"], "unknown": []},
    }
    command(path, "--mapping", mapping_file(tmp_path, long))
    with tenant_scope(atlas):
        assert Customer.objects.get(external_id="A1").attributes == {"Code": "007"}


def test_printed_mapping_given_back_means_the_same(atlas, borealis, tmp_path, sample_csv):
    before = count_rows()
    printed = command(sample_csv, "--print-mapping")
    assert list(printed["columns"]) == sample_csv.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert count_rows() == before
    assert kept_files() == []
    command(sample_csv)
    command(sample_csv, "--mapping", mapping_file(tmp_path, printed), tenant="borealis-mobile")
    with tenant_scope(atlas):
        ours = base()
    with tenant_scope(borealis):
        assert base() == ours
        assert Import.objects.get().mapping == printed


@pytest.mark.parametrize(
    ("mapping", "code", "sentence"),
    [
        ("{not json", "mapping_not_json", "is no JSON"),
        ({}, "not_a_mapping", "an object with “columns” is expected"),
        ({"columns": {}}, "not_a_mapping", "an object with “columns” is expected"),
        ({"version": 9, "columns": {"Nr": "external_id"}}, "unknown_version", "“9” of mappings is not known"),
        ({"columns": {"Nr": 5}}, "bad_column", "What stands at “Nr” is no target"),
        ({"columns": {"Nr": "external_id"}, "label": ["oui"]}, "bad_label", "The label is an object with lists"),
        ({"columns": {"Nr": "external_id", "Zone": "planet"}}, "unknown_target", "“Zone” cannot be “planet”"),
        (
            {"columns": {"Nr": "external_id", "Zone": {"target": "attribute", "type": "colour"}}},
            "unknown_type",
            "“Zone” cannot be of the type “colour”",
        ),
        ({"columns": {"Nr": "external_id", "Note": "external_id"}}, "two_on_one_target", "“Nr”, “Note” are both"),
        ({"columns": {"Number": "external_id", "Zone": "city"}}, "missing_column", "The file has no column “Number”"),
        ({"columns": {"Nr": "ignore"}}, "no_columns", "Every column is left out"),
        (
            {"columns": {"Nr": "external_id", "Zone": "month"}},
            "no_columns",
            "Every column is left out",
        ),
        ({"columns": {"Zone": "city"}, "id": "column"}, "no_id", "No column is the customer number"),
        ({"columns": {"Nr": "external_id"}, "id": "row_hash"}, "two_ids", "are made for each line, not both"),
        ({"columns": {"Nr": "external_id"}, "id": "luck"}, "unknown_id_rule", "cannot come from “luck”"),
        ({"columns": {"Zone": "month", "Durée": "nombre_sms"}}, "months_without_id", "choose the customer number"),
        ({"columns": {"Nr": "external_id", "Parti": "churn_label"}}, "label_yes_missing", "which values of “Parti”"),
        (
            {"columns": {"Nr": "external_id", "Zone": "city"}, "label": {"yes": ["oui"]}},
            "label_yes_without_column",
            "no column holds them",
        ),
        (
            {"columns": {"Nr": "external_id", "Parti": "churn_label"}, "label": {"yes": ["oui"], "no": ["Oui"]}},
            "label_value_twice",
            "cannot mean both left and stayed",
        ),
    ],
)
def test_wrong_mapping_is_refused_in_words_and_leaves_nothing(atlas, tmp_path, clients, mapping, code, sentence):
    before = count_rows()
    with pytest.raises(CommandError, match=sentence) as refused:
        command(clients, "--mapping", mapping_file(tmp_path, mapping))
    assert refused.value.__cause__.code == code
    assert "\n" not in str(refused.value)
    assert count_rows() == before
    assert kept_files() == []


def test_mapping_that_is_not_there_is_named(atlas, tmp_path, clients):
    with pytest.raises(CommandError, match=r"The mapping .*gone\.json cannot be opened"):
        command(clients, "--mapping", str(tmp_path / "gone.json"))


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_characters_that_no_database_keeps_are_no_error_in_a_mapping(atlas_scope, clients, odd):
    """A program can send them; PostgreSQL refuses them in JSON."""
    columns = {**SHORT["columns"], f"x{odd}": "attribute"}
    mapping = {"columns": columns, "label": {"yes": ["oui", f"o{odd}"]}}
    assert counts(checked(clients, mapping=mapping).preview) == (3, 3, 0, 0, 0)
    assert counts(import_file(clients, mapping=mapping)) == (3, 3, 0, 0, 0)
    with pytest.raises(Refused):
        import_file(clients, label_column=f"Churn{odd}", label_yes=[odd])


# ---------------------------------------------------------------- by options


def test_number_and_label_are_said_by_option(atlas, tmp_path):
    path = write_csv(tmp_path / "a.csv", "ref,etape,couleur", "A1,fini,bleu", "A2,suivi,vert", "A3,fini,vert")
    result = command(path, "--id-column", "ref", "--label-column", "etape", "--label-yes", "fini")
    assert counts(result) == (3, 3, 0, 0, 0)
    assert result["kept_columns"] == ["couleur"]
    with tenant_scope(atlas):
        assert dict(Customer.objects.values_list("external_id", "churn_label")) == {"A1": True, "A2": False, "A3": True}


def test_several_values_mean_left(atlas, tmp_path):
    path = write_csv(tmp_path / "a.csv", "id,etat", "A1,parti", "A2,fâché", "A3,là", encoding="utf-8")
    command(path, "--label-column", "etat", "--label-yes", "parti", "--label-yes", "fâché")
    with tenant_scope(atlas):
        assert dict(Customer.objects.values_list("external_id", "churn_label")) == {"A1": True, "A2": True, "A3": False}


@pytest.mark.parametrize("option", ["--id-column", "--label-column"])
def test_option_that_names_no_column_is_refused_with_those_there_are(atlas, clients, option):
    before = count_rows()
    with pytest.raises(CommandError, match=r"no column “Number”\. It has: “Nr”, “Zone”, “Parti”"):
        command(clients, option, "Number")
    assert count_rows() == before


def test_numbers_by_counting_are_one_to_n(atlas, tmp_path):
    lines = ("tenure,Churn", "1,Yes", "1,Yes", "3,No")
    path = write_csv(tmp_path / "a.csv", *lines)
    assert counts(command(path, "--id-column", "row_number")) == (3, 3, 0, 0, 0)
    with tenant_scope(atlas):
        assert list(Customer.objects.order_by("pk").values_list("external_id", flat=True)) == ["1", "2", "3"]
    changed = write_csv(tmp_path / "b.csv", *lines[:3], "4,No")
    assert counts(command(changed)) == (3, 0, 1, 2, 0), "how customers are numbered was remembered"


def test_month_that_is_none_is_refused_in_words(atlas, clients):
    with pytest.raises(CommandError, match="“soon” is no month: write 2026-10"):
        command(clients, "--usage-month", "soon")


# ---------------------------------------------------------------- by memory


def test_mapping_is_remembered_and_recognised_whatever_the_order_of_the_columns(atlas_scope, tmp_path, alice):
    first = write_csv(tmp_path / "mars.csv", "ref,zone,parti le", "A1,Nord,2026-03-01", "A2,Sud,")
    mapping = {
        "columns": {"ref": "external_id", "zone": "city", "parti le": "churn_label"},
        "label": {"yes": ["*"]},
    }
    import_file(first, mapping=mapping, requested_by=alice)
    kept = ColumnMapping.objects.get()
    assert (kept.filename, kept.agreed_by) == ("mars.csv", alice)
    assert kept.mapping == Import.objects.get().mapping

    later = write_csv(tmp_path / "avril.csv", "Parti_le,REF,Zone", "2026-04-02,A2,Sfax", ",A3,Gabès")
    run = import_file(later)
    assert counts(run) == (2, 1, 1, 0, 0)
    assert run.proposal["is_remembered"]
    assert run.proposal["remembered_from"] == "mars.csv"
    found = dict(Customer.objects.values_list("external_id", "churn_label"))
    assert found == {"A1": True, "A2": True, "A3": False}
    assert Customer.objects.get(external_id="A2").city == "Sfax"
    assert ColumnMapping.objects.count() == 1


def test_what_a_person_agreed_to_is_remembered_once_it_is_written(atlas_scope, tmp_path, alice):
    path = write_csv(tmp_path / "a.csv", "ref,zone,parti", "A1,Nord,oui", "A2,Sud,non")
    mapping = {"columns": {"ref": "external_id", "zone": "ignore", "parti": "churn_label"}, "label": {"yes": ["oui"]}}
    run = checked(path, mapping=mapping, actor=alice)
    assert not ColumnMapping.objects.exists(), "the person may still think better of it"
    assert run.kept_columns == []


def test_other_company_remembers_nothing(atlas, borealis, tmp_path):
    path = write_csv(tmp_path / "a.csv", "tenure,Churn", "1,Yes", "3,No")
    command(path, "--id-column", "row_hash")
    with pytest.raises(CommandError, match="no column for the customer number"):
        command(path, tenant="borealis-mobile")
    with tenant_scope(borealis):
        assert not ColumnMapping.objects.exists()


def test_file_of_another_shape_is_not_taken_for_the_remembered_one(atlas_scope, tmp_path):
    import_file(write_csv(tmp_path / "a.csv", "customerID,tenure,Churn", "A1,1,Yes", "A2,2,No"))
    run = import_file(write_csv(tmp_path / "b.csv", "customerID,tenure,Churn,City", "A3,1,Yes,Tunis"))
    assert not run.proposal["is_remembered"]
    assert ColumnMapping.objects.count() == 2
