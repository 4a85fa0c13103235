"""Everything that is stored of a user, in one answer."""

from datetime import UTC, datetime

from backend_api.domain.product_errors import UserNotFound
from backend_api.domain.product_ports import UserAnswers
from backend_api.domain.recommendations import LoggedRecommendation
from backend_api.services.recommendation_log import RecommendationLog
from backend_api.services.stored_users import stored_user
from contracts.data_pipeline import DataPipelineClient
from contracts.public.privacy import UserExport
from contracts.public.recommendations import (
    RecommendationRecord,
    RecommendationRequest,
    ServedRecommendations,
)
from contracts.users import UserData


class ExportService:
    """Joins data-pipeline's records with the logged recommendations."""

    def __init__(
        self, data_pipeline: DataPipelineClient, answers: UserAnswers, log: RecommendationLog
    ) -> None:
        self._data_pipeline = data_pipeline
        self._answers = answers
        self._log = log

    async def export(self, tenant_id: str, user_id: str) -> UserExport:
        """What is stored of a user and of the ids merged into it.

        Raises:
            UserNotFound: nothing is stored of this user, here or there.
            DependencyUnavailable: data-pipeline does not answer.
        """
        data = await stored_user(self._data_pipeline, tenant_id, user_id)
        merged_from = data.merged_from if data else []
        await self._log.flush()
        entries = await self._answers.of_users(tenant_id, [user_id, *merged_from])
        if data is None:
            if not entries:
                raise UserNotFound
            data = UserData(
                user_id=user_id, profile=None, merged_from=[], events=[], quarantined=[]
            )
        return UserExport(
            exported_at=datetime.now(UTC),
            data=data,
            recommendations=[_record(entry) for entry in entries],
        )


def _record(entry: LoggedRecommendation) -> RecommendationRecord:
    return RecommendationRecord(
        created_at=entry.created_at,
        request=RecommendationRequest.model_validate_json(entry.request),
        answer=ServedRecommendations.model_validate_json(entry.answer),
    )
