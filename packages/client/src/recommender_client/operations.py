"""Operations, each defined once: sync in a sync client, async in an async one.

A group's methods describe what to ask; the descriptors here bind them to the group's runner.
So `Items[SyncRunner].get` is a function that returns the item, and `Items[AsyncRunner].get` one
that returns a coroutine of it, for type checkers as well.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from recommender_client.calls import Call, Plan
from recommender_client.listings import AsyncListing, Listing, Pages
from recommender_client.runners import AsyncRunner, SyncRunner

P = ParamSpec("P")
T = TypeVar("T")
RunnerT = TypeVar("RunnerT", SyncRunner, AsyncRunner)


class Group(Generic[RunnerT]):
    """Operations on one kind of thing."""

    def __init__(self, runner: RunnerT) -> None:
        self.runner = runner

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.runner.connection.address}>"


class Operation(Generic[P, T]):
    """A method that asks: bound to a group, it takes the arguments and gives the answer."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T] | Plan[T]]) -> None:
        self._describe = describe
        functools.update_wrapper(cast("Callable[..., Any]", self), describe)

    @overload
    def __get__(self, group: None, _owner: type) -> "Operation[P, T]": ...

    @overload
    def __get__(self, group: Group[SyncRunner], _owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(
        self, group: Group[AsyncRunner], _owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, group: Group[Any] | None, _owner: type) -> Any:
        """The function that asks by the group's runner."""
        if group is None:
            return self
        return _keep(group, self._describe, group.runner.bind(MethodType(self._describe, group)))


class Paged(Generic[P, T]):
    """A method that lists: bound to a group, it gives something to iterate over."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        self._describe = describe
        functools.update_wrapper(cast("Callable[..., Any]", self), describe)

    @overload
    def __get__(self, group: None, _owner: type) -> "Paged[P, T]": ...

    @overload
    def __get__(self, group: Group[SyncRunner], _owner: type) -> Callable[P, Listing[T]]: ...

    @overload
    def __get__(self, group: Group[AsyncRunner], _owner: type) -> Callable[P, AsyncListing[T]]: ...

    def __get__(self, group: Group[Any] | None, _owner: type) -> Any:
        """The function that lists by the group's runner."""
        if group is None:
            return self
        runner, describe = group.runner, MethodType(self._describe, group)

        @functools.wraps(describe)
        def listed(*args: Any, **kwargs: Any) -> Any:
            described = describe(*args, **kwargs)
            if isinstance(runner, SyncRunner):
                return Listing[Any](runner, described)
            return AsyncListing[Any](runner, described)

        return _keep(group, self._describe, listed)


def _keep(group: Group[Any], describe: Callable[..., Any], bound: Any) -> Any:
    # The next look finds the function in the group itself, before the descriptor.
    bound.__signature__ = inspect.signature(bound).replace(
        return_annotation=inspect.Signature.empty
    )
    group.__dict__[describe.__name__] = bound
    return bound
