"""Tables of this stage: how a company sends, what it says, to whom it may write, campaigns and what came of them."""

from .campaigns import Audience, Campaign, Recipient
from .consent import ConsentEntry, DeliverySignal, OptOutImport, Suppression
from .jobs import Measurement, Preparation, Shift, UpliftRun, UpliftScore
from .messages import Draft, MessageTemplate, TemplateVersion
from .sending import MailboxMessage, SenderProfile, SendingDay

__all__ = [
    "Audience",
    "Campaign",
    "ConsentEntry",
    "DeliverySignal",
    "Draft",
    "MailboxMessage",
    "Measurement",
    "MessageTemplate",
    "OptOutImport",
    "Preparation",
    "Recipient",
    "SenderProfile",
    "SendingDay",
    "Shift",
    "Suppression",
    "TemplateVersion",
    "UpliftRun",
    "UpliftScore",
]
