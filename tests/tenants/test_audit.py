"""The trail: a chain for each company, in which a changed, missing or moved line shows."""

import pytest

from tenants import services
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope


@pytest.fixture
def trail(atlas_scope, alice):
    for i in range(5):
        services.record("thing_done", atlas_scope, actor=alice, number=i, word="é")
    return AuditEntry.objects.order_by("sequence")


def test_untouched_chain_is_whole(trail):
    assert services.verify_trail() is None
    assert list(trail.values_list("sequence", flat=True)) == list(range(1, trail.count() + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "other"},
        {"facts": {"number": 99}},
        {"object_id": "x"},
        {"actor_key": "999999"},
        {"previous_hash": ""},
        {"entry_hash": "0" * 64},
    ],
)
def test_changed_line_is_found(trail, change):
    victim = trail[8].sequence
    AuditEntry.objects.filter(sequence=victim).update(**change)
    assert services.verify_trail() == victim


def test_missing_line_is_found(trail):
    AuditEntry.objects.filter(sequence=3).delete()
    assert services.verify_trail() == 3


def test_rewritten_line_with_a_hash_of_its_own_is_found_at_the_next(trail):
    forged = trail[8]
    forged.verb = "nothing_done"
    AuditEntry.objects.filter(pk=forged.pk).update(verb=forged.verb, entry_hash=services.audit_hash(forged))
    assert services.verify_trail() == forged.sequence + 1


def test_each_company_has_a_chain_of_its_own(atlas, borealis):
    counts = []
    for tenant in (atlas, borealis):
        with tenant_scope(tenant):
            services.record("thing_done")
            assert services.verify_trail() is None
            counts.append(AuditEntry.objects.count())
            assert AuditEntry.objects.order_by("-sequence").first().sequence == counts[-1]


def test_entry_and_change_stand_or_fall_together(atlas_scope):
    from django.db import transaction

    before = AuditEntry.objects.count()

    def half():
        services.record("thing_done")
        raise RuntimeError

    with pytest.raises(RuntimeError), transaction.atomic():
        half()
    assert AuditEntry.objects.count() == before
    services.record("thing_done")
    assert services.verify_trail() is None


def test_new_company_and_its_members_are_in_the_trail(cast):
    with tenant_scope(cast.atlas):
        verbs = list(AuditEntry.objects.order_by("sequence").values_list("verb", flat=True))
    assert verbs == ["company_created", *["member_added"] * 5]


def test_trail_holds_no_address_and_no_name(cast):
    with tenant_scope(cast.atlas):
        text = str(list(AuditEntry.objects.values_list("facts", "object_id")))
    assert "@" not in text
    assert "Alice" not in text


def test_trail_stays_whole_when_a_person_is_erased(cast):
    with tenant_scope(cast.atlas):
        services.record("thing_done", actor=cast.anna)
        key = str(cast.anna.pk)
        cast.anna.delete()
        entry = AuditEntry.objects.get(verb="thing_done")
        assert (entry.actor, entry.actor_key) == (None, key)
        assert services.verify_trail() is None
