"""What the demonstration decides: when it refuses to start, and what is due next for a company."""

import socket
from pathlib import Path

import pytest
from django.utils import timezone

from churnguard import seeding
from churnguard.demo import __main__ as start
from churnguard.demo import companies, programs, wishes
from churnguard.demo.companies import Guide, SampleCompany
from churnguard.demo.steps import Stand, Step, due
from churnguard.demo.welcome import Place, block
from churnguard.demo.wishes import Unwilling, Wish, understood
from core import jobs
from core.errors import Refused
from core.models import JobState
from customers import services as customers
from customers.ingest.synthetic import LARGEST_CARRIER
from customers.models import Customer, Import, UsageRecord
from predictions import services as predictions
from predictions.learning.evidence import MIN_ROWS
from predictions.models import TrainingRun
from tenants.models import AuditEntry, Tenant, User
from tenants.scoping import tenant_scope
from tests.conftest import write_csv

# ---------------------------------------------------------------- what it refuses, in one line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("customers", "many"), ("customers", "0"), ("customers", "99"), ("customers", "1e4"), ("customers", "-5"),
        ("customers", "10000001"), ("customers", ""), ("customers", "٧٠٠٠"),
        ("port", "0"), ("port", "65536"), ("port", "http"), ("port", "80.5"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_named_with_what_it_may_be(name, said):
    with pytest.raises(Unwilling) as refusal:
        understood(**{"port": "8000", "customers": "7000", "data": None, name: said})
    assert str(refusal.value).startswith(f"{name.upper()} takes a whole number from ")
    assert f"“{said}”" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_number_may_be_written_as_people_write_it():
    assert understood(port="8000", customers="100,000", data=None) == Wish(8000, 100_000, None)
    assert understood(port=" 8000 ", customers="100_000", data="").customers == 100_000


def test_the_bounds_of_customers_are_those_of_learning_and_of_the_sample():
    assert (wishes.FEWEST, wishes.MOST) == (MIN_ROWS, LARGEST_CARRIER)


def test_a_port_in_use_is_one_line_with_another_port_to_try():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unwilling, match=rf"^Port {port} cannot be used.*PORT=\d+$"):
            wishes.require_free_port(Wish(port, 7000))
    wishes.require_free_port(Wish(port, 7000))


def test_a_full_disk_is_one_line_with_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(wishes.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1e9})())
    wishes.require_space(tmp_path, Wish(8000, 7000))
    with pytest.raises(Unwilling, match=r"1\.0 GB free, about 5\.2 GB needed\.$"):
        wishes.require_space(tmp_path, Wish(8000, 1_000_000))


def test_known_passwords_never_meet_production():
    with pytest.raises(Unwilling, match="known password"):
        wishes.require_development("production")


def test_a_front_end_that_was_not_built_names_the_command(tmp_path):
    with pytest.raises(Unwilling, match="make setup"):
        wishes.require_front_end(tmp_path)


def test_a_refusal_is_the_only_line_and_the_exit_code_says_so(capsys):
    assert start.main(["--customers", "lots"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "CUSTOMERS takes a whole number from 100 to 10,000,000, not “lots”.\n"


# ---------------------------------------------------------------- what is due next

FULL = {
    "is_imported": True,
    "has_history": True,
    "is_judged": True,
    "has_champion": True,
    "is_scored": True,
    "has_campaigns": True,
}


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ({}, Step.IMPORT),
        ({"import_open": True}, Step.WAIT_IMPORT),
        ({"is_imported": True}, Step.HISTORY),
        # A larger sample of a company that is complete: its import is waited for, whatever else there is.
        (FULL | {"is_imported": False, "import_open": True}, Step.WAIT_IMPORT),
        (FULL | {"is_imported": False}, Step.IMPORT),
        ({"is_imported": True, "has_history": True}, Step.TRAIN),
        ({"is_imported": True, "has_history": True, "training_open": True}, Step.WAIT_TRAINING),
        (FULL | {"is_judged": False}, Step.TRAIN),
        (FULL | {"is_judged": False, "scoring_open": True}, Step.WAIT_SCORING),
        (FULL | {"is_scored": False}, Step.SCORE),
        (FULL | {"is_scored": False, "scoring_open": True}, Step.WAIT_SCORING),
        # A model no better than chance, or a refused training: asking again would change nothing.
        ({"is_imported": True, "has_history": True, "is_judged": True}, Step.NOTHING),
        (FULL | {"has_campaigns": False}, Step.CAMPAIGNS),
        (FULL, Step.NOTHING),
    ],
)
def test_the_next_step_follows_from_the_facts(facts, step):
    assert due(Stand(**facts)) is step


def test_a_company_without_a_past_and_one_that_does_not_learn_skip_those_steps():
    imported = Stand(is_imported=True)
    assert due(imported, remembers=False) is Step.TRAIN
    assert due(imported, remembers=False, learns=False) is Step.NOTHING
    assert due(Stand(**FULL | {"has_campaigns": False}), writes=False) is Step.NOTHING


# ---------------------------------------------------------------- the facts, from the rows


@pytest.fixture
def atlas_sample(atlas) -> SampleCompany:
    return SampleCompany(seeding.ATLAS, 120, seeding.DEMO_SEED)


@pytest.fixture
def worker(monkeypatch):
    """Does each job where the bell is rung; keeps the names of the tasks it was rung for."""
    done = []
    work = {
        "customers.tasks.run_import": lambda job: customers.run_import(import_id=job.pk, follow=False),
        "predictions.tasks.train_model": lambda job: predictions.train_model(run_id=job.pk, follow=False),
        "predictions.tasks.score_customers": lambda job: predictions.score_customers(run_id=job.pk, follow=False),
    }

    def answer(job):
        done.append(job.task_name.rsplit(".", 1)[1])
        try:
            work[job.task_name](job)
        except (Refused, jobs.NotClaimable):
            pass
        job.refresh_from_db()

    monkeypatch.setattr(jobs, "ring", answer)
    return done


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def guide(said, settings, tmp_path) -> Guide:
    settings.VAR_DIR = tmp_path
    return Guide(say=said.append, meanwhile=lambda: None)


def test_the_sample_goes_through_every_step_once(atlas_sample, worker, guide, said, quick_race):
    guide.lead(atlas_sample)
    assert worker == ["run_import", "train_model", "score_customers"]
    assert said == ["Atlas Telecom"]
    with tenant_scope(Tenant.objects.get(slug=atlas_sample.slug)):
        assert Customer.objects.count() == 120
        assert UsageRecord.objects.exists()
    guide.lead(atlas_sample)
    assert len(worker) == 3
    assert said == ["Atlas Telecom"]


def test_a_larger_sample_is_brought_in_on_top_and_learned_from_again(atlas_sample, worker, guide, quick_race):
    guide.lead(atlas_sample)
    with tenant_scope(Tenant.objects.get(slug=atlas_sample.slug)):
        before = set(Customer.objects.values_list("external_id", flat=True))
    larger = SampleCompany(seeding.ATLAS, 200, seeding.DEMO_SEED)
    guide.lead(larger)
    with tenant_scope(Tenant.objects.get(slug=atlas_sample.slug)):
        after = set(Customer.objects.values_list("external_id", flat=True))
        assert Import.objects.count() == 2
        assert TrainingRun.objects.count() == 2
    assert before < after
    assert len(after) == 200
    asked = len(worker)
    guide.lead(atlas_sample)  # fewer than there are: nothing to do
    assert len(worker) == asked


def test_an_interrupted_recording_of_the_history_is_done_again(atlas_sample, worker, guide, monkeypatch, quick_race):
    class Interruption(BaseException):
        pass

    def record_and_stop(**options):
        record(**options)
        raise Interruption

    record = companies.samples.record_sample_history
    with monkeypatch.context() as patched:
        patched.setattr(companies.samples, "record_sample_history", record_and_stop)
        with pytest.raises(Interruption):
            guide.lead(atlas_sample)
    assert companies.next_step(atlas_sample) is Step.HISTORY
    with tenant_scope(Tenant.objects.get(slug=atlas_sample.slug)):
        months = UsageRecord.objects.count()
    guide.lead(atlas_sample)
    assert companies.next_step(atlas_sample) is Step.NOTHING
    with tenant_scope(Tenant.objects.get(slug=atlas_sample.slug)):
        assert UsageRecord.objects.count() == months
        assert AuditEntry.objects.filter(verb=companies.HISTORY_RECORDED).count() == 1


def test_an_open_import_is_waited_for_not_asked_again(atlas_sample, guide):
    with companies.company(atlas_sample.slug), atlas_sample.file() as path:
        customers.open_import(path=path)
    assert companies.next_step(atlas_sample) is Step.WAIT_IMPORT


@pytest.mark.parametrize("state", [JobState.DEAD, JobState.CANCELLED])
def test_a_training_that_was_given_up_or_cancelled_is_due_again(atlas_sample, state, guide, worker, quick_race):
    guide.lead(atlas_sample)
    with companies.company(atlas_sample.slug):
        TrainingRun.objects.update(state=state)
    assert companies.next_step(atlas_sample) is Step.TRAIN


# ---------------------------------------------------------------- a person's own file


@pytest.fixture
def own_file(tmp_path, sample_csv):
    path = tmp_path / "Our Customers 2026.csv"
    path.write_bytes(sample_csv.read_bytes())
    return path


@pytest.mark.usefixtures("db")
class TestOwnFile:
    def test_gets_a_company_of_its_own_with_an_owner_and_everything_learned(self, own_file, worker, guide, quick_race):
        guest = companies.own_company(own_file)
        guide.lead(guest)
        assert (guest.slug, guest.name) == ("our-customers-2026", "Our Customers 2026")
        assert worker == ["run_import", "train_model", "score_customers"]
        [(role, email)] = guest.people()
        assert (role, email) == ("owner", "owner@our-customers-2026.example.com")
        assert User.objects.get(email=email).check_password(seeding.DEMO_PASSWORD)

    def test_is_not_read_again_while_its_content_is_the_same(self, own_file, worker, guide, quick_race):
        guide.lead(companies.own_company(own_file))
        guide.lead(companies.own_company(own_file))
        assert len(worker) == 3
        with own_file.open("a", encoding="utf-8") as file:
            file.write(own_file.read_text(encoding="utf-8").splitlines()[1].replace("Yes", "No") + "\n")
        guide.lead(companies.own_company(own_file))
        assert worker[3:] == ["run_import", "train_model", "score_customers"]

    @pytest.mark.parametrize(
        ("name", "content"), [("empty.csv", ""), ("letter.csv", "Dear Sir\n"), ("people.csv", "name,town\nAnna,Rome\n")]
    )
    def test_that_is_no_table_of_customers_leaves_no_company(self, tmp_path, name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        with pytest.raises(Refused, match=name):
            companies.own_company(path)
        assert not Tenant.objects.exists()
        assert not User.objects.exists()

    def test_that_is_not_there_or_a_folder_leaves_no_company(self, tmp_path):
        for path in (tmp_path / "gone.csv", tmp_path):
            with pytest.raises(Refused, match=str(path)):
                companies.own_company(path)
        assert not Tenant.objects.exists()

    def test_named_like_a_sample_company_stays_apart_from_it(self, tmp_path, sample_csv):
        path = tmp_path / "atlas-telecom.csv"
        path.write_bytes(sample_csv.read_bytes())
        assert companies.own_company(path).slug == "atlas-telecom-file"

    def test_too_thin_to_learn_from_says_so_once_and_is_served_all_the_same(self, tmp_path, worker, guide, said):
        rows = [f"C{n},{'Yes' if n < 5 else 'No'},{n}" for n in range(40)]
        path = write_csv(tmp_path / "few.csv", "customerID,Churn,tenure", *rows)
        guest = companies.own_company(path)
        guide.lead(guest)
        assert len(said) == 2
        assert said[1].startswith("  Training: Only 5 customers")
        assert "Only 5 customers" in companies.described(guest)
        guide.lead(companies.own_company(path))
        assert worker == ["run_import", "train_model"]


def test_a_site_in_a_folder_of_its_own_finds_the_folder_of_its_log(tmp_path):
    """Without the supervisor, which makes it for the whole demonstration: so do benchmarks and tests start a site."""
    command = programs.site(tmp_path, tmp_path / "fresh", 8000).command
    log = Path(command[command.index("--access-logfile") + 1])
    log.write_text("gunicorn may write here")
    assert log.parent.parent == tmp_path / "fresh"


# ---------------------------------------------------------------- what it says


def test_the_last_block_names_the_address_the_people_and_the_way_out():
    text = block(
        "http://127.0.0.1:8000", [Place("Atlas", "7 customers", [("owner", "o@x.example.com")])], "secret", "log"
    )
    for expected in ("http://127.0.0.1:8000", "Atlas: 7 customers", "owner     o@x.example.com", "secret", "Ctrl-C"):
        assert expected in text


def test_a_served_company_is_described_by_its_customers_and_its_risk(scored, atlas_sample):
    present = scored.summary["present"]["bands"]["high"]
    assert 0 < present < scored.bands["high"], "some of those at risk left already"
    assert companies.described(atlas_sample) == f"300 customers, {present} at high risk"


def test_the_history_counts_only_for_as_many_customers_as_it_was_recorded_for(atlas_sample, imported):
    with tenant_scope(Tenant.objects.get(slug=atlas_sample.slug)):
        Import.objects.update(filename="sample-300.csv", finished_at=timezone.now())
        companies.tenants.record(companies.HISTORY_RECORDED, customers=100)
    assert companies.next_step(atlas_sample) is Step.HISTORY
