"""Stage 4: writes to those worth writing to, and proves that it kept them.

Receives: customers with their risk, segments and offers. Leaves behind: mails (the rows of ``Recipient``), who was left alone,
contacts and outcomes as ``customers.Interaction``, results, and whom to write to next.

Read ``services/__init__`` first, then ``services/composing``, ``preparing`` and ``sending``; ``outreach`` is the engine,
``channels`` are the ways out. docs/campaigns.md, docs/sending.md and docs/measuring.md tell it all.
"""
