"""What a feed reads from: its options and credentials checked and sealed, its channel called."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core import secrets
from core.errors import Refused
from tenants.scoping import current_tenant

from ..channels import Brought, folder, sql, statement, web
from ..models import Feed

TEST_ROWS = 500

# What is given of each kind of source, and how long it may be: for the form and for programs alike.
FIELDS: dict[str, tuple[str, ...]] = {
    Feed.Kind.FOLDER: ("pattern", "sheet"),
    Feed.Kind.SQL: ("url", "query"),
    Feed.Kind.HTTPS: ("address", "auth", "header", "value", "user", "password", "sheet"),
}
LONGEST: dict[str, int] = {
    "pattern": 100,
    "url": 2_000,
    "query": statement.LONGEST,
    "address": 2_000,
    "header": 100,
    "value": 4_096,
    "user": 200,
    "password": 500,
    "sheet": 255,
}
_ABOUT_URL = ("bad_url", "unknown_engine", "driver_missing", "bad_option", "no_file", "no_url")
_ABOUT_QUERY = ("no_query", "too_long", "two_statements", "not_a_select", "writes", "open_quote", "hidden_code")
# What a refusal is about, by its code; the others are about the feed as a whole.
PLACES: dict[str, str] = {
    "name_taken": "name",
    "bad_pattern": "pattern",
    **dict.fromkeys(_ABOUT_URL, "url"),
    **dict.fromkeys(_ABOUT_QUERY, "query"),
    **dict.fromkeys(("bad_address", "not_https", "credentials_in_address"), "address"),
    "bad_header": "header",
    "bad_header_value": "value",
    "no_credentials": "auth",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What a person wrote about a source; empty credentials leave those that are kept.

    folder: ``pattern`` · sql: ``url``, ``query`` · https: ``address``, ``auth`` (none, header, basic) and ``header`` with
    ``value``, or ``user`` with ``password`` · any: ``sheet``.
    """

    pattern: str = "*"
    url: str = field(default="", repr=False)
    query: str = ""
    address: str = field(default="", repr=False)
    auth: str = "none"
    header: str = "Authorization"
    value: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    sheet: str = ""


def inbox() -> folder.Inbox:
    """The folder of the company in scope."""
    return folder.Inbox(settings.RAW_DATA_PATH / current_tenant().slug, settle_seconds=settings.FEED_SETTLE_SECONDS)


def given_of(feed: Feed | None, named: dict[str, str]) -> Given:
    """What is named of a source, beside what the feed has of it already; credentials that are not named stay."""
    kept = {name: feed.options[name] for name in FIELDS[feed.kind] if feed.options.get(name)} if feed else {}
    return Given(**{**kept, **named})


def describe(feed: Feed, given: Given) -> None:
    """Check what was given, and set the feed's options and sealed secret by it; asks no other machine. Raises Refused."""
    kept = {"sheet": given.sheet.strip()[:255]} if given.sheet.strip() else {}
    setter = {Feed.Kind.FOLDER: _describe_folder, Feed.Kind.SQL: _describe_query, Feed.Kind.HTTPS: _describe_address}
    options = setter[feed.kind](feed, given)
    feed.options = {**options, **kept}


def _describe_folder(feed: Feed, given: Given) -> dict[str, object]:
    pattern = folder.check_pattern(given.pattern)
    inbox().prepare()
    return {"pattern": pattern}


def _describe_query(feed: Feed, given: Given) -> dict[str, object]:
    if given.url:
        source = sql.check_url(given.url)
        engine, place = source.engine, source.place
        feed.secret = secrets.seal(given.url.strip(), scope=feed.secret_scope)
    elif feed.secret:
        engine, place = feed.options["engine"], feed.options["place"]
    else:
        raise Refused("no_url", _("Give the address of the database."))
    return {"engine": engine, "place": place, "query": statement.check_statement(given.query, engine=engine)}


def _describe_address(feed: Feed, given: Given) -> dict[str, object]:
    address, query = web.check_address(given.address)
    held, earlier = _held_credentials(feed), feed.options.get("address", "")
    if not query and address == earlier:
        query = held.query
    if given.auth == "none":
        credentials = web.Credentials(query=query)
    elif given.value or given.password:
        if given.auth == "header":
            web.check_header(given.header, given.value)
            credentials = web.Credentials(header=given.header, value=given.value, query=query)
        else:
            credentials = web.Credentials(user=given.user, password=given.password, query=query)
    elif feed.options.get("auth") == given.auth and web.same_place(address, earlier):
        # What was given for one machine is never sent to another.
        credentials = replace(
            held, header=given.header if held.header else "", user=given.user or held.user, query=query
        )
        if held.header:
            web.check_header(credentials.header, credentials.value)
    else:
        raise Refused("no_credentials", _("Give the credentials for this address."))
    empty = credentials == web.Credentials()
    feed.secret = "" if empty else secrets.seal(json.dumps(asdict(credentials)), scope=feed.secret_scope)
    return {"address": address, "auth": given.auth, "header": credentials.header, "has_query": bool(query)}


def _held_credentials(feed: Feed) -> web.Credentials:
    return web.Credentials(**json.loads(_open(feed))) if feed.secret else web.Credentials()


def _open(feed: Feed) -> str:
    try:
        return secrets.unseal(feed.secret, scope=feed.secret_scope)
    except secrets.SealBroken as error:
        raise Refused(
            "secret_lost", _("The credentials that were kept can no longer be opened: enter them again.")
        ) from error


def bring(
    feed: Feed,
    target: Path,
    *,
    progress: Callable[[int, int], None],
    validators: dict[str, str] | None = None,
    for_test: bool = False,
) -> Brought:
    """Bring a query's rows or an address's file into ``target``; ``for_test``: only the beginning.

    ``progress`` is told (done, of all or 0). Raises Refused, Unreachable, and Unchanged where the validators still hold.
    """
    name = f"{feed.name.replace('/', '-')}.csv"
    if feed.kind == Feed.Kind.SQL:
        limits = sql.Limits(settings.FEED_SECONDS, settings.FEED_MAX_ROWS, settings.UPLOAD_MAX_BYTES)
        return sql.bring(
            sql.check_url(_open(feed)),
            feed.options["query"],
            target,
            limits=limits,
            name=name,
            only_rows=TEST_ROWS if for_test else None,
            progress=lambda rows: progress(rows, 0),
        )
    return web.bring(
        feed.options["address"],
        _held_credentials(feed),
        target,
        name=name,
        seconds=settings.FEED_SECONDS,
        max_bytes=settings.UPLOAD_MAX_BYTES,
        validators=validators,
        only_beginning=for_test,
        progress=progress,
    )


def reseal(feed: Feed) -> bool:
    """Seal the feed's secret under the newest key. False where it cannot be opened any more."""
    try:
        feed.secret = secrets.reseal(feed.secret, scope=feed.secret_scope)
    except secrets.SealBroken:
        return False
    return True
