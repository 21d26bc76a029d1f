"""What is asked of every address, as functions that return what they found wrong: so a test can show that they find it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.test import Client

from tenants.permissions import allows

from .companies import LADDER, Company
from .places import Places, absent, ask, bodies_for
from .routes import NOBODY, OPEN_TO_ALL, TO_ALL_MEMBERS, Route

_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NEW_EACH_TIME = re.compile(rb"[A-Za-z0-9]{64}")  # the CSRF token
# What a request makes: its identifier and its moment.
_MADE = re.compile(rb"%s|%s|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)" % (_NEW_EACH_TIME.pattern, _UUID.pattern))
_SIGN_IN = ("/sign-in", "/admin/login")


def is_refused(answer) -> bool:
    """Whether the answer is that of a closed door."""
    if answer.status_code in (401, 403):
        return True
    return answer.status_code == 302 and answer["Location"].startswith(_SIGN_IN)


def may(role: str | None, capability: str | None) -> bool:
    """Whether a member of this role (None: nobody who is signed in) gets past a door that asks for this."""
    if capability == OPEN_TO_ALL:
        return True
    if role is None or capability in (None, NOBODY):
        return False
    return capability == TO_ALL_MEMBERS or allows(role, capability)


def says_not_ready(route: Route, status: int) -> bool:
    """Only one address says 503 on purpose: the probe, where no broker runs."""
    return route.name == "readyz" and status == 503


def role_findings(route: Route, role: str | None, client: Client, places: Places) -> list[str]:
    """The company's own people at this address: open for whom the declaration says, shut for everybody else.

    Who may not is asked with a row that is there, so that a door that looks before it asks is found; who may is asked with
    it where they are the lowest that may (the positive control), and with an absent one above.
    """
    found = []
    for method in route.methods:
        capability = route.capability(method)
        lets_in = may(role, capability)
        is_lowest = lets_in and role is not None and role == next(r for r in LADDER if may(r, capability))
        values = (places.of(route) or absent(route)) if is_lowest or not lets_in else absent(route)
        answer = ask(client, method, route.address(**values))
        who = f"{role or 'anonymous'}: {method} {route.path}"
        if answer.status_code >= 500 and not says_not_ready(route, answer.status_code):
            found.append(f"{who} fails with {answer.status_code}")
        elif lets_in and is_refused(answer) and not _may_refuse_all(route, capability):
            found.append(f"{who} is refused, and may ({capability})")
        elif not lets_in and not (is_refused(answer) or answer.status_code == 405):
            found.append(f"{who} is answered {answer.status_code}, and may not ({capability})")
    return found


def _may_refuse_all(route: Route, capability: str | None) -> bool:
    """Open doors and signing out lead to the sign-in page themselves; many tables of the back office are to look at only."""
    return capability in (OPEN_TO_ALL, TO_ALL_MEMBERS) or (
        route.is_back_office and not route.name.endswith("_changelist")
    )


def control_findings(found: Iterable[Route], places: Places) -> list[str]:
    """Addresses with a place that nothing of the company opens: there the matrix would prove nothing."""
    return [
        f"no row opens {route.name} ({route.path}): give the companies one"
        for route in found
        if route.places and is_about_rows(route) and places.of(route) is None and not places.is_shut(route)
    ]


def is_about_rows(route: Route) -> bool:
    """Whether members reach rows by this address. Open doors name theirs by sealed tokens."""
    return all(route.capability(m) not in (OPEN_TO_ALL, NOBODY) for m in route.methods) and (
        # No table has a page of its own on the site; and a job to try again is named by its kind in the form as well, which
        # its twin of the API has in the address (tests/test_system_page.py asks for another company's).
        route.name not in ("admin:view_on_site", "system:retry_job")
    )


def outsider_findings(route: Route, client: Client, places: Places, own: Company) -> list[str]:
    """Somebody of another company (``own``) at the address of one's row: told the same as for a row that nobody has, and no
    row moves. With a body as the address takes it, of the asker's own rows, so that it is looked for the row at all."""
    foreign = places.of(route)
    if not route.places or foreign is None or not is_about_rows(route):
        return []
    found = []
    for method in route.methods:
        for body in bodies_for(route, method, own):
            answers = [
                (ask(client, method, route.address(**values), body, watched=places.company), values)
                for values in (foreign, absent(route))
            ]
            who = f"outsider: {method} {route.path}"
            # The same words are taken from both: a short number stands in a page for other reasons too.
            words = [str(value) for _answer, values in answers for value in values.values()]
            theirs, nobodys = (_as_said(answer, words) for answer, _values in answers)
            if theirs != nobodys:
                found.append(f"{who} is told {theirs[0]}, and of an absent one {nobodys[0]}")
            if theirs[0] >= 500 or theirs[0] < 300:
                found.append(f"{who} is answered {theirs[0]}")
            found += [f"{who} changes {', '.join(answer.moved)}" for answer, _values in answers if answer.moved]
    return found


def _as_said(answer, words: Iterable[str], new: re.Pattern[bytes] = _NEW_EACH_TIME) -> tuple[int, bytes, bytes]:
    """Status, body and destination, without what is ``new`` in each answer, then without the words that were asked with."""
    said = [new.sub(b"*", text) for text in (answer.whole, answer.get("Location", "").encode())]
    for word in words:
        said = [re.sub(rb"\b%s\b" % re.escape(word).encode(), b"*", text) for text in said]
    return answer.status_code, *said


def without_values(answer, *bodies: dict[str, object]) -> tuple[int, bytes, bytes]:
    """Status, body and destination, without the words that were sent in any of the bodies, and without the identifier and
    the time of what the answer made: whose identifiers it says is asked by ``ids_said()``."""
    words = {word for body in bodies for word in _words(list(body.values())) if word}
    longest_first = sorted(words, key=lambda word: (-len(word), word))  # one may be a part of another
    return _as_said(answer, longest_first, _MADE)


def _words(sent: object) -> Iterator[str]:
    if isinstance(sent, str):
        yield sent
    elif isinstance(sent, dict | list):
        for one in sent.values() if isinstance(sent, dict) else sent:
            yield from _words(one)


def ids_said(answer, *sent: object) -> set[str]:
    """The public identifiers in an answer that nobody sent."""
    said = {found.decode() for found in _UUID.findall(answer.whole + answer.get("Location", "").encode())}
    return said - {found.decode() for found in _UUID.findall(repr(sent).encode())}
