"""Ways to other places that hold customers' tables: each brings one file, and says what it was.

folder: files laid down on this machine · sql: a query against a company's own database (databases: connections
that can only read · statement: whether it is one question) · web: an HTTPS address
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that a channel wrote where it was told to. ``is_cut``: only its beginning, for a test.

    ``facts``: JSON; what this look may say to the next one (a web address's validators), and remarks under "notes".
    """

    name: str
    sha256: str
    size_bytes: int
    is_cut: bool = False
    facts: dict[str, object] = field(default_factory=dict)


class Unchanged(Exception):
    """The source says that it holds what it held at the last look."""
