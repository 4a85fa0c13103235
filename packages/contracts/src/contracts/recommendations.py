"""Recommendations as ml-engine answers them to backend-api."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.identifiers import Identifier

MAX_ITEMS = 1_000


class RecommendationQuery(BaseModel):
    """Whom to recommend to: exactly one of a user, a history or an item."""

    model_config = ConfigDict(extra="forbid")

    user_id: Identifier | None = None
    history: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)] | None = None
    item_id: Identifier | None = None
    num_items: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = 10
    exclude: Annotated[list[Identifier], Field(max_length=10_000)] = []

    @model_validator(mode="after")
    def _one_subject(self) -> "RecommendationQuery":
        given = [n for n in ("user_id", "history", "item_id") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                "give exactly one of user_id, history and item_id"
                + (f"; got {', '.join(given)}" if given else "")
            )
        return self


class RecommendedItem(BaseModel):
    """One recommended item, best first, and why it is there."""

    item_id: str
    score: float
    reason: str


class Recommendations(BaseModel):
    """A ranked answer and what made it."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: str
    algorithm: str
    items: list[RecommendedItem]
