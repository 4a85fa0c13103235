"""Users: what callers say of the people who act, and how two become one."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.attributes import AttributeChanges, Attributes
from contracts.events import MAX_BATCH, StoredEvent
from contracts.identifiers import Identifier
from contracts.quarantine import QuarantinedContent


class UserProfile(BaseModel):
    """What is known of a user, the id aside."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attributes: Attributes = {}


class User(UserProfile):
    """One person, or one anonymous session."""

    user_id: Identifier


class UserChanges(BaseModel):
    """A merge patch (RFC 7396) of a user: what is absent stays, null takes away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attributes: AttributeChanges | None = None


class StoredUser(User):
    """A user as it is stored; `version` changes with each change of the user."""

    version: int
    updated_at: AwareDatetime


class UserBatch(BaseModel):
    """Up to 10,000 users; each is validated by itself, so a bad one spoils no other."""

    users: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]


class UserMerge(BaseModel):
    """An anonymous session turns out to be a user: its events become the user's."""

    model_config = ConfigDict(extra="forbid")

    from_user_id: Identifier


class UserMerged(BaseModel):
    """The session's events are the user's now, and so are those still to come."""

    user_id: str
    from_user_id: str
    events_moved: int


class ErasedPlace(BaseModel):
    """One place that held something of the user, what was removed, and what is left: nothing."""

    place: str
    removed: int
    remaining: int


class UserErased(BaseModel):
    """What was removed of a user, place by place, each counted again afterwards."""

    user_id: str
    places: list[ErasedPlace]


class UserData(BaseModel):
    """Everything stored of a user: the profile, the events, the ids merged into this one.

    `quarantined` are the records in quarantine that name one of these ids.
    """

    user_id: str
    profile: StoredUser | None
    merged_from: list[str]
    events: list[StoredEvent]
    quarantined: list[QuarantinedContent]
