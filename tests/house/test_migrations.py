"""Models and migrations say the same, and the words of every page have their translation."""

import io
import re
from pathlib import Path

import polib
import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]
CATALOGUES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
_PLACE = re.compile(r"%\([a-z_]+\)[sd]|%%|{[a-z_]*}")


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run", stdout=io.StringIO())


def test_djangos_own_checks_pass(db):
    call_command("check", "--fail-level", "WARNING", stdout=io.StringIO(), stderr=io.StringIO())


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: str(p.relative_to(ROOT)))
def test_catalogue_is_whole_and_keeps_its_placeholders(path):
    catalogue = polib.pofile(str(path))
    assert [e.msgid for e in catalogue.fuzzy_entries()] == []
    assert [e.msgid for e in catalogue.untranslated_entries()] == []
    for entry in catalogue.translated_entries():
        wanted = set(_PLACE.findall(entry.msgid_plural or entry.msgid)) - {"%%"}
        for said in [entry.msgstr] if entry.msgstr else entry.msgstr_plural.values():
            found = set(_PLACE.findall(said)) - {"%%"}
            # A singular may leave its number out; nothing may be added.
            assert found <= wanted, entry.msgid
            assert found == wanted or entry.msgid_plural, entry.msgid


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: str(p.relative_to(ROOT)))
def test_compiled_catalogue_is_that_of_the_text(path, tmp_path):
    compiled = tmp_path / "out.mo"
    polib.pofile(str(path)).save_as_mofile(str(compiled))
    assert {e.msgid for e in polib.mofile(str(compiled))} == {
        e.msgid for e in polib.pofile(str(path)).translated_entries()
    }
