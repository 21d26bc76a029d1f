"""The named bulk path of this stage: batches of clean rows into customers, subscriptions and months by set statements.

Whom a batch names is looked up first. Customers who are new go in at once; those who are known are compared in the
database itself, so that rows that do not change are not written: loading a file again costs little and leaves
``updated_at`` alone. What an import changes is kept first as it was (CustomerChange), so that the import can be taken
back. With ``write=False`` all of it only counts: the dry run.

``people``: customers and subscriptions · ``rows``: what hangs on a customer · ``statements``: the words of both engines.
"""

from .people import merge_customers, split_columns
from .rows import append_interactions, append_usage, merge_months
from .statements import Merged

__all__ = ["Merged", "append_interactions", "append_usage", "merge_customers", "merge_months", "split_columns"]
