"""Fetches the files of imports that name a URL, beside the work on the others."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from data_pipeline.domain.import_ports import FileSources, Spool
from data_pipeline.domain.imports import Import, SourceFailed, SourceNotAllowed


class ImportFetches:
    """Files on their way into the spool, one for each import; `arrived` is called at each end."""

    def __init__(self, sources: FileSources, spool: Spool, arrived: Callable[[], None]) -> None:
        self._sources = sources
        self._spool = spool
        self._arrived = arrived
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def ready(self, entry: Import) -> bool:
        """Whether the file of an import is there; else it is on its way from now on.

        Raises:
            SourceFailed: it cannot be fetched.
            PortUnavailable: it could not be kept; the next call fetches it again.
        """
        import_id = entry.job.import_id
        task = self._tasks.get(import_id)
        if task is None:
            if import_id in await self._spool.kept():
                return True
            task = self._tasks[import_id] = asyncio.create_task(self._fetch(entry))
            task.add_done_callback(lambda _: self._arrived())
        if not task.done():
            return False
        self._tasks.pop(import_id).result()
        return True

    async def stop_all_but(self, import_ids: Collection[str]) -> None:
        """Break off the fetches of all other imports."""
        for import_id in self._tasks.keys() - set(import_ids):
            task = self._tasks.pop(import_id)
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def _fetch(self, entry: Import) -> None:
        job = entry.job
        try:
            content = self._sources.read(job.tenant_id, job.source_url or "")
            await self._spool.receive(job.import_id, content)
        except SourceNotAllowed as error:
            raise SourceFailed(str(error)) from error
