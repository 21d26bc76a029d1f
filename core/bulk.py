"""Frames in and out of the database at the engine's own speed: COPY on PostgreSQL, executemany on SQLite, one door.

The ORM's bulk path is ten to eighteen times slower on a million rows (docs/benchmarks.md), so imports, scoring and
training use this module; nothing else may open a cursor. Callers pass querysets, so the company's scope stays on.
"""

from __future__ import annotations

import gc
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import pandas as pd
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Expression, QuerySet

from . import guards, packed

Item = TypeVar("Item")

_SQLITE_BLOCK = 20_000
_PARSED_AT_ONCE = 8 << 20  # bytes of CSV
_SELDOM = 250_000  # containers; a batch of rows and all that is made of them stays below


class Stage:
    """A temporary table: load rows, then merge them with set statements. Lives for one transaction."""

    def __init__(self, name: str, columns: dict[str, str]) -> None:
        self.name = name
        self.columns = columns

    def load(self, rows: Iterable[Sequence]) -> None:
        insert(self.name, list(self.columns), rows)

    def run(self, sql: str, params: Sequence | None = None) -> int:
        """Execute one statement (``{stage}`` stands for the table); returns the rows it touched."""
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("{stage}", self.name), params)
            return cursor.rowcount

    def fetch(self, sql: str, params: Sequence | None = None) -> list[tuple]:
        return fetch(sql.replace("{stage}", self.name), params)

    def analyse(self, *columns: str) -> None:
        """Tell PostgreSQL's planner how many rows there are, and how the columns that a join uses are spread."""
        if not _is_sqlite():
            self.run(f"ANALYZE {{stage}} ({', '.join(columns)})")


def run(sql: str, params: Sequence | None = None) -> int:
    """One set statement; returns the rows it touched. For the named bulk paths, whose SQL names what it may touch."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def fetch(sql: str, params: Sequence | None = None) -> list[tuple]:
    """All rows of one question. For the named bulk paths, like ``run``."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


class Prepared:
    """One statement that is asked thousands of times: planned once by PostgreSQL, and below Django's wrappers on both engines,
    which cost more than the statement. Its own commit where no transaction is open. ``%s`` stands for a value that the
    driver takes as it is."""

    def __init__(self, sql: str) -> None:
        self._sql = sql.replace("%s", "?") if _is_sqlite() else sql
        self._raw: object = None
        self._cursor = None

    def fetch(self, params: Sequence) -> list[tuple]:
        """The rows that it returns; none where it returns nothing."""
        cursor = self._open()
        if _is_sqlite():
            cursor.execute(self._sql, params)
            return cursor.fetchall()
        cursor.execute(self._sql, params, prepare=True)
        return cursor.fetchall() if cursor.description else []

    def _open(self):
        connection.ensure_connection()
        if self._raw is not connection.connection:  # another connection since, or the first
            self._raw = connection.connection
            if _is_sqlite():
                import sqlite3

                self._cursor = sqlite3.Cursor(self._raw)
            else:
                from core.postgresql.cursors import ScopedPlainCursor

                self._cursor = ScopedPlainCursor(self._raw)
        return self._cursor


def prepared(queryset: QuerySet, *places: object) -> Callable[..., list[tuple]]:
    """A ``values_list`` queryset that is asked again and again, put together once. ``places``: values in it that nothing else
    in it has; each call gives others for them. Values come as the driver reads them, on SQLite through the columns' converters."""
    compiler = queryset.query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    found = [params.index(place) for place in places]
    statement = Prepared(sql)
    converters = compiler.get_converters([column[0] for column in compiler.select]) if _is_sqlite() else {}

    def ask(*values: object) -> list[tuple]:
        given = list(params)
        for at, value in zip(found, values, strict=True):
            given[at] = value
        rows = statement.fetch(given)
        return [tuple(row) for row in compiler.apply_converters(rows, converters)] if converters else rows

    return ask


def analyse(*tables: type[models.Model]) -> None:
    """Tell PostgreSQL's planner what they hold now: after a million rows it would still plan for what was there before."""
    if not _is_sqlite():
        run("ANALYZE " + ", ".join(f'"{model._meta.db_table}"' for model in tables))


def reserve_keys(model: type[models.Model], count: int) -> Sequence[int]:
    """Primary keys for ``count`` rows to come, rising, nobody else's. Inside the transaction that appends them."""
    table = model._meta.db_table
    if _is_sqlite():
        # The transaction holds the only right to write; SQLite's counter follows the rows that are appended.
        held = fetch("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        first = held[0][0] + 1 if held else 1
        return range(first, first + count)
    keys = fetch(
        """WITH held AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, %s)::regclass AS sequence)
           SELECT nextval(sequence) FROM held, generate_series(1, %s)""",
        [f'"{table}"', model._meta.pk.column, count],
    )
    return [key for (key,) in keys]


@contextmanager
def many_rows() -> Iterator[None]:
    """Look for reference cycles seldom while millions of rows pass: they make none, and looking takes a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(_SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; while the caller works on one, a thread prepares the next. It must not ask the database.

    On PostgreSQL, which works in a process of its own. SQLite works in ours and holds its lock meanwhile: two threads
    would wait for each other at every row, and other writers would hardly get their turn.
    """
    if _is_sqlite():
        yield from items
        return
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


@contextmanager
def stage(name: str, columns: dict[str, str]) -> Iterator[Stage]:
    """A fresh temporary table inside one transaction. ``columns``: name -> SQL type of this engine."""
    ddl = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE IF EXISTS temp."{name}"' if _is_sqlite() else f'DROP TABLE IF EXISTS "{name}"')
            cursor.execute(f'CREATE TEMPORARY TABLE "{name}" ({ddl})' + ("" if _is_sqlite() else " ON COMMIT DROP"))
        yield Stage(name, columns)
        if _is_sqlite():
            with connection.cursor() as cursor:
                cursor.execute(f'DROP TABLE temp."{name}"')


@contextmanager
def proved_together(model: type[models.Model]) -> Iterator[None]:
    """Rows appended inside stay in their company: on SQLite one question for all says so, not a trigger a row.

    (Two triggers cost 13 s on a million rows, the question 1.) The transaction is SQLite's only writer, so no row of
    anybody else's comes in unproved. PostgreSQL checks its foreign keys as ever. Raises IntegrityError.
    """
    if not _is_sqlite():
        yield
        return
    table = model._meta.db_table
    with transaction.atomic():
        [(last,)] = fetch(f'SELECT COALESCE(MAX(rowid), 0) FROM "{table}"')
        triggers = fetch(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s AND name LIKE %s",
            [table, "%_tenant_insert"],
        )
        for name, _sql in triggers:
            run(f'DROP TRIGGER "{name}"')
        yield
        for _name, sql in triggers:
            run(sql)
        for child, field, parent in guards.scoped_keys():
            if child is not model:
                continue
            [(strays,)] = fetch(
                f"""SELECT COUNT(*) FROM "{table}" AS t WHERE t.rowid > %s AND t."{field.column}" IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM "{parent._meta.db_table}" AS p
                        WHERE p."{parent._meta.pk.column}" = t."{field.column}" AND p.tenant_id = t.tenant_id)""",
                [last],
            )
            if strays:
                raise IntegrityError(f"FOREIGN KEY crosses companies: {table}.{field.column}")


def column_types(model: type[models.Model], names: Iterable[str]) -> dict[str, str]:
    """SQL types of a model's columns on this engine, keyed by column name."""
    fields = {f.name: f for f in model._meta.local_fields}
    return {
        fields[name].column: fields[name].rel_db_type(connection)
        if fields[name].is_relation
        else fields[name].db_type(connection)
        for name in names
    }


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence]) -> int:
    """Append rows to a table. Values must be what the driver takes (see ``adapt``). Returns how many."""
    names = ", ".join(f'"{c}"' for c in columns)
    count = 0
    with connection.cursor() as cursor:
        if _is_sqlite():
            sql = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
            # Below Django's wrapper: it would rewrite every placeholder and adapt every value one by one.
            raw = cursor.cursor
            for block in _blocks(rows, _SQLITE_BLOCK):
                _driver_executemany(raw, sql, block)
                count += len(block)
        else:
            with copied_in(table, columns) as into, cursor.copy(f'COPY "{into}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
                    count += 1
    return count


@contextmanager
def copied_in(table: str, columns: Sequence[str]) -> Iterator[str]:
    """On PostgreSQL, the table to COPY into for rows that go into ``table``: itself or, where row-level security binds us,
    which COPY does not obey and is refused for, a temporary one, of which the rows are inserted at the end of the block."""
    if not fetch("SELECT row_security_active(%s::regclass)", [f'"{table}"'])[0][0]:
        yield table
        return
    names = ", ".join(f'"{column}"' for column in columns)
    ours = f"{table}_coming"[:60]
    with transaction.atomic():
        # Only the columns that come: the table's own defaults fill the others.
        run(f'CREATE TEMPORARY TABLE "{ours}" ON COMMIT DROP AS SELECT {names} FROM "{table}" WITH NO DATA')
        yield ours
        run(f'INSERT INTO "{table}" ({names}) SELECT {names} FROM "{ours}"')
        run(f'DROP TABLE "{ours}"')


def _driver_executemany(cursor, sql: str, block: list) -> None:
    import sqlite3

    sqlite3.Cursor.executemany(cursor, sql, block)


def _blocks(rows: Iterable[Sequence], size: int) -> Iterator[list]:
    rows = iter(rows)
    while block := list(itertools.islice(rows, size)):
        yield block


def read_numbers(queryset: QuerySet) -> dict[str, np.ndarray]:
    """A ``values_list`` queryset of numbers, keys and booleans by its names: keys int64 [n], the rest float64 [n] with NaN
    for unknown and 1 for true. Raises ValueError for any other column, and where a key is unknown."""
    names, asked = _asked(queryset)
    columns = [packed.column_of(expression) for expression in asked]
    if any(column is None or column.kind == "text" for column in columns):
        raise ValueError(f"Not all of {names} are numbers.")
    if not _is_sqlite():
        found = packed.fetch(queryset, columns)
        return {
            name: packed.truths_as_numbers(values) if column.kind == "flag" else values
            for name, column, values in zip(names, columns, found, strict=True)
        }
    frame = _driver_rows(queryset, names)
    return {
        name: pd.to_numeric(frame[name]).to_numpy(dtype=np.int64 if column.kind == "key" else np.float64)
        for name, column in zip(names, columns, strict=True)
    }


def read_frame(queryset: QuerySet, *, as_categories: bool = False) -> pd.DataFrame:
    """A ``values_list`` queryset as a frame, its columns named as asked.

    PostgreSQL sends CSV by COPY into Arrow, or whole arrays (core.packed); SQLite's rows go straight from the driver. Types
    follow the columns: text and unknown values come as object or null, booleans as object on SQLite (0 and 1): callers cast
    what they need. ``as_categories``: texts and booleans come as pandas' categories, numbered while they are read, an empty
    text as unknown. For blocks: all of it is in memory at once.
    """
    names, asked = _asked(queryset)
    texts = _named(names, asked, models.CharField, models.TextField)
    coded = [*texts, *_named(names, asked, models.BooleanField)] if as_categories else []
    if _is_sqlite():
        frame = _driver_rows(queryset, names)
        for name in coded:
            frame[name] = _category(frame[name])
        return frame
    columns = [packed.column_of(expression) for expression in asked] if as_categories else [None]
    if None not in columns:
        try:
            found = packed.fetch(queryset, columns)
        except packed.NotPacked:
            pass
        else:
            return pd.DataFrame(
                {
                    name: packed.truths_as_category(values) if column.kind == "flag" else values
                    for name, column, values in zip(names, columns, found, strict=True)
                },
                copy=False,
            )
    frame = _copied_out(queryset, names, texts, coded)
    for name in set(coded) & set(texts) if len(frame) else ():
        frame[name] = _without_empty(frame[name])
    return frame


def _copied_out(queryset: QuerySet, names: list[str], texts: list[str], coded: list[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.csv as csv

    sql, params = queryset.query.sql_with_params()
    buffer = io.BytesIO()
    # The driver's own cursor: Django's wrapper that records queries takes no parameters here.
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
        for data in copy:
            buffer.write(data)
    if not buffer.tell():
        return pd.DataFrame(columns=names)
    numbered = pa.dictionary(pa.int32(), pa.string())
    table = csv.read_csv(
        pa.BufferReader(buffer.getbuffer()),
        read_options=csv.ReadOptions(column_names=names, block_size=_PARSED_AT_ONCE),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            # PostgreSQL writes unknown as an empty unquoted cell, and nothing else: "NA" and "null" are words.
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            # Text whatever it looks like: "007" is no number, "true" no truth.
            column_types={**dict.fromkeys(texts, pa.string()), **dict.fromkeys(coded, numbered)},
        ),
    )
    return table.unify_dictionaries().to_pandas()


def _driver_rows(queryset: QuerySet, names: list[str]) -> pd.DataFrame:
    with connection.cursor() as cursor:
        cursor.execute(*queryset.query.sql_with_params())
        return pd.DataFrame.from_records(cursor.fetchall(), columns=names)


def _asked(queryset: QuerySet) -> tuple[list[str], list[Expression]]:
    """Names of a queryset's columns, and what they are made of."""
    names = [*queryset.query.values_select, *queryset.query.annotation_select]
    asked = [*queryset.query.select, *queryset.query.annotation_select.values()]
    if len(names) != len(asked):
        raise ValueError(f"Columns cannot be told from {names}.")
    return names, asked


def _named(names: list[str], asked: list[Expression], *kinds: type[models.Field]) -> list[str]:
    return [name for name, one in zip(names, asked, strict=True) if isinstance(one.output_field, kinds)]


def _category(column: pd.Series) -> pd.Series:
    codes, levels = pd.factorize(column)
    return _without_empty(pd.Series(pd.Categorical.from_codes(codes, levels), index=column.index))


def _without_empty(column: pd.Series) -> pd.Series:
    levels = column.cat.categories
    return column.cat.remove_categories([""]) if (levels == "").any() else column


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"
