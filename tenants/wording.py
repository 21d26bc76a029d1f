"""Capabilities as words, for who gives a key some of them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

# In the order of permissions.FOR_KEYS: from looking to what only few may do.
SCOPES: dict[str, object] = {
    "view_customers": _("See customers, their risk, segments, imports and data quality; ask for one customer's score"),
    "view_models": _("See models, drift, profit and jobs"),
    "view_campaigns": _("See campaigns, messages, consent and results"),
    "view_notifications": _("See notifications, and mark them as read"),
    "import_customers": _("Bring in files and see feeds"),
    "train_models": _("Train models"),
    "score_customers": _("Check for drift and score customers"),
    "set_economics": _("Say what a contact costs and is worth"),
    "refresh_segments": _("Divide the customers into segments anew"),
    "save_rule_segments": _("Save segments by rule"),
    "allocate_offers": _("Allocate offers"),
    "write_messages": _("Write messages and have drafts written"),
    "compose_campaigns": _("Compose campaigns"),
    "propose_churn_definition": _("Propose what leaving means"),
    "edit_offers": _("Write, change and retire offers"),
    "retry_jobs": _("Try jobs again that were given up"),
    "curate_data": _("Correct customers, decide on columns in doubt, and have feeds look now or not"),
    "promote_models": _("Put a model in charge"),
    "set_routine": _("Set what happens by itself"),
    "name_segments": _("Name segments"),
    "record_consent": _("Record consent and addresses to leave alone"),
    "approve_campaigns": _("Approve campaigns"),
    "run_campaigns": _("Start, pause and cancel campaigns"),
    "adopt_churn_definition": _("Decide what leaving means"),
    "erase_customers": _("Erase customers for good"),
    "view_members": _("See who is in the company, and whom the key acts for"),
    "manage_members": _("Invite, change and remove those who may no more than the key itself"),
    "manage_webhooks": _("Say where events are sent, and send them again (webhooks)"),
    "manage_feeds": _("Set up, change and delete feeds"),
    "set_sender": _("Say in whose name and by which server mails go out"),
}

# In the order of webhooks.EVENTS.
WEBHOOK_EVENTS: dict[str, object] = {
    "import.finished": _("An import is written"),
    "training.finished": _("A training has left a model"),
    "scoring.finished": _("Customers were scored"),
    "drift.alarm": _("Customers are no longer those that the model learned from"),
    "campaign.finished": _("A campaign is sent"),
}
