"""Verbs about customers: the only writers of this stage's tables.

imports: a file's way in, step by step · files: what is kept on disk · writing: dry run and write · undoing: taking back ·
bases: roll-ups and rows that hang on a customer · curation: corrections, merges, history · quality: profiles and readiness ·
leaks: columns that know the answer · feeds: files that come by themselves
"""

from .bases import record_interactions, record_usage, refresh_customer_base
from .curation import correct_customer
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
from .quality import open_missing_profile, open_profile, profile_import, readiness, request_profile
from .reading import read_month

__all__ = [
    "agree_import",
    "choose_sheet",
    "copy_refused",
    "correct_customer",
    "discard_import",
    "forget_import",
    "map_import",
    "open_import",
    "open_missing_profile",
    "open_profile",
    "profile_import",
    "readiness",
    "read_month",
    "record_interactions",
    "record_usage",
    "refresh_customer_base",
    "remap_import",
    "request_profile",
    "run_import",
    "undo_import",
]
