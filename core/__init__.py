"""The kernel: what every stage needs and none owns. No tables of its own, no company's business.

Reading order: ``models.py`` (the Job row), ``jobs.py`` (who may run it), ``bulk.py`` (frames in and out of the
database), ``htmx.py`` and ``middleware.py`` (pages and fragments), ``api.py`` (errors for programs).
"""
