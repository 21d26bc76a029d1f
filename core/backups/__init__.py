"""Backups: a store of deduplicated pieces in a folder, what is put there, and how it comes back.

sealing: encryption · cutting: into pieces · store: pieces and snapshots in a folder · snapshots: what a snapshot tells ·
sqlite, postgres: the database out and in, with counts and digests of its tables · tree: raw files · configuration: settings
without their secrets · taking, restoring, verifying, drilling: the verbs · retention, collecting: what is kept · reports:
how it went, for pages and metrics · schedule: what is due

Nothing here is kept in the database: it would be brought back with it (docs/adr/0015).
"""
