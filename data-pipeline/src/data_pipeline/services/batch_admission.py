"""Bounds what batches are in work at once, so that memory stays flat under any rate."""

from collections import Counter
from collections.abc import AsyncIterable, Generator
from contextlib import contextmanager

from data_pipeline.domain.errors import TooManyBatches


class BatchAdmission:
    """Lets batches in, up to a number and a sum of bytes of them at once.

    One tenant may hold half of each, so that its flood is its own. A batch that is alone is
    always let in, however large.
    """

    def __init__(self, max_batches: int, max_bytes: int) -> None:
        self._max_batches = max_batches
        self._max_bytes = max_bytes
        self._batches: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def admitted(self, tenant_id: str) -> Generator["AdmittedBatch"]:
        """A block in which a batch is in work. Raises `TooManyBatches`."""
        self._check(self._batches, tenant_id, 1, self._max_batches)
        self._batches[tenant_id] += 1
        batch = AdmittedBatch(self, tenant_id)
        try:
            yield batch
        finally:
            self._batches[tenant_id] -= 1
            self.add_bytes(tenant_id, -batch.size)
            if not self._batches[tenant_id]:
                del self._batches[tenant_id], self._bytes[tenant_id]

    def add_bytes(self, tenant_id: str, size: int) -> None:
        """Count bytes of a batch in work, or take them back. Raises `TooManyBatches`."""
        if size > 0 and self._batches.total() > 1:
            self._check(self._bytes, tenant_id, size, self._max_bytes)
        self._bytes[tenant_id] += size

    def _check(self, held: Counter[str], tenant_id: str, more: int, limit: int) -> None:
        if held.total() + more > limit or held[tenant_id] + more > max(limit // 2, 1):
            raise TooManyBatches("as many batches are in work as may be: send it again in a second")


class AdmittedBatch:
    """A batch that was let in; `size` are the bytes of it that were read."""

    def __init__(self, admission: BatchAdmission, tenant_id: str) -> None:
        self._admission = admission
        self._tenant_id = tenant_id
        self.size = 0

    async def read(self, content: AsyncIterable[bytes]) -> bytes:
        """The whole content. Raises `TooManyBatches` where it is too much beside the others."""
        parts: list[bytes] = []
        async for part in content:
            self._admission.add_bytes(self._tenant_id, len(part))
            self.size += len(part)
            parts.append(part)
        return b"".join(parts)
