"""Facts that this stage announces. Only ``churnguard.pipeline`` listens."""

from django.dispatch import Signal

import_finished = Signal()  # import_id
import_undone = Signal()  # import_id
customers_pushed = Signal()  # import_id; a program sent rows
customer_merged = Signal()  # kept_id, gone_id; sent inside the transaction, before the one who goes is deleted
