"""The recommendation pipeline: candidates, filter, score, re-rank, explain."""

from collections.abc import Sequence

import numpy as np

from backends.ports import FeatureReader, UserEvent
from backends.stages import StageClock
from ml_engine.domain.errors import ItemNotFound, NothingToRecommend
from ml_engine.domain.recommendation import NO_MODEL, POPULARITY, Answer, Query, RankedItem
from ml_engine.retrieval.ranking import (
    Subject,
    popular_without_model,
    rank_personal,
    rank_popular,
)
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.tenant_models import TenantModels


class Recommender:
    """Answers queries from the tenant's model and the user's newest history."""

    def __init__(self, models: TenantModels, features: FeatureReader) -> None:
        self._models = models
        self._features = features

    async def recommend(self, tenant_id: str, query: Query) -> Answer:
        """Rank items for a query.

        Raises:
            ItemNotFound: the query's item is unknown.
            NothingToRecommend: the tenant has no model, no events and no items.
        """
        clock = StageClock()
        with clock.stage("recommendation_pipeline"):
            with clock.stage("feature_enrichment"):
                serving = await self._models.serving(tenant_id)
                events = await self._history(tenant_id, query)
            if serving is None:
                algorithm, items = POPULARITY, await self._without_model(tenant_id, query, events)
            else:
                algorithm, items = _rank(serving, query, events, clock)
        version = serving.version if serving else NO_MODEL
        return Answer(version, algorithm, items, clock.stages)

    async def _history(self, tenant_id: str, query: Query) -> Sequence[UserEvent]:
        if query.user_id is None:
            return ()
        return await self._features.history(tenant_id, query.user_id)

    async def _without_model(
        self, tenant_id: str, query: Query, events: Sequence[UserEvent]
    ) -> list[RankedItem]:
        counts = await self._features.item_counts(tenant_id)
        catalogue = [item.item_id for item in await self._features.items_after(tenant_id, 0)]
        if not counts and not catalogue:
            raise NothingToRecommend("there are no items and no events yet: send some first")
        if query.item_id is not None and query.item_id not in {*counts, *catalogue}:
            raise ItemNotFound(f"there is no item {query.item_id!r}")
        exclude = {*query.exclude, *(query.history or ()), *(e.item_id for e in events)}
        exclude.add(query.item_id or "")
        return popular_without_model(counts, catalogue, exclude, query.num_items)


def _rank(
    serving: ServingModel, query: Query, events: Sequence[UserEvent], clock: StageClock
) -> tuple[str, list[RankedItem]]:
    with clock.stage("candidate_filtering"):
        subject = _subject(serving, query, events)
        excluded = {*serving.positions(query.exclude), *subject.items.tolist()}
    with clock.stage("ml_inference"):
        if len(subject.items) == 0:
            return POPULARITY, rank_popular(serving, excluded, query.num_items)
        ranked = rank_personal(serving, subject, excluded, query.num_items, clock)
        return serving.algorithm, ranked


def _subject(serving: ServingModel, query: Query, events: Sequence[UserEvent]) -> Subject:
    if query.item_id is not None:
        position = serving.position(query.item_id)
        if position is None:
            raise ItemNotFound(f"there is no item {query.item_id!r}")
        return Subject(np.array([position], np.int32), similar_to=position)
    if query.history is not None:
        return Subject(np.array(serving.positions(query.history), np.int32))
    known = [(serving.position(e.item_id), e.timestamp_ms) for e in events]
    pairs = [(position, time) for position, time in known if position is not None]
    items = np.array([position for position, _ in pairs], np.int32)
    return Subject(items, np.array([time for _, time in pairs], np.int64))
