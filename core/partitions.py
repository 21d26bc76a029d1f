"""One key's rows as a table of its own, on PostgreSQL: filled bare, indexed after, attached at once, dropped when forgotten.

A million rows put into a table with live indexes and foreign keys cost several times the writing (docs/benchmarks.md), and
deleting them costs it again. A table partitioned by a list of keys takes a whole part in and lets it go in a moment. What a
part needs is read off its parent when it is made: indexes, foreign keys, row-level security. On SQLite there are no parts:
``is_partitioned`` is false, and callers insert and delete rows.

A large part may be two halves, tables of their own in all but name: PostgreSQL fills, sorts and checks a table by one process,
two tables by two (docs/adr/0016).
"""

from __future__ import annotations

import itertools
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, models, transaction

from . import bulk

logger = logging.getLogger(__name__)

_LONG = 16 << 20  # bytes of a table that is worth walking in order
_SORTING = "256MB"  # a million keys are sorted in memory
_IN_THE_WAY = ("55P03", "40P01")  # lock_not_available, deadlock_detected
_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 15.0


def is_partitioned(model: type[models.Model]) -> bool:
    """Whether the model's table takes parts."""
    if connection.vendor != "postgresql":
        return False
    return bulk.fetch("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [_quoted(model)])[0][0]


def create(
    model: type[models.Model],
    column: str,
    key: int,
    *,
    attempt: int,
    halved: tuple[str, int] | None = None,
    same: Mapping[str, UUID] = MappingProxyType({}),
) -> str:
    """An empty table like the model's, apart from it, for rows whose ``column`` is ``key``; what earlier attempts left is
    removed. Returns its name. ``halved``: a column, and the value from which on rows go to the second of its ``halves``.
    ``same``: columns of one value in all rows; neither they nor the key need be sent, which took an eighth of the writing."""
    drop(model, key)
    name = f"{model._meta.db_table}_{int(key)}_{int(attempt)}"
    # The check is what the partition will promise: attaching then looks at no row.
    like = f'LIKE {_quoted(model)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS, CHECK ("{column}" = {int(key)})'
    bulk.run(f'CREATE TABLE "{name}" ({like})' + (f' PARTITION BY RANGE ("{halved[0]}")' if halved else ""))
    for constant, value in {column: int(key), **same}.items():
        bulk.run(f"""ALTER TABLE "{name}" ALTER "{constant}" SET DEFAULT '{value}'""")
    if halved:
        middle = int(halved[1])
        for half, bounds in zip(halves(name), (f"(MINVALUE) TO ({middle})", f"({middle}) TO (MAXVALUE)"), strict=True):
            bulk.run(f'CREATE TABLE "{half}" PARTITION OF "{name}" FOR VALUES FROM {bounds}')
    return name


def halves(name: str) -> tuple[str, str]:
    """The two tables that hold the rows of a part that was made ``halved``."""
    return f"{name}_1", f"{name}_2"


def complete(model: type[models.Model], name: str) -> Iterator[None]:
    """Make a filled table what its parent is, but for foreign keys: index after index, one for each step."""
    for is_unique, definition in bulk.fetch(
        "SELECT indisunique, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass ORDER BY indexrelid",
        [_quoted(model)],
    ):
        how = definition[definition.index(" USING ") :]
        with transaction.atomic():
            bulk.run(f"SET LOCAL maintenance_work_mem = '{_SORTING}'")
            bulk.run(f'CREATE {"UNIQUE " if is_unique else ""}INDEX ON "{name}"{how}')
        yield
    _secure(model, name)


def index_run(model: type[models.Model], column: str, key: int, title: str, keys: str, *, part: str = "") -> None:
    """An index on the rows of one key only, where it is not there yet: on its part or, on SQLite, a partial index.

    ``keys``: what stands between the brackets, in our own words; ``part``: the key's table while it is not attached. Built when the rows are there, it costs a sort; a live
    index costs a search a row. SQLite knows that a bound ``column = key`` is the index's own condition.
    """
    name = f"{model._meta.db_table}_{int(key)}_{title}"
    if connection.vendor == "sqlite":
        bulk.run(f'CREATE INDEX IF NOT EXISTS "{name}" ON {_quoted(model)} ({keys}) WHERE "{column}" = {int(key)}')
        return
    part = part or _part_of(model, key)
    if not part:  # its rows were written one by one, and are few
        return
    with transaction.atomic():
        bulk.run(f"SET LOCAL maintenance_work_mem = '{_SORTING}'")
        bulk.run(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{part}" ({keys})')


def drop_indexes(model: type[models.Model], keys: Iterable[int], titles: Iterable[str]) -> None:
    """Forget what ``index_run`` made for these keys. On PostgreSQL they go with their part."""
    if connection.vendor == "sqlite":
        for key, title in itertools.product(keys, titles):
            bulk.run(f'DROP INDEX IF EXISTS "{model._meta.db_table}_{int(key)}_{title}"')


def analyse(model: type[models.Model], key: int) -> None:
    """Tell the planner what a key's part holds; lists are quick without it, since each has its index."""
    if (part := _part_of(model, key)) if connection.vendor == "postgresql" else "":
        with transaction.atomic():
            bulk.run("SET LOCAL default_statistics_target = 20")  # evenly spread columns need no more
            bulk.run(f'ANALYZE "{part}"')


def _pattern(model: type[models.Model], key: int) -> str:
    """What the names of a key's tables begin with, as a regular expression: whose end is a part's, then comes a half's."""
    return f"^{re.escape(model._meta.db_table)}_{int(key)}_[0-9]+"


def _part_of(model: type[models.Model], key: int) -> str:
    """The attached part that holds a key's rows."""
    found = bulk.fetch(
        """SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = %s::regclass AND c.relname ~ %s""",
        [_quoted(model), f"{_pattern(model, key)}$"],
    )
    return found[0][0] if found else ""


def promise(model: type[models.Model], name: str) -> None:
    """Give a filled table its parent's foreign keys, not proved yet (``prove``): from here on nobody whom they name can go.
    Who writes to the tables that they point at waits for this transaction alone, which looks at no row."""
    with transaction.atomic():
        _lock_what_keys_point_at(model)
        for title, _is_long in _keys(model):
            bulk.run("SELECT churnguard_promise_part(%s, %s, %s)", [_quoted(model), f'"{name}"', title])


def prove(model: type[models.Model], name: str) -> Iterator[None]:
    """Check what was promised of a table, key after key, one for each step; nobody waits. Raises IntegrityError."""
    for title, is_long in _keys(model):
        with transaction.atomic(), _walking_side_by_side() if is_long else nullcontext():
            bulk.run("SELECT churnguard_prove_part(%s, %s, %s)", [_quoted(model), f'"{name}"', title])
        yield


def bind(model: type[models.Model], name: str, column: str, target: type[models.Model]) -> Iterator[None]:
    """``promise``, then ``prove``. A row whose ``column`` names one of ``target`` that went away while it was written goes too."""
    promise(model, name)
    try:
        yield from prove(model, name)
    except IntegrityError:
        drop_orphans(name, column, target)
        yield from prove(model, name)


def attach(model: type[models.Model], name: str, key: int) -> None:
    """Make the table a part of the model's. Foreign keys that it, or its halves, have not are checked now; who writes to the
    tables that they point at waits meanwhile, who reads does for the last moment only. Inside the transaction that shows the
    rows to people, within ``giving_way``. By the tables' owner, who may be another role than ours (``core.postgresql.parts``)."""
    bulk.run(f"SET LOCAL maintenance_work_mem = '{_SORTING}'")
    _give_way_soon()
    held = {title for title, _is_long in _keys(name)}
    # At the end the server wants the tables that keys point at for itself. Asked for at once there is nothing to be raised,
    # for which two who hold a lesser lock would wait for each other.
    wanted = {title for title, _is_long in _keys(model)}
    is_ready = all(wanted <= {title for title, _is_long in _keys(table)} for table in _tables_of(name))
    _lock_what_keys_point_at(model, "ACCESS EXCLUSIVE" if is_ready else "SHARE ROW EXCLUSIVE")
    for title, is_long in _keys(model):
        # The part finds the same key at its parent when it is attached, and its halves at the part: neither checks it again.
        if title not in held:
            with _walking_side_by_side() if is_long else nullcontext():
                bulk.run("SELECT churnguard_bind_part(%s, %s, %s)", [_quoted(model), f'"{name}"', title])
    bulk.run("SELECT churnguard_attach_part(%s, %s, %s)", [_quoted(model), f'"{name}"', int(key)])


def giving_way(
    work: Callable[[], None],
    model: type[models.Model],
    key: int,
    *,
    waiting: Callable[[], None] = lambda: None,
    patience: float = 1200.0,
) -> None:
    """Run a transaction that attaches or drops a key's part. Where others are at the tables that it must have for itself, who
    come after it would queue behind it: it lets them pass, and tries again, ever less often. ``waiting`` is called before each
    pause, and may end it by raising. Raises OperationalError when it was tried for ``patience`` seconds: a backup of millions
    of customers reads all tables for minutes."""
    end, pause = time.monotonic() + patience, _PAUSE_S
    while True:
        try:
            work()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") not in _IN_THE_WAY or time.monotonic() > end:
                raise
        else:
            break
        waiting()
        time.sleep(pause)
        pause = min(1.3 * pause, _LONGEST_PAUSE_S)
        _send_vacuums_away(model, key)
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        bulk.run("SET LOCAL lock_timeout TO DEFAULT")  # it is the caller's transaction, and need not hurry


def _give_way_soon() -> None:
    """Sooner than the server looks for a deadlock: it is we who let go then, and never somebody's import."""
    bulk.run("SET LOCAL lock_timeout = '500ms'")


def _send_vacuums_away(model: type[models.Model], key: int) -> None:
    """The server's own vacuum may be at a long table for minutes, and goes where somebody waits for it: but only when it looks
    for deadlocks (``deadlock_timeout``, 1 s), which is when we have given way. Waited for in the mode that a vacuum has, and
    holding nothing, we are in nobody else's way."""
    at_work = bulk.fetch(
        """SELECT DISTINCT c.oid::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
           WHERE c.relkind IN ('r', 'p') AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND (c.relname ~ %s OR c.oid IN (SELECT confrelid FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'))""",
        [_pattern(model, key), _quoted(model)],
    )
    for (name,) in at_work:
        try:
            with transaction.atomic():
                bulk.run("SET LOCAL lock_timeout = '3s'")
                bulk.run(f"LOCK TABLE {name} IN SHARE UPDATE EXCLUSIVE MODE")
        except OperationalError:  # somebody's own vacuum, or one that must be: neither goes, and it is waited for
            logger.info("%s is being vacuumed and is waited for", name)


def _lock_what_keys_point_at(model: type[models.Model], mode: str = "SHARE ROW EXCLUSIVE") -> None:
    """In one order for everybody: a key locks the table that it points at, and an attached part all of its keys' tables, in
    an order of the server's own, so that two companies' runs would wait for each other."""
    tables = bulk.fetch(
        """SELECT DISTINCT confrelid::regclass::text FROM pg_constraint
           WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY 1""",
        [_quoted(model)],
    )
    if tables:
        bulk.run(f"LOCK TABLE {', '.join(name for (name,) in tables)} IN {mode} MODE")


def _tables_of(name: str) -> list[str]:
    """A part's halves; itself where it has none."""
    found = bulk.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass",
        [f'"{name}"'],
    )
    return [half for (half,) in found] or [name]


def _keys(table: type[models.Model] | str) -> list[tuple[str, bool]]:
    """A table's foreign keys by name, and whether they point at a long table."""
    return bulk.fetch(
        """SELECT k.conname, pg_relation_size(k.confrelid) > %s
           FROM pg_constraint k WHERE k.conrelid = %s::regclass AND k.contype = 'f' ORDER BY k.conname""",
        [_LONG, f'"{table}"' if isinstance(table, str) else _quoted(table)],
    )


@contextmanager
def _walking_side_by_side() -> Iterator[None]:
    """A key to a long table is checked along two indexes: half the time of the hash table that PostgreSQL would build of a
    million pairs, since it reckons that to go by an index is to jump."""
    settings = {"enable_hashjoin": "off", "enable_nestloop": "off", "random_page_cost": "1.1"}
    before = {name: bulk.fetch(f"SHOW {name}")[0][0] for name in settings}
    for values in (settings, before):
        for name, value in values.items():
            bulk.run(f"SET LOCAL {name} = '{value}'")
        if values is settings:
            yield


def drop_orphans(name: str, column: str, target: type[models.Model]) -> int:
    """Remove rows whose ``column`` points at a row that went away while the table was filled. Returns how many."""
    gone = f'NOT EXISTS (SELECT 1 FROM {_quoted(target)} AS t WHERE t."{target._meta.pk.column}" = part."{column}")'  # noqa: S608
    return bulk.run(f'DELETE FROM "{name}" AS part WHERE {gone}')  # noqa: S608 - names of our own tables and columns


def drop(model: type[models.Model], key: int) -> None:
    """Forget a key's rows: its table, attached or not, however many attempts made one."""
    for (name,) in bulk.fetch(
        """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ %s
           AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = %s::regclass)""",
        [f"{_pattern(model, key)}$", _quoted(model)],
    ):
        bulk.run(f'DROP TABLE IF EXISTS "{name}"')


def let_go(model: type[models.Model], key: int) -> None:
    """``drop`` in a transaction of its own that gives way: the server wants the tables that keys point at for itself then.
    Raises OperationalError after a minute and a half."""

    def work() -> None:
        with transaction.atomic():
            _give_way_soon()
            drop(model, key)

    giving_way(work, model, key, patience=90.0)


def drop_what_is_left(model: type[models.Model], key: int) -> None:
    """``drop`` what nobody will take up again, where nobody is at it: else it stays for now, and a line in the log says so."""
    try:
        with transaction.atomic():
            bulk.run("SET LOCAL lock_timeout = '3s'")
            drop(model, key)
    except OperationalError:  # the worker is slow, not dead, and holds it
        logger.warning("what was left of key %s of %s is in use and stays for now", key, model._meta.db_table)


def _secure(model: type[models.Model], name: str) -> None:
    """Row-level security as the parent has it: it would not hold for somebody who asks the part by its own name."""
    [(is_enabled, is_forced)] = bulk.fetch(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [_quoted(model)]
    )
    policies = bulk.fetch(
        """SELECT quote_ident(polname),
                  CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                  CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                       ELSE 'ALL' END,
                  (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
                   FROM unnest(polroles) role),
                  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
           FROM pg_policy WHERE polrelid = %s::regclass""",
        [_quoted(model)],
    )
    for policy, kind, command, roles, using, check in policies:
        rules = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
        bulk.run(f'CREATE POLICY {policy} ON "{name}" AS {kind} FOR {command} TO {roles}{rules}')
    if is_enabled:
        bulk.run(f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY')
    if is_forced:
        bulk.run(f'ALTER TABLE "{name}" FORCE ROW LEVEL SECURITY')


def _quoted(model: type[models.Model]) -> str:
    return f'"{model._meta.db_table}"'
