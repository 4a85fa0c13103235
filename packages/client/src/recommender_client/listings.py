"""Lists that are longer than an answer: pages, fetched as they are needed."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from contracts.pages import Page
from recommender_client.calls import Call, Parameter, fetch
from recommender_client.runners import AsyncRunner, SyncRunner

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A list, and how to ask for a page of it."""

    read: Callable[[bytes], Page[T]]
    path: tuple[str, ...]
    query: dict[str, Parameter]

    def at(self, cursor: str | None) -> Call[Page[T]]:
        """The page at a cursor; the first one without."""
        return fetch(self.read, *self.path, **self.query, cursor=cursor)


def pages(
    read: Callable[[bytes], Page[T]], *path: str, page_size: int, **query: Parameter
) -> Pages[T]:
    """A list of the API."""
    return Pages(read, path, {**query, "limit": page_size})


class Listing(Generic[T]):
    """All rows of a list, page after page: iterate over it, as often as you like."""

    def __init__(self, runner: SyncRunner, described: Pages[T]) -> None:
        self._runner = runner
        self._described = described

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.data

    def pages(self, cursor: str | None = None) -> Iterator[Page[T]]:
        """The pages, from a cursor on where one is given (`Page.next_cursor`)."""
        while True:
            page = self._runner.run(self._described.at(cursor))
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return


class AsyncListing(Generic[T]):
    """All rows of a list, page after page: `async for` over it, as often as you like."""

    def __init__(self, runner: AsyncRunner, described: Pages[T]) -> None:
        self._runner = runner
        self._described = described

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for row in page.data:
                yield row

    async def pages(self, cursor: str | None = None) -> AsyncIterator[Page[T]]:
        """The pages, from a cursor on where one is given (`Page.next_cursor`)."""
        while True:
            page = await self._runner.run(self._described.at(cursor))
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return
