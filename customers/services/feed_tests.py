"""A test of a feed: connect, read the first rows, propose what the columns are. Nothing of a customer is written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from core.models import JobState
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import wording
from ..channels import Brought
from ..ingest import mapping, proposal, sandbox
from ..ingest.exchange import Normalised
from ..ingest.mapping import LABEL, Mapping
from ..ingest.reader import TableRefused
from ..models import ColumnMapping, Feed, FeedRun
from . import feed_sources, files

SHOWN_ROWS, SHOWN_CELL, SHOWN_NAMES = 5, 120, 5
_SECONDS = 120  # to read what was brought


def test(held: jobs.Claim, feed: Feed, folder: Path) -> None:
    """Write what was found on the run: ``report`` with columns, mapping, problems and remarks. Raises Refused, Unreachable."""
    held.report(0, 1, _("Connecting"), force=True)
    remarks: list[dict[str, object]] = []
    target = folder / "brought"
    if feed.kind == Feed.Kind.FOLDER:
        brought = _first_file(held, feed, target, remarks)
    else:
        brought = feed_sources.bring(feed, target, for_test=True, progress=lambda done, total: held.report(done, total))
        remarks += [{"code": code} for code in brought.facts.get("notes", [])]
    if brought is None or brought.facts.get("rows") == 0:
        held.save(outcome=FeedRun.Outcome.NOTHING, report={"remarks": remarks})
        return
    held.report(1, 2, _("Reading the first rows"), force=True)
    table = _read(target, folder / "table", feed, brought)
    found = _understand(table)
    held.save(
        outcome=FeedRun.Outcome.TESTED,
        found=brought.name[:255],
        fingerprint=brought.sha256,
        report={**found, "remarks": remarks, "is_cut": brought.is_cut, "rows": table.rows},
    )


def _first_file(held: jobs.Claim, feed: Feed, target: Path, remarks: list) -> Brought | None:
    inbox = feed_sources.inbox()
    inbox.prepare()
    lying = inbox.lying(feed.options["pattern"])
    left = [(file.name, why) for file, why in lying if why]
    remarks += [{"code": f"left_{why}", "name": name} for name, why in left[:SHOWN_NAMES] if why != "name"]
    for file, why in lying:
        if not why and (brought := inbox.copy(file, target, max_bytes=settings.UPLOAD_MAX_BYTES)) is not None:
            return brought
    return None


def _read(path: Path, folder: Path, feed: Feed, brought: Brought) -> Normalised:
    limits = dataclasses.replace(files.limits(), seconds=_SECONDS)
    sheet = feed.options.get("sheet") or None
    try:
        return sandbox.normalise(path, folder=folder, limits=limits, sheet=sheet)
    except TableRefused as refusal:
        if not (brought.is_cut and refusal.code == "open_quote"):
            raise wording.file_refused(refusal, brought.name) from refusal
    # The beginning ended inside a quoted cell of several lines: the lines above it are enough.
    try:
        text = path.read_bytes()
        path.write_bytes(text[: text.rfind(b'"')].rpartition(b"\n")[0] + b"\n")
        return sandbox.normalise(path, folder=folder, limits=limits, sheet=sheet)
    except TableRefused as refusal:
        raise wording.file_refused(refusal, brought.name) from refusal


def _understand(table: Normalised) -> dict[str, object]:
    """What a person would be shown by the wizard, as JSON."""
    shape = mapping.shape_key(table.headers)
    remembered = ColumnMapping.objects.filter(shape_key=shape).first()
    found = proposal.propose(table.headers, table.sample, remembered=remembered.mapping if remembered else None)
    agreed = found.mapping()
    problems = [
        {"code": problem.code, "facts": problem.facts} for problem in agreed.problems(table.headers, table.sample)
    ]
    return {
        "shape_key": shape,
        "is_remembered": found.is_remembered,
        "mapping": agreed.to_json(),
        "problems": problems,
        "columns": [
            {
                "header": column.header,
                "target": column.target,
                "type": column.type,
                "fullness": column.fullness,
                "examples": [str(example)[:SHOWN_CELL] for example in column.examples[:3]],
            }
            for column in found.columns
        ],
        "label_yes": list(agreed.label_yes) if agreed.header_of(LABEL) else [],
        "has_label": agreed.header_of(LABEL) is not None,
        "id_rule": agreed.id_rule,
        "headers": list(table.headers),
        "first_rows": [[cell[:SHOWN_CELL] for cell in row] for row in table.sample[:SHOWN_ROWS]],
        "notes": [dataclasses.asdict(note) for note in table.notes],
        "sheets": [sheet.name for sheet in table.sheets],
        "sheet": table.sheet or "",
    }


def can_agree(report: dict[str, object]) -> bool:
    """Whether a test's columns wait for somebody to agree to them, and nothing but its few rows speaks against it."""
    return (
        bool(report.get("mapping"))
        and not report.get("is_remembered")
        and all(problem["code"].endswith("_in_sample") for problem in report.get("problems", []))
    )


def keep_tested_mapping(*, run: FeedRun | None, actor: User | None) -> ColumnMapping:
    """Agree to the columns that a test proposed, for every file of that shape. Raises Refused where they have a problem,
    or where there is no such test."""
    report = run.report if run is not None else {}
    if run is None or not run.is_test or run.state != JobState.SUCCEEDED or not report.get("mapping"):
        raise Refused("no_test", _("There is no test to agree to: test the feed again."))
    agreed = Mapping.from_json(report["mapping"])
    for problem in agreed.problems(report["headers"]):
        raise Refused(problem.code, wording.mapping_problem(problem.code, problem.facts))
    kept, _created = ColumnMapping.objects.update_or_create(
        tenant=current_tenant(),
        shape_key=report["shape_key"],
        defaults={
            "mapping": agreed.to_json(),
            "filename": run.found,
            "agreed_by": actor,
            "agreed_at": timezone.now(),
        },
    )
    FeedRun.objects.filter(pk=run.pk).update(report={**report, "is_remembered": True})
    tenants.record("feed_mapping_agreed", run.feed, actor=actor)
    return kept
