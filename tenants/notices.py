"""The sentences behind the bell, made when they are read, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_name_of: Callable[[str], str] = str  # a column's name for people; this app knows no columns


def name_columns_by(name_of: Callable[[str], str]) -> None:
    """Have columns in notices called as ``name_of`` calls them. Said once, where everything is wired together."""
    global _name_of
    _name_of = name_of


def _columns(facts: dict) -> str:
    return ", ".join(_name_of(str(column)) for column in facts.get("columns", []))


def sentence(code: str, facts: dict) -> str:
    """Words for one event; an event of a newer release than this code shows as its name."""
    maker = _SENTENCES.get(code)
    return maker(facts) if maker else code.replace("_", " ")


def _count(facts: dict, name: str) -> str:
    return number_format(facts.get(name, 0), 0, force_grouping=True)


def _import_finished(f: dict) -> str:
    return ngettext(
        "%(filename)s is in: %(created)s created, %(updated)s updated, %(refused)s row refused.",
        "%(filename)s is in: %(created)s created, %(updated)s updated, %(refused)s rows refused.",
        f.get("refused", 0),
    ) % {"filename": f.get("filename", ""), **{k: _count(f, k) for k in ("created", "updated", "refused")}}


def _import_failed(f: dict) -> str:
    return _("%(filename)s was not imported: %(reason)s") % {
        "filename": f.get("filename", ""),
        "reason": f.get("reason", ""),
    }


def _import_undone(f: dict) -> str:
    return _("%(filename)s was taken back: %(removed)s customers removed, %(restored)s restored.") % {
        "filename": f.get("filename", ""),
        **{k: _count(f, k) for k in ("removed", "restored")},
    }


def _model_trained(f: dict) -> str:
    return _("Model %(version)s is trained.") % {"version": f.get("version", "")}


def _training_failed(f: dict) -> str:
    return _("Training stopped: %(reason)s") % {"reason": f.get("reason", "")}


def _customers_scored(f: dict) -> str:
    return ngettext(
        "%(scored)s customer scored, %(high)s at high risk.",
        "%(scored)s customers scored, %(high)s at high risk.",
        f.get("scored", 0),
    ) % {k: _count(f, k) for k in ("scored", "high")}


def _columns_quarantined(f: dict) -> str:
    return ngettext(
        "%(n)s column seems to know who left and is kept from the models: %(columns)s.",
        "%(n)s columns seem to know who left and are kept from the models: %(columns)s.",
        f.get("count", 0),
    ) % {"n": _count(f, "count"), "columns": _columns(f)}


def _segments_refreshed(f: dict) -> str:
    return _("%(customers)s customers divided into %(segments)s segments.") % {
        k: _count(f, k) for k in ("customers", "segments")
    }


def _segmentation_failed(f: dict) -> str:
    return _("Dividing the customers stopped: %(reason)s") % {"reason": f.get("reason", "")}


def _allocation_failed(f: dict) -> str:
    return _("Allocating offers stopped: %(reason)s") % {"reason": f.get("reason", "")}


def _scoring_failed(f: dict) -> str:
    return _("Scoring stopped: %(reason)s") % {"reason": f.get("reason", "")}


def _feed_waits(f: dict) -> str:
    return _("The feed “%(feed)s” brought %(filename)s, which waits for your agreement.") % {
        "feed": f.get("feed", ""),
        "filename": f.get("filename", ""),
    }


def _feed_failed(f: dict) -> str:
    return _("The feed “%(feed)s” brought nothing: %(reason)s") % {
        "feed": f.get("feed", ""),
        "reason": f.get("reason", ""),
    }


def _feed_paused(f: dict) -> str:
    return ngettext(
        "The feed “%(feed)s” failed %(times)s time and is paused: %(reason)s",
        "The feed “%(feed)s” failed %(times)s times in a row and is paused: %(reason)s",
        f.get("times", 0),
    ) % {"feed": f.get("feed", ""), "times": _count(f, "times"), "reason": f.get("reason", "")}


def _model_waits(f: dict) -> str:
    return _("Model %(version)s is trained and runs in the shadow: compare it with the one in charge, and decide.") % {
        "version": f.get("version", "")
    }


def _model_blocked(f: dict) -> str:
    return _("Model %(version)s is trained, and a gate keeps it from taking charge by itself.") % {
        "version": f.get("version", "")
    }


def _drift_found(f: dict) -> str:
    columns = _columns(f)
    if not columns:
        return _("The risks of model %(version)s are spread otherwise than when it learned.") % {
            "version": f.get("version", "")
        }
    return ngettext(
        "Customers are no longer those that model %(version)s learned from: %(n)s column moved (%(columns)s).",
        "Customers are no longer those that model %(version)s learned from: %(n)s columns moved (%(columns)s).",
        f.get("count", 0),
    ) % {"version": f.get("version", ""), "n": _count(f, "count"), "columns": columns}


def _drift_failed(f: dict) -> str:
    return _("The check for drift stopped: %(reason)s") % {"reason": f.get("reason", "")}


def _estimate_missed(f: dict) -> str:
    return _("Model %(version)s did not do as well as was estimated, now that outcomes are known.") % {
        "version": f.get("version", "")
    }


def _artefact_refused(f: dict) -> str:
    return _("The file of model %(version)s is not the one that was stored: it was not read. Train again.") % {
        "version": f.get("version", "")
    }


def _profit_failed(f: dict) -> str:
    return _("The account of profit stopped: %(reason)s") % {"reason": f.get("reason", "")}


def _opt_out_list_imported(f: dict) -> str:
    return _("%(file)s is read: %(taken)s lines taken, %(unknown)s unknown here, %(refused)s refused.") % {
        "file": f.get("file", ""),
        **{k: _count(f, k) for k in ("taken", "unknown", "refused")},
    }


def _campaign_finished(f: dict) -> str:
    said = ngettext(
        "“%(campaign)s” is finished: %(sent)s mail sent.",
        "“%(campaign)s” is finished: %(sent)s mails sent.",
        f.get("sent", 0),
    ) % {"campaign": f.get("campaign", ""), "sent": _count(f, "sent")}
    if not f.get("uncertain"):
        return said
    unsure = ngettext(
        "Of %(uncertain)s nobody knows whether it arrived: decide of it.",
        "Of %(uncertain)s nobody knows whether they arrived: decide of them.",
        f["uncertain"],
    ) % {"uncertain": _count(f, "uncertain")}
    return f"{said} {unsure}"


def _campaign_paused_by_itself(f: dict) -> str:
    return _("“%(campaign)s” paused by itself: look why before it goes on.") % {"campaign": f.get("campaign", "")}


def _campaign_stopped(f: dict) -> str:
    return _("“%(campaign)s” could not go on: %(reason)s") % {
        "campaign": f.get("campaign", ""),
        "reason": f.get("reason", ""),
    }


def _campaign_late(f: dict) -> str:
    return _("“%(campaign)s” missed its hour, and nothing was sent: choose a new one.") % {
        "campaign": f.get("campaign", "")
    }


def _campaign_measured(f: dict) -> str:
    return _("“%(campaign)s” has been measured: see what it did.") % {"campaign": f.get("campaign", "")}


def _uplift_learned(f: dict) -> str:
    if f.get("is_ready"):
        return _("Your own campaigns have shown whom a mail keeps: you can write to these alone.")
    return _("Whom a mail keeps was learned anew from your campaigns; it is not proved yet.")


def _job_given_up(f: dict) -> str:
    return _("A job was given up (%(job)s): %(reason)s") % {"job": f.get("job", ""), "reason": f.get("reason", "")}


def _backup_failed(f: dict) -> str:
    return _("The backup of this installation failed: the page System says why.")


def _drill_failed(f: dict) -> str:
    return _("The trial restore of this installation's backup failed: the page System says why.")


def _member_joined(f: dict) -> str:
    return _("%(member)s has joined.") % {"member": f.get("member", "")}


def _member_left(f: dict) -> str:
    return _("%(member)s has left the company.") % {"member": f.get("member", "")}


def _key_expires(f: dict) -> str:
    return ngettext(
        "The API key “%(name)s” ends in %(days)s day: make another and put it in its program.",
        "The API key “%(name)s” ends in %(days)s days: make another and put it in its program.",
        f.get("days", 0),
    ) % {"name": f.get("name", ""), "days": _count(f, "days")}


def _webhook_given_up(f: dict) -> str:
    return _("An event could not be delivered to %(host)s and was given up: %(reason)s") % {
        "host": f.get("host", ""),
        "reason": f.get("reason", ""),
    }


def _webhook_stopped(f: dict) -> str:
    return _("The webhook to %(host)s is switched off, because nothing was taken there for long: %(reason)s") % {
        "host": f.get("host", ""),
        "reason": f.get("reason", ""),
    }


_SENTENCES = {
    "backup_failed": _backup_failed,
    "drill_failed": _drill_failed,
    "member_joined": _member_joined,
    "member_left": _member_left,
    "key_expires": _key_expires,
    "webhook_given_up": _webhook_given_up,
    "webhook_stopped": _webhook_stopped,
    "opt_out_list_imported": _opt_out_list_imported,
    "artefact_refused": _artefact_refused,
    "campaign_finished": _campaign_finished,
    "campaign_late": _campaign_late,
    "campaign_measured": _campaign_measured,
    "campaign_paused_by_itself": _campaign_paused_by_itself,
    "campaign_stopped": _campaign_stopped,
    "columns_quarantined": _columns_quarantined,
    "drift_failed": _drift_failed,
    "drift_found": _drift_found,
    "estimate_missed": _estimate_missed,
    "feed_failed": _feed_failed,
    "feed_paused": _feed_paused,
    "feed_waits": _feed_waits,
    "job_given_up": _job_given_up,
    "import_finished": _import_finished,
    "import_failed": _import_failed,
    "import_undone": _import_undone,
    "model_blocked": _model_blocked,
    "model_trained": _model_trained,
    "model_waits": _model_waits,
    "profit_failed": _profit_failed,
    "training_failed": _training_failed,
    "customers_scored": _customers_scored,
    "segments_refreshed": _segments_refreshed,
    "segmentation_failed": _segmentation_failed,
    "allocation_failed": _allocation_failed,
    "scoring_failed": _scoring_failed,
    "uplift_learned": _uplift_learned,
}
