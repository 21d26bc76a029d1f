"""What a file may cost is set by the operator: past it, one sentence, and nothing is left."""

import gzip

import pytest
from django.core.management import CommandError

from tests.conftest import count_rows
from tests.customers.bases import command, kept_files

pytestmark = pytest.mark.walled

HEADER = "customerID,City,Churn\n"


def table(rows: int, cell: str = "Tunis", more: int = 0) -> bytes:
    lines = [f"C{i},{cell},{'Yes' if i % 2 else 'No'}" + ",x" * more for i in range(rows)]
    return (HEADER.strip() + "".join(f",m{i}" for i in range(more)) + "\n" + "\n".join(lines) + "\n").encode()


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("limit", "value", "content", "code", "sentence"),
    [
        ("UPLOAD_MAX_BYTES", 2**20, table(80_000), "too_large", "is larger than 1 MB: split it"),
        ("IMPORT_MAX_ROWS", 99, table(100), "too_many_rows", "has more than 99 lines, the most that is taken"),
        ("IMPORT_MAX_COLUMNS", 5, table(10, more=3), "too_many_columns", "has 6 columns; at most 5 are taken"),
        (
            "IMPORT_MAX_CELL",
            50,
            table(10, "x" * 51),
            "cell_too_long",
            "a cell near line 2 holds more than 50 characters",
        ),
        (
            "IMPORT_MAX_UNPACKED_BYTES",
            2**20,
            gzip.compress(table(80_000), 1),
            "too_large",
            "holds more than 1 MB once it is unpacked",
        ),
        ("IMPORT_READ_MEMORY", 12 * 2**20, table(100), "memory", "wants more than 12 MB of memory to be read"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_limit_is_told_in_one_sentence_and_nothing_is_left(
    atlas, tmp_path, settings, limit, value, content, code, sentence, at_once
):
    settings.IMPORT_READ_AT_ONCE_BYTES = 2**23 if at_once else 0
    setattr(settings, limit, value)
    path = tmp_path / "customers.csv"
    path.write_bytes(content)
    before = count_rows()
    with pytest.raises(CommandError, match=sentence) as refused:
        command(path)
    assert refused.value.__cause__.code == code
    assert count_rows() == before
    assert kept_files() == []


def test_what_is_just_allowed_comes_in(atlas, tmp_path, settings):
    settings.IMPORT_MAX_ROWS, settings.IMPORT_MAX_COLUMNS, settings.IMPORT_MAX_CELL = 100, 6, 50
    path = tmp_path / "customers.csv"
    path.write_bytes(table(100, "x" * 50, more=3))
    assert command(path)["created"] == 100


@pytest.mark.slow
def test_file_that_takes_too_long_is_told(atlas, tmp_path, settings):
    """At once there was no time for it; the worker has a second. Semicolons: such a file is written anew while it is read."""
    settings.IMPORT_READ_AT_ONCE_BYTES = 0
    settings.IMPORT_READ_SECONDS = 1
    path = tmp_path / "customers.csv"
    path.write_bytes(table(2_500_000).replace(b",", b";"))
    before = count_rows()
    with pytest.raises(CommandError, match="was not read within 1 seconds: split it") as refused:
        command(path)
    assert refused.value.__cause__.code == "timeout"
    assert count_rows() == before
    assert kept_files() == []
