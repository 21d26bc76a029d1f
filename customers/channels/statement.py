"""Whether a text is one question to a database and nothing else: a SELECT, read word by word as the engine reads it.

One of several fences: the transaction is read-only, the protocol takes one statement, and the role should be one that
may only read. This one speaks first, and in words.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from core.errors import Refused

LONGEST = 20_000
# Commands that may stand inside a SELECT or WITH: a writing part of a WITH, SELECT … INTO (a table, or a file of the
# server), FOR UPDATE. Others cannot, and a column that is called like one of these is written in quotes.
_WRITES = {"insert", "update", "delete", "merge", "into"}
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<line>--[^\n]*)
  | (?P<block>/\*)
  | (?P<dollar>\$(?:[A-Za-z_\x80-\uffff][A-Za-z_0-9\x80-\uffff]*)?\$)
  | (?P<escaped>[eE](?='))
  | (?P<quote>['"`])
  | (?P<word>[A-Za-z_\x80-\uffff][\w$]*)
  | (?P<number>\d[\w.]*)
  | (?P<end>;)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def check_statement(text: str, *, engine: str) -> str:
    """The query without a closing semicolon. ``engine``: postgresql, mysql or sqlite.

    Raises Refused: no_query, too_long, two_statements, not_a_select, writes, open_quote, hidden_code.
    """
    query = text.strip()
    if not query:
        raise Refused("no_query", _("Write a SELECT that gives one line for each customer."))
    if len(query) > LONGEST:
        raise Refused("too_long", _("The query is longer than %(maximum)s characters.") % {"maximum": LONGEST})
    words, ended_at = [], None
    for kind, value, position in _tokens(query, engine):
        if ended_at is not None:
            raise Refused("two_statements", _("Only one query is run: remove what follows the semicolon."))
        if kind == "end":
            ended_at = position
        elif kind == "word":
            words.append(value.casefold())
    if not words or words[0] not in ("select", "with"):
        raise Refused("not_a_select", _("Only a query that reads is run: it begins with SELECT or WITH."))
    if written := sorted(_WRITES & set(words)):
        raise Refused("writes", _("Only a query that reads is run: “%(word)s” is not.") % {"word": written[0].upper()})
    return query[:ended_at].rstrip() if ended_at is not None else query


def _tokens(query: str, engine: str):
    """(kind, value, position) of everything but white space, comments and what stands in quotes."""
    position = 0
    backslash = engine == "mysql"
    while position < len(query):
        match = _TOKEN.match(query, position)
        kind = match.lastgroup
        start, position = position, match.end()
        if kind == "block":
            if engine == "mysql" and query[position : position + 1] in ("!", "M", "+"):
                raise Refused("hidden_code", _("Remove the comments of the form /*! … */: they are run as code."))
            position = _end_of_block(query, position, nests=engine == "postgresql")
        elif kind == "line" and engine == "mysql" and query[start + 2 : start + 3] not in ("", " ", "\t", "\n", "\r"):
            # For MySQL two hyphens without a space are two minus signs.
            position = start + 2
        elif kind == "other" and engine == "mysql" and match.group() == "#":
            newline = query.find("\n", position)
            position = len(query) if newline < 0 else newline
        elif kind == "other" and engine == "sqlite" and match.group() == "[":
            position = _after(query, "]", position)
        elif kind == "dollar" and engine == "postgresql":
            position = _after(query, match.group(), position)
        elif kind == "escaped":
            escapes = engine == "postgresql" or backslash
            position = _end_of_quote(query, position, escapes=escapes)
        elif kind == "quote":
            escapes = backslash and match.group() != "`"
            position = _end_of_quote(query, start, escapes=escapes)
        elif kind not in ("space", "line"):
            yield kind, match.group(), start


def _end_of_quote(query: str, start: int, *, escapes: bool) -> int:
    """Where what opens at ``start`` is closed; a doubled quote is one of its characters."""
    mark, position = query[start], start + 1
    while position < len(query):
        if escapes and query[position] == "\\":
            position += 2
        elif query[position] != mark:
            position += 1
        elif query[position + 1 : position + 2] == mark:
            position += 2
        else:
            return position + 1
    raise _open_quote()


def _end_of_block(query: str, position: int, *, nests: bool) -> int:
    depth = 1
    while depth:
        opened, closed = query.find("/*", position), query.find("*/", position)
        if closed < 0:
            raise _open_quote()
        if nests and 0 <= opened < closed:
            depth, position = depth + 1, opened + 2
        else:
            depth, position = depth - 1, closed + 2
    return position


def _after(query: str, mark: str, position: int) -> int:
    closed = query.find(mark, position)
    if closed < 0:
        raise _open_quote()
    return closed + len(mark)


def _open_quote() -> Refused:
    return Refused("open_quote", _("A quotation mark or a comment in the query is never closed."))
