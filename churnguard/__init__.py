"""The composition root: imports every stage, is imported by none.

Reading order: ``pipeline.py`` (which fact triggers which stage), ``settings/``, ``celery.py``, ``dashboard/``.
"""

from .celery import app as celery_app

__all__ = ["celery_app"]
