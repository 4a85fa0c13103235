"""Ids as 128-bit hashes: two columns of whole numbers, sorted by the first."""

from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_128_digest

WORD: Final = np.dtype("<u8")
KEY: Final = np.dtype("V16")

Words = npt.NDArray[np.uint64]
"""One half of some hashes, shape (n,)."""


def hash_ids(ids: pa.Array | pa.ChunkedArray) -> Words:
    """The hashes of an Arrow column of strings, shape (n, 2); the same in every version."""
    chunks = ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]
    content = chain.from_iterable(chunk.view(pa.binary()).to_pylist() for chunk in chunks)
    digests = b"".join(map(xxh3_128_digest, content))
    return np.frombuffer(digests, WORD).reshape(-1, 2)


def keys(hashes: Words) -> list[bytes]:
    """The hashes as 16 bytes each, in their order."""
    return np.ascontiguousarray(hashes).view(KEY).ravel().tolist()


def from_keys(content: bytes) -> Words:
    """Hashes of shape (n, 2) from 16 bytes for each."""
    return np.frombuffer(content, WORD).reshape(-1, 2)


def halves(hashes: Words) -> tuple[npt.NDArray[np.int64], Words, Words]:
    """The order of hashes by their first half, and both halves in that order."""
    order = np.argsort(hashes[:, 0])
    return order, hashes[order, 0], hashes[order, 1]


def repeats(order: npt.NDArray[np.int64], first: Words, second: Words) -> npt.NDArray[np.bool_]:
    """Which hashes, given as `halves`, also stand in an earlier place of the batch."""
    repeated = np.zeros(len(first), np.bool_)
    twins = first[1:] == first[:-1]
    if not twins.any():
        return repeated
    rows = np.flatnonzero(np.append(twins, False) | np.append(False, twins))
    rows = rows[np.lexsort((order[rows], second[rows], first[rows]))]
    again = (first[rows[1:]] == first[rows[:-1]]) & (second[rows[1:]] == second[rows[:-1]])
    repeated[rows[1:][again]] = True
    return repeated
