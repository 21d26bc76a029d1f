"""What a browser and an address are called for people: "Firefox on Linux", "192.0.2.x"."""

from __future__ import annotations

import ipaddress

from django.utils.translation import gettext as _

# The first that is found wins: most browsers name others too, to be let in everywhere.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
    ("python", "Python"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def code_of(agent: str) -> str:
    """``Firefox/Linux`` from a ``User-Agent``: names of ours only, since a browser may send anything. Unknown parts are empty."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser}/{system}" if browser or system else ""


def words(code: str) -> str:
    """The code as words, in the reader's language."""
    browser, _slash, system = code.partition("/")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("A browser that does not say what it is")


def network_of(address: str) -> str:
    """The network that an address lies in: near enough to tell home from elsewhere, too coarse to find a machine by."""
    try:
        found = ipaddress.ip_interface(address.strip())
    except ValueError:
        return ""
    if found.version == 4:
        return ".".join(str(found.ip).split(".")[:3]) + ".x"
    network = ipaddress.ip_network((found.ip, 48), strict=False)
    return f"{network.network_address}/48"
