"""Lists of who is not to be written to, or who agreed: a file becomes lines of the ledger and suppressed addresses."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from core import jobs, prefix
from core.errors import Refused
from customers.models import Customer
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from ..models import ConsentEntry, OptOutImport, Suppression
from . import consent, keys

MOST_BYTES = 64 << 20
MOST_LINES = 2_000_000
NAMED = 200  # refused lines that are named; the others are counted
_BLOCK = 1_000
_LOOKED_AT = 64 << 10  # bytes from which delimiter and column are told
_LONGEST_CELL = 320
_DELIMITERS = ";,\t|"
_ADDRESS_NAMES = {
    "email", "e-mail", "mail", "e mail", "email address", "e-mail address", "address", "adresse", "adresse email",
    "adresse e-mail", "adresse mail", "courriel", "البريد الإلكتروني", "البريد",
}  # fmt: skip
_NUMBER_NAMES = {
    "customer", "customer number", "customer_number", "customer id", "customer_id", "customerid", "external_id", "id",
    "number", "client", "client id", "client_id", "numero client", "numéro client", "numéro de client", "msisdn",
    "رقم العميل", "رقم الحريف",
}  # fmt: skip


# ---------------------------------------------------------------- opening


def open_import(
    *, upload: BinaryIO, file_name: str, kind: str, note: str = "", requested_by: User | None = None
) -> OptOutImport:
    """Keep a file and open its job (the caller rings). Raises Refused: ``bad_kind`` · ``empty`` · ``too_large`` · ``not_text``."""
    if kind not in OptOutImport.Kind.values:
        raise Refused("bad_kind", _("Say whether these people object or agree."), field="kind")
    job = OptOutImport(
        tenant=current_tenant(),
        kind=kind,
        file_name=Path(file_name or "list").name[:200],
        note=" ".join(note.split())[:200],
        requested_by=requested_by,
    )
    place = _folder(job) / "list"
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        _copy(upload, place)
        _check_is_text(place)
        job.file_path = str(place.relative_to(settings.PRIVATE_ROOT))
        with transaction.atomic():
            job.save()
            tenants.record("opt_out_list_opened", job, actor=requested_by, kind=kind)
    except BaseException:
        shutil.rmtree(place.parent, ignore_errors=True)
        raise
    return job


def _folder(job: OptOutImport) -> Path:
    return settings.PRIVATE_ROOT / str(job.tenant_id) / "opt-outs" / str(job.public_id)


def _copy(upload: BinaryIO, place: Path) -> None:
    size = 0
    with place.open("wb") as target:
        while block := upload.read(1 << 20):
            size += len(block)
            if size > MOST_BYTES:
                raise Refused(
                    "too_large",
                    _("The list is larger than %(most)s MB: divide it.") % {"most": MOST_BYTES >> 20},
                    field="file",
                )
            target.write(block)
    if not size:
        raise Refused("empty", _("The file is empty."), field="file")


def _check_is_text(place: Path) -> None:
    with place.open("rb") as file:
        head = file.read(_LOOKED_AT)
    if b"\0" in head and _encoding(place) != "utf-16":
        raise Refused(
            "not_text", _("This is no CSV or text file. Save the list as CSV, one person a line."), field="file"
        )


# ---------------------------------------------------------------- reading


@dataclass(slots=True)
class Columns:
    """Where a line says who it is about: of addresses, of customer numbers, or of either."""

    delimiter: str
    address: int | None
    number: int | None
    has_header: bool


def _encoding(place: Path) -> str:
    """UTF-8 and UTF-16 by their marks or by being valid; anything else as Windows writes it, in which nothing is invalid
    that an address or a number is made of."""
    with place.open("rb") as file:
        start = file.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
    try:
        with place.open(encoding="utf-8-sig") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


@contextmanager
def _text(place: Path) -> Iterator[TextIO]:
    with place.open(encoding=_encoding(place), errors="replace", newline="") as file:
        yield file


def _columns(file: TextIO) -> Columns:
    """From the first lines: the delimiter that they share, and the column by its name or by what stands in it."""
    head = file.read(_LOOKED_AT)
    file.seek(0)
    lines = [line for line in head.splitlines()[:50] if line.strip()]
    first = lines[0] if lines else ""
    delimiter = max(_DELIMITERS, key=first.count)
    if not first.count(delimiter):
        delimiter = ";"
    rows = list(csv.reader(lines, delimiter=delimiter))
    names = [_plain(cell) for cell in rows[0]] if rows else []
    address = next((at for at, name in enumerate(names) if name in _ADDRESS_NAMES), None)
    number = next((at for at, name in enumerate(names) if name in _NUMBER_NAMES), None)
    if address is not None or number is not None:
        return Columns(delimiter, address, number, True)
    for row in rows:
        for at, cell in enumerate(row):
            if "@" in cell:
                return Columns(delimiter, at, None, "@" not in rows[0][at] if at < len(rows[0]) else False)
    return Columns(delimiter, None, 0, False)


def _plain(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").strip().casefold().split())


@dataclass(slots=True)
class _Found:
    """What a block of lines named, each with its line."""

    addresses: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


def _rows(file: TextIO, columns: Columns) -> Iterator[tuple[int, list[str] | None]]:
    """Number of the line and its cells; None where the line cannot be taken apart."""
    reader = csv.reader(file, delimiter=columns.delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, None
            continue
        yield reader.line_num, row


# ---------------------------------------------------------------- the job


def import_opt_outs(*, import_id: int) -> OptOutImport:
    """Take the list in, a thousand lines at a time; killed, it goes on where it was. Taken in twice, it changes nothing more."""
    with jobs.claimed(OptOutImport, import_id) as held:
        job: OptOutImport = held.job
        place = settings.PRIVATE_ROOT / job.file_path
        if not place.is_file():
            raise Refused("no_file", _("The file is not there any more: choose it again."))
        size = max(place.stat().st_size, 1)
        result = {"lines": 0, "taken": 0, "new": 0, "unknown": 0, "let_alone": 0, "refused": 0, "named": []}
        result |= job.result
        with _text(place) as file:
            columns = _columns(file)
            rows = _rows(file, columns)
            seen = job.last_line
            fresh = (row for row in rows if row[0] > seen and not (columns.has_header and row[0] == 1))
            while block := list(islice(fresh, _BLOCK)):
                if block[-1][0] > MOST_LINES:
                    raise Refused("too_many_lines", _("A list takes up to %(most)s lines.") % {"most": MOST_LINES})
                with transaction.atomic():
                    _take(job, _sorted_out(block, columns, result), result)
                    held.save(last_line=block[-1][0], result=result)
                held.report(min(file.buffer.tell(), size), size, _("Reading the list"))
        with transaction.atomic():
            facts = {name: result[name] for name in ("lines", "taken", "new", "unknown", "refused")}
            tenants.record("opt_out_list_imported", job, actor=job.requested_by, kind=job.kind, **facts)
            tenants.notify(
                "opt_out_list_imported",
                recipient=job.requested_by,
                level=Level.SUCCESS if not result["refused"] else Level.WARNING,
                url=reverse("campaigns:consent_lists"),
                file=job.file_name,
                **facts,
            )
    shutil.rmtree(place.parent, ignore_errors=True)
    return job


def _sorted_out(block: list[tuple[int, list[str] | None]], columns: Columns, result: dict) -> _Found:
    found = _Found()
    for line, row in block:
        if row is not None and not any(cell.strip() for cell in row):
            continue
        result["lines"] += 1
        address = _cell(row, columns.address)
        number = _cell(row, columns.number)
        if row is None:
            _refuse(result, line, "unreadable")
        elif max(len(address), len(number)) > _LONGEST_CELL:
            _refuse(result, line, "too_long")
        elif address and "@" not in address:
            _refuse(result, line, "no_address")
        elif address:
            found.addresses.setdefault(address, line)
        elif "@" in number:
            found.addresses.setdefault(number, line)
        elif number:
            found.numbers.setdefault(number, line)
        else:
            _refuse(result, line, "nobody_named")
    return found


def _cell(row: list[str] | None, at: int | None) -> str:
    if row is None or at is None or at >= len(row):
        return ""
    return row[at].replace("\0", "").strip().strip("\ufeff<>\"'").strip()


def _refuse(result: dict, line: int, reason: str) -> None:
    result["refused"] += 1
    if len(result["named"]) < NAMED:
        result["named"].append({"line": line, "reason": reason})


def _take(job: OptOutImport, found: _Found, result: dict) -> None:
    by_number = dict(Customer.objects.filter(external_id__in=list(found.numbers)).values_list("external_id", "pk"))
    for number, line in found.numbers.items():
        if number not in by_number:
            result["unknown"] += 1
            _refuse(result, line, "no_such_customer")
    if job.kind == OptOutImport.Kind.OPT_OUT:
        _opt_out(job, found, sorted(by_number.values()), result)
    else:
        _opt_in(job, found, sorted(by_number.values()), result)


def _opt_out(job: OptOutImport, found: _Found, customers: list[int], result: dict) -> None:
    """Addresses are let alone whether a customer has them or not: the next import may bring one."""
    theirs = Customer.objects.filter(pk__in=customers).exclude(email="").values_list("email", flat=True)
    result["new"] += consent.suppress(
        address_keys=[keys.address_key(address) for address in (*found.addresses, *theirs)],
        reason=Suppression.Reason.IMPORTED,
        source=job.file_name,
        actor=job.requested_by,
    )
    refusing = _unless_already(customers, is_granted=False)
    if refusing:
        consent.record_consent(
            customers=refusing, is_granted=False, source=ConsentEntry.Source.IMPORT, note=_said(job), actor=None
        )
    result["taken"] += len(found.addresses) + len(customers)


def _opt_in(job: OptOutImport, found: _Found, customers: list[int], result: dict) -> None:
    """Only customers can agree. An address that is let alone stays so: who objected says so anew, to a person."""
    by_address: dict[str, list[int]] = {}
    for key, email in _having([*found.addresses]):
        by_address.setdefault(email, []).append(key)
    for address, line in found.addresses.items():
        if _folded(address) not in by_address:
            result["unknown"] += 1
            _refuse(result, line, "no_such_customer")
    agreeing = sorted({*customers, *(key for keys_of in by_address.values() for key in keys_of)})
    emails = dict(Customer.objects.filter(pk__in=agreeing).exclude(email="").values_list("pk", "email"))
    let_alone = consent.suppressed([keys.address_key(email) for email in emails.values()], "")
    result["let_alone"] += sum(keys.address_key(email) in let_alone for email in emails.values())
    new = _unless_already(agreeing, is_granted=True)
    if new:
        consent.record_consent(
            customers=new, is_granted=True, source=ConsentEntry.Source.IMPORT, note=_said(job), actor=None
        )
    result["new"] += len(new)
    result["taken"] += len(agreeing)


def _having(addresses: list[str]) -> list[tuple[int, str]]:
    """Key and folded address of the customers who have one of these, by the index on folded addresses."""
    if not addresses:
        return []
    rows = Customer.objects.alias(folded=prefix.Folded("email")).filter(folded__in=[_folded(one) for one in addresses])
    return [(key, _folded(email)) for key, email in rows.order_by().values_list("pk", "email")]


def _folded(address: str) -> str:
    return address.lower() if address.isascii() else address


def _unless_already(customers: list[int], *, is_granted: bool) -> list[int]:
    """Those for whom this is news: the same list twice leaves one line for each."""
    if not customers:
        return []
    said = consent.consented(0, 0, customers=customers)
    return [key for key in customers if said.get(key) is not is_granted]


def _said(job: OptOutImport) -> str:
    return job.note or job.file_name


# ---------------------------------------------------------------- asking


def lists() -> list[OptOutImport]:
    """The newest lists."""
    return list(OptOutImport.objects.select_related("requested_by").order_by("-pk")[:20])


def open_list() -> OptOutImport | None:
    return next((job for job in lists() if job.is_open), None)
