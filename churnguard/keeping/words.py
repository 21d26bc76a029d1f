"""Why a backup or a drill failed, in words that name no place of the server: the log and ``manage.py doctor`` do."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import mail_hold

from .standing import Keeping, Tried

_WHY = {
    "wrong_key": gettext_lazy("the key is not the one that the store was made with"),
    "short_key": gettext_lazy("the key is too short"),
    "store_unwritable": gettext_lazy("the store cannot be written to"),
    "bad_store": gettext_lazy("the store cannot be read"),
    "no_store": gettext_lazy("the store is not there"),
    "not_a_store": gettext_lazy("its folder holds other files"),
    "newer_store": gettext_lazy("the store is of another release"),
    "disk_full": gettext_lazy("the disk is too full"),
    "database_unreachable": gettext_lazy("the database does not answer"),
    "dump_failed": gettext_lazy("the database could not be dumped"),
    "restore_failed": gettext_lazy("the dump could not be restored"),
    "no_program": gettext_lazy("PostgreSQL's programs are missing on the machine"),
    "old_program": gettext_lazy("PostgreSQL's programs are older than its server"),
    "no_rights": gettext_lazy("the database's role may not read every row"),
    "no_scratch": gettext_lazy("the database's role may not make a database to try in"),
    "no_snapshot": gettext_lazy("there is no backup yet"),
    "differs": gettext_lazy("what was restored is not what was backed up"),
}


def why(code: str) -> str:
    return str(_WHY.get(code, gettext_lazy("see the log, or ask “manage.py doctor”")))


def lines(found: Keeping) -> list[dict[str, Any]]:
    """Backup and drill, each with a badge's words and tone, and a sentence."""
    return [_backup(found), _drill(found)]


def hold(found: Keeping) -> str:
    return mail_hold.words(found.hold) if found.hold is not None else ""


def _backup(found: Keeping) -> dict[str, Any]:
    one = found.backup
    line = {"name": _("Last backup"), "at": one.at if one else None, "tried": one, "why": ""}
    if not found.is_on and one is None:
        return line | {"words": _("none are made"), "tone": "warning"}
    return line | _badge(one)


def _drill(found: Keeping) -> dict[str, Any]:
    one = found.drill
    line = {"name": _("Last trial restore"), "at": one.at if one else None, "tried": None, "why": ""}
    return line | _badge(one)


def _badge(one: Tried | None) -> dict[str, Any]:
    if one is None:
        return {"words": _("none yet"), "tone": "info"}
    if one.code:
        return {"words": _("failed"), "tone": "error", "why": why(one.code)}
    if one.is_old:
        return {"words": _("overdue"), "tone": "warning"}
    return {"words": _("in order"), "tone": "success"}
