"""FeatureWriter over Redis."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from typing import Any, Final, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ResponseError
from redis.retry import Retry

from backends.feature_values.contents import encode_item, encode_mapping
from backends.feature_values.event_groups import Days, History, Key, grouped
from backends.feature_values.histories import encode_history, merged
from backends.feature_values.item_days import add_to_days, encode_days, epoch_days
from backends.finishing import finished_in_thread
from backends.ports import (
    Correction,
    EventUpdate,
    Filled,
    ItemCountCorrection,
    ItemUpdate,
    Portion,
    Positions,
    Update,
    UserCorrection,
    UserUpdate,
)
from backends.scaled.redis_errors import answering
from backends.scaled.redis_features.commits import COMMITS, Command, Commits
from backends.scaled.redis_features.layout import Keys, decode_count, encode_count
from backends.scaled.redis_features.state import State
from backends.trials import Trials
from contracts.events import DEFAULT_WEIGHTS

TIMEOUT_SECONDS: Final = 2.0

PORTION: Final = 500
"""How many histories one portion has: Redis answers nobody else while it takes them in."""

AT_ONCE: Final = 500
"""How many fields of a hash one command reads or writes."""

GroupT = TypeVar("GroupT")


@dataclass(frozen=True, slots=True)
class RedisPortion(Portion):
    """Histories of some users; the last portion has all counts too."""

    after: int | None
    histories: Sequence[tuple[Key, History]]
    counts: Iterable[tuple[Key, Days]] = ()


class RedisFeatureWriter:
    """Writes histories, counts, items and attributes in the Redis of `url`.

    Several may write; each commit goes through only if nobody else wrote since it was begun. After
    a failure nobody asks for a second, so that time-outs add up to little. `clock` tells seconds.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        keys: Keys | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            # A commit that was sent may have been taken in.
            retry=Retry(NoBackoff(), 0),
        )
        self._keys = keys or Keys()
        self._state = State(self._redis, self._keys)
        self._commits = Commits(self._redis, self._keys)
        self._trials = Trials(clock)
        self._is_begun = False

    async def positions(self) -> Positions:
        """How far the features have come; 0 where they are to be made anew."""
        return await finished_in_thread(self._positions)

    async def portions(self, update: EventUpdate) -> AsyncGenerator[RedisPortion]:
        """An update in portions by user, then by item."""
        portions = _portions(update, PORTION)
        while (portion := await asyncio.to_thread(next, portions, None)) is not None:
            yield portion

    async def apply(self, update: Update | Portion | Filled) -> None:
        """Add events to histories and counts, or replace items or attributes."""
        await finished_in_thread(self._apply, update)

    async def correct(self, corrections: Sequence[Correction], position: int) -> None:
        """Apply corrections in their order. After an erasure Redis writes its files anew."""
        await finished_in_thread(self._correct, corrections, position)

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        with answering():
            await finished_in_thread(self._redis.ping)

    async def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _positions(self) -> Positions:
        with self._trials.trial(), answering():
            positions = self._state.positions()
            self._commits.seen = self._state.commits
        self._is_begun = True
        return positions

    def _begin(self) -> None:
        if not self._is_begun:
            self._positions()

    def _apply(self, update: Update | Portion | Filled) -> None:
        self._begin()
        with self._trials.trial(), answering():
            if isinstance(update, EventUpdate):
                (portion,) = _portions(update, None)
                self._add_events(portion)
            elif isinstance(update, RedisPortion):
                self._add_events(update)
            elif isinstance(update, ItemUpdate):
                commands = list(_put_items(self._keys, update))
                self._put("items", update, commands)
            elif isinstance(update, UserUpdate):
                commands = list(_put_attributes(self._keys, update))
                self._put("users", update, commands)
            elif isinstance(update, Filled):
                filled: Command = ("SET", self._keys.filled, 1)
                self._commits.commit(lambda _: [filled], dict(update.positions._asdict()))
            else:
                raise TypeError(f"not a portion of this writer: {update!r}")

    def _put(self, name: str, update: ItemUpdate | UserUpdate, commands: Sequence[Command]) -> None:
        self._commits.commit(lambda _: commands, {name: update.after}, {name: update.position})

    def _add_events(self, portion: RedisPortion) -> None:
        # Read once only, while a commit may be prepared again.
        counts = list(portion.counts)
        moves = {} if portion.position is None else {portion.lane: portion.position}
        prepare = partial(_events_added, self._keys, portion.histories, counts)
        self._commits.commit(prepare, {portion.lane: portion.after}, moves)

    def _correct(self, corrections: Sequence[Correction], position: int) -> None:
        self._begin()
        commands = [one for correction in corrections for one in _corrected(self._keys, correction)]
        with self._trials.trial(), answering():
            # They hold for the features as they were when the positions were read.
            stands = {COMMITS: self._commits.seen}
            self._commits.commit(lambda _: commands, stands, {"corrections": position})
            self._state.corrected(position)
            if any(isinstance(one, UserCorrection) and one.erased for one in corrections):
                self._write_files_anew()

    def _write_files_anew(self) -> None:
        """Let Redis make its files again, which hold what was erased. It goes on meanwhile."""
        # A managed Redis may allow neither, and one at a time is made.
        with suppress(ResponseError):
            if self._redis.info("persistence")["aof_enabled"]:
                self._redis.bgrewriteaof()
        with suppress(ResponseError):
            if self._redis.config_get("save").get("save"):
                self._redis.bgsave()


def _portions(update: EventUpdate, histories: int | None) -> Iterator[RedisPortion]:
    """An update with at most so many histories in each portion, where a number is given."""
    groups = grouped(update.batches)
    found = groups.histories()
    portion = list(islice(found, histories))
    while following := list(islice(found, histories)):
        yield RedisPortion(update.lane, None, update.after, portion)
        portion = following
    yield RedisPortion(update.lane, update.position, update.after, portion, groups.counts())


def _events_added(
    keys: Keys,
    histories: Sequence[tuple[Key, History]],
    counts: Sequence[tuple[Key, Days]],
    pipe: Pipeline,
) -> list[Command]:
    commands: list[Command] = []
    names = [keys.history(*key) for key, _ in histories]
    known: Any = pipe.mget(names) if names else []
    for name, before, (_, events) in zip(names, known, histories, strict=True):
        commands.append(("SET", name, merged(before or b"", events)))
    for tenant_id, of_tenant in groupby(counts, key=lambda count: count[0][0]):
        name = keys.counts(tenant_id)
        while some := list(islice(of_tenant, AT_ONCE)):
            found: Any = pipe.hmget(name, [item_id for (_, item_id), _ in some])
            befores = [decode_count(content) if content else (0, b"") for content in found]
            afters = add_to_days([days for _, days in befores], [new for _, new in some])
            fields = [
                part
                for ((_, item_id), new), (total, _), days in zip(some, befores, afters, strict=True)
                for part in (item_id, encode_count(total + sum([n for _, n in new]), days))
            ]
            commands.append(("HSET", name, *fields))
    return commands


def _put_items(keys: Keys, update: ItemUpdate) -> Iterator[Command]:
    for tenant_id, item in update.items:
        yield "HSET", keys.items(tenant_id), item.item_id, encode_item(item)
        yield "ZADD", keys.changes(tenant_id), item.sequence, item.item_id


def _put_attributes(keys: Keys, update: UserUpdate) -> Iterator[Command]:
    for tenant_id, user in update.users:
        yield _kept(keys.attributes(tenant_id, user.user_id), encode_mapping(user.attributes))


def _corrected(keys: Keys, correction: Correction) -> Iterator[Command]:
    tenant_id = correction.tenant_id
    if isinstance(correction, UserCorrection):
        user_id = correction.user_id
        yield _kept(keys.history(tenant_id, user_id), encode_history(correction.events))
        yield _kept(keys.attributes(tenant_id, user_id), encode_mapping(correction.attributes))
    elif isinstance(correction, ItemCountCorrection):
        if correction.total:
            count = encode_count(correction.total, encode_days(epoch_days(correction.days)))
            yield "HSET", keys.counts(tenant_id), correction.item_id, count
        else:
            yield "HDEL", keys.counts(tenant_id), correction.item_id
    else:
        standard = correction.weights == DEFAULT_WEIGHTS
        yield _kept(
            keys.weights(tenant_id), b"" if standard else encode_mapping(correction.weights)
        )


def _kept(name: str, content: bytes) -> Command:
    return ("SET", name, content) if content else ("UNLINK", name)
