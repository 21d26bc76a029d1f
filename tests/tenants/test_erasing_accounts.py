"""A person's account is erased in every company: what is theirs goes, what they did stays without their name."""

import pytest
from django.core.management import CommandError, call_command

from tenants import api_keys, erasing, second_factor, services
from tenants.models import ApiKey, AuditEntry, Membership, Notification, SecondFactor, User, WebhookEndpoint
from tenants.scoping import tenant_scope
from tests.everywhere import every
from tests.tenants.test_members import seat
from tests.tenants.test_webhooks import make


@pytest.fixture
def busy(cast, client_for):
    """Alice is in both companies, and has left something in each."""
    with tenant_scope(cast.borealis):
        services.add_member(email=cast.alice.email, role="analyst")
        services.notify("job_given_up", recipient=cast.alice, job="x", reason="y")
    with tenant_scope(cast.atlas):
        api_keys.make_key(membership=seat(cast.alice, cast.atlas), name="Hers", scopes=["view_customers"])
        make(cast.alice)
        services.record("something_done", actor=cast.alice)
    second_factor.begin(cast.alice)
    client_for(cast.alice).get("/profile")
    return cast


def test_nothing_of_the_person_is_left_and_their_deeds_stay(busy):
    who = busy.alice.pk
    assert erasing.erase(user=busy.alice) == 2
    assert not User.objects.filter(pk=who).exists()
    assert not Membership.objects.filter(user=who).exists() and not SecondFactor.objects.filter(user=who).exists()
    assert not every(ApiKey).exists() and not every(Notification).filter(code="job_given_up").exists()
    assert every(WebhookEndpoint).get().created_by_id is None
    for tenant in (busy.atlas, busy.borealis):
        with tenant_scope(tenant):
            last = AuditEntry.objects.order_by("-sequence").first()
            assert (last.verb, last.facts["person"]) == ("account_erased", who)
            assert services.verify_trail() is None, "the chain holds without the name"
    with tenant_scope(busy.atlas):
        done = AuditEntry.objects.get(verb="something_done")
        assert (done.actor_id, done.actor_key) == (None, str(who))


def test_last_owner_of_any_company_stays_whole(busy):
    with tenant_scope(busy.borealis):
        services.add_member(email=busy.olfa.email, role="viewer")
    with pytest.raises(CommandError, match="last owner of Atlas Telecom"):
        call_command("erase_account", busy.olfa.email, "--yes")
    assert Membership.objects.filter(user=busy.olfa).count() == 2


def test_command_says_first_and_does_it_when_told(busy, capsys):
    call_command("erase_account", busy.alice.email.upper())
    assert "Atlas Telecom, Borealis Mobile" in capsys.readouterr().out
    assert User.objects.filter(pk=busy.alice.pk).exists()
    call_command("erase_account", busy.alice.email, "--yes")
    assert not User.objects.filter(pk=busy.alice.pk).exists()
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command("erase_account", busy.alice.email, "--yes")
