"""Each tenant's popular items, under the filters that are asked for, kept fresh."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from backend_api.domain.errors import DependencyUnavailable, DomainError
from backend_api.domain.product_ports import Recommender
from backends.ports import Cache
from contracts.recommendations import (
    MAX_ITEMS,
    Context,
    RecommendationQuery,
    Recommendations,
    RecommendedItem,
)

FRESH_SECONDS: Final = 60.0
WANTED_SECONDS: Final = 600.0
ROUND_SECONDS: Final = 1.0
SHARED_SECONDS: Final = 3_600.0
"""How long other replicas may find a list."""

MAX_LISTS: Final = 1_000
_PER_ROUND: Final = 5
_LEAST_ITEMS: Final = 100
_CONDITIONS: Final = frozenset({"filters", "caps", "pins"})
_PLAIN: Final = b'{"context":{}}'
Key = tuple[str, bytes]


@dataclass(slots=True)
class _Wanted:
    query: RecommendationQuery
    asked: int
    asked_at: float
    tried_at: float | None = None
    found: Recommendations | None = None
    found_of: int = 0
    looked_at: float = float("-inf")


class PopularLists:
    """Popular items by tenant and conditions: filters, caps, pins and the place of `near`.

    While there is traffic the lists of its conditions are asked for again in the background,
    five a second at most, the most wanted first. A list is kept in `shared` too, where a replica
    that has started since finds it. `clock` is in seconds.
    """

    def __init__(
        self,
        recommender: Recommender,
        *,
        timeout_seconds: float,
        shared: Cache | None = None,
        max_lists: int = MAX_LISTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recommender = recommender
        self._timeout_seconds = timeout_seconds
        self._shared = shared
        self._max_lists = max_lists
        self._clock = clock
        self._lists: OrderedDict[Key, _Wanted] = OrderedDict()

    def want(self, tenant_id: str, query: RecommendationQuery) -> None:
        """Such a query was answered, so its popular list may be needed."""
        key = (tenant_id, _conditions(query))
        wanted = self._lists.get(key)
        if wanted is None:
            wanted = self._lists[key] = _Wanted(_popular(query), 0, 0.0)
            if len(self._lists) > self._max_lists:
                self._lists.popitem(last=False)
        else:
            self._lists.move_to_end(key)
            if _list_size(query) > wanted.query.num_items:
                wanted.query = _popular(query)
        wanted.asked += 1
        wanted.asked_at = self._clock()

    def knows(self, tenant_id: str, query: RecommendationQuery) -> bool:
        """Whether the list for such a query is there."""
        wanted = self._lists.get((tenant_id, _conditions(query)))
        return wanted is not None and wanted.found is not None

    def answer(
        self, tenant_id: str, query: RecommendationQuery, seen: Collection[str] = ()
    ) -> Recommendations | None:
        """The most popular items that the query allows, without those that were just seen.

        None where that is not known.
        """
        wanted = self._lists.get((tenant_id, _conditions(query)))
        if wanted is None or wanted.found is None:
            return None
        items = _allowed(wanted.found.items, query, seen)
        whole = len(wanted.found.items) < wanted.found_of
        if len(items) < query.num_items and not whole:
            return None
        return wanted.found.model_copy(update={"items": items})

    async def look_up(self, tenant_id: str, query: RecommendationQuery) -> None:
        """Take over the list for such a query from another replica, where none is known here."""
        self.want(tenant_id, query)
        key = (tenant_id, _conditions(query))
        wanted, now = self._lists[key], self._clock()
        if self._shared is None or wanted.found or now - wanted.looked_at < ROUND_SECONDS:
            return
        wanted.looked_at = now
        content = await self._shared.get(_shared_key(key))
        if content is not None and wanted.found is None:
            found_of, _, found = content.partition(b"\n")
            wanted.found = Recommendations.model_validate_json(found)
            wanted.found_of = int(found_of)

    async def keep_fresh(self) -> float:
        """Ask for lists that are wanted and old; how many seconds until the next round."""
        await self.refresh()
        return ROUND_SECONDS

    async def refresh(self) -> None:
        """Ask for the lists that are due now, the most wanted first."""
        now = self._clock()
        due = [one for one in self._lists.items() if _is_due(one[1], now)]
        due.sort(key=lambda one: one[1].asked, reverse=True)
        for key, wanted in due[:_PER_ROUND]:
            tenant_id, _ = key
            try:
                wanted_items = wanted.query.num_items
                query = wanted.query.model_dump_json(exclude_defaults=True).encode()
                found = await self._recommender.recommend(tenant_id, query, self._timeout_seconds)
            except DependencyUnavailable:
                return
            except DomainError:
                # Such as a tenant whose items are gone: the old list would be wrong.
                wanted.tried_at, wanted.found, wanted.asked = now, None, 0
                await self._share(key, wanted)
                continue
            wanted.tried_at, wanted.found, wanted.asked = now, found, 0
            wanted.found_of = wanted_items
            await self._share(key, wanted)

    async def _share(self, key: Key, wanted: _Wanted) -> None:
        if self._shared is None:
            return
        if wanted.found is None:
            await self._shared.delete(_shared_key(key))
            return
        content = b"%d\n%b" % (wanted.found_of, wanted.found.model_dump_json().encode())
        await self._shared.set(_shared_key(key), content, SHARED_SECONDS)


def _shared_key(key: Key) -> str:
    tenant_id, conditions = key
    return f"popular-list:{tenant_id}:{hashlib.sha256(conditions).hexdigest()}"


def _is_due(wanted: _Wanted, now: float) -> bool:
    fresh = wanted.tried_at is not None and now - wanted.tried_at < FRESH_SECONDS
    return not fresh and now - wanted.asked_at < WANTED_SECONDS


def _conditions(query: RecommendationQuery) -> bytes:
    # Most queries have none, and need not be written out to be told from each other. A context is
    # one only with a filter that asks for its place.
    if query.model_fields_set.isdisjoint(_CONDITIONS):
        return _PLAIN
    conditions = _popular(query)
    return conditions.model_dump_json(exclude={"num_items"}, exclude_defaults=True).encode()


def _popular(query: RecommendationQuery) -> RecommendationQuery:
    near = query.filters.near
    place = query.context.location if query.context and near and near.latitude is None else None
    return RecommendationQuery.model_construct(
        num_items=_list_size(query),
        filters=query.filters,
        caps=query.caps,
        pins=query.pins,
        context=Context(location=place),
    )


def _list_size(query: RecommendationQuery) -> int:
    return min(MAX_ITEMS, max(_LEAST_ITEMS, 2 * query.num_items))


def _allowed(
    items: list[RecommendedItem], query: RecommendationQuery, seen: Collection[str]
) -> list[RecommendedItem]:
    pinned = {pin.item_id for pin in query.pins}
    left_out = {*query.exclude, query.item_id}
    if query.exclude_seen:
        left_out |= {*seen, *(query.history or ())}
    by_id = {item.item_id: item for item in items if item.item_id in pinned}
    places = {pin.position: by_id[pin.item_id] for pin in query.pins if pin.item_id in by_id}
    others = (i for i in items if i.item_id not in left_out and i.item_id not in pinned)
    answer: list[RecommendedItem] = []
    for position in range(1, query.num_items + 1):
        item = places.pop(position, None) or next(others, None)
        if item is None:
            break
        answer.append(item)
    late = [places[position] for position in sorted(places)]
    return [*answer, *late][: query.num_items]
