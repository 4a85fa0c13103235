"""FeatureReader over Redis: a user's features are one command."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson

from backends.feature_values.contents import decode_item
from backends.feature_values.histories import decode_history
from backends.feature_values.item_days import item_counts
from backends.ports import ItemContent, ItemCount, PortUnavailable, UserFeatures
from backends.scaled.redis_client import redis_client
from backends.scaled.redis_errors import answering
from backends.scaled.redis_features.layout import Keys, decode_count
from backends.trials import Trials

TIMEOUT_SECONDS: Final = 0.5

ITEMS_AT_ONCE: Final = 1_000
"""How many items one read brings, since the event loop decodes them."""

WEIGHTS_SECONDS: Final = 1.0
"""For so long the weights hold that came with a user of the tenant."""

_NOTHING: Final = UserFeatures((), {})
_ITEMS_AFTER: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local found = redis.call('ZRANGE', KEYS[2], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[2],
  'WITHSCORES')
for n = 1, #found, 2 do
  found[n + 1] = {found[n + 1], redis.call('HGET', KEYS[3], found[n])}
end
return found
"""

T = TypeVar("T")


class RedisFeatureReader:
    """Reads what data-pipeline keeps in the Redis of `url`.

    Nothing is read of a store that is not filled yet: a user whose history is still to come would
    look like one without. After a failure nobody asks for a second, so that time-outs add up to
    little. `clock` tells seconds.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        keys: Keys | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis_client(url, timeout_seconds)
        self._items_after: Any = self._redis.register_script(_ITEMS_AFTER)
        self._keys = keys or Keys()
        self._clock = clock
        self._trials = Trials(clock)
        self._weights: dict[str, tuple[float, bytes | None]] = {}

    async def user(self, tenant_id: str, user_id: str) -> UserFeatures:
        """The user's recent events, oldest first, and attributes."""
        keys = self._keys
        filled, history, attributes, weights = await self._read(
            keys.filled,
            keys.history(tenant_id, user_id),
            keys.attributes(tenant_id, user_id),
            keys.weights(tenant_id),
        )
        _require(filled)
        # Who asks for a user asks for the weights next.
        self._weights[tenant_id] = (self._clock(), weights)
        if history is None and attributes is None:
            return _NOTHING
        return UserFeatures(
            decode_history(history or b""), orjson.loads(attributes) if attributes else {}
        )

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        """The tenant's first items changed after `sequence`."""
        keys = [self._keys.filled, self._keys.changes(tenant_id), self._keys.items(tenant_id)]
        args = [f"({sequence}", ITEMS_AT_ONCE]
        found = await self._ask(lambda: self._items_after(keys=keys, args=args))
        _require(found is not None)
        return [
            decode_item(int(score), item_id.decode(), content)
            for item_id, (score, content) in zip(found[::2], found[1::2], strict=True)
        ]

    async def item_counts(self, tenant_id: str) -> dict[str, ItemCount]:
        """How many events each item has, all of them and by age."""
        asked = self._redis.pipeline(transaction=False)
        asked.exists(self._keys.filled)
        asked.hgetall(self._keys.counts(tenant_id))
        filled, counts = await self._ask(asked.execute)
        _require(filled)
        return item_counts(
            (item_id.decode(), *decode_count(content)) for item_id, content in counts.items()
        )

    async def event_weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weight of each event type; empty where all are the standard ones."""
        read_at, weights = self._weights.get(tenant_id, (float("-inf"), None))
        if self._clock() - read_at > WEIGHTS_SECONDS:
            filled, weights = await self._read(self._keys.filled, self._keys.weights(tenant_id))
            _require(filled)
        return orjson.loads(weights) if weights else {}

    async def ping(self) -> None:
        """Look whether the store is filled."""
        _require((await self._read(self._keys.filled))[0])

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _read(self, *keys: str) -> Sequence[Any]:
        return await self._ask(lambda: self._redis.mget(keys))

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        with self._trials.trial(), answering():
            return await question()


def _require(filled: object) -> None:
    if not filled:
        raise PortUnavailable("the feature store is not filled yet: data-pipeline fills it")
