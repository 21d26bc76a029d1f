"""What a file is by its content, never by its name; and the one file inside a gzip or a zip, unpacked within bounds."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .exchange import Limits
from .reader import TableRefused

_BLOCK = 1 << 20
_DEEPEST = 2  # a zip of a gzip is an accident of a mail gateway; deeper is a trap
_SMALL = 16 * _BLOCK  # up to here any ratio is harmless: a column that repeats packs a thousandfold
_STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"GIF8", "a picture"),
    (0, b"II*\x00", "a picture"),
    (0, b"MM\x00*", "a picture"),
    (8, b"WEBP", "a picture"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an XZ archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a TAR archive"),
    (0, b"ARROW1\x00\x00", "an Arrow file"),
    (0, b"FEA1", "a Feather file"),
    (0, b"ORC", "an ORC file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"SQLite format 3\x00", "a database"),
    (0, b"\x80\x04\x95", "a Python pickle"),
    (0, b"$FL2", "an SPSS file"),
    (4, b"ftyp", "a film"),
    (0, b"OggS", "a sound"),
    (0, b"ID3", "a sound"),
)
_OFFICE = (  # a name inside the zip, and what it tells
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a PowerPoint presentation"),
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
    ("META-INF/manifest.xml", "an OpenDocument file"),
    ("META-INF/MANIFEST.MF", "a Java archive"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that may hold a table: text, xlsx or parquet, after whatever it was packed in."""

    path: Path
    kind: str
    packed: tuple[str, ...]


def open_file(path: Path, folder: Path, limits: Limits) -> Opened:
    """Unpack into ``folder`` what is packed, and say what is there. Raises TableRefused."""
    packed: list[str] = []
    while True:
        kind = sniff(path)
        if kind not in ("gzip", "zip"):
            return Opened(path, kind, tuple(packed))
        if len(packed) == _DEEPEST:
            raise TableRefused("zip_bomb", depth=_DEEPEST)
        packed.append(kind)
        target = folder / f"unpacked-{len(packed)}"
        with _one_member(path, limits) if kind == "zip" else gzip.open(path) as source:
            _unpack(source, target, packed=path.stat().st_size, limits=limits, what=kind)
        path = target


def sniff(path: Path) -> str:
    """``gzip``, ``zip``, ``xlsx``, ``parquet``, or ``text`` for whatever shows no mark of its own. Raises TableRefused."""
    with path.open("rb") as file:
        head = file.read(512)
        if not head:
            raise TableRefused("empty")
        if head.startswith(b"\x1f\x8b"):
            return "gzip"
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return _sniff_zip(path)
        if head.startswith(b"PARE"):
            raise TableRefused("encrypted", what="parquet")
        if head.startswith(b"PAR1"):
            return "parquet"
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            raise _old_office(file)
    for position, magic, what in _MAGIC:
        if head.startswith(magic, position):
            raise TableRefused("binary", what=what)
    return "text"


def _sniff_zip(path: Path) -> str:
    with open_zip(path) as archive:
        names = set(archive.namelist())
    if any(name.lower() == "xl/workbook.xml" for name in names):
        return "xlsx"
    for name, what in _OFFICE:
        if name in names:
            raise TableRefused("binary", what=what)
    return "xlsx" if "[Content_Types].xml" in names and "_rels/.rels" in names else "zip"


def _old_office(file: IO[bytes]) -> TableRefused:
    """Excel before 2007, and an Excel file under a password, share one container: its directory tells them apart."""
    seen = b""
    file.seek(0)
    while block := file.read(_BLOCK):
        seen = seen[-64:] + block
        if "EncryptedPackage".encode("utf-16-le") in seen:
            return TableRefused("encrypted", what="xlsx")
        if "Workbook".encode("utf-16-le") in seen or "Book\0".encode("utf-16-le") in seen:
            return TableRefused("old_excel")
    return TableRefused("binary", what="an old Office file")


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip, whose every fault inside the block becomes a refusal."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError, UnicodeError) as error:
        raise TableRefused("broken", what="zip", reason=str(error)[:200]) from error
    except RuntimeError as error:  # how zipfile says that a password is wanted
        if type(error) is RuntimeError and "password" in str(error):
            raise TableRefused("encrypted", what="zip") from error
        raise


def check_sizes(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Sum what the members say they hold, before any is unpacked. zipfile never gives more than a member has said."""
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if any(member.flag_bits & 0x1 for member in members):
        raise TableRefused("encrypted", what="zip")
    _check_growth(unpacked, packed, limits)
    for member in members:  # by itself too: a bomb must not hide behind a large picture
        _check_growth(member.file_size, member.compress_size, limits)
        if member.compress_type not in _STORED_OR_DEFLATED:
            raise TableRefused("broken", what="zip", reason=f"compression method {member.compress_type}")


def _check_growth(unpacked: int, packed: int, limits: Limits) -> None:
    if unpacked > _SMALL and unpacked > packed * limits.max_ratio:
        raise TableRefused("zip_bomb", maximum=limits.max_ratio)
    if unpacked > limits.max_unpacked_bytes:
        raise TableRefused("too_large", maximum=limits.max_unpacked_bytes // _BLOCK, unpacked=True)


@contextmanager
def _one_member(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    with open_zip(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not _is_litter(m.filename)]
        if not members:
            raise TableRefused("empty")
        if len(members) > 1:
            names = [m.filename[:100] for m in members[:5]]
            raise TableRefused("archive_of_several", files=len(members), names=names)
        check_sizes(members, limits)
        with archive.open(members[0]) as source:
            yield source


def _is_litter(name: str) -> bool:
    """What a Mac or Windows lays beside the one file that the person packed."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")


def _unpack(source: IO[bytes], target: Path, *, packed: int, limits: Limits, what: str) -> None:
    written = 0
    try:
        with target.open("wb") as file:
            while block := source.read(_BLOCK):
                written += len(block)
                _check_growth(written, packed, limits)
                file.write(block)
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise TableRefused("broken", what=what, reason=str(error)[:200]) from error
    if not written:
        raise TableRefused("empty")
