"""The front end's build: it follows its sources, and only them."""

import importlib
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]
CSS = '@import "tailwindcss" source(none);\n@source "../../templates/**/*.html";\n'
CATALOGUE = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Customers"\nmsgstr "Clients"\n'


@pytest.fixture
def build_static(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bin")
    return importlib.import_module("build_static")


@pytest.fixture
def checkout(tmp_path):
    for name, text in {
        "static/src/app.css": CSS,
        "templates/page.html": '<p class="text-rose-700">',
        "locale/fr/LC_MESSAGES/django.po": CATALOGUE,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_styles_charts_and_catalogues_are_built_once(build_static, checkout):
    assert not build_static.is_current(checkout)
    build_static.build(checkout)
    assert ".text-rose-700" in (checkout / "static/built/app.css").read_text()
    assert (checkout / "static/built/plotly.min.js").stat().st_size > 1_000_000
    assert (checkout / "locale/fr/LC_MESSAGES/django.mo").exists()
    assert build_static.is_current(checkout)


def test_a_changed_template_or_a_lost_file_is_built_again(build_static, checkout):
    build_static.build(checkout)
    (checkout / "templates/page.html").write_text('<p class="text-teal-700">')
    assert not build_static.is_current(checkout)
    build_static.build(checkout)
    assert ".text-teal-700" in (checkout / "static/built/app.css").read_text()
    (checkout / "locale/fr/LC_MESSAGES/django.mo").unlink()
    assert not build_static.is_current(checkout)


def test_no_line_breaks_before_the_signs_of_french(build_static, checkout):
    path = checkout / "locale/fr/LC_MESSAGES/django.po"
    path.write_text(
        CATALOGUE
        + '\nmsgid "What for: “%(it)s”?"\nmsgstr "Pour quoi : « %(it)s » ?"\n'
        + '\nmsgid "one: a"\nmsgid_plural "many: a"\nmsgstr[0] "un : a"\nmsgstr[1] "des : a"\n'
    )
    build_static.compile_catalogues(checkout)
    built = polib.mofile(str(path.with_suffix(".mo")))
    assert built.find("What for: “%(it)s”?").msgstr == "Pour quoi\u00a0: «\u00a0%(it)s\u00a0»\u00a0?"
    assert built.find("one: a").msgstr_plural == {0: "un\u00a0: a", 1: "des\u00a0: a"}
    assert path.read_text().endswith('"des : a"\n'), "the text that people edit stays as they wrote it"


def test_a_broken_style_sheet_is_said_and_the_old_one_stays(build_static, checkout):
    build_static.build(checkout)
    (checkout / "static/src/app.css").write_text("@apply no-such-class; }")
    with pytest.raises(SystemExit):
        build_static.build(checkout)
    assert ".text-rose-700" in (checkout / "static/built/app.css").read_text()
    assert not build_static.is_current(checkout)
