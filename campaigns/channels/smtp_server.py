"""A mail server's settings: whether they can be used, which machine they mean, and what it is to fail at its door."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from core import addresses
from core.errors import Refused, Unreachable

from ..outreach.delivery.replies import Outcome, Reply, Stage, classify, split_enhanced
from .smtp_wire import one_line

SECURITIES = ("none", "starttls", "tls")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f.:]{3,45}\]")


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server and how it is spoken to.

    ``security``: "tls" from the first byte (465), "starttls" (587; refused where the server does not offer it) or
    "none", for machines of a private network only. ``private_hosts``: the operator's list, see core.addresses.
    ``ca_file``: certificates believed besides the usual ones. ``timeout_s``: the longest wait for an answer;
    ``body_timeout_s``: for the one after a message, during which the server may be looking into it.
    """

    host: str
    port: int = 587
    security: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    helo_name: str = "localhost"
    timeout_s: float = 30
    body_timeout_s: float = 60
    private_hosts: Sequence[str] = ()
    ca_file: str = ""
    max_messages: int = 500
    idle_s: float = 20


class Failed(Unreachable):
    """No conversation came about, and one may later. ``reply``: the same as what became of the message at hand."""

    def __init__(self, code: str, message: str, reply: Reply) -> None:
        super().__init__(code, message)
        self.reply = reply


def check(server: Server) -> None:
    usable = (
        server.security in SECURITIES
        and 0 < server.port < 1 << 16
        and server.max_messages > 0
        and min(server.timeout_s, server.body_timeout_s) > 0
        and _NAME.fullmatch(server.helo_name)
        and "\0" not in server.username + server.password
    )
    if not usable:
        raise Refused("bad_server", _("These settings of the mail server cannot be used: check them."))


def resolve(server: Server) -> str:
    try:
        address = addresses.resolve(server.host, server.port, allowed=server.private_hosts)
    except Unreachable:
        raise failed(server, "lost_connection") from None
    except Refused as refused:
        if refused.code != "private_address":
            raise
        raise Refused(
            "private_address",
            _(
                "“%(host)s” is a machine of a private network, which mail may not be sent through. "
                "Whoever runs this site can allow it (MAIL_PRIVATE_HOSTS)."
            )
            % {"host": server.host},
        ) from None
    if server.security == "none" and addresses.is_public(ipaddress.ip_address(address)):
        raise Refused(
            "clear_text",
            _("Mail goes to a server on the internet over an encrypted connection only: use TLS or STARTTLS."),
        )
    return address


def failed(server: Server, reason: str) -> Failed:
    return Failed(
        reason,
        _("%(host)s cannot be reached, or ended the exchange early.") % {"host": server.host},
        Reply(Outcome.UNREACHABLE, Stage.CONNECT, reason=reason),
    )


def put_off(server: Server, code: int, text: str, stage: Stage) -> Failed:
    """A conversation that the server put off: 4xx to the greeting, the EHLO or the sign-in."""
    enhanced, rest = split_enhanced(text)
    reply = classify(code, enhanced, one_line(rest), stage)
    message = _("%(host)s asks to come back later: %(text)s") % {"host": server.host, "text": reply.text[:200]}
    return Failed("not_now", message, reply)
