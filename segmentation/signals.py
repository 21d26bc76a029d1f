"""Facts that this stage announces."""

from django.dispatch import Signal

segments_refreshed = Signal()  # run_id: every customer has a place by a new segmentation
