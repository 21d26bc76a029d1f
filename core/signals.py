"""Facts of the kernel."""

from django.dispatch import Signal

job_buried = Signal()  # model, job_id: the job died too often and will not be tried again
