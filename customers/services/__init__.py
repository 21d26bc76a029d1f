"""Verbs about customers: the only writers of this stage's tables.

imports: a file's way in, step by step · files: what is kept on disk · writing: dry run and write · undoing: taking back · pushing: rows that a program sends ·
bases: roll-ups and rows that hang on a customer · curation: corrections · selections: of many at once · merging: two into
one · duplicates: finding them · forgetting: what no longer serves ·
personas: what a later stage calls a kind of customer · tallies: the roll-up follows · quality: profiles and readiness ·
leaks: columns that know the answer · definitions: what leaving means · feeds: files that come by
themselves (feed_sources: where from · feed_runs: one look · feed_tests: a trial)
"""

from .bases import record_interactions, record_usage, refresh_customer_base
from .cells import read_cell
from .contacts import record_contacts, record_outcomes
from .curation import (
    LONGEST_REASON,
    Correction,
    add_customer,
    add_usage,
    correct_customer,
    correct_rows,
    correct_subscription,
    correct_usage,
    erase_customer,
    remove_usage,
    require_free_number,
)
from .definitions import (
    adopt_definition,
    describe_cut,
    look_again,
    preview_definition,
    propose_definition,
    require_training_cut,
    retire_definition,
)
from .duplicates import find_duplicates, keep_apart, open_duplicate_search
from .feed_runs import run_feed
from .feed_sources import Given, given_of
from .feed_tests import can_agree, keep_tested_mapping
from .feeds import (
    change_feed,
    create_feed,
    delete_feed,
    missing_of_schedule,
    open_due_feeds,
    open_feed_run,
    open_following_run,
    pause_feed,
    reseal_feeds,
    resume_feed,
    stop_feed_run,
)
from .forgetting import forget_changes
from .imports import (
    agree_import,
    choose_sheet,
    copy_refused,
    discard_import,
    forget_import,
    map_import,
    open_import,
    remap_import,
    run_import,
    undo_import,
)
from .leaks import overrule_finding, refresh_findings, reinstate_finding
from .merging import FieldChoice, merge_customers, plan_merge
from .personas import set_persona
from .pushing import MOST_ROWS, Pushed, push_customers, push_usage
from .quality import open_missing_profile, open_profile, profile_import, readiness, request_profile
from .reading import read_month
from .retention import forget_files
from .selections import BULK_CORRECTIONS, MOST_AT_ONCE, correct_selection, require_few

__all__ = [
    "BULK_CORRECTIONS",
    "LONGEST_REASON",
    "MOST_AT_ONCE",
    "MOST_ROWS",
    "Correction",
    "FieldChoice",
    "Given",
    "Pushed",
    "add_customer",
    "add_usage",
    "adopt_definition",
    "agree_import",
    "can_agree",
    "change_feed",
    "choose_sheet",
    "copy_refused",
    "correct_customer",
    "correct_rows",
    "correct_selection",
    "correct_subscription",
    "correct_usage",
    "create_feed",
    "delete_feed",
    "describe_cut",
    "discard_import",
    "erase_customer",
    "find_duplicates",
    "forget_changes",
    "forget_files",
    "forget_import",
    "given_of",
    "keep_apart",
    "keep_tested_mapping",
    "look_again",
    "map_import",
    "merge_customers",
    "missing_of_schedule",
    "open_due_feeds",
    "open_duplicate_search",
    "open_feed_run",
    "open_following_run",
    "open_import",
    "open_missing_profile",
    "open_profile",
    "overrule_finding",
    "pause_feed",
    "plan_merge",
    "preview_definition",
    "profile_import",
    "propose_definition",
    "push_customers",
    "push_usage",
    "read_cell",
    "read_month",
    "readiness",
    "record_contacts",
    "record_interactions",
    "record_outcomes",
    "record_usage",
    "refresh_customer_base",
    "refresh_findings",
    "reinstate_finding",
    "remap_import",
    "remove_usage",
    "request_profile",
    "require_few",
    "require_free_number",
    "require_training_cut",
    "reseal_feeds",
    "resume_feed",
    "retire_definition",
    "run_feed",
    "run_import",
    "set_persona",
    "stop_feed_run",
    "undo_import",
]
