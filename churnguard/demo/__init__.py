"""``make demo``: the whole platform on one machine, from nothing to signed-in pages.

The demonstration is the parent of everything it starts: Valkey, a worker, a beat and the site. It asks for work as a
page does, by a job's row and the doorbell, and watches the rows; what is still to do is read from the database, so
that a second start repeats nothing and an interrupted one goes on where it was.

Reading order: ``__main__`` (the start), ``wishes`` (what was asked for, refused in one line), ``steps`` (what is due
next), ``companies`` (doing it), ``programs`` (the children), ``welcome`` (what is printed at the end).
"""
