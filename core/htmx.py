"""A page or a fragment of it, from one template."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def render_page(request: HttpRequest, template: str, context: dict | None = None, *, status: int = 200) -> HttpResponse:
    """Render ``page.html#part``: the part for htmx when it asked for exactly that, the whole page for a browser.

    The part is named like the id of the element that htmx swaps (``HX-Target``); any other target gets the page.
    """
    page, _, part = template.partition("#")
    htmx = getattr(request, "htmx", None)
    if part and htmx and not htmx.boosted and htmx.target == part:
        return render(request, f"{page}#{part}", context, status=status)
    return render(request, page, context, status=status)
