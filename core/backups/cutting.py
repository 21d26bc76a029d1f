"""Streams cut into pieces, so that what did not change falls into the same pieces as the last time.

A database of pages changes in place: pieces of fixed size. A dump is text in which rows come and go: pieces end where its
own content says so (a gear hash over the last 32 bytes, as in FastCDC; Xia et al., USENIX ATC 2016), and an inserted row
changes the pieces around it only. Rows that are much alike ask for few cuts. A piece that has grown too long ends where
its content came nearest to asking: at a fixed length, every piece up to the next cut would be another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

PAGED = 128 * 1024  # bytes; a multiple of every page size of SQLite
SMALLEST, LARGEST = 32 * 1024, 512 * 1024
_ASKS = np.uint32(1 << 15)  # of 1 << 32: a cut about every 128 KiB
_MIGHT = np.uint32(1 << 20)
_READ = 4 * 1024 * 1024
_REACH = 32  # bytes that the hash looks back on
_GEAR = np.random.Generator(np.random.PCG64(20_240_611)).integers(0, 2**32, 256, dtype=np.uint32)


def fixed(stream: BinaryIO, size: int = PAGED) -> Iterator[bytes]:
    """Pieces of ``size`` bytes; the last is what is left."""
    while piece := _fill(stream, size):
        yield piece


def by_content(stream: BinaryIO) -> Iterator[bytes]:
    """Pieces of SMALLEST to LARGEST bytes that end where the content says so, or where it came nearest to saying it."""
    rest = b""
    while True:
        block = _fill(stream, _READ)
        data = rest + block
        is_last = len(block) < _READ
        places, hashes = _candidates(data)
        start = 0
        while end := _end(places, hashes, start, len(data)):
            yield data[start:end]
            start = end
        rest = data[start:]
        if is_last:
            if rest:
                yield rest
            return


def _end(places: np.ndarray, hashes: np.ndarray, start: int, size: int) -> int:
    """Where the piece from ``start`` ends; 0: not within these ``size`` bytes."""
    first, last = np.searchsorted(places, (start + SMALLEST, start + LARGEST + 1))
    asked = np.flatnonzero(hashes[first:last] < _ASKS)
    if asked.size:
        return int(places[first + asked[0]])
    if size - start <= LARGEST:
        return 0
    if first == last:
        return start + LARGEST
    return int(places[first + np.argmin(hashes[first:last])])


def _candidates(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where a piece might end, about every 4 KiB, and the hash there, which depends on the byte before and the 31 before it
    alone: below _ASKS the content asks for a cut."""
    if len(data) < _REACH:
        return np.empty(0, np.int64), np.empty(0, np.uint32)
    hashed = _GEAR[np.frombuffer(data, np.uint8)]
    step = 1
    while step < _REACH:  # doubling: the sum over 1, 2, 4 … bytes, each shifted by how far back it lies
        later = hashed[step:] + (hashed[:-step] << np.uint32(step))
        hashed = np.concatenate([hashed[:step], later])
        step *= 2
    # The upper bits have seen every byte that the hash reaches, the lowest only the last one.
    places = np.flatnonzero(hashed < _MIGHT)
    return places + 1, hashed[places]


def _fill(stream: BinaryIO, size: int) -> bytes:
    """Exactly ``size`` bytes where the stream has them: a pipe gives less than it is asked for."""
    parts, missing = [], size
    while missing and (block := stream.read(missing)):
        parts.append(block)
        missing -= len(block)
    return parts[0] if len(parts) == 1 else b"".join(parts)
