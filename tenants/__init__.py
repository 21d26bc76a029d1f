"""The workspace: who is here, what they may see, what they did, what they were told.

Receives sign-ins and facts from every stage; leaves behind the company's scope, memberships, the audit trail and the
bell. Reading order: ``scoping.py`` (why nothing leaks), ``models.py``, ``permissions.py``, ``services.py``.
"""
