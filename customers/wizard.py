"""What the pages of an import show beside the columns: how far it is, the dry run, the result; sentences in the place of codes."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.models import JobState

from . import wording
from .models import Import, ImportStep

# A decision that somebody else, or the import itself, was faster than: nothing is wrong with it but the time.
MOVED_ON = frozenset({"wrong_step", "moved_on", "not_written"})

# ---------------------------------------------------------------- where the import is


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four stations of an import. ``state``: done, current, waiting (for a person), failed or ahead."""

    name: str
    state: str


def stage(run: Import) -> str:
    """Which part of the page shows: working, columns, dry_run, written, undone, failed, or stopped."""
    if run.is_open:
        return "working"
    if run.is_awaiting:
        return "columns" if run.step == ImportStep.MAP else "dry_run"
    if run.state == JobState.CANCELLED:
        return "stopped"
    if run.state != JobState.SUCCEEDED:
        return "failed"
    return "undone" if run.undone_at else "written"


_STATIONS = {
    ImportStep.READ: 0,
    ImportStep.MAP: 1,
    ImportStep.CHECK: 2,
    ImportStep.AGREE: 2,
    ImportStep.WRITE: 3,
    ImportStep.UNDO: 3,
}


def steps(run: Import) -> list[Step]:
    """The stations, and how far this import is."""
    names = [_("File"), _("Columns"), _("Dry run"), pgettext("step", "Import")]
    at = _STATIONS[ImportStep(run.step)]
    here = {
        "working": "current",
        "columns": "waiting",
        "dry_run": "waiting",
        "written": "done",
        "undone": "done",
    }.get(stage(run), "failed")
    return [Step(name, "done" if i < at else here if i == at else "ahead") for i, name in enumerate(names)]


def writes(run: Import) -> bool:
    """Whether the import is at a step that writes customers, or past it."""
    return run.step in (ImportStep.WRITE, ImportStep.UNDO)


def actions(run: Import) -> list[str]:
    """What may be done with the import as it stands: names of the API's addresses under it."""
    found = []
    if run.is_awaiting:
        found = ["mapping", "agree"] if run.step == ImportStep.AGREE else ["mapping"]
        found += ["sheet"] if len(run.sheets) > 1 else []
        found += ["discard"]
    if run.can_be_taken_back:
        found += ["undo"]
    return [*found, "refused"] if run.refused_path else found


# ---------------------------------------------------------------- dry run and result


def dry_run_page(run: Import) -> dict[str, object]:
    """What writing would do."""
    preview = run.preview
    return {
        "preview": preview,
        "refusals": refusals_of(preview.get("refusals", [])),
        "refused": preview.get("refused", 0),
        "unknown": [(wording.field_name(name), n) for name, n in preview.get("unknown", {}).items()],
        "labels": preview.get("labels"),
        "writes": preview.get("created", 0) + preview.get("updated", 0) + preview.get("months", 0),
    }


def result_page(run: Import) -> dict[str, object]:
    """What was done, however it ended."""
    return {
        "refusals": refusals_of(run.told_refusals()),
        "refused": run.rows_refused,
        "was_written": writes(run) and run.rows_read > 0,
        "understood": [
            {"name": wording.field_name(name), "header": header, "unknown": run.unknown_values.get(name, 0)}
            for header, name in run.columns.items()
        ],
        "kept_after_undo": [wording.kept_after_undo(k["reason"], k["count"]) for k in run.undo_result.get("kept", [])],
    }


def refusals_of(refusals: list[dict]) -> list[dict]:
    """Refusals with their reasons in words."""
    return [{**refusal, "words": wording.reason(refusal["reason"])} for refusal in refusals]
