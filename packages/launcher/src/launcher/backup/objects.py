"""Copies of what is in files: the objects of a store, and the files of imports."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from backends.object_store import UrlObjectStore

_AT_ONCE: Final = 8


async def copy_objects(source_url: str, target_url: str, work: Path) -> int:
    """Let the store at `target_url` have the objects of the other one and no others; how many.

    Some at a time are files in `work`. One that is removed meanwhile is left out; none is changed
    once it is written.

    Raises:
        PortUnavailable: a store cannot be used.
    """
    source, target = UrlObjectStore(source_url), UrlObjectStore(target_url)
    keys = await source.keys("")
    for surplus in set(await target.keys("")) - set(keys):
        await target.delete(surplus)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        waiting = iter(keys)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(_AT_ONCE):
                    group.create_task(_copy(source, target, waiting, Path(folder) / str(number)))
        except ExceptionGroup as failures:
            # One is as good as all: the store is away.
            raise failures.exceptions[0] from None
    return len(await target.keys(""))


async def has_objects(url: str) -> bool:
    """Whether there is any object. Raises `PortUnavailable`."""
    return bool(await UrlObjectStore(url).keys(""))


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a folder that are not there yet; one may go meanwhile."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not source.is_dir():
        return
    for file in source.iterdir():
        copy = target / file.name
        if not copy.exists():
            with suppress(FileNotFoundError):
                shutil.copy2(file, copy)


async def _copy(
    source: UrlObjectStore, target: UrlObjectStore, keys: Iterator[str], through: Path
) -> None:
    for key in keys:
        with suppress(KeyError):
            await source.download(key, through)
            await target.put(key, through)
