"""After a restore, or in a copy elsewhere, nothing is mailed until a person says so."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import instance
from core.errors import Refused
from tenants import mail_hold
from tenants.models import AuditEntry, Tenant
from tenants.models_mail import MailPermit
from tenants.scoping import tenant_scope

REASON = "The old machine is destroyed."


def restore_here(settings) -> instance.Restored:
    return instance.mark_restored(settings.VAR_DIR, snapshot="20260101T000000Z-abcdef", origin="elsewhere")


def held() -> str | None:
    found = mail_hold.mail_hold()
    return found.code if found else None


# ---------------------------------------------------------------- when mail is held


def test_mail_goes_where_the_data_always_were(atlas_scope):
    assert held() is None
    assert MailPermit.objects.count() == 0  # a question writes nothing
    assert mail_hold.permit_mail() is None
    assert MailPermit.objects.get().instance == instance.instance_id()
    assert held() is None


def test_mail_is_held_after_a_restore_even_onto_the_same_installation(atlas_scope, settings):
    mail_hold.permit_mail()
    mark = restore_here(settings)
    assert mail_hold.mail_hold() == mail_hold.Hold("restored", mark.at, mark.snapshot)
    assert mail_hold.permit_mail().code == "restored"
    mail_hold.release_mail(actor=None, reason=REASON)
    assert held() is None
    restore_here(settings)
    assert held() == "restored", "each restore asks anew"


def test_mail_is_held_after_a_restore_of_data_that_know_of_no_permit(atlas_scope, settings):
    restore_here(settings)
    assert held() == "restored"


def test_copy_made_by_hand_holds_its_mail_as_well(atlas_scope, settings):
    mail_hold.permit_mail()
    settings.INSTANCE_ID = "another-machine"
    assert held() == "another_instance"
    mail_hold.release_mail(actor=None, reason=REASON)
    assert held() is None
    settings.INSTANCE_ID = ""
    assert held() == "another_instance", "and the one it was copied from, where both share a database"


def test_company_founded_after_the_restore_is_not_held(atlas, borealis, settings):
    restore_here(settings)
    Tenant.objects.filter(pk=borealis.pk).update(created_at=timezone.now() + dt.timedelta(seconds=1))
    borealis.refresh_from_db()
    with tenant_scope(borealis):
        assert held() is None
        mail_hold.permit_mail()
        assert held() is None
    with tenant_scope(atlas):
        assert held() == "restored"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"hold": "x"}', '{"hold":"x","snapshot":"","origin":"","restored_at":"1"}']
)
def test_mark_that_cannot_be_read_holds(atlas_scope, settings, text):
    (settings.VAR_DIR / "restored.json").write_text(text)
    assert held() == "restored"


def test_release_of_one_company_is_not_anothers(atlas, borealis, settings):
    restore_here(settings)
    with tenant_scope(atlas):
        mail_hold.release_mail(actor=None, reason=REASON)
        assert held() is None
    with tenant_scope(borealis):
        assert held() == "restored"


def test_release_takes_a_reason_and_stands_in_the_trail(atlas_scope, alice, settings):
    with pytest.raises(Refused, match="not held"):
        mail_hold.release_mail(actor=alice, reason=REASON)
    restore_here(settings)
    with pytest.raises(Refused) as refusal:
        mail_hold.release_mail(actor=alice, reason="  ok   \n ")
    assert refusal.value.code == "no_reason"
    assert held() == "restored"
    mail_hold.release_mail(actor=alice, reason=REASON)
    entry = AuditEntry.objects.get(verb="mail_released")
    assert entry.actor == alice
    assert entry.facts == {"why": "restored", "snapshot": "20260101T000000Z-abcdef", "reason": REASON}


# ---------------------------------------------------------------- who ends it


def test_command_releases_one_company_or_all(atlas, borealis, settings):
    with pytest.raises(CommandError, match="not held"):
        call_command("release_mail", reason=REASON)
    restore_here(settings)
    with pytest.raises(CommandError, match="few words"):
        call_command("release_mail", reason="x")
    with pytest.raises(CommandError, match="no company"):
        call_command("release_mail", reason=REASON, tenant="nobody")
    out = StringIO()
    call_command("release_mail", reason=REASON, tenant=atlas.slug, stdout=out)
    assert atlas.slug in out.getvalue()
    with tenant_scope(borealis):
        assert held() == "restored"
    call_command("release_mail", reason=REASON, stdout=out)
    with tenant_scope(borealis):
        assert held() is None


def test_mark_is_whole_json(settings):
    restore_here(settings)
    assert set(json.loads((settings.VAR_DIR / "restored.json").read_text())) == {
        "hold",
        "snapshot",
        "origin",
        "restored_at",
    }
