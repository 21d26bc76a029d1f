"""Every address of the site as the URLconf has it, and who may use it as its view declares: nothing is listed by hand.

What may stay open, or asks nothing but being signed in, is named in ``tests/house/test_doors.py``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.permissions import CAPABILITIES
from tests.house.test_doors import OPEN, SIGNED_IN_ONLY

HELD = frozenset().union(*CAPABILITIES.values())
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PAGE_METHODS = ("GET", "POST")
_PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
# Pages that show something to more people than may send their form: what the form asks beside the page's own capability.
ASKS_MORE = {
    ("campaigns:retention", "POST"): "write_messages",
    ("tenants:member_list", "POST"): "manage_members",
}
# What stands for a capability at doors that ask for none.
OPEN_TO_ALL, TO_ALL_MEMBERS, NOBODY = "open", "signed in", "nobody"


@dataclass(frozen=True)
class Route:
    name: str
    path: str  # as the URLconf writes it: "imports/<uuid:public_id>"
    view: Any

    @property
    def places(self) -> list[tuple[str, str]]:
        """What the address has to be filled with: (converter, name)."""
        return [(kind or "str", name) for kind, name in _PLACE.findall(self.path)]

    @property
    def is_api(self) -> bool:
        return hasattr(getattr(self.view, "cls", None), "permission_classes")

    @property
    def is_back_office(self) -> bool:
        return self.name.startswith("admin:")

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods to ask with: those of the API's class, and for pages both that a browser has."""
        if not self.is_api:
            return PAGE_METHODS
        return tuple(m for m in METHODS if hasattr(self.view.cls, m.lower()))

    def capability(self, method: str) -> str | None:
        """What this method asks of who calls it: a capability, ``open``, ``signed in``; None where nothing is declared."""
        if self.is_back_office:
            return self._of_back_office()
        if self.name in OPEN:
            return OPEN_TO_ALL
        if self.name in SIGNED_IN_ONLY:
            return TO_ALL_MEMBERS
        wanted = getattr(self.view.cls if self.is_api else self.view, "capability", None)
        wanted = wanted.get(method) if isinstance(wanted, dict) else wanted
        wanted = ASKS_MORE.get((self.name, method), wanted)
        return wanted if wanted in HELD else None

    def _of_back_office(self) -> str | None:
        """What the page of the back office behind this address asks; the site itself lets in who may curate data."""
        if self.name in ("admin:login", "admin:logout"):
            return OPEN_TO_ALL
        view = inspect.unwrap(self.view, stop=lambda one: hasattr(one, "model_admin"))
        page = getattr(view, "model_admin", None) or getattr(view, "__self__", None)
        if isinstance(page, AdminSite) or self.name == "admin:view_on_site":
            return "curate_data"
        # Django's own table of groups belongs to no company: whoever runs the server looks at it, and no role does.
        wanted = getattr(page, "capability", None)
        return wanted if wanted in HELD else NOBODY if getattr(page, "model", None) is Group else None

    def address(self, **values: object) -> str:
        return "/" + _PLACE.sub(lambda found: str(values[found[2]]), self.path)


def routes(resolver=None, names: tuple[str, ...] = (), path: str = "") -> Iterator[Route]:
    """All of them, in the URLconf's order. Django's catch-all of the back office and its old addresses are no views of ours."""
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            # Any back office is one, whatever its site is called.
            space = "admin" if entry.app_name == "admin" else entry.namespace
            yield from routes(entry, (*names, *filter(None, [space])), here)
        elif isinstance(entry, URLPattern) and "(?P<" not in here and not (entry.name is None and names == ("admin",)):
            yield Route(":".join((*names, entry.name or here)), here, entry.callback)


def undeclared(found: list[Route]) -> list[str]:
    """Routes with a method that says nothing about who may use it."""
    return [
        f"{route.name} ({route.path}) declares nothing for {method}"
        for route in found
        for method in route.methods
        if route.capability(method) is None
    ]
