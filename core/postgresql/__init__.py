"""Django's PostgreSQL backend, whose every statement tells the server which company is in scope (docs/adr/0013).

``setting``: what is said, and when it has to be said anew · ``cursors``: where it is said · ``base``: the backend.
"""
