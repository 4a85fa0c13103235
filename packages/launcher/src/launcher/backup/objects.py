"""Copies of the objects of a store."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from backends.object_store import UrlObjectStore

_AT_ONCE: Final = 8


async def copy_objects(source_url: str, target_url: str, work: Path, prefix: str = "") -> int:
    """Let the store at `target_url` have the objects whose keys begin so; how many it has then.

    Some at a time are files in `work`. One that is removed meanwhile is left out; none is changed
    once it is written.

    Raises:
        PortUnavailable: a store cannot be used.
    """
    source, target = UrlObjectStore(source_url), UrlObjectStore(target_url)
    waiting = iter(await source.keys(prefix))
    with tempfile.TemporaryDirectory(dir=work) as folder:
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(_AT_ONCE):
                    group.create_task(_copy(source, target, waiting, Path(folder) / str(number)))
        except ExceptionGroup as failures:
            # One is as good as all: the store is away.
            raise failures.exceptions[0] from None
    return len(await target.keys(prefix))


async def remove_others(source_url: str, target_url: str) -> None:
    """Remove the objects that the other store has not. Raises `PortUnavailable`."""
    source, target = UrlObjectStore(source_url), UrlObjectStore(target_url)
    for key in set(await target.keys("")) - set(await source.keys("")):
        await target.delete(key)


async def has_objects(url: str) -> bool:
    """Whether there is any object. Raises `PortUnavailable`."""
    return bool(await UrlObjectStore(url).keys(""))


async def _copy(
    source: UrlObjectStore, target: UrlObjectStore, keys: Iterator[str], through: Path
) -> None:
    for key in keys:
        with suppress(KeyError):
            await source.download(key, through)
            await target.put(key, through)
