"""Stage 1: takes a company's files in.

Receives files; leaves behind customers, their subscription, their months of use, and the Import row that says what was
read, changed and refused. Reading order: ``ingest/schema.py`` (the columns), ``ingest/proposal.py`` and ``mapping.py`` (what
another company's columns are), ``ingest/rows.py``, ``models/``, ``services/imports.py``, ``merge/``.
"""
