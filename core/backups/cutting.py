"""Streams cut into pieces, so that what did not change falls into the same pieces as the last time.

A database of pages changes in place: pieces of fixed size. A dump is text in which rows come and go: pieces end where its
own content says so (a gear hash over the last 32 bytes, as in FastCDC; Xia et al., USENIX ATC 2016), and an inserted row
changes the pieces around it only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

PAGED = 128 * 1024  # bytes; a multiple of every page size of SQLite
SMALLEST, LARGEST = 32 * 1024, 512 * 1024
_MASK = np.uint32((1 << 17) - 1)  # a cut about every 128 KiB
_READ = 4 * 1024 * 1024
_REACH = 32  # bytes that the hash looks back on
_GEAR = np.random.Generator(np.random.PCG64(20_240_611)).integers(0, 2**32, 256, dtype=np.uint32)


def fixed(stream: BinaryIO, size: int = PAGED) -> Iterator[bytes]:
    """Pieces of ``size`` bytes; the last is what is left."""
    while piece := _fill(stream, size):
        yield piece


def by_content(stream: BinaryIO) -> Iterator[bytes]:
    """Pieces of SMALLEST to LARGEST bytes that end where the content says so."""
    rest = b""
    while True:
        block = _fill(stream, _READ)
        data = rest + block
        is_last = len(block) < _READ
        start = 0
        for end in _ends(data):
            if end - start >= SMALLEST:
                while end - start > LARGEST:
                    yield data[start : start + LARGEST]
                    start += LARGEST
                if end - start >= SMALLEST:
                    yield data[start:end]
                    start = end
        while len(data) - start > LARGEST:
            yield data[start : start + LARGEST]
            start += LARGEST
        rest = data[start:]
        if is_last:
            if rest:
                yield rest
            return


def _ends(data: bytes) -> list[int]:
    """After which bytes the content asks for a cut. The hash of a byte depends on it and the 31 before it alone."""
    if len(data) < _REACH:
        return []
    hashed = _GEAR[np.frombuffer(data, np.uint8)]
    step = 1
    while step < _REACH:  # doubling: the sum over 1, 2, 4 … bytes, each shifted by how far back it lies
        later = hashed[step:] + (hashed[:-step] << np.uint32(step))
        hashed = np.concatenate([hashed[:step], later])
        step *= 2
    # The upper bits have seen every byte that the hash reaches, the lowest only the last one.
    return (np.flatnonzero((hashed >> np.uint32(15)) & _MASK == 0) + 1).tolist()


def _fill(stream: BinaryIO, size: int) -> bytes:
    """Exactly ``size`` bytes where the stream has them: a pipe gives less than it is asked for."""
    parts, missing = [], size
    while missing and (block := stream.read(missing)):
        parts.append(block)
        missing -= len(block)
    return parts[0] if len(parts) == 1 else b"".join(parts)
