"""The imports that one of several replicas has claimed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from backends.leases import RENEW_SECONDS, Leases
from backends.ports import PortUnavailable
from data_pipeline.domain.import_ports import ImportClaims, ImportQueue, OpenImport
from data_pipeline.domain.imports import Import

TENANTS_AT_ONCE: Final = 8
"""Of how many tenants a replica takes files in; the others wait until one of these has none left,
or for another replica."""


class HeldImports:
    """Claims imports, and keeps and saves them; `replica` is a name that no other one has.

    `taken_up` is called with an import that another replica has held, and holds no more.
    """

    def __init__(
        self,
        claims: ImportClaims,
        queue: ImportQueue,
        replica: str,
        taken_up: Callable[[Import], None],
    ) -> None:
        self._claims = claims
        self._queue = queue
        self._replica = replica
        self._taken_up = taken_up
        self._leases = Leases()
        self._any = False

    async def look(self) -> Sequence[Import]:
        """Claim what may be claimed; all that is held then, oldest first."""
        seen = await self._claims.waiting(TENANTS_AT_ONCE)
        own = [one.entry for one in seen if one.holder == self._replica]
        for one in self._leases.free([one for one in seen if one.holder != self._replica]):
            if len(own) < TENANTS_AT_ONCE and await self._claim(one):
                own.append(one.entry)
        self._any = bool(own)
        return sorted(own, key=lambda entry: entry.job.import_id)

    async def save(self, entry: Import) -> bool:
        """Replace what is known of a held import; False where it has ended or another has it."""
        return await self._queue.save(entry, self._replica)

    async def keep(self) -> None:
        """Renew what is held until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if self._any:
                await self._renew()

    async def release(self) -> None:
        """Let others have what is held. Raises `PortUnavailable`."""
        await self._claims.release(self._replica)

    async def _claim(self, one: OpenImport) -> bool:
        if not await self._claims.claim(one, self._replica):
            return False
        if one.holder is not None:
            self._taken_up(one.entry)
        return True

    async def _renew(self) -> None:
        try:
            await self._claims.renew(self._replica)
        except PortUnavailable:
            # Nobody else can claim them meanwhile, as long as nobody can reach the database.
            return
