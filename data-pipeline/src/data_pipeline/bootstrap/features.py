"""The feature store: a Redis where one is named, else a file."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backends.embedded.feature_file import is_outdated, only_writer, replace_features
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import FeatureReader, FeaturesMoved, FeatureWriter
from backends.scaled.redis_features.reader import RedisFeatureReader
from backends.scaled.redis_features.writer import RedisFeatureWriter
from data_pipeline.bootstrap.weaving import Weaver
from data_pipeline.settings import Settings
from instrumentation.redis import redis_attributes

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """Both sides of the feature store, and its file where it is one."""

    writer: FeatureWriter
    reader: FeatureReader
    file: Path | None


async def open_features(
    settings: Settings,
    weaver: Weaver,
    stack: AsyncExitStack,
    make_anew: Callable[[], Awaitable[Path]],
) -> FeatureStore:
    """Open the feature store; `stack` closes it.

    A file of another format is replaced by the one that `make_anew` makes.

    Raises:
        PortUnavailable: another process writes the file, or what it is made of cannot be read.
    """
    if settings.redis_url is not None:
        store = _in_redis(str(settings.redis_url), weaver)
    else:
        path = settings.features()
        stack.enter_context(only_writer(path))
        if is_outdated(path):
            _LOG.warning("the features have another format: they are made anew from the logs")
            replace_features(path, await make_anew())
        store = _in_file(path, weaver)
    for port in (store.writer, store.reader):
        stack.push_async_callback(port.close)
    return store


def _in_redis(url: str, weaver: Weaver) -> FeatureStore:
    of_redis = redis_attributes(url)
    writer = RedisFeatureWriter(url)
    reader = RedisFeatureReader(url)
    return FeatureStore(
        weaver.store(writer, "feature_writer", FeaturesMoved, attributes=of_redis),
        weaver.store(reader, "feature_reader", attributes=of_redis),
        None,
    )


def _in_file(path: Path, weaver: Weaver) -> FeatureStore:
    writer = weaver.store(SqliteFeatureWriter(path), "feature_writer")
    reader = weaver.store(SqliteFeatureReader(path), "feature_reader")
    return FeatureStore(writer, reader, path)
