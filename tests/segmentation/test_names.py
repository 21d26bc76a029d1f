"""Names that stay from run to run, newcomers who get their place, and personas that reach the customers."""

import functools

import pytest

from core.errors import Refused
from core.models import JobState
from customers.models import Customer, UsageRecord
from segmentation import charts, features, selectors, services
from segmentation.models import Assignment, Segment, Segmentation, SegmentMembership
from segmentation.services import members, portraits
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.conftest import import_file, write_csv

from .company_of_use import KINDS, bring_in, kind_of
from .conftest import MANY, assign, divide, places

LABEL_OF = {kind: f"S{n}" for n, kind in enumerate(KINDS, 1)}


class Killed(BaseException):
    pass


def personas() -> dict[str, str]:
    return dict(Customer.objects.values_list("external_id", "persona"))


def becomes(customer: Customer, other: Customer) -> None:
    """From now on the one uses what the other uses."""
    Customer.objects.filter(pk=customer.pk).update(age=other.age)
    for own, theirs in zip(
        UsageRecord.objects.filter(customer=customer).order_by("month"),
        UsageRecord.objects.filter(customer=other).order_by("month"),
        strict=True,
    ):
        for name in ("montant_consommation", "nombre_appels", "volume_data", "nombre_sms"):
            setattr(own, name, getattr(theirs, name))
        own.save()


# ---------------------------------------------------------------- names that stay


def test_segments_keep_their_names_when_customers_come(atlas_scope, divided):
    bring_in(40, first=MANY)
    again = divide()
    before, after = places(divided), places(again)
    assert {number: after[number] for number in before} == before
    assert (again.flow["common"], again.flow["joined"], again.flow["left"]) == (MANY, 40, 0)
    assert again.flow["stayed"] == again.flow["agreement"] == 1.0


def test_names_stay_when_the_order_by_value_turns(atlas_scope, divided):
    """S1 is a group of customers, not a rank: the quiet ones may pay most one day and are S5 still."""
    for row in UsageRecord.objects.select_related("customer"):
        if kind_of(row.customer) == "quiet":
            row.montant_consommation = row.montant_consommation * 2
            row.save()
    again = divide()
    assert places(again) == places(divided)


def test_move_is_told_from_where_to_where(atlas_scope, divided):
    mover, quiet = (Customer.objects.get(external_id=number) for number in ("U0000", "U0004"))
    becomes(mover, quiet)
    again = divide()
    assert places(again)["U0000"] == "S5"
    links = {(link["from"], link["to"]): link["customers"] for link in again.flow["links"]}
    assert links == {(1, 1): 19, (1, 5): 1, (2, 2): 20, (3, 3): 20, (4, 4): 20, (5, 5): 20}
    assert again.flow["stayed"] == pytest.approx(0.99)
    sankey = charts.moves(again.flow, {s.number: s.label for s in Segment.objects.all()})["data"][0]
    assert sankey["node"]["label"] == ["S1", "S2", "S3", "S4", "S5"] * 2
    drawn = zip(*(sankey["link"][name] for name in ("source", "target", "value", "color")), strict=True)
    assert (0, 9, 1, "moved") in list(drawn)


def test_number_once_given_is_never_given_again(atlas_scope, divided):
    six = divide(k=6)
    assert sorted(set(places(six).values())) == ["S1", "S2", "S3", "S4", "S5", "S6"]
    five = divide(k=5)
    gone = Segment.objects.get(is_retired=True)
    assert gone.label not in places(five).values()
    assert five.flow["matching"]["retired"] == [gone.number]
    again = divide(k=6)
    assert "S7" in places(again).values()
    assert gone.label not in places(again).values()
    assert [s.label for s in selectors.segments()] == sorted(set(places(again).values()))


def test_names_follow_the_customers_where_other_columns_are_grouped_by(atlas_scope, divided):
    again = divide(features=["nombre_sms", "volume_data", "nombre_appels"])
    assert places(again) == places(divided)
    assert again.figures["other_features_than_before"] is True


def test_labels_are_as_the_setting_says_and_go_on_counting(atlas_scope, used, settings):
    settings.SEGMENT_LABELS = ["Gold", "Silver", "Bronze"]
    run = divide()
    assert [p.segment.label for p in selectors.profiles(run)] == ["Gold", "Silver", "Bronze"]
    assert set(places(divide(k=4)).values()) == {"Gold", "Silver", "Bronze", "S4"}


# ---------------------------------------------------------------- newcomers


def test_newcomers_join_those_who_are_like_them(atlas_scope, divided):
    newcomers = bring_in(10, first=MANY)
    job = assign()
    assert (job.state, job.assigned) == (JobState.SUCCEEDED, 10)
    belongs = places(divided)
    assert {n.external_id: belongs[n.external_id] for n in newcomers} == {
        n.external_id: LABEL_OF[kind_of(n)] for n in newcomers
    }
    names = {s.label: services.persona_of(s) for s in selectors.segments()}
    assert all(personas()[n.external_id] == names[LABEL_OF[kind_of(n)]] for n in newcomers)
    assert [p.size for p in selectors.profiles(divided)] == [20] * 5, "portraits are those of the run"
    assert assign().assigned == 0


def test_newcomer_of_whom_nothing_is_known_has_a_place_too(atlas_scope, divided):
    Customer.objects.create(external_id="NOTHING")
    assert assign().assigned == 1
    assert places(divided)["NOTHING"]


def test_nobody_is_placed_where_nobody_was_divided(atlas_scope, used):
    assert services.open_assignment() is None


def test_one_assignment_is_open_at_a_time(atlas_scope, divided):
    assert services.open_assignment() == services.open_assignment()


def test_import_brings_newcomers_to_their_place(cast, divided, tmp_path, monkeypatch):
    rung = []
    monkeypatch.setattr("core.jobs.ring", rung.append)
    path = write_csv(tmp_path / "new.csv", "customerID,age,tenure", "N1,44,3", "N2,71,8")
    with tenant_scope(cast.atlas):
        from customers import services as customers

        run = customers.open_import(path=path)
        customers.run_import(import_id=run.pk)
        (job,) = [job for job in rung if isinstance(job, Assignment)]
        services.assign_newcomers(assignment_id=job.pk)
        assert {"N1", "N2"} <= places(divided).keys()


def test_import_that_nothing_shall_follow_opens_no_assignment(atlas_scope, divided, tmp_path):
    import_file(write_csv(tmp_path / "new.csv", "customerID,tenure", "N1,3"))
    assert not Assignment.objects.exists()


def test_worker_that_died_amid_newcomers_goes_on_where_it_was(atlas_scope, divided, monkeypatch):
    bring_in(20, first=MANY)
    small = functools.partial(features.customers.chosen_frames, block=6)
    monkeypatch.setattr(features.customers, "chosen_frames", small)
    add, calls = members.add, []

    def die_at_the_third(*given):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return add(*given)

    job = services.open_assignment()
    with monkeypatch.context() as killed:
        killed.setattr(members, "add", die_at_the_third)
        with pytest.raises(Killed):
            services.assign_newcomers(assignment_id=job.pk)
    assert len(places(divided)) == MANY + 12
    services.assign_newcomers(assignment_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.assigned) == (JobState.SUCCEEDED, 20)
    assert SegmentMembership.objects.filter(segmentation=divided).count() == MANY + 20
    assert not Customer.objects.filter(persona="").exists()


def test_newcomers_are_left_to_the_next_run_where_a_column_is_gone(atlas_scope, used):
    run = divide(features=["volume_data", "age"], k=3)
    UsageRecord.objects.update(volume_data=None)
    bring = Customer.objects.create(external_id="LATE")
    assert assign().assigned == 0
    assert bring.external_id not in places(run)


# ---------------------------------------------------------------- personas


def test_everybody_gets_their_segments_persona(atlas_scope, divided):
    names = {s.label: services.persona_of(s) for s in selectors.segments()}
    assert len(set(names.values())) == 5
    assert names["S2"] and personas() == {number: names[label] for number, label in places(divided).items()}


def test_persona_of_a_file_or_a_person_stays(atlas_scope, used):
    Customer.objects.filter(external_id="U0000").update(persona="Ambassador")
    for _run in range(2):
        divide()
        assert personas()["U0000"] == "Ambassador"
    services.rename_segment(segment=Segment.objects.get(number=1), persona="Our best", actor=None)
    assign()
    said = personas()
    assert (said["U0000"], said["U0005"]) == ("Ambassador", "Our best")


def test_customer_who_moves_gets_the_other_persona(atlas_scope, divided):
    mover, quiet = (Customer.objects.get(external_id=number) for number in ("U0000", "U0004"))
    becomes(mover, quiet)
    divide()
    said = personas()
    assert said["U0000"] == said["U0004"] != said["U0005"]


def test_name_that_an_operator_gave_reaches_the_customers(atlas_scope, cast, divided):
    before = personas()
    segment = Segment.objects.get(number=1)
    services.rename_segment(segment=segment, persona="  Our   best ", actor=cast.omar)
    assign()
    said = personas()
    assert {number for number, name in said.items() if name == "Our best"} == {
        number for number, label in places(divided).items() if label == "S1"
    }
    assert all(said[number] == before[number] for number, label in places(divided).items() if label != "S1")
    assert AuditEntry.objects.get(verb="segment_renamed").actor == cast.omar
    services.rename_segment(segment=segment, persona="", actor=cast.omar)
    assign()
    assert personas() == before


def test_name_stays_through_the_next_runs(atlas_scope, divided):
    services.rename_segment(segment=Segment.objects.get(number=3), persona="Chatty", actor=None)
    divide()
    assert services.persona_of(Segment.objects.get(number=3)) == "Chatty"
    assert personas()["U0002"] == "Chatty"


def test_worker_that_died_amid_the_names_writes_the_rest(atlas_scope, divided, monkeypatch):
    services.rename_segment(segment=Segment.objects.get(number=1), persona="Our best", actor=None)
    job = services.open_assignment()
    with monkeypatch.context() as killed:
        killed.setattr(portraits, "write_personas", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            services.assign_newcomers(assignment_id=job.pk)
    assert "Our best" not in personas().values()
    services.assign_newcomers(assignment_id=job.pk)
    assert list(personas().values()).count("Our best") == 20


@pytest.mark.parametrize(("name", "code"), [("x" * 61, "persona_too_long"), ("CHATTY", "persona_taken")])
def test_name_that_cannot_be_is_refused(atlas_scope, divided, name, code):
    first, third = (Segment.objects.get(number=number) for number in (1, 3))
    services.rename_segment(segment=third, persona="Chatty", actor=None)
    with pytest.raises(Refused) as refused:
        services.rename_segment(segment=first, persona=name, actor=None)
    assert refused.value.code == code
    assert Segment.objects.get(number=1).persona == ""


def test_two_runs_never_are_current(atlas_scope, divided):
    again = divide()
    assert [run.pk for run in Segmentation.objects.filter(is_current=True)] == [again.pk]
