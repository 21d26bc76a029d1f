"""Facts that this stage announces. Only ``churnguard.pipeline`` listens."""

from django.dispatch import Signal

model_trained = Signal()  # version_id
customers_scored = Signal()  # run_id
champion_changed = Signal()  # version_id
alarm_raised = Signal()  # code, facts: something that people asked to be told of by mail; report_id, of drift
