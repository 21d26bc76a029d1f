"""What the source must not say, and how large its files may grow."""

import ast
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "tenants", "customers", "predictions", "segmentation", "campaigns", "churnguard")
FILES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py") if "migrations" not in p.parts)
NAMES = [str(p.relative_to(ROOT)) for p in FILES]

# Ways around the company's scope. Only the kernel and the workspace may go them, and the named bulk paths.
AROUND_THE_SCOPE = re.compile(
    r"with_scopes_disabled|scopes_disabled|_base_manager|\.raw\(|connection\.cursor\(|connections\[|"
    r"RawSQL|\.extra\(|django_scopes|_raw_delete|_default_manager"
)
MAY_GO_AROUND = ("core/", "tenants/")
BULK_PATHS: dict[str, str] = {}  # file -> why; customers/merge writes through core.bulk and needs no exception

UNSAFE = {
    r"\bpickle\b|\bjoblib\b|\bdill\b": "models are kept as skops (RULES 22)",
    r"get_untrusted_types": "the trusted types are a fixed list in our code (RULES 22)",
    r"\beval\(|\bexec\(": "nothing is evaluated",
    r"csrf_exempt": "no view is open to forged requests",
    r"shell=True": "programs are started from lists",
    r"\byaml\.load\(": "yaml is loaded safely or not at all",
    r"filter\(\*\*request\.": "filters come from a fixed map (RULES 9)",
    r"verify=False": "certificates are checked",
}
# Doors whose caller has no cookie that could be abused: one-click unsubscribe (RFC 8058) and what mail providers report.
WITHOUT_FORGERY = {
    "campaigns/views_public.py": {"no view is open to forged requests"},
    "tenants/views_notifications.py": {"no view is open to forged requests"},
}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "stuff", "tools", "manager", "handlers"}
SOON_TOO_LONG, TOO_LONG = 300, 400


def code_of(path: Path) -> str:
    """The source without comments and strings' contents: only what runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.unparse(tree)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_outside_the_kernel_goes_around_the_scope(name):
    if name.startswith(MAY_GO_AROUND) or name in BULK_PATHS:
        return
    assert AROUND_THE_SCOPE.findall(code_of(ROOT / name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_unsafe_ways_are_not_taken(name):
    code = code_of(ROOT / name)
    assert {why for pattern, why in UNSAFE.items() if re.search(pattern, code)} == WITHOUT_FORGERY.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_no_file_holds_more_than_a_person_can(name):
    lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
    if lines > SOON_TOO_LONG:
        warnings.warn(f"{name} has {lines} lines: look for the second thing it does", stacklevel=1)
    assert lines <= TOO_LONG


def test_modules_have_names_that_say_something():
    parts = {part.removesuffix(".py") for name in NAMES for part in Path(name).parts}
    assert parts & NAMELESS == set()


@pytest.mark.parametrize("name", [n for n in NAMES if not n.endswith(("__init__.py", "apps.py", "urls.py"))])
def test_module_opens_with_a_sentence_that_says_its_job(name):
    if "/commands/" in name or (ROOT / name).stat().st_size == 0:
        return
    assert ast.get_docstring(ast.parse((ROOT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("package", [p for p in PACKAGES if p != "churnguard"])
def test_stage_says_what_it_does(package):
    assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "folder",
    [
        "customers/ingest",
        "predictions/learning",
        "segmentation/clustering",
        "segmentation/conditions",
        "campaigns/outreach",
    ],
)
def test_engines_run_without_django(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [
                n for n in names if n.split(".")[0] in ("django", "core", "tenants", "celery", "rest_framework")
            ]


def test_views_build_no_filter_from_the_address():
    for name in NAMES:
        if name.endswith(("views.py", "api.py", "export.py")):
            code = code_of(ROOT / name)
            assert not re.search(r"order_by\(request\.|filter\(\*\*", code), name


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_template_needs_no_exception_from_the_browsers_rules(path):
    """A strict policy: no inline script, style or handler, nothing from another site, nothing unescaped."""
    text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", text), "inline script"
    assert not re.search(r"<style|\sstyle=", text), "inline style"
    assert not re.search(r"\son[a-z]+=", text), "inline handler"
    assert not re.search(r"hx-on|hx-vals=['\"]js:|javascript:", text), "script in an attribute"
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text), "something from another site"
    text = text.replace("field.help_text|safe", "")  # written by us or by Django, as its own forms show it
    assert not re.search(r"\|safe\b|{% autoescape off", text), "unescaped text"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_posting_form_carries_its_token(path):
    text = path.read_text(encoding="utf-8")
    for form in re.findall(r"<form\b.*?</form>", text, flags=re.S):
        if re.search(r"method=[\"']post", form, flags=re.I):
            assert "csrf_token" in form, form[:200]
