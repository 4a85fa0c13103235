"""One effect for one Idempotency-Key, however often the request is sent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

from backend_api.domain.access import Clock, utc_now
from backend_api.domain.access_errors import IdempotencyKeyInUse, InvalidIdempotencyKey
from backend_api.domain.access_ports import IdempotencyStore
from backend_api.domain.idempotency import Attempt, KeptAnswer, Running, is_idempotency_key
from backends.ports import PortUnavailable

LEASE: Final = timedelta(seconds=30)
"""How long a key stays taken after a crash; a request that runs holds it on."""
_RENEWALS_IN_A_LEASE: Final = 3


class IdempotencyService:
    """Hands out keys to attempts, and keeps their answers for `kept_for`."""

    def __init__(
        self,
        store: IdempotencyStore,
        kept_for: timedelta,
        *,
        clock: Clock = utc_now,
        lease: timedelta = LEASE,
    ) -> None:
        self._store = store
        self._kept_for = kept_for
        self._clock = clock
        self._lease = lease

    async def begin(self, owner: str, key: str) -> Attempt | KeptAnswer:
        """An attempt that has the key now, or the answer that the key stands for.

        Raises:
            InvalidIdempotencyKey: the key is not 1 to 255 visible ASCII characters.
            IdempotencyKeyInUse: another attempt has it, and no answer yet.
        """
        if not is_idempotency_key(key):
            raise InvalidIdempotencyKey
        now = self._clock()
        attempt = Attempt(owner, key, uuid4().hex, now + self._lease)
        begun = await self._store.begin(attempt, now)
        if isinstance(begun, Running):
            raise IdempotencyKeyInUse
        return begun if isinstance(begun, KeptAnswer) else attempt

    @asynccontextmanager
    async def holding(self, attempt: Attempt) -> AsyncGenerator[None]:
        """Hold the key for as long as the block runs; where it fails, the key is free again."""
        renewal = asyncio.create_task(self._renew(attempt))
        try:
            yield
        except BaseException:
            await asyncio.shield(self.release(attempt))
            raise
        finally:
            renewal.cancel()

    async def keep(self, attempt: Attempt, answer: KeptAnswer) -> None:
        """Keep the answer for those who ask again."""
        await self._store.keep(attempt, answer, self._clock() + self._kept_for)

    async def release(self, attempt: Attempt) -> None:
        """Free the key; where the store does not answer its lease will."""
        with suppress(PortUnavailable):
            await self._store.release(attempt)

    async def _renew(self, attempt: Attempt) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / _RENEWALS_IN_A_LEASE)
            with suppress(PortUnavailable):
                await self._store.renew(attempt, self._clock() + self._lease)
