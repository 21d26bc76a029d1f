"""Facts that this stage announces. Only ``churnguard.pipeline`` listens."""

from django.dispatch import Signal

import_finished = Signal()  # import_id
import_undone = Signal()  # import_id
