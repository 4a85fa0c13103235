"""What a person may ask for: everything that is stored of them, and its erasure."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from contracts.public.recommendations import RecommendationRecord
from contracts.users import ErasedPlace, UserData


class UserExport(BaseModel):
    """Everything that is stored of a user."""

    exported_at: AwareDatetime
    data: UserData
    recommendations: list[RecommendationRecord]


class ErasureReceipt(BaseModel):
    """Proof of an erasure: what was removed where, counted again afterwards.

    The receipt is kept, so it names the user by a keyed hash only.
    """

    erasure_id: str
    user_id_hash: str
    requested_at: AwareDatetime
    completed_at: AwareDatetime
    places: list[ErasedPlace]
    complete: Annotated[bool, Field(description="Whether nothing is left anywhere.")]
