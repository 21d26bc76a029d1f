"""Whether there is enough to learn from: said in words before anybody trains, from roll-ups alone."""

import datetime as dt

import pytest
from django.utils import translation

from core.models import JobState
from customers import selectors, services
from customers.models import ColumnFinding, Customer, CustomerBase, Import, ImportStep, QualityProfile, UsageRecord
from tenants.scoping import tenant_scope
from tests.conftest import import_file, write_csv
from tests.dashboard.conftest import cost

FIVE = ["tenure", "contract", "monthly_charges", "Region", "Plan"]


@pytest.fixture
def company(atlas_scope):
    """``company(left=…, stayed=…)``: a base of so many customers, brought by one import with these columns."""

    def make(*, left: int, stayed: int, unknown: int = 0, months: int = 0, columns=FIVE) -> Import:
        counts = {"customers": left + stayed + unknown, "left": left, "stayed": stayed, "unknown": unknown}
        CustomerBase.objects.create(facts={**counts, "months": months, "monthly_revenue": 0.0})
        targets = {"customerID": "external_id", "Churn": "churn_label"}
        targets |= {name: name if name in selectors.FEATURES else "attribute" for name in columns}
        mapping = {"columns": {header: {"target": target} for header, target in targets.items()}}
        return Import.objects.create(filename="a.csv", state=JobState.SUCCEEDED, step=ImportStep.WRITE, mapping=mapping)

    return make


def words(found: dict, code: str) -> str:
    return next(bar["words"] for bar in found["criteria"] if bar["code"] == code)


def test_empty_company_is_told_to_import(atlas_scope):
    found = services.readiness()
    assert found["verdict"] == "not_yet"
    assert found["headline"] == "Not enough to learn from yet"
    assert found["advice"] == "Import a file of customers, with a column that says who left."
    assert words(found, "features") == "0 columns can be learned from. 1 more is needed before anything can be learned."


def test_company_that_knows_nobodys_outcome_is_told_so(company):
    company(left=0, stayed=0, unknown=800)
    found = services.readiness()
    assert found["verdict"] == "not_yet"
    assert found["advice"].startswith("Nobody’s outcome is known")
    assert words(found, "outcome_known").startswith("0 of 800 customers have a known outcome. 100 more are needed")


def test_too_few_leavers_say_how_many_more_and_what_that_takes(company):
    company(left=10, stayed=390)
    found = services.readiness()
    assert found["verdict"] == "not_yet"
    assert words(found, "left") == "10 of them left. 15 more are needed before anything can be learned."
    assert words(found, "stayed") == "390 of them stayed."
    more = found["found"]["left_to_collect"]
    assert more >= 90
    assert f"Roughly {more} more customers who left would do" in found["advice"]
    # One in forty leaves, so each leaver to come takes forty customers.
    assert f"about {more * 40:,} more customers whose outcome is known" in found["advice"]


def test_thin_company_may_train_and_is_told_how_far_its_figures_waver(company):
    company(left=60, stayed=240)
    found = services.readiness()
    assert found["verdict"] == "thin"
    assert "more would make the figures steadier" in found["headline"]
    assert words(found, "left") == "60 of them left. 40 more would be better."
    assert f"±{found['found']['auc_half_width']:.2f}" in found["advice"]
    assert 0.05 < found["found"]["auc_half_width"] < 0.2


def test_ready_company_is_told_so_and_what_it_may_expect(company):
    company(left=1_869, stayed=5_174, months=7)
    found = services.readiness()
    assert (found["verdict"], found["headline"]) == ("ready", "There is enough to learn from")
    assert "±0.01" in found["advice"]
    assert words(found, "outcome_known") == "7,043 of 7,043 customers have a known outcome."
    assert words(found, "features") == "5 columns can be learned from."
    assert words(found, "months") == "7 months of use."
    assert {bar["state"] for bar in found["criteria"]} == {"met"}


def test_verdict_speaks_the_readers_language(company):
    company(left=10, stayed=390)
    with translation.override("fr"):
        found = services.readiness()
    assert found["headline"] == "Pas encore assez pour apprendre"
    assert "10 d’entre eux sont partis" in words(found, "left")


def test_columns_kept_away_do_not_count_until_somebody_overrules(company, alice):
    company(left=1_869, stayed=5_174)
    for column, severity in (("Plan", "quarantine"), ("Region", "set_aside"), ("contract", "warn")):
        ColumnFinding.objects.create(column=column, severity=severity)
    assert selectors.learnable_columns() == {"tenure", "monthly_charges", "contract"}
    found = services.readiness()
    assert (found["verdict"], found["facts"]["features"]) == ("thin", 3)
    assert words(found, "features") == "3 columns can be learned from. 2 more would be better."
    assert found["advice"] == "More columns about the customers would help too."
    ColumnFinding.objects.filter(column="Plan").update(overruled_by=alice, overruled_at=dt.datetime.now(dt.UTC))
    assert services.readiness()["facts"]["features"] == 4


def test_file_that_was_looked_at_counts_only_what_can_be_learned_from(company):
    run = company(left=1_869, stayed=5_174)
    QualityProfile.objects.create(brought_by=run, state="succeeded", summary={"learnable": ["tenure"]})
    assert selectors.learnable_columns() == {"tenure"}
    Import.objects.filter(pk=run.pk).update(step=ImportStep.UNDO)
    assert selectors.learnable_columns() == set()


def test_columns_of_several_files_add_up(company):
    company(left=1_869, stayed=5_174, columns=["tenure", "Region"])
    mapping = {
        "columns": {"No": {"target": "external_id"}, "Calls": {"target": "nombre_appels"}, "City": {"target": "city"}}
    }
    Import.objects.create(filename="b.csv", state="succeeded", step=ImportStep.WRITE, mapping=mapping)
    assert selectors.learnable_columns() == {"tenure", "Region", "nombre_appels"}


def test_roll_up_counts_months_of_use_once_each(tmp_path, atlas_scope):
    import_file(write_csv(tmp_path / "a.csv", "customerID,tenure,Churn", "C1,1,Yes", "C2,2,No"))
    for customer in Customer.objects.all():
        for month in (1, 2, 3):
            UsageRecord.objects.create(customer=customer, month=dt.date(2026, month, 1))
    services.refresh_customer_base()
    assert services.readiness()["facts"]["months"] == 3


# ---------------------------------------------------------------- where it is shown


def test_readiness_stands_on_the_models_page_until_all_is_well(client_for, cast, trained):
    with tenant_scope(cast.atlas):
        CustomerBase.objects.update(facts={"customers": 300, "left": 60, "stayed": 240, "unknown": 0})
        assert services.readiness()["verdict"] == "thin"
    assert "40 more would be better" in client_for(cast.bob).get("/mlops").content.decode()
    with tenant_scope(cast.atlas):
        CustomerBase.objects.update(facts={"customers": 7_043, "left": 1_869, "stayed": 5_174, "unknown": 0})
    assert "enough to learn from" not in client_for(cast.bob).get("/mlops").content.decode()


def test_readiness_stands_before_the_first_training_and_hides_no_button(client_for, cast):
    text = client_for(cast.anna).get("/mlops").content.decode()
    assert "Not enough to learn from yet" in text
    assert "Train a model" in text


def test_readiness_is_told_to_programs_of_the_company_only(client_for, client, cast, imported):
    ours = client_for(cast.bob).get("/api/readiness").json()
    assert ours["facts"]["customers"] == 300
    assert {"verdict", "headline", "advice", "criteria", "found"} <= set(ours)
    theirs = client_for(cast.charlie).get("/api/readiness").json()
    assert (theirs["facts"]["customers"], theirs["verdict"]) == (0, "not_yet")
    assert client.get("/api/readiness").status_code in (401, 403)


def test_readiness_costs_the_same_for_any_number_of_files(client_for, cast, tmp_path):
    client = client_for(cast.bob)
    with tenant_scope(cast.atlas):
        import_file(write_csv(tmp_path / "a.csv", "customerID,tenure,Churn", "C1,1,Yes", "C2,2,No"))
    before = cost(client, "/api/readiness")
    with tenant_scope(cast.atlas):
        for i in range(5):
            import_file(write_csv(tmp_path / f"{i}.csv", "customerID,tenure,Churn", f"X{i},1,Yes", "C2,2,No"))
    assert cost(client, "/api/readiness") == before
