"""Stage 3: groups customers into segments that keep their names, finds audiences by rules, and gives offers.

Receives customers and the scores that are shown; leaves behind who belongs where, portraits of the segments, saved
audiences, offers and their allocations. Reading order: models, services/runs.py, clustering/__init__.py (the engine),
audiences/ with conditions/ (rules), services/offers.py and allocations.py, then views and api. docs/segments.md tells it all.
"""
