"""Contacts as a feature: counted before the day that is asked about and never after, and no part of what knows no day."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from django.utils import timezone

from customers import selectors, services
from customers.frames import blocks, contacts
from customers.frames.one import frame_of
from customers.models import Customer, Import, Interaction
from tenants.scoping import tenant_scope
from tests.customers import prepaid_company

COUNT = selectors.RECENT_CONTACTS
CONTACTED, HELD_OUT = Interaction.Kind.CONTACTED, Interaction.Kind.HELD_OUT


@pytest.fixture
def company(atlas_scope, alice):
    """A prepaid company by whose definition two silent months mean that somebody left; models learn on a past day."""
    drawn = prepaid_company.bring_in()
    prepaid_company.adopted(alice)
    return drawn


def together(frames) -> pd.DataFrame:
    return pd.concat(list(frames), ignore_index=True)


def contact(customers, day: dt.date, *, code: str = "spring", kind: str = CONTACTED) -> None:
    services.record_contacts(campaign_code=code, customers=customers, kind=kind, on=day)


def days_before(day: dt.date, days: int) -> dt.date:
    return day - dt.timedelta(days=days)


@pytest.fixture
def questions(monkeypatch):
    """How many questions about contacts some work asks. Counted at the door: PostgreSQL's whole arrays pass by Django's record."""

    def counted(work) -> int:
        asked = []
        with monkeypatch.context() as patched:
            for home, name in ((contacts.bulk, "read_numbers"), (contacts, "any_before")):
                door = getattr(home, name)
                patched.setattr(home, name, lambda about, door=door: asked.append(about) or door(about))
            work()
        return len(asked)

    return counted


# ---------------------------------------------------------------- as of a past day


def test_contacts_count_in_the_half_year_before_the_day_and_at_no_other_time(company):
    cut = selectors.training_cut()
    day = cut.train.day
    keys = together(selectors.training_frames(cut))["id"].tolist()
    told = {
        "long ago": (days_before(day, 181), CONTACTED), "first": (days_before(day, 180), CONTACTED),
        "last": (days_before(day, 1), CONTACTED), "same": (day, CONTACTED), "later": (day + dt.timedelta(1), CONTACTED),
        "held out": (days_before(day, 20), HELD_OUT),
    }  # fmt: skip
    for who, (code, (when, kind)) in zip(keys, told.items(), strict=False):
        contact([who], when, code=code, kind=kind)
    contact(keys[2:3], days_before(day, 90), code="first")
    found = together(selectors.training_frames(cut)).set_index("id")[COUNT]
    assert [found[key] for key in keys[:6]] == [0, 1, 2, 0, 0, 0]
    assert found.dtype == np.float64 and found.sum() == 3


def test_no_contact_of_the_day_or_later_changes_what_is_learned(company):
    cut = selectors.training_cut()
    everybody = list(Customer.objects.values_list("pk", flat=True))
    contact(everybody[::3], days_before(cut.train.day, 40))
    before = together(selectors.training_frames(cut))
    for code, day in (("a", cut.train.day), ("b", cut.test.day), ("c", timezone.localdate())):
        contact(everybody[::2], day, code=code)
    pd.testing.assert_frame_equal(together(selectors.training_frames(cut)), before)


def test_later_day_counts_what_was_known_on_it(company):
    cut = selectors.training_cut()
    everybody = list(Customer.objects.values_list("pk", flat=True))
    contact(everybody, days_before(cut.train.day, 5), code="before both")
    contact(everybody[::2], days_before(cut.test.day, 5), code="between")
    assert set(together(selectors.training_frames(cut))[COUNT]) == {1}
    later = together(selectors.evaluation_frames(cut))
    assert later[COUNT].tolist() == [2.0 if key in set(everybody[::2]) else 1.0 for key in later["id"]]


def test_what_came_of_a_campaign_is_in_no_feature(company):
    cut = selectors.training_cut()
    everybody = list(Customer.objects.values_list("pk", flat=True))
    contact(everybody[::2], days_before(cut.train.day, 40))
    before = together(selectors.training_frames(cut))
    services.record_outcomes(campaign_code="spring", left=everybody[:100:2], stayed=everybody[100::2])
    pd.testing.assert_frame_equal(together(selectors.training_frames(cut)), before)


def test_blocks_say_what_the_whole_says(company):
    cut = selectors.training_cut()
    contact(Customer.objects.order_by("?").values_list("pk", flat=True)[:150], days_before(cut.train.day, 9))
    whole = together(selectors.training_frames(cut))
    assert 0 < whole[COUNT].sum() < len(whole)
    pd.testing.assert_frame_equal(together(selectors.training_frames(cut, block=41)), whole)


# ---------------------------------------------------------------- today


def test_who_asks_by_name_is_told_of_the_days_before_the_data(company):
    today = timezone.localdate()
    everybody = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    contact(everybody[:10], today, code="today")
    contact(everybody[5:20], days_before(today, 1), code="yesterday")
    contact(everybody[15:30], days_before(today, 181), code="long ago")
    asked = together(selectors.feature_frames(only=["tenure", COUNT], as_categories=True))
    assert dict(zip(asked["id"], asked[COUNT], strict=True)) == {
        key: float(5 <= place < 20) for place, key in enumerate(everybody)
    }
    pd.testing.assert_series_equal(together(selectors.feature_frames(only=[COUNT], block=37))[COUNT], asked[COUNT])
    for place in (4, 5, 19, 20):
        one = frame_of(Customer.objects.get(pk=everybody[place]), only=[COUNT])
        assert one[COUNT].tolist() == [float(5 <= place < 20)]
    assert COUNT not in together(selectors.feature_frames())
    assert COUNT not in together(selectors.picked_frames([np.array(everybody[:50])])), (
        "a campaign's own mails would be in it"
    )


def test_model_that_looks_at_contacts_finds_noughts_where_there_are_none(company):
    assert set(together(selectors.feature_frames(only=[COUNT]))[COUNT]) == {0.0}


def test_another_companys_contacts_count_nowhere(cast):
    with tenant_scope(cast.borealis):
        stranger = Customer.objects.create(external_id="B1")
        contact([stranger.pk], days_before(timezone.localdate(), 200), code="theirs")
        contact([stranger.pk], days_before(timezone.localdate(), 2))
    with tenant_scope(cast.atlas):
        prepaid_company.bring_in(200)
        prepaid_company.adopted(cast.alice)
        assert set(together(selectors.feature_frames(only=[COUNT]))[COUNT]) == {0.0}
        assert COUNT not in together(selectors.training_frames(selectors.training_cut()))
        assert selectors.standings(np.array([stranger.pk]), None) is None


def test_company_without_campaigns_is_asked_once_in_learning_and_never_in_scoring(company, questions):
    cut = selectors.training_cut()
    assert questions(lambda: together(selectors.training_frames(cut, block=50))) == 1
    assert questions(lambda: together(selectors.feature_frames(block=50))) == 0
    assert questions(lambda: together(selectors.feature_frames(only=["tenure"], block=50))) == 0


def test_contacts_cost_a_block_one_question(company, questions):
    contact(Customer.objects.values_list("pk", flat=True)[:200], days_before(timezone.localdate(), 9))
    asked = questions(lambda: together(selectors.feature_frames(only=[COUNT], block=100)))
    assert asked == 4, "four blocks of four hundred customers"


# ---------------------------------------------------------------- where a column says who left, and no date


def in_horizon(alice, days: int = 60) -> None:
    prepaid_company.adopted(alice, kind="label", horizon_days=days, gap_days=0, silent_days=0)


def test_label_without_a_horizon_may_be_older_than_any_contact(imported, atlas_scope):
    contact(Customer.objects.values_list("pk", flat=True), days_before(timezone.localdate(), 150))
    assert selectors.before_labels() is None
    assert COUNT not in together(selectors.feature_frames(labelled_only=True))
    assert COUNT not in selectors.labelled_sample()


def test_contacts_lie_the_labels_horizon_before_the_oldest_file_that_said_who_left(imported, atlas_scope, alice):
    in_horizon(alice)
    brought = timezone.localdate(Import.objects.get().requested_at)
    begin = days_before(brought, 60)
    assert selectors.before_labels() == begin
    everybody = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    contact(everybody[:120], days_before(begin, 1), code="before")
    contact(everybody[60:], begin, code="they may have left by then")
    found = together(selectors.feature_frames(labelled_only=True))
    assert found[COUNT].tolist() == [1.0] * 120 + [0.0] * (len(everybody) - 120)
    assert COUNT in selectors.labelled_sample()


def test_newer_file_does_not_move_the_day_because_older_leavers_are_leavers_still(imported, atlas_scope, alice):
    in_horizon(alice)
    first = Import.objects.get()
    Import.objects.filter(pk=first.pk).update(requested_at=first.requested_at - dt.timedelta(days=100))
    newer = Import.objects.get()
    newer.pk, newer.public_id = None, None
    newer = Import(
        **{f.attname: getattr(newer, f.attname) for f in Import._meta.fields if f.attname not in ("id", "public_id")}
    )
    newer.requested_at = timezone.now()
    newer.save()
    assert selectors.before_labels() == days_before(timezone.localdate(), 160)
    Import.objects.filter(pk=first.pk).update(undone_at=timezone.now())
    assert selectors.before_labels() == days_before(timezone.localdate(), 60), "what was taken back says nothing"
    Import.objects.update(mapping={"columns": {}})
    assert selectors.before_labels() is None


def test_known_outcome_is_scored_by_what_was_known_before_it(imported, atlas_scope, alice):
    """Only who stayed is written to afterwards: with those contacts every account of what was right would be too good."""
    in_horizon(alice)
    begin = selectors.before_labels()
    everybody = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    open_ones = everybody[::4]
    Customer.objects.filter(pk__in=open_ones).update(churn_label=None)
    contact(everybody, days_before(timezone.localdate(), 3), code="lately")
    contact(everybody[:100], days_before(begin, 3), code="before")
    found = together(selectors.feature_frames(only=[COUNT])).set_index("id")[COUNT]
    both = set(everybody[:100])
    for key in everybody:
        expected = 1 + (key in both) if key in set(open_ones) else int(key in both)
        assert found[key] == expected
    one = frame_of(Customer.objects.get(pk=everybody[1]), only=[COUNT])
    assert one[COUNT].tolist() == [1.0]


# ---------------------------------------------------------------- few, names, standings


@pytest.mark.parametrize(("contacted", "is_kept"), [(99, False), (100, True), (200, True), (201, False)])
def test_few_contacts_or_few_without_are_not_learned_from(contacted, is_kept):
    frame = pd.DataFrame({"id": range(300), COUNT: [1.0] * contacted + [0.0] * (300 - contacted)})
    assert (COUNT in contacts.without_few_contacts(frame)) is is_kept
    pd.testing.assert_frame_equal(contacts.without_few_contacts(frame)[["id"]], frame[["id"]])


def test_companys_own_column_of_that_name_is_marked(company):
    Customer.objects.update(attributes={COUNT: 7, selectors.CAMPAIGN_STANDING: "gold"})
    services.refresh_customer_base()
    contact(Customer.objects.values_list("pk", flat=True), days_before(timezone.localdate(), 9))
    mark = f"{COUNT} (other field)"
    found = together(selectors.feature_frames(only=[COUNT, mark]))
    assert set(found[COUNT]) == {1.0} and set(found[mark]) == {7.0}
    assert f"{selectors.CAMPAIGN_STANDING} (other field)" in together(blocks.feature_frames())


def test_customers_stand_as_written_to_left_alone_or_in_no_campaign(atlas_scope):
    people = Customer.objects.bulk_create([Customer(external_id=f"C{i}") for i in range(6)])
    keys = np.array(sorted(one.pk for one in people))
    assert selectors.standings(keys, None) is None
    day = dt.date(2026, 6, 1)
    contact(keys[:2].tolist(), days_before(day, 10), code="a")
    contact(keys[1:4].tolist(), days_before(day, 10), code="b", kind=HELD_OUT)
    contact(keys[4:5].tolist(), day, code="c")
    assert selectors.standings(keys, day).tolist() == [
        "written_to", "written_to", "left_alone", "left_alone", "no_campaign", "no_campaign",
    ]  # fmt: skip
    assert selectors.standings(keys, None).tolist()[4] == "written_to"
    assert selectors.standings(keys[[3, 5]], day).tolist() == ["left_alone", "no_campaign"]
