"""Recommendations as callers of the public API ask for them and get them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.recommendations import (
    BatchQuery,
    Label,
    RankingOptions,
    RecommendationQuery,
    RecommendedItem,
)

ScenarioName = Label
_SCENARIO = Field(description="A named preset; what the request itself says goes before it.")


class RecommendationRequest(RecommendationQuery):
    """Whom to recommend to, and how."""

    scenario: Annotated[ScenarioName | None, _SCENARIO] = None


class BatchRecommendationRequest(BatchQuery):
    """Recommendations for up to 1,000 users, each with the same options."""

    scenario: Annotated[ScenarioName | None, _SCENARIO] = None


class ServedRecommendations(BaseModel):
    """A ranked answer, the id to speak of it by, and what made it.

    `degraded` is null for a live answer. While the model cannot be asked, it says what was
    served instead: this question's last answer (`cached`) or what is popular (`popular`).
    """

    model_config = ConfigDict(protected_namespaces=())

    recommendation_id: str
    model_version: str
    algorithm: str
    degraded: Literal["cached", "popular"] | None = None
    items: list[RecommendedItem]
    skipped_pins: list[str] = []


class UserRecommendations(ServedRecommendations):
    """The answer for one user of a batch."""

    user_id: str


class BatchRecommendationAnswer(BaseModel):
    """The answers of a batch, in its order."""

    answers: list[UserRecommendations]


class RecommendationRecord(BaseModel):
    """A recommendation as it was asked for and answered."""

    created_at: AwareDatetime
    request: RecommendationRequest
    answer: ServedRecommendations


class ScenarioSettings(BaseModel):
    """A preset of ranking options: those it sets apply where a request does not set them."""

    model_config = ConfigDict(extra="forbid")

    options: RankingOptions


class Scenario(ScenarioSettings):
    """A named preset."""

    name: str
