"""Tables of this stage: people (customers and what hangs on them), imports (files and what they leave
behind), definitions (what leaving means), duplicates (people who stand there twice), feeds (files that
come by themselves)."""

from .definitions import ChurnDefinition
from .duplicates import DuplicateGroup, DuplicateSearch
from .feeds import Feed, FeedRun
from .imports import ColumnFinding, ColumnMapping, CustomerChange, Import, ImportStep, QualityProfile
from .people import Customer, CustomerBase, FormerNumber, Interaction, Subscription, UsageRecord

__all__ = [
    "ChurnDefinition",
    "ColumnFinding",
    "ColumnMapping",
    "Customer",
    "CustomerBase",
    "CustomerChange",
    "DuplicateGroup",
    "DuplicateSearch",
    "Feed",
    "FeedRun",
    "FormerNumber",
    "Import",
    "ImportStep",
    "Interaction",
    "QualityProfile",
    "Subscription",
    "UsageRecord",
]
