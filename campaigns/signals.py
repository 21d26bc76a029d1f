"""Facts that this stage announces: ``campaign_checked``, ``campaign_finished``, ``campaign_measured`` (campaign_id) ·
``uplift_learned`` (run_id)."""

from django.dispatch import Signal

campaign_checked = Signal()
campaign_finished = Signal()
campaign_measured = Signal()
uplift_learned = Signal()
