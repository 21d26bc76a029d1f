"""``make prod-check``: the site started on one machine from the very files of ``deploy/``, used, disturbed, and stopped.

Reading order: ``__main__`` (the steps in their order), ``units`` (what the systemd units say to run), ``place`` (where it
happens: settings, servers, processes), ``visitor`` (who asks), then the steps: ``starting``, ``using``, ``restarting``,
``refusing``. Nothing here belongs to the product.
"""
