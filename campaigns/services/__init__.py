"""Verbs about campaigns, messages, consent and sending: the only writers of this stage's tables.

composing: from draft to launch · running: what a person may do with one that has begun (moves: states by compare-and-set) · audience, eligibility: whom it is for, and
who may be written to · preparing: the look beforehand, and the launch · outbox, sending: one sender's shift, row by row (journal: what a killed one leaves · progress: the campaign as a whole) · pace,
transports, letters, values, keys: when, by which way, what, filled in how, named how · senders, domains: how the company
sends · messages, drafting: what it says · consent, optouts, reports, mailbox: who is let alone, and what came back ·
measuring, uplift: who stayed because of it, and whom to write to
"""

from __future__ import annotations

from .composing import (
    approve_campaign,
    copy_campaign,
    delete_draft,
    launch_itself,
    open_check,
    open_launch,
    open_preparation,
    save_campaign,
    start_due,
    withdraw_approval,
)
from .consent import record_consent, suppress, unsubscribe, unsuppress
from .mailbox import forget_mailbox
from .measuring import measure_campaign, open_due_measurements, open_measurement
from .optouts import import_opt_outs
from .preparing import prepare_campaign
from .progress import refresh_counts
from .running import (
    cancel_campaign,
    decide_uncertain,
    move_recipients,
    open_shifts,
    pause_campaign,
    resume_campaign,
    retry_failed,
)
from .senders import save_sender, sender, set_basis, try_server
from .sending import send_mail
from .snapshots import tidy_snapshots
from .starters import starter_templates
from .transports import send_test
from .uplift import learn_uplift, open_learning, require_learning

__all__ = [
    "approve_campaign",
    "cancel_campaign",
    "copy_campaign",
    "decide_uncertain",
    "delete_draft",
    "forget_mailbox",
    "import_opt_outs",
    "launch_itself",
    "learn_uplift",
    "measure_campaign",
    "move_recipients",
    "open_check",
    "open_due_measurements",
    "open_launch",
    "open_learning",
    "open_measurement",
    "open_preparation",
    "open_shifts",
    "pause_campaign",
    "prepare_campaign",
    "record_consent",
    "refresh_counts",
    "require_learning",
    "resume_campaign",
    "retry_failed",
    "save_campaign",
    "save_sender",
    "send_mail",
    "send_test",
    "sender",
    "set_basis",
    "start_due",
    "starter_templates",
    "suppress",
    "tidy_snapshots",
    "try_server",
    "unsubscribe",
    "unsuppress",
    "withdraw_approval",
]
