"""Transactions on the features in Redis: nothing comes between what is read and what is written."""

from collections.abc import Callable, Sequence
from typing import Final

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from backends.ports import FeaturesMoved
from backends.scaled.redis_features.layout import Keys

ATTEMPTS: Final = 20

COMMITS: Final = "commits"
"""The field of the state that counts the commits."""

Command = tuple[bytes | str | int | float, ...]
"""A command of Redis and its arguments."""

Prepare = Callable[[Pipeline], Sequence[Command]]
"""Reads what is there, and says what to write."""


class Commits:
    """Commits, each against the state that it has read: any other commit changes the state.

    `seen` is how many there were when the positions were read, and those from here if no others
    came between.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self.seen = 0

    def commit(
        self,
        prepare: Prepare,
        stands: dict[str, int | None] | None = None,
        moves: dict[str, int] | None = None,
    ) -> None:
        """Write what `prepare` says and move positions: both or neither.

        Args:
            prepare: called again where another commit came between.
            stands: where positions must be, None for anywhere.
            moves: where positions are to be afterwards.

        Raises:
            FeaturesMoved: a position is elsewhere, or the store lost its state; nothing is written.
        """
        for _ in range(ATTEMPTS):
            with self._redis.pipeline() as pipe:
                try:
                    pipe.watch(self._keys.state)
                    self._check(pipe, stands or {})
                    commands = prepare(pipe)
                    pipe.multi()
                    for command in commands:
                        pipe.execute_command(*command)
                    for name, position in (moves or {}).items():
                        pipe.hset(self._keys.state, name, str(position))
                    pipe.hincrby(self._keys.state, COMMITS, 1)
                    *_, commits = pipe.execute()
                except WatchError:
                    continue
                if commits == self.seen + 1:
                    self.seen = commits
                return
        raise FeaturesMoved("others write the features all the time")

    def _check(self, pipe: Pipeline, stands: dict[str, int | None]) -> None:
        found = pipe.hmget(self._keys.state, ["run", *stands])
        if found[0] is None:
            raise FeaturesMoved("the feature store has lost its state")
        for (name, expected), position in zip(stands.items(), found[1:], strict=True):
            if expected is not None and int(position or 0) != expected:
                raise FeaturesMoved(
                    f"the features are at {int(position or 0)} of {name}, not at {expected}"
                )
