"""Where the features in Redis stand, and whether that can be trusted."""

from typing import Any, Final

from redis import Redis

from backends.ports import FeaturesBegun, PortUnavailable, Positions
from backends.scaled.redis_features.commits import COMMITS
from backends.scaled.redis_features.layout import Keys

_AT_ONCE: Final = 1_000
_CLEARING_SECONDS: Final = 60
_RUN: Final = "run"


class State:
    """Reads the positions, and how many `commits` there were.

    A store that may lack corrections begins anew, at 0.
    Redis may come back from a crash with what it had a moment or some minutes before. Then the logs
    are followed again from the positions that it has. Corrections are not in the logs any more
    once they are applied: where one of them may be lost, everything is removed and made again.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self.commits = 0
        self._corrections: int | None = None

    def positions(self) -> Positions:
        """Where the features stand. Raises `FeaturesBegun`, `PortUnavailable`."""
        with self._redis.pipeline(transaction=False) as asked:
            asked.hgetall(self._keys.state)
            asked.info("server")
            asked.info("memory")
            found, server, memory = asked.execute()
        _refuse_eviction(memory)
        run = str(server["run_id"])
        if not found or self._may_lack_corrections(found, run):
            self._clear(run)
            self._corrections = self.commits = 0
            return Positions()
        if found[b"run"].decode() != run:
            self._redis.hset(self._keys.state, _RUN, run)
        positions = Positions(*[int(found.get(name.encode(), 0)) for name in Positions._fields])
        self._corrections = positions.corrections
        self.commits = int(found.get(COMMITS.encode(), 0))
        return positions

    def corrected(self, position: int) -> None:
        """Corrections up to this position were applied."""
        self._corrections = position

    def _may_lack_corrections(self, found: dict[bytes, bytes], run: str) -> bool:
        if self._corrections is None:
            # Nobody knows what there was before this run of the server.
            return found[b"run"].decode() != run
        return int(found.get(b"corrections", 0)) < self._corrections

    def _clear(self, run: str) -> None:
        """Remove everything, and begin with an empty state."""
        keys = self._keys
        if not self._redis.set(keys.clearing, 1, nx=True, ex=_CLEARING_SECONDS):
            raise FeaturesBegun("another data-pipeline empties the feature store")
        # The state first: without it nobody writes, nor reads without `filled`.
        self._redis.unlink(keys.state, keys.filled)
        found: list[Any] = []
        for key in self._redis.scan_iter(f"{keys.prefix}*", _AT_ONCE):
            if key == keys.clearing.encode():
                continue
            found.append(key)
            if len(found) >= _AT_ONCE:
                self._redis.unlink(*found)
                self._redis.expire(keys.clearing, _CLEARING_SECONDS)
                found.clear()
        if found:
            self._redis.unlink(*found)
        with self._redis.pipeline() as ended:
            ended.hset(keys.state, _RUN, run)
            ended.unlink(keys.clearing)
            ended.execute()


def _refuse_eviction(memory: dict[str, Any]) -> None:
    policy = str(memory.get("maxmemory_policy", ""))
    if policy.startswith("allkeys"):
        raise PortUnavailable(
            f"Redis may forget features by its maxmemory-policy {policy}: set it to noeviction"
        )
