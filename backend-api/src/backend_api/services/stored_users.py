"""What data-pipeline has stored of a user."""

from typing import Final

from backend_api.domain.errors import RefusedByService
from contracts.data_pipeline import DataPipelineClient
from contracts.users import UserData

_NOTHING: Final = "user_not_found"


async def stored_user(
    data_pipeline: DataPipelineClient, tenant_id: str, user_id: str
) -> UserData | None:
    """Profile, events and merged ids; None where nothing is stored of the user.

    Raises:
        DependencyUnavailable: data-pipeline does not answer.
    """
    try:
        return await data_pipeline.user_data(tenant_id, user_id)
    except RefusedByService as error:
        if error.code != _NOTHING:
            raise
        return None
