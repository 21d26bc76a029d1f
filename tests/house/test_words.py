"""Every sentence that the product asks gettext for stands in the French catalogue (one that was never written there shows
as English, and no tool says so)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
from django.utils.translation import templatize

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "tenants", "customers", "predictions", "segmentation", "campaigns", "churnguard")
FRENCH = polib.pofile(str(ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"))
HAVE = {(entry.msgctxt, entry.msgid) for entry in FRENCH.translated_entries()}
_TEXT = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_IN_TEMPLATE = re.compile(rf"\b(n?p?gettext)\({_TEXT}(?:\s*,\s*{_TEXT})?", re.DOTALL)


def asked_by_source(path: Path) -> Iterator[tuple[str | None, str]]:
    """(context, sentence) of each call of gettext, also inside f-strings, which the usual extractors pass over."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        name.asname or name.name: name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if "gettext" in name.name
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
            said = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if said:
                has_context = called[node.func.id].startswith(("pgettext", "npgettext"))
                yield (said[0], said[1]) if has_context else (None, said[0])


def asked_by_template(path: Path) -> Iterator[tuple[str | None, str]]:
    for function, first, second in _IN_TEMPLATE.findall(templatize(path.read_text(encoding="utf-8"), origin=path.name)):
        # A block of several lines stands in quotes of one line there.
        said = [ast.literal_eval(f'""{text}""' if "\n" in text else text) for text in (first, second) if text]
        yield (said[0], said[1]) if "pgettext" in function else (None, said[0])


def test_every_sentence_of_the_source_has_its_french():
    files = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]
    asked = [(path, one) for path in files for one in asked_by_source(path)]
    assert len(asked) > 2000
    assert [(str(path.relative_to(ROOT)), said) for path, said in asked if said not in HAVE] == []


def test_every_sentence_of_a_template_has_its_french():
    files = [path for end in ("html", "htm", "txt") for path in sorted((ROOT / "templates").rglob(f"*.{end}"))]
    asked = [(path, one) for path in files for one in asked_by_template(path)]
    assert len(asked) > 1500
    assert [(str(path.relative_to(ROOT)), said) for path, said in asked if said not in HAVE] == []
