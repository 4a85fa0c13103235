"""Has one replica at a time do the upkeep."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from backends.leases import RENEW_SECONDS, Leases
from backends.ports import PortUnavailable
from data_pipeline.domain.upkeep import UpkeepClaims

LOOK_SECONDS: Final = 1.0
"""How often a replica that does not do the upkeep looks whether it is its own now."""

_LOG: Final = logging.getLogger(__name__)


class SoleUpkeep:
    """Does `upkeep` while this replica holds the claim; `replica` is a name no other one has.

    One that was held up may go on for a moment after another has begun: what the two do then is
    work twice, since each change of a store is made only where it is as it was read. `began` and
    `ended` are called when this replica begins and ends.
    """

    def __init__(
        self,
        claims: UpkeepClaims,
        replica: str,
        upkeep: Callable[[], Coroutine[Any, Any, None]],
        began: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._claims = claims
        self._replica = replica
        self._upkeep = upkeep
        self._began = began
        self._ended = ended
        self._leases = Leases()

    async def work(self) -> None:
        """Take part until cancelled, and leave the claim to others at once."""
        try:
            while True:
                if await self._claimed():
                    await self._work()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            with suppress(PortUnavailable):
                await self._claims.release(self._replica)

    async def _claimed(self) -> bool:
        try:
            seen = await self._claims.look()
            return bool(self._leases.free([seen])) and await self._claims.claim(seen, self._replica)
        except PortUnavailable as error:
            _LOG.debug("whose the upkeep is cannot be seen: %s", error)
            return False

    async def _work(self) -> None:
        """Do the upkeep until another replica has the claim."""
        self._began()
        working = asyncio.create_task(self._upkeep())
        try:
            while True:
                if not await self._renewed():
                    return
                await asyncio.sleep(RENEW_SECONDS)
        finally:
            working.cancel()
            await asyncio.wait([working])
            self._ended()

    async def _renewed(self) -> bool:
        try:
            return await self._claims.renew(self._replica)
        except PortUnavailable:
            # Nobody else can claim it meanwhile, as long as nobody can reach the database.
            return True
