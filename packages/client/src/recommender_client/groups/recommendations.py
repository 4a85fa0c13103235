"""Ask for recommendations."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypedDict, Unpack

from contracts.filters import Filters
from contracts.public.recommendations import (
    BatchRecommendationAnswer,
    BatchRecommendationRequest,
    RecommendationRecord,
    RecommendationRequest,
    ServedRecommendations,
    UserRecommendations,
)
from contracts.recommendations import MAX_USERS, Boost, Context, Pin
from recommender_client.calls import Call, Plan, ask, fetch, question
from recommender_client.operations import Group, Operation, RunnerT


class Ranking(TypedDict, total=False):
    """What an answer shall look like; what is left out, the scenario or the default says."""

    num_items: int
    filters: Filters
    exclude: list[str]
    exclude_seen: bool
    caps: dict[str, int]
    boosts: list[Boost]
    pins: list[Pin]
    diversity: float
    explain: bool
    scenario: str


class PlacedRanking(Ranking, total=False):
    """The same, with where and how the answer will be shown."""

    context: Context


class Recommendations(Group[RunnerT]):
    """What should this user see now?"""

    @Operation
    def for_user(
        self, user_id: str, **ranking: Unpack[PlacedRanking]
    ) -> Call[ServedRecommendations]:
        """Items for a user; an unknown one gets a labelled answer from what is popular."""
        return _ask_for(RecommendationRequest(user_id=user_id, **ranking))

    @Operation
    def for_history(
        self, item_ids: Sequence[str], **ranking: Unpack[PlacedRanking]
    ) -> Call[ServedRecommendations]:
        """Items for what somebody did, as in a session; item ids, oldest first."""
        return _ask_for(RecommendationRequest(history=list(item_ids), **ranking))

    @Operation
    def for_context(
        self, context: Context, **ranking: Unpack[Ranking]
    ) -> Call[ServedRecommendations]:
        """Items where nothing is known but where and how they will be shown."""
        return _ask_for(RecommendationRequest(context=context, **ranking))

    @Operation
    def similar(
        self, item_id: str, **ranking: Unpack[PlacedRanking]
    ) -> Call[ServedRecommendations]:
        """Items like this one, most alike first."""
        return _ask_for(RecommendationRequest(item_id=item_id, **ranking))

    @Operation
    def ask(self, request: RecommendationRequest) -> Call[ServedRecommendations]:
        """Items for a whole request, for callers that build it themselves."""
        return _ask_for(request)

    @Operation
    def batch(
        self, user_ids: Iterable[str], **ranking: Unpack[PlacedRanking]
    ) -> Plan[list[UserRecommendations]]:
        """Items for each of many users, in their order; a request for each 1,000 users."""
        answers: list[UserRecommendations] = []
        remaining = iter(user_ids)
        while users := list(islice(remaining, MAX_USERS)):
            body = BatchRecommendationRequest(user_ids=users, **ranking)
            read = BatchRecommendationAnswer.model_validate_json
            answer = yield from ask(question(read, body, "recommendations", "batch"))
            answers += answer.answers
        return answers

    @Operation
    def get(self, recommendation_id: str) -> Call[RecommendationRecord]:
        """A recommendation as it was asked for and answered."""
        read = RecommendationRecord.model_validate_json
        return fetch(read, "recommendations", recommendation_id)


def _ask_for(request: RecommendationRequest) -> Call[ServedRecommendations]:
    return question(ServedRecommendations.model_validate_json, request, "recommendations")
