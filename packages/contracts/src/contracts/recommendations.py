"""Recommendations: what backend-api asks of ml-engine, and what it gets."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator
from pydantic.config import JsonDict

from contracts.attributes import AttributeName, Location
from contracts.filters import Filters
from contracts.identifiers import Identifier
from contracts.items import Categories

MAX_ITEMS = 1_000
MAX_USERS = 1_000

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A word of up to 64 letters, digits, `_`, `.` and `-`."""

NO_FILTERS = Filters()
"""What every item meets: one for all queries, since a default would be copied for each of them."""

# Documented so; a default list would be copied for each query, in longer than it takes to read one.
_NONE_BY_DEFAULT: JsonDict = {"default": []}

CATEGORY = "category"
"""In `caps`, the item's categories rather than an attribute."""


class Boost(BaseModel):
    """Favours the items of `where`, or with a negative weight puts them back.

    The score of such an item grows by `weight` standard deviations of the scores of all
    eligible items, so that a weight means the same for every model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Filters
    weight: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]


class Pin(BaseModel):
    """Puts an item at a place of the answer, counted from 1, whatever its score and filters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: Identifier
    position: Annotated[int, Field(ge=1, le=MAX_ITEMS)]


class Context(BaseModel):
    """Where and how the answer will be shown.

    `location` is the place of `near` without one of its own; `categories` say what is of
    interest where nothing is known of the user. `region` and `device` are counted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: Label | None = None
    device: Label | None = None
    location: Location | None = None
    categories: Categories = []


class RankingOptions(BaseModel):
    """What an answer looks like, whoever it is for."""

    model_config = ConfigDict(extra="forbid")

    num_items: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = 10
    filters: Filters = Field(default_factory=lambda: NO_FILTERS)
    exclude: Annotated[
        list[Identifier], Field(max_length=10_000, description="Items to leave out.")
    ] = Field(default_factory=list[Identifier], json_schema_extra=_NONE_BY_DEFAULT)
    exclude_seen: Annotated[
        StrictBool, Field(description="Leave out the items of the user's recent history.")
    ] = True
    caps: Annotated[
        dict[AttributeName, Annotated[int, Field(ge=1, le=MAX_ITEMS)]],
        Field(
            max_length=5,
            description="The most items of one value of an attribute, such as "
            '`{"category": 2}`; `category` stands for the categories.',
        ),
    ] = Field(default_factory=dict[AttributeName, int], json_schema_extra={"default": {}})
    boosts: Annotated[list[Boost], Field(max_length=20)] = Field(
        default_factory=list[Boost], json_schema_extra=_NONE_BY_DEFAULT
    )
    pins: Annotated[list[Pin], Field(max_length=50)] = Field(
        default_factory=list[Pin], json_schema_extra=_NONE_BY_DEFAULT
    )
    diversity: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="0 ranks by score alone, 1 makes the items as unlike as can be.",
        ),
    ] = 0.0
    context: Context | None = None
    explain: Annotated[
        StrictBool, Field(description="Say of each item what its score is made of.")
    ] = False

    @model_validator(mode="after")
    def _distinct_pins(self) -> "RankingOptions":
        if len(self.pins) <= 1:
            return self
        for name in ("item_id", "position"):
            values = [getattr(pin, name) for pin in self.pins]
            if len(set(values)) != len(values):
                raise ValueError(f"two pins have the same {name}")
        return self

    @model_validator(mode="after")
    def _known_place(self) -> "RankingOptions":
        if self.filters is NO_FILTERS and not self.boosts:
            return self
        places = [self.filters.near, *(boost.where.near for boost in self.boosts)]
        known = self.context is not None and self.context.location is not None
        if any(near is not None and near.latitude is None for near in places) and not known:
            raise ValueError("near needs latitude and longitude, or a location in the context")
        return self


class RecommendationQuery(RankingOptions):
    """Whom to recommend to: a user, a history or an item, or a context alone."""

    user_id: Identifier | None = None
    history: Annotated[
        list[Identifier] | None, Field(max_length=1_000, description="Item ids, oldest first.")
    ] = None
    item_id: Identifier | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> "RecommendationQuery":
        given = [n for n in ("user_id", "history", "item_id") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of user_id, history and item_id; got {', '.join(given)}")
        if not given and self.context is None:
            raise ValueError("give user_id, history or item_id, or a context alone")
        return self


class BatchQuery(RankingOptions):
    """Recommendations for up to 1,000 users at once, each with the same options."""

    user_ids: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_USERS)]


class Contribution(BaseModel):
    """What an item of the history adds to a score."""

    item_id: str
    share: float


class Explanation(BaseModel):
    """What a score is made of.

    `model_score` + `boost` + `correction` - `diversity_penalty` is the item's score; the correction
    is the second stage's, 0 for models without one. `contributions` are the parts of `model_score`
    that come of the history, largest first; the rest of it is popularity and trend. A pinned item
    stands where it does because of its pin.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_score: float
    boost: float
    correction: float
    diversity_penalty: float
    pinned: bool
    contributions: list[Contribution]


class RecommendedItem(BaseModel):
    """One recommended item, best first, and why it is there."""

    item_id: str
    score: float
    reason: str
    explanation: Explanation | None = None


class Recommendations(BaseModel):
    """A ranked answer and what made it.

    `algorithm` is the model's, `context` where only the context's categories were known, or
    `popularity`. `skipped_pins` names pinned items that the catalogue does not have, or that are
    not available.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: str
    algorithm: str
    items: list[RecommendedItem]
    skipped_pins: list[str] = []


class BatchRecommendations(BaseModel):
    """One answer for each user of a batch, in its order."""

    answers: list[Recommendations]
