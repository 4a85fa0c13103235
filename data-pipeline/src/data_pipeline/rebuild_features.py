"""Makes the features anew: `python -m data_pipeline.rebuild_features`, the service being stopped.

They are made from the event log, the catalogue and the profiles, and take the place of the
present ones at one moment; ml-engine goes on with them by itself. Those in Redis are forgotten
instead, and data-pipeline makes them at its next start, or at once where it runs. With `--check`
nothing is replaced: it ends with status 1 where the present features differ, and names the first
of them; nothing may come in meanwhile.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import close_engine, open_engine
from backends.embedded.feature_file import (
    differences,
    only_writer,
    remove_features,
    replace_features,
)
from backends.migrations import prepare
from backends.object_store import UrlObjectStore
from backends.ports import ObjectStore, PortUnavailable
from backends.scaled.redis_features import whole as redis_features
from backends.scaled.redis_features.layout import Keys
from backends.scaled.redis_features.writer import RedisFeatureWriter
from data_pipeline.adapters.seen_ids.store import SeenIdsStore
from data_pipeline.bootstrap.new_features import fill_features, make_features
from data_pipeline.migrate import MIGRATIONS
from data_pipeline.settings import Settings
from instrumentation.settings import SettingsError, load_settings

MadeT = TypeVar("MadeT")

SHOWN: Final = 20
"""How many differences are named."""

_DIFFERENT: Final = 1
_FAILED: Final = 2


def rebuild(settings: Settings) -> None:
    """Replace the features. Raises `PortUnavailable`, then they are as they were."""
    if settings.redis_url is not None:
        redis_features.forget_features(str(settings.redis_url))
        return
    path = settings.features()
    with only_writer(path):
        made = asyncio.run(_made(settings))
        replace_features(path, made)


def check(settings: Settings) -> Sequence[str]:
    """The first rows that the present features do not have as new ones would.

    Raises:
        PortUnavailable: the service runs, there are no features, or a store cannot be read.
    """
    if settings.redis_url is not None:
        return _check_redis(settings, str(settings.redis_url))
    path = settings.features()
    with only_writer(path):
        if not path.exists():
            raise PortUnavailable(f"no feature store at {path}")
        made = asyncio.run(_made(settings))
        try:
            return list(islice(differences(path, made), SHOWN))
        finally:
            remove_features(made)


def _check_redis(settings: Settings, url: str) -> Sequence[str]:
    redis_features.require_filled(url)
    made = redis_features.MADE
    redis_features.remove_features(url, made)
    try:
        writer = RedisFeatureWriter(url, keys=made)
        asyncio.run(_from_logs(settings, partial(fill_features, writer)))
        return list(islice(redis_features.differences(url, Keys(), made), SHOWN))
    finally:
        redis_features.remove_features(url, made)


async def _made(settings: Settings) -> Path:
    return await _from_logs(settings, partial(make_features, settings.features()))


async def _from_logs(
    settings: Settings, make: Callable[[AsyncEngine, ObjectStore, SeenIdsStore], Awaitable[MadeT]]
) -> MadeT:
    async with AsyncExitStack() as stack:
        engine = open_engine(settings.database(), settings.db_pool_size)
        stack.push_async_callback(close_engine, engine)
        await prepare(engine, MIGRATIONS)
        objects = UrlObjectStore(settings.objects())
        stack.push_async_callback(objects.close)
        seen = stack.enter_context(
            closing(SeenIdsStore(settings.seen_ids(), settings.deduplication_days))
        )
        return await make(engine, objects, seen)


def main(arguments: Sequence[str] | None = None) -> None:
    """Rebuild or check; ends with status 1 where features differ, 2 where it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m data_pipeline.rebuild_features")
    parser.add_argument("--check", action="store_true", help="compare, and replace nothing")
    chosen = parser.parse_args(arguments)
    try:
        settings = load_settings(Settings)
        if not chosen.check:
            rebuild(settings)
            return
        found = check(settings)
    except (SettingsError, PortUnavailable) as error:
        sys.stderr.write(f"the features cannot be rebuilt: {error}\n")
        sys.exit(_FAILED)
    for difference in found:
        sys.stderr.write(f"different: {difference}\n")
    if found:
        sys.exit(_DIFFERENT)


if __name__ == "__main__":
    main()
