"""Servers that come in wheels, run by us: a broker and a database for a machine that has neither, and their supervisor.

Nothing here knows Django. Reading order: ``processes`` (one child), ``supervisor`` (all of them), ``valkey``,
``postgres``; the door for a shell is ``python -m core.embedded run``.
"""
