"""Whether this site is about to stop: said by gunicorn's parent, read by its children, whichever is asked for /readyz.

Knows no Django: the parent imports it before anything else is loaded.
"""

from __future__ import annotations

import mmap

# A page of memory that a fork shares: the parent writes, its children read.
_flag = mmap.mmap(-1, 1)


def begin() -> None:
    _flag[0] = 1


def end() -> None:
    _flag[0] = 0


def is_draining() -> bool:
    return _flag[0] == 1
