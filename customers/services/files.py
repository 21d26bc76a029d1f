"""What is kept of a file on disk: the upload as it came, the table it was read into, the rows that were refused."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from tenants.scoping import current_tenant

from .. import wording
from ..ingest.exchange import Limits
from ..ingest.reader import TableRefused
from ..models import Import


def limits() -> Limits:
    """What a file may cost, as the operator set it."""
    return Limits(
        max_bytes=settings.UPLOAD_MAX_BYTES,
        max_unpacked_bytes=settings.IMPORT_MAX_UNPACKED_BYTES,
        max_rows=settings.IMPORT_MAX_ROWS,
        max_columns=settings.IMPORT_MAX_COLUMNS,
        max_cell=settings.IMPORT_MAX_CELL,
        seconds=settings.IMPORT_READ_SECONDS,
        memory=settings.IMPORT_READ_MEMORY,
    )


def folder_of(run: Import) -> Path:
    """The import's own folder: below the company's, named by the import, never by what a person sent."""
    return settings.PRIVATE_ROOT / str(current_tenant().pk) / "imports" / str(run.public_id)


def relative(path: Path) -> str:
    return str(path.relative_to(settings.PRIVATE_ROOT))


def place(stored: str) -> Path:
    return settings.PRIVATE_ROOT / stored


def keep(run: Import, *, path: Path | None, upload: BinaryIO | None) -> None:
    """Copy a file into the import's folder and note size and digest. Raises Refused where it is none, or too large."""
    if path is not None:
        _look(path, run.filename if path.is_file() else str(path))
    folder = folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "upload"
    digest, size = hashlib.sha256(), 0
    source = path.open("rb") if path is not None else upload
    try:
        with stored.open("wb") as target:
            while block := source.read(1 << 20):
                size += len(block)
                if size > settings.UPLOAD_MAX_BYTES:
                    raise TableRefused("too_large", maximum=settings.UPLOAD_MAX_BYTES // 2**20)
                digest.update(block)
                target.write(block)
        if not size:
            raise TableRefused("empty")
    except TableRefused as refusal:
        forget(run)
        raise wording.file_refused(refusal, run.filename) from refusal
    except BaseException:
        forget(run)
        raise
    finally:
        if path is not None:
            source.close()
    run.stored_path, run.size_bytes, run.sha256 = relative(stored), size, digest.hexdigest()


def _look(path: Path, name: str) -> None:
    """What can be said of a path before anything is copied."""
    try:
        if not path.exists():
            raise TableRefused("missing")
        if path.is_dir():
            raise TableRefused("folder")
        if not path.is_file():
            raise TableRefused("not_a_file")
        try:
            path.open("rb").close()
        except OSError as error:
            raise TableRefused("unreadable", reason=error.strerror or "") from error
    except TableRefused as refusal:
        raise wording.file_refused(refusal, name) from refusal


def forget(run: Import) -> None:
    """Remove everything that is kept of the import's file."""
    shutil.rmtree(folder_of(run), ignore_errors=True)


def forget_table(run: Import) -> None:
    """Remove what reading wrote, before the file is read in another way; the upload stays."""
    folder = folder_of(run)
    for name in ("table.csv", "lines.u32", "refused.csv"):
        (folder / name).unlink(missing_ok=True)
