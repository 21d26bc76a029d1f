"""Doors that a token opens, whoever holds it: the token reaches the company that it was made for, and no other."""

import logging

import pytest
from django.urls import resolve
from django.utils.http import urlsafe_base64_encode

from campaigns.models import Campaign, Recipient
from campaigns.services import keys
from tenants import invitations, notice_letters
from tenants.models import Invitation
from tenants.scoping import tenant_scope

from .places import ask
from .routes import OPEN_TO_ALL, routes

DOORS = {r.name: r for r in routes() if r.places and not r.is_back_office and r.capability("GET") == OPEN_TO_ALL}
# Whose key is no token in the address: a person's, who may be in several companies, and a provider's password.
OTHERWISE = {"tenants:password_reset_confirm", "campaigns:mail_report"}
ACCOUNT = {"name": "Nadia", "new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def tokens(company) -> dict[str, str]:
    """Name of a door -> a token of this company that opens it."""
    with tenant_scope(company.tenant):
        recipient = Recipient.objects.filter(campaign__name="Sent").order_by("pk").first()
        campaign = Campaign.objects.get(name="Sent")
        stop = notice_letters.stop_address(company.tenant, company.people["owner"], digests=True)
        return {
            "tenants:invitation": invitations.write_link(Invitation.objects.get()),
            "tenants:stop_mails": resolve(stop.removeprefix("https://retention.example.com")).kwargs["token"],
            "campaigns:unsubscribe": keys.unsubscribe_token(
                company.tenant.pk, campaign.public_id, recipient.address_key
            ),
            "campaigns:click": keys.signal_token("click", company.tenant.pk, recipient.pk, 1),
            "campaigns:open": keys.signal_token("open", company.tenant.pk, recipient.pk),
        }


def asked(client, name: str, token: str, watched, **headers) -> list:
    """The answers of the door to both methods of a browser, their effects undone."""
    door = DOORS[name]
    body = {"GET": None, "POST": ACCOUNT}
    return [ask(client, m, door.address(token=token), body[m], watched=watched, **headers) for m in door.methods]


def test_every_door_that_a_token_opens_is_tried_here(companies):
    assert set(DOORS) == set(tokens(companies.ours)) | OTHERWISE


@pytest.mark.parametrize("holder", [None, "owner"])
def test_token_moves_rows_of_its_own_company_alone(companies, browser_of, holder):
    """Held by nobody who is signed in, and by somebody of another company. Theirs is what must not move."""
    theirs, findings = companies.theirs, []
    client = browser_of(theirs.people[holder] if holder else None)
    for name, token in tokens(companies.ours).items():
        for answer in asked(client, name, token, theirs):
            moved = set(answer.moved) - {"tenants_browsersession"}  # the asking browser's own
            findings += [f"{name} changes {sorted(moved)}"] if moved else []
            findings += [f"{name} fails with {answer.status_code}"] if answer.status_code >= 500 else []
            findings += [f"{name} says theirs"] if theirs.tenant.name.encode() in answer.whole and not holder else []
    assert not findings, "\n".join(findings)


def test_tokens_do_move_rows_of_their_own(companies, browser_of):
    """The control of the test above."""
    moved = {
        name: {table for answer in asked(browser_of(None), name, token, companies.ours) for table in answer.moved}
        for name, token in tokens(companies.ours).items()
    }
    assert {"tenants_invitation", "tenants_membership", "tenants_notification"} <= moved["tenants:invitation"]
    assert "tenants_notificationsettings" in moved["tenants:stop_mails"]
    assert "campaigns_suppression" in moved["campaigns:unsubscribe"]


def test_token_that_was_touched_opens_nothing(companies, browser_of):
    """With the other company's name in it, with one sign changed, of another door: the answer is that to nonsense."""
    ours, theirs, client = companies.ours, companies.theirs, browser_of(None)
    good, findings = tokens(ours), []
    for name, token in good.items():
        nonsense = [(a.status_code, a.moved) for a in asked(client, name, "nonsense", ours)]
        middle = len(token) // 2
        other = "a" if token[middle] != "a" else "b"
        bad = [(token[:middle] + other + token[middle + 1 :], ours)]
        bad += (
            [(token.replace(ours.tenant.pk.hex, theirs.tenant.pk.hex), theirs)] if name == "tenants:invitation" else []
        )
        bad += [(one, ours) for door, one in good.items() if door != name]
        for one, watched in bad:
            assert one != token
            answers = [(a.status_code, a.moved) for a in asked(client, name, one, watched)]
            findings += [f"{name} {one}: {answers} and {nonsense}"] if answers != nonsense else []
    assert not findings, "\n".join(findings)


def test_link_of_a_password_names_no_company(companies, browser_of):
    """Somebody else's number with a made-up token: no form, and nobody's password moves."""
    ours = companies.ours
    person = urlsafe_base64_encode(str(ours.people["owner"].pk).encode())
    for method, body in (("GET", None), ("POST", ACCOUNT)):
        address = f"/password-reset/{person}/set-password"
        answer = ask(browser_of(companies.theirs.people["owner"]), method, address, body, watched=ours)
        assert (answer.status_code < 500, answer.moved) == (True, [])
        assert b"new_password1" not in answer.whole
