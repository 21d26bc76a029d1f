"""Reading pages: who is on them, and how many questions they cost."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

_LINK = re.compile(r'href="/clients/([0-9a-f-]{36})"')


def shown(answer) -> list[str]:
    """Identifiers of the customers on a page, in their order (a page lists them for desktop and phone: once each)."""
    assert answer.status_code == 200
    return list(dict.fromkeys(_LINK.findall(answer.content.decode())))


def walk(client, query: str) -> list[str]:
    """Everybody on the list, following the link to the next page as a person would."""
    found, address = [], f"/clients?{query}"
    for _ in range(100):
        answer = client.get(address)
        found += shown(answer)
        link = re.search(r'rel="next" href="([^"]+)"', answer.content.decode())
        if not link:
            return found
        address = "/clients" + link[1].replace("&amp;", "&")
    pytest.fail("paging does not end")


def cost(client, address: str, **headers: str) -> int:
    """How many queries a page costs, asked a second time: the first fills caches of templates and content types."""
    client.get(address, headers=headers)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(address, headers=headers).status_code == 200
    return len(asked)


def htmx(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target}


@pytest.fixture
def bob_reads(client_for, bob):
    return client_for(bob)
