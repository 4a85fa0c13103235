"""The recommendation pipeline: candidates, filter, score, re-rank, explain."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from backends.ports import FeatureReader, UserEvent
from backends.stages import StageClock
from contracts.recommendations import BatchQuery, RecommendationQuery
from ml_engine.domain.recommendation import Answer
from ml_engine.retrieval.answer_cache import AnswerCache, key_of
from ml_engine.retrieval.explanation import Explainer
from ml_engine.retrieval.plan import Plan, plan_of
from ml_engine.retrieval.recall import SearchSampler
from ml_engine.retrieval.reranking import rerank, wanted
from ml_engine.retrieval.scoring import index_of, sources_of
from ml_engine.retrieval.second_stage import SecondStage
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.subject import Subject, encodable, profile_of, subject_of, user_subject
from ml_engine.retrieval.tenant_models import TenantModels

USERS_AT_ONCE = 16
"""Users of a batch between whom no other request has its turn."""


class Recommender:
    """Answers queries from the tenant's catalogue, its model and the user's newest history."""

    def __init__(
        self, models: TenantModels, features: FeatureReader, sampler: SearchSampler
    ) -> None:
        self._models = models
        self._features = features
        self._sampler = sampler
        self._answers_given = AnswerCache()

    async def recommend(self, tenant_id: str, query: RecommendationQuery) -> Answer:
        """Rank items for a query.

        Raises:
            ItemNotFound: the query's item is unknown.
            NothingToRecommend: the tenant has no model, no events and no items.
        """
        clock = StageClock()
        with clock.stage("recommendation_pipeline"):
            with clock.stage("feature_enrichment"):
                serving = await self._models.serving(tenant_id)
                events = await self._history(tenant_id, query.user_id)
                weights = await self._weights(tenant_id, events)
            with clock.stage("candidate_filtering"):
                subject = subject_of(serving.catalogue, query, events, weights)
                key = key_of(serving, subject, query)
                given = self._answers_given.get(key)
                if given is not None:
                    return replace(given, stages=clock.stages, cached=True)
                plan = plan_of(serving, query)
            with clock.stage("ml_inference"):
                [answer] = self._answers(tenant_id, serving, [subject], plan, clock)
            self._answers_given.put(key, answer)
            return replace(answer, cached=False)

    async def recommend_batch(self, tenant_id: str, query: BatchQuery) -> list[Answer]:
        """Rank items for each of many users, by one version. Raises `NothingToRecommend`."""
        clock = StageClock()
        answers: list[Answer] = []
        with clock.stage("recommendation_pipeline"):
            serving = await self._models.serving(tenant_id)
            for start in range(0, len(query.user_ids), USERS_AT_ONCE):
                users = query.user_ids[start : start + USERS_AT_ONCE]
                with clock.stage("feature_enrichment"):
                    histories = [await self._history(tenant_id, user_id) for user_id in users]
                    weights = await self._weights(tenant_id, [e for h in histories for e in h])
                with clock.stage("candidate_filtering"):
                    subjects = [user_subject(serving.catalogue, h, weights) for h in histories]
                    plan = plan_of(serving, query)
                with clock.stage("ml_inference"):
                    answers += self._answers(tenant_id, serving, subjects, plan, clock)
                await asyncio.sleep(0)
        return answers

    def _answers(
        self,
        tenant_id: str,
        serving: ServingModel,
        subjects: Sequence[Subject],
        plan: Plan,
        clock: StageClock,
    ) -> list[Answer]:
        """Candidates by score, re-ranked and explained, for subjects that share a plan."""
        options = plan.options
        with _stage(
            clock, "embedding_lookup", any(encodable(serving, s, options) for s in subjects)
        ):
            profiles = [profile_of(serving.personal, subject, options) for subject in subjects]
        excluded = [subject.seen(options) for subject in subjects]
        for seen in excluded:
            seen.update([position for _, position in plan.pins])
        with _stage(clock, "ann_search", any(p.vector is not None for p in profiles)):
            sources = sources_of(serving, profiles, excluded, plan)
            candidates = [source.best(wanted(serving, options)) for source in sources]
        self._sampler.offer(tenant_id, sources[0])
        with clock.stage("reranking"):
            answers: list[Answer] = []
            for n, profile in enumerate(profiles):
                second_stage = SecondStage(serving, subjects[n], profile)
                placed = rerank(
                    serving, sources[n], candidates[n], plan.pins, options, second_stage
                )
                explainer = Explainer(serving, subjects[n], profile)
                answers.append(
                    Answer(
                        serving.version,
                        profile.algorithm,
                        (explainer.in_full if options.explain else explainer.in_words)(placed),
                        plan.skipped_pins,
                        profile.encoded,
                        index_of(serving, profile, plan),
                        clock.stages,
                        *_vectors(serving, subjects[n]),
                    )
                )
            return answers

    async def _history(self, tenant_id: str, user_id: str | None) -> Sequence[UserEvent]:
        return () if user_id is None else (await self._features.user(tenant_id, user_id)).events

    async def _weights(self, tenant_id: str, events: Sequence[UserEvent]) -> Mapping[str, float]:
        return await self._features.event_weights(tenant_id) if events else {}


def _stage(clock: StageClock, name: str, has_work: bool) -> AbstractContextManager[object]:  # noqa: FBT001  a stage without work is none
    return clock.stage(name) if has_work else nullcontext()


def _vectors(serving: ServingModel, subject: Subject) -> tuple[int, int]:
    """How many items of the history have a vector, and how many have none."""
    known = len(subject.items)
    return (0, known + subject.unknown) if serving.personal is None else (known, subject.unknown)
