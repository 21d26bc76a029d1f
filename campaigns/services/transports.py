"""The ways out, by one door: a company's own SMTP server, a provider's API, or the mailbox inside the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from django.utils.translation import gettext as _

from core.errors import Refused
from tenants.mail_hold import require_mail
from tenants.models import User

from ..channels.courier import Courier
from ..channels.smtp import Envelope
from ..models import Campaign, SenderProfile
from ..outreach.delivery.replies import Outcome, Reply
from . import audience, letters, mailbox, senders
from .letters import Letter
from .outbox import Claimed


def _nothing() -> None:
    pass


Following = Callable[[], Letter | None]


class Transport(Protocol):
    """``is_inside``: letters are kept by ``keep`` in the caller's transaction; else each is sent.

    ``send``: ``before_data`` is asked, perhaps more than once, before any byte of the letter is out, and while a server
    answers to what was said before, where it can; ``at_data`` comes right before the first one. ``following``: the letter that
    will be sent right after it, known by then; a way out may announce it along with this one.
    """

    is_inside: bool

    def send(
        self,
        letter: Letter,
        *,
        before_data: Callable[[], bool],
        at_data: Callable[[], None] = _nothing,
        following: Following = _nothing,
    ) -> Reply: ...
    def keep(self, pairs: Sequence[tuple[Claimed, Letter]]) -> None: ...
    def close(self) -> None: ...


class _Smtp:
    is_inside = False

    def __init__(self, sender: SenderProfile) -> None:
        self._courier = Courier(senders.server(sender))

    def send(
        self,
        letter: Letter,
        *,
        before_data: Callable[[], bool],
        at_data: Callable[[], None] = _nothing,
        following: Following = _nothing,
    ) -> Reply:
        def announced() -> Envelope | None:
            coming = following()
            return coming and Envelope.of(coming.sender, coming.to_address, coming.data)

        return self._courier.send(
            letter.sender,
            letter.to_address,
            letter.data,
            before_data=before_data,
            at_data=at_data,
            following=announced,
        )

    def keep(self, pairs: Sequence[tuple[Claimed, Letter]]) -> None:
        raise NotImplementedError("a server is sent to")

    def close(self) -> None:
        self._courier.close()


class _Inside:
    is_inside = True

    def send(self, letter: Letter, *, before_data: Callable[[], bool], **moments: Callable) -> Reply:
        raise NotImplementedError("the mailbox keeps")

    def keep(self, pairs: Sequence[tuple[Claimed, Letter]]) -> None:
        mailbox.keep(list(pairs))

    def close(self) -> None:
        pass


class _Provider(_Smtp):
    def __init__(self, sender: SenderProfile) -> None:
        from ..channels.provider import ProviderCourier

        self._provider = ProviderCourier(sender.provider, senders.provider_settings(sender))

    def send(
        self,
        letter: Letter,
        *,
        before_data: Callable[[], bool],
        at_data: Callable[[], None] = _nothing,
        following: Following = _nothing,
    ) -> Reply:
        def noted() -> bool:
            is_wanted = before_data()
            if is_wanted:
                at_data()
            return is_wanted

        return self._provider.send(letter, before_data=noted)

    def close(self) -> None:
        self._provider.close()


_WAYS = {
    SenderProfile.Transport.MAILBOX: lambda sender: _Inside(),
    SenderProfile.Transport.SMTP: _Smtp,
    SenderProfile.Transport.PROVIDER: _Provider,
}


def open_transport(sender: SenderProfile) -> Transport:
    """The company's way out. Raises Refused or SealBroken where a person must mend its settings, and Refused("mail_held")
    after a restore until somebody releases mail: every mail to a customer passes here."""
    require_mail()
    return _WAYS[SenderProfile.Transport(sender.transport)](sender)


def send_test(*, campaign: Campaign, user: User, language: str, arm: str = "a") -> None:
    """The campaign's mail, as one customer of its audience would get it, to the colleague who asks. Raises Refused."""
    if campaign.message is None:
        raise Refused("no_message", _("Choose a message."), field="message")
    customer = next(iter(audience.look(campaign.audience).some), None) if campaign.audience else None
    if customer is None:
        raise Refused("nobody", _("There is nobody in the audience whose mail could be shown."))
    sender = senders.sender()
    letter = letters.trial_letter(
        campaign, user, customer, language=language, identity=senders.identity(sender), arm=arm
    )
    transport = open_transport(sender)
    try:
        if transport.is_inside:
            mailbox.keep([(None, letter)], is_test=True)
            return
        reply = transport.send(letter, before_data=lambda: True)
    finally:
        transport.close()
    if reply.outcome is not Outcome.ACCEPTED:
        said = reply.text or reply.reason
        raise Refused("test_not_sent", _("The test mail was not taken: %(text)s") % {"text": said[:200]})
