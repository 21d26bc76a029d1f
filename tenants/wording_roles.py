"""What each role may do, in words, for the page of members. Made from the table, so that page and doors say the same."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from .permissions import CAPABILITIES
from .roles import Role

# What a role is for, in one sentence.
ROLES: dict[str, object] = {
    "viewer": _("Looks at everything, changes nothing."),
    "analyst": _("Brings in data, trains models, divides customers and writes campaigns."),
    "operator": _("Corrects data, puts models in charge, approves and runs campaigns."),
    "admin": _("Manages people, keys and settings of the company."),
    "owner": _("May do all, and decides who else owns the company."),
}

# Every capability of the table, in groups that read as a page.
_GROUPS: tuple[tuple[object, dict[str, object]], ...] = (
    (
        _("Customers and data"),
        {
            "view_customers": _("See customers, segments and data quality"),
            "import_customers": _("Bring in files and see feeds"),
            "manage_feeds": _("Set up, change and delete feeds"),
            "export_customers": _("Export customers"),
            "propose_churn_definition": _("Propose what leaving means"),
            "adopt_churn_definition": _("Decide what leaving means"),
            "curate_data": _("Correct data in the back office"),
            "erase_customers": _("Erase customers"),
        },
    ),
    (
        _("Models and segments"),
        {
            "view_models": _("See models, drift and profit"),
            "train_models": _("Train models"),
            "score_customers": _("Score customers"),
            "set_economics": _("Say what a contact costs and is worth"),
            "promote_models": _("Put a model in charge"),
            "set_routine": _("Say what happens by itself"),
            "refresh_segments": _("Divide the customers into segments anew"),
            "save_rule_segments": _("Save segments by rule"),
            "name_segments": _("Name segments"),
            "allocate_offers": _("Allocate offers"),
            "edit_offers": _("Write offers"),
        },
    ),
    (
        _("Campaigns"),
        {
            "view_campaigns": _("See campaigns and results"),
            "write_messages": _("Write messages"),
            "compose_campaigns": _("Compose campaigns"),
            "approve_campaigns": _("Approve campaigns"),
            "run_campaigns": _("Start, pause and cancel campaigns"),
            "record_consent": _("Record consent and addresses to leave alone"),
            "set_sender": _("Say in whose name and by which server mails go out"),
        },
    ),
    (
        _("The company"),
        {
            "view_notifications": _("See notifications"),
            "view_members": _("See who is in the company"),
            "read_api": _("Read what programs can ask and do"),
            "retry_jobs": _("Have jobs tried again"),
            "view_system": _("See how the system fares"),
            "release_mail": _("Let mail go out again after a restore"),
            "manage_members": _("Invite and remove people, change their roles"),
            "manage_keys": _("Make and revoke API keys"),
            "manage_webhooks": _("Have events sent to the company’s own programs"),
            "manage_workspace": _("Change the company’s settings"),
            "view_audit": _("Read the audit trail"),
            "set_security": _("Ask every member for a second factor"),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One capability in words, and whether each role holds it, in the order of ``COLUMNS``."""

    words: object
    held: tuple[bool, ...]


COLUMNS: tuple[str, ...] = (Role.VIEWER, Role.ANALYST, Role.OPERATOR, Role.ADMIN, Role.OWNER)


def table() -> list[tuple[object, list[Line]]]:
    """Groups of lines. A capability that has no words yet stands last, by its name: nothing that a role may do is left out."""
    groups = [
        (title, [Line(said, _held(name)) for name, said in words.items() if any(_held(name))])
        for title, words in _GROUPS
    ]
    if others := sorted(nameless()):
        groups.append((_("Besides"), [Line(name.replace("_", " "), _held(name)) for name in others]))
    return groups


def nameless() -> set[str]:
    """Capabilities without words: none, says a test."""
    return set().union(*CAPABILITIES.values()) - {name for _title, words in _GROUPS for name in words}


def _held(capability: str) -> tuple[bool, ...]:
    return tuple(capability in CAPABILITIES[role] for role in COLUMNS)
