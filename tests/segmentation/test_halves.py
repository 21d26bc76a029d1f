"""A large run's part on PostgreSQL: two tables filled and checked side by side, that are one part when it is attached."""

import numpy as np
import pytest
from django_scopes import scope

from core import bulk, columnar, partitions, row_security
from core.signals import job_buried
from customers.models import Customer
from segmentation import services
from segmentation.models import Segment, Segmentation, SegmentMembership
from segmentation.services import members

from .conftest import MANY, divide, places

pytestmark = pytest.mark.postgres


class Killed(BaseException):
    pass


def members_of(run: Segmentation) -> int:
    return SegmentMembership.objects.filter(segmentation=run).count()


@pytest.fixture
def halved(monkeypatch):
    if not partitions.is_partitioned(SegmentMembership):
        pytest.skip("SQLite has no parts")
    monkeypatch.setattr(members, "_HALVED_FROM", 2)
    monkeypatch.setattr(members, "_BLOCK", 30)


def keys_of(table: str) -> list[tuple]:
    return bulk.fetch(
        """SELECT conname, convalidated, conparentid <> 0 FROM pg_constraint
           WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY conname""",
        [table],
    )


def test_large_run_is_two_tables_that_are_one_part(atlas_scope, used, borealis, halved):
    before = places(divide())
    run = divide()
    assert members_of(run) == MANY and places(run) == before
    table = f"{SegmentMembership._meta.db_table}_{run.pk}_{run.token}"
    rows = [bulk.fetch(f'SELECT count(*), min(id), max(id) FROM "{half}"')[0] for half in partitions.halves(table)]
    assert [count for count, *_ in rows] == [50, 50]
    assert [least for _n, least, _most in rows] == [run.pk << 32, (run.pk << 32) + 50]
    for piece in (table, *partitions.halves(table)):
        assert [(checked, inherited) for _name, checked, inherited in keys_of(piece)] == [(True, True)] * 3
    assert row_security.uncovered() == []
    with scope(tenant=borealis):
        for half in partitions.halves(table):
            assert bulk.fetch(f'SELECT count(*) FROM "{half}"') == [(0,)]
    newcomer = Customer.objects.create(external_id="LATER", age=30)
    segment = Segment.objects.first()
    assert members.add(run, np.array([newcomer.pk]), np.array([segment.number]), {segment.number: segment}) == 1
    assert SegmentMembership.objects.get(customer=newcomer, segmentation=run).pk < run.pk << 32
    bulk.run("SET CONSTRAINTS ALL IMMEDIATE")  # as at the end of the newcomer's transaction
    members.forget([run])
    assert bulk.fetch("SELECT relname FROM pg_class WHERE relname ~ %s", [f"^{table}"]) == []


def test_who_is_erased_while_a_half_is_written_has_no_place(atlas_scope, used, halved, monkeypatch):
    complete, erased = partitions.complete, []

    def erase_somebody(model, name):
        if not erased:
            erased.append(Customer.objects.get(external_id="U0007").delete())
        yield from complete(model, name)

    monkeypatch.setattr(partitions, "complete", erase_somebody)
    run = divide()
    assert members_of(run) == MANY - 1
    assert not SegmentMembership.objects.exclude(customer__in=Customer.objects.all()).exists()


def test_customer_of_another_company_gets_no_place(atlas_scope, used, borealis, halved, monkeypatch):
    with scope(tenant=borealis):
        stranger = Customer.objects.create(external_id="THEIRS")
    last, insert = Customer.objects.order_by("pk").last().pk, columnar.insert

    def stray(table, columns):
        keys = columns["customer_id"]
        return insert(table, columns | {"customer_id": np.where(keys == last, stranger.pk, keys)})

    monkeypatch.setattr(columnar, "insert", stray)
    assert members_of(divide()) == MANY - 1
    with scope(tenant=None):
        assert bulk.fetch("SELECT count(*) FROM segmentation_segmentmembership") == [(0,)]
    assert not SegmentMembership.objects.filter(customer_id=stranger.pk).exists()


def test_run_that_dies_for_good_leaves_no_table(atlas_scope, used, halved, monkeypatch):
    run = services.open_run()
    with monkeypatch.context() as killed:
        killed.setattr(members, "attach", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            services.refresh_segments(run_id=run.pk)
    left = f"^{SegmentMembership._meta.db_table}_{run.pk}_"
    tables = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ %s"
    assert bulk.fetch(tables, [left]) == [(3,)]
    job_buried.send(sender=Segmentation, model=Segmentation, job_id=run.pk)
    assert bulk.fetch(tables, [left]) == [(0,)]
    shown = divide()
    job_buried.send(sender=Segmentation, model=Segmentation, job_id=shown.pk)
    assert members_of(shown) == MANY


def test_part_of_proved_halves_takes_what_it_needs_in_one_go(atlas_scope, used, halved, monkeypatch):
    """A lesser lock raised later would wait for an import that has read, and the import for it."""
    modes, run = [], bulk.run
    monkeypatch.setattr(partitions.bulk, "run", lambda sql, *more: (modes.append(sql), run(sql, *more))[1])
    attach = partitions.attach

    def watched(*given):
        modes.clear()
        attach(*given)
        locks = [sql for sql in modes if sql.startswith("LOCK TABLE")]
        assert len(locks) == 1 and locks[0].endswith("IN ACCESS EXCLUSIVE MODE")

    monkeypatch.setattr(partitions, "attach", watched)
    assert members_of(divide()) == MANY
