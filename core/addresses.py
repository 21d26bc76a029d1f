"""Which machines the product may talk to: a name is resolved once, and private addresses are refused (RULES 32).

A person of a company may name a host; without this, "host" could be our own database, the cloud's metadata service or
the printer next door. An operator opens private hosts one by one: ``name``, ``address`` or ``network``, each with an
optional ``:port`` (an IPv6 one in brackets then).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from django.utils.translation import gettext as _

from .errors import Refused, Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve(host: str, port: int, *, allowed: Sequence[str] = ()) -> str:
    """The address to connect to, for this name, now: the caller connects to it and to nothing else.

    Every address that the name has must be allowed: which of several is used would be the other side's choice.
    Raises Refused("bad_host" | "unknown_host" | "private_address"); Unreachable where names cannot be resolved now.
    """
    try:
        name = host.strip("[]").encode("idna").decode("ascii") if host else ""
    except UnicodeError:
        name = ""
    if not name or "%" in name:
        raise Refused("bad_host", _("“%(host)s” is not the name of a machine.") % {"host": host[:100]})
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise Unreachable("no_names", _("The name “%(host)s” cannot be looked up now.") % {"host": host}) from None
        raise Refused(
            "unknown_host", _("There is no machine with the name “%(host)s”: check its spelling.") % {"host": host}
        ) from None
    addresses = list(dict.fromkeys(entry[4][0] for entry in found))
    for text in addresses:
        address = ipaddress.ip_address(text)
        if not is_public(address) and not _is_allowed(name, address, port, allowed):
            raise Refused(
                "private_address",
                _(
                    "“%(host)s” is a machine of a private network, which feeds may not read from. "
                    "Whoever runs this site can allow it (FEED_PRIVATE_HOSTS)."
                )
                % {"host": host},
            )
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether it is a machine of the open internet, also by the IPv4 address that an IPv6 one carries inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local or address.teredo is not None:
            return False
    named = (address.is_multicast, address.is_reserved, address.is_loopback, address.is_link_local)
    return address.is_global and not any(named) and not address.is_unspecified


def _is_allowed(name: str, address: Address, port: int, allowed: Sequence[str]) -> bool:
    return any(_matches(entry.strip(), name, address, port) for entry in allowed if entry.strip())


def _matches(entry: str, name: str, address: Address, port: int) -> bool:
    machine, wanted = _split(entry)
    if wanted is not None and wanted != port:
        return False
    try:
        return address in ipaddress.ip_network(machine, strict=False)
    except ValueError:
        return machine.casefold() == name.casefold()


def _split(entry: str) -> tuple[str, int | None]:
    """``db.local:5432`` -> (db.local, 5432); ``[::1]:443`` -> (::1, 443); ``10.0.0.0/8`` and ``::1`` name no port."""
    if entry.startswith("["):
        machine, _bracket, rest = entry[1:].partition("]")
        return machine, int(rest[1:]) if rest.startswith(":") and rest[1:].isdigit() else None
    machine, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and ":" not in machine:
        return machine, int(port)
    return entry, None
