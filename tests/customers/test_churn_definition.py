"""What leaving means: proposed and previewed on the company's own past, adopted by a person, and learned by as of a past day."""

import datetime as dt

import pandas as pd
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import Refused
from core.jobs import NotClaimable
from core.models import JobState
from customers import selectors, services
from customers.ingest.synthetic import prepaid
from customers.models import ChurnDefinition, Customer, CustomerBase, Import, UsageRecord
from tenants.models import AuditEntry
from tests.conftest import import_file, write_csv
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


# ---------------------------------------------------------------- proposing and previewing


def test_preview_counts_who_was_drawn_to_leave_in_each_month(company, alice):
    preview = previewed(alice).preview
    known = [line for line in preview["months"] if line["left"] is not None]
    assert len(known) == 9, "of twelve, the last three are not known yet"
    assert [line["left"] for line in preview["months"][-3:]] == [None] * 3
    for line in known:
        told = list(drawn_to_leave(company, dt.date.fromisoformat(line["month"])).values())
        counted = {
            "left": told.count("left"),
            "too_soon": told.count("too soon"),
            "at_risk": len(told) - told.count("too soon"),
        }
        assert {name: line[name] for name in counted} == counted
    assert sum(line["left"] for line in known) > 30
    assert preview["customers"] == CUSTOMERS
    assert preview["known_until"] == (this_month() - dt.timedelta(days=1)).isoformat()
    assert preview["learns"] == {
        "train": months_ago(6).isoformat(), "test": months_ago(3).isoformat(), "missing": 0, "missing_to_test": 0,
    }  # fmt: skip


def test_preview_in_small_blocks_says_the_same(company, alice, monkeypatch):
    whole = previewed(alice).preview
    monkeypatch.setattr(services.definitions, "PREVIEW_BLOCK", 37)
    definition = previewed(alice)
    assert definition.preview == whole
    assert ChurnDefinition.objects.count() == 1, "the same proposal is looked at anew"


def test_preview_is_held_against_the_label_column(company, alice):
    gone = [n for n, last in zip(company.customers["external_id"], company.last_month, strict=True) if 0 <= last < 8]
    Customer.objects.update(churn_label=False)
    Customer.objects.filter(external_id__in=gone[:-5]).update(churn_label=True)
    found = previewed(alice).preview
    by_rule = found["label"]["left_both"] + found["label"]["left_here"]
    still_silent = [
        n for n, last in zip(company.customers["external_id"], company.last_month, strict=True) if 0 <= last < 10
    ]
    assert by_rule == len(still_silent)
    assert found["label"]["left_both"] == len(gone) - 5
    assert found["label"]["left_there"] == 0
    assert all(
        line["agree"] <= line["labelled"] == line["left"] for line in found["months"] if line["left"] is not None
    )


def test_too_few_months_are_counted_and_cannot_be_adopted(alice):
    bring_in(60, months=4)
    definition = previewed(alice)
    assert definition.preview["learns"] == {"train": None, "test": None, "missing": 2, "missing_to_test": 5}
    with pytest.raises(Refused, match="2 more months are needed"):
        services.adopt_definition(definition=definition, actor=alice, reason="x")
    assert selectors.adopted_definition() is None


def test_month_that_runs_and_month_brought_in_part_are_not_silence(company, alice):
    before = previewed(alice).preview
    some = Customer.objects.order_by("pk")[:40]
    UsageRecord.objects.bulk_create([UsageRecord(customer=c, month=this_month(), nombre_appels=3) for c in some])
    assert previewed(alice).preview == before, "nobody else fell silent on the first of this month"
    UsageRecord.objects.filter(month=months_ago(5)).exclude(customer__in=some).delete()
    found = previewed(alice).preview
    assert found["holes"] == [months_ago(5).isoformat()]
    unknown = [line["month"] for line in found["months"] if line["left"] is None]
    assert unknown == [months_ago(k).isoformat() for k in (7, 6, 5, 4, 2, 1, 0)]


def test_company_without_months_of_use_is_told_so(alice):
    Customer.objects.create(external_id="A")
    found = previewed(alice).preview
    assert (found["first_month"], found["unjudged"], found["learns"]["train"]) == (None, 1, None)
    assert found["learns"]["missing"] == 3 + 1 + 1 + 2 - 1, "three to look at, gap, horizon, and the silence itself"


def test_month_brought_in_before_it_was_over_is_not_known(company, alice):
    """A file of the 20th with everybody's use of twenty days: who used nothing yet is not silent."""
    last = UsageRecord.objects.filter(month=months_ago(1))
    early = timezone.now().replace(year=months_ago(1).year, month=months_ago(1).month, day=20)
    run = Import.objects.create(filename="use.csv", state=JobState.SUCCEEDED, finished_at=early)
    last.update(created_by_import=run.pk)
    assert previewed(alice).preview["known_until"] == (months_ago(1) - dt.timedelta(days=1)).isoformat()
    again = Import.objects.create(filename="use.csv", state=JobState.SUCCEEDED, finished_at=timezone.now())
    last.filter(pk=last.first().pk).update(changed_by_import=again.pk)
    assert previewed(alice).preview["known_until"] == (this_month() - dt.timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({"kind": "moon"}, "unknown_kind"),
        ({"kind": ""}, "unknown_kind"),
        ({"kind": "silence", "silent_days": 45}, "not_months"),
        ({"kind": "silence", "silent_days": 0}, "bad_silence"),
        ({"kind": "silence", "silent_days": -30}, "bad_silence"),
        ({"kind": "silence", "silent_days": 90, "gap_days": 10}, "not_months"),
        ({"kind": "silence", "silent_days": 90, "horizon_days": 0}, "bad_horizon"),
        ({"kind": "silence", "silent_days": 90, "horizon_days": 10**9}, "bad_horizon"),
        ({"kind": "silence", "silent_days": 90, "gap_days": -30}, "bad_gap"),
        ({"kind": "contract_end", "field": "nothing"}, "no_date_field"),
        ({"kind": "contract_end", "field": "x", "grace_days": -1}, "bad_grace"),
    ],
)
def test_proposal_that_makes_no_sense_is_refused(alice, chosen, code):
    with pytest.raises(Refused) as refused:
        services.propose_definition(actor=alice, **{"horizon_days": 30, "gap_days": 30, **chosen})
    assert refused.value.code == code
    assert not ChurnDefinition.objects.exists()


def test_label_column_is_a_definition_too(imported, alice):
    definition = previewed(alice, kind="label")
    assert (definition.silent_days, definition.gap_days) == (0, 0)
    assert definition.numbers == {"horizon_days": 30}, "within how many days before the file its leavers left"
    base = CustomerBase.objects.get().facts
    assert definition.preview == {name: base[name] for name in ("customers", "left", "stayed", "unknown")}
    before = pd.concat(selectors.feature_frames())
    services.adopt_definition(definition=definition, actor=alice, reason="billing knows")
    pd.testing.assert_frame_equal(pd.concat(selectors.feature_frames()), before)
    assert selectors.training_cut() is None and services.require_training_cut() is None


def test_second_message_for_the_same_preview_changes_nothing(company, alice):
    definition = services.propose_definition(kind="silence", silent_days=60, horizon_days=30, actor=alice)
    services.preview_definition(definition_id=definition.pk)
    with pytest.raises(NotClaimable):
        services.preview_definition(definition_id=definition.pk)
    definition.refresh_from_db()
    assert (definition.state, definition.attempts) == (JobState.SUCCEEDED, 1)


# ---------------------------------------------------------------- adopting


def test_adopting_is_written_down_and_takes_the_place_of_what_was_before(company, alice):
    first = adopted(alice)
    second = services.adopt_definition(definition=previewed(alice, silent_days=90), actor=alice, reason="slower\x00 ")
    first.refresh_from_db()
    assert (first.standing, second.standing, second.adopted_by, second.adopt_reason) == (
        "retired", "adopted", alice, "slower",
    )  # fmt: skip
    assert selectors.adopted_definition() == second
    entry = AuditEntry.objects.filter(verb="definition_adopted").latest("sequence")
    assert entry.actor == alice
    assert entry.facts == {
        "kind": "silence", "silent_days": 90, "horizon_days": 30, "gap_days": 30, "reason": "slower",
        "instead_of": str(first.public_id),
    }  # fmt: skip


def test_definition_is_adopted_with_a_reason_after_its_preview_and_once(company, alice):
    waiting = services.propose_definition(kind="silence", silent_days=60, horizon_days=30, gap_days=0, actor=alice)
    with pytest.raises(Refused, match="Wait for the preview"):
        services.adopt_definition(definition=waiting, actor=alice, reason="x")
    definition = previewed(alice)
    with pytest.raises(Refused, match="Say why"):
        services.adopt_definition(definition=definition, actor=alice, reason="  ")
    stale = ChurnDefinition.objects.get(pk=definition.pk)
    services.adopt_definition(definition=definition, actor=alice, reason="x")
    with pytest.raises(Refused) as refused:
        services.adopt_definition(definition=stale, actor=alice, reason="x")
    assert refused.value.code == "moved_on"
    with pytest.raises(Refused) as refused:
        services.adopt_definition(definition=definition, actor=alice, reason="x")
    assert refused.value.code == "already_adopted"


def test_database_holds_one_adopted_definition_for_each_company(company, alice, borealis):
    adopted(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        ChurnDefinition.objects.create(kind="silence", standing="adopted")


def test_definition_given_up_leaves_the_label_column(company, alice):
    definition = adopted(alice)
    with pytest.raises(Refused, match="Say why"):
        services.retire_definition(definition=definition, actor=alice, reason="")
    services.retire_definition(definition=definition, actor=alice, reason="too slow")
    assert selectors.adopted_definition() is None
    assert AuditEntry.objects.get(verb="definition_retired").facts["was"] == "adopted"
    for again in (services.retire_definition, services.adopt_definition):
        with pytest.raises(Refused) as refused:
            again(definition=definition, actor=alice, reason="x")
        assert refused.value.code == "retired"
    assert previewed(alice).pk != definition.pk, "the same proposal may come again, as a new one"


def test_file_need_not_say_who_left_once_dates_do(company, alice, tmp_path):
    file = write_csv(tmp_path / "a.csv", "customerID,tenure,MonthlyCharges", "P000001,4,20", "NEW,1,9")
    with pytest.raises(Refused, match="no column that says who left"):
        import_file(file)
    assert selectors.outcome_counts() == {"left": 0, "stayed": 0}
    definition = adopted(alice)
    run = import_file(file)
    assert (run.rows_created, run.rows_updated) == (1, 1)
    learns = definition.preview["learns"]["train"]
    (line,) = [line for line in definition.preview["months"] if line["month"] == learns]
    assert selectors.outcome_counts() == {"left": line["left"], "stayed": line["at_risk"] - line["left"]}
