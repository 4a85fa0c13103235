"""ml-engine as backend-api meets it: a small application over the contract."""

from starlette.requests import Request
from starlette.responses import Response
from tests.integration.backend_api.internal_service import (
    MOMENT,
    Handler,
    InternalService,
    json_answer,
)

from contracts.pages import Page
from contracts.recommendations import (
    BatchQuery,
    BatchRecommendations,
    RankingOptions,
    RecommendationQuery,
    Recommendations,
    RecommendedItem,
)
from contracts.training import (
    JobStatus,
    MetricComparison,
    ModelComparison,
    ModelType,
    ModelVersion,
    TrainingJob,
    TrainingJobRequest,
)
from web.problems import problem

UNKNOWN_ITEM = "unknown-item"


class MlEngine(InternalService):
    """Recommends `<tenant>/item-<n>`, knows every item but one, and one model."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.jobs: dict[str, TrainingJob] = {}
        self.algorithm = "two-tower"
        self.catalogue_size = 1_000

    def handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "recommendations", self._recommend),
            ("POST", "recommendations/batch", self._batch),
            ("POST", "training-jobs", self._train),
            ("GET", "training-jobs", self._jobs),
            ("GET", "training-jobs/{job}", self._job),
            ("POST", "training-jobs/{job}/cancel", self._cancel),
            ("GET", "models", self._models),
            ("POST", "models/roll-back", self._roll_back),
            ("GET", "models/{version}", self._model),
            ("POST", "models/{version}/activate", self._model),
            ("PUT", "models/{version}/pin", self._model),
            ("DELETE", "models/{version}/pin", self._model),
            ("GET", "model-comparison", self._compare),
        ]

    def _recommend(self, _: Request, tenant_id: str, body: bytes) -> Response:
        query = RecommendationQuery.model_validate_json(body)
        if query.item_id == UNKNOWN_ITEM:
            return problem(404, "item_not_found", f"there is no item {UNKNOWN_ITEM}")
        personal = query.user_id or query.history or query.item_id
        return json_answer(self._ranked(tenant_id, query, "item" if personal else "popular"))

    def _batch(self, _: Request, tenant_id: str, body: bytes) -> Response:
        query = BatchQuery.model_validate_json(body)
        answers = [self._ranked(tenant_id, query, user_id) for user_id in query.user_ids]
        return json_answer(BatchRecommendations(answers=answers))

    def _ranked(self, tenant_id: str, query: RankingOptions, name: str) -> Recommendations:
        items = [
            RecommendedItem(item_id=f"{tenant_id}/{name}-{n}", score=1 / n, reason="because")
            for n in range(1, min(query.num_items, self.catalogue_size) + 1)
        ]
        algorithm = "popularity" if name == "popular" else self.algorithm
        return Recommendations(model_version="7", algorithm=algorithm, items=items)

    def _train(self, _: Request, tenant_id: str, body: bytes) -> Response:
        wanted = TrainingJobRequest.model_validate_json(body)
        job = TrainingJob(
            job_id=f"job{len(self.jobs) + 1}",
            tenant_id=tenant_id,
            snapshot_id=wanted.snapshot_id,
            model_type=wanted.model_type,
            seed=wanted.seed,
            status=JobStatus.QUEUED,
            stage="",
            progress=0,
            created_at=MOMENT,
        )
        self.jobs[job.job_id] = job
        return json_answer(job)

    def _jobs(self, request: Request, tenant_id: str, _: bytes) -> Response:
        assert 1 <= int(request.query_params["limit"]) <= 1_000
        own = [job for job in reversed(self.jobs.values()) if job.tenant_id == tenant_id]
        return json_answer(Page[TrainingJob](data=own))

    def _job(self, request: Request, tenant_id: str, _: bytes) -> Response:
        job = self.jobs.get(request.path_params["job"])
        if job is None or job.tenant_id != tenant_id:
            return problem(404, "training_job_not_found", "there is no such job")
        return json_answer(job)

    def _cancel(self, request: Request, tenant_id: str, body: bytes) -> Response:
        job = self.jobs.get(request.path_params["job"])
        if job is not None:
            job.status = JobStatus.CANCELLED
        return self._job(request, tenant_id, body)

    def _models(self, _: Request, tenant_id: str, __: bytes) -> Response:
        return json_answer(Page[ModelVersion](data=[_model(tenant_id)]))

    def _model(self, request: Request, tenant_id: str, _: bytes) -> Response:
        if request.path_params["version"] != "7":
            return problem(404, "model_not_found", "there is no such model")
        return json_answer(_model(tenant_id))

    def _roll_back(self, _: Request, tenant_id: str, __: bytes) -> Response:
        return json_answer(_model(tenant_id))

    def _compare(self, request: Request, _: str, __: bytes) -> Response:
        query = request.query_params
        metric = MetricComparison(
            metric="ndcg_at_10",
            baseline=0.2,
            baseline_low=0.1,
            baseline_high=0.3,
            candidate=0.25,
            candidate_low=0.2,
            candidate_high=0.3,
            difference=0.05,
        )
        return json_answer(
            ModelComparison(
                baseline=query["baseline"],
                candidate=query["candidate"],
                same_data=True,
                metrics=[metric],
            )
        )


def _model(tenant_id: str) -> ModelVersion:
    return ModelVersion(
        model_version="7",
        tenant_id=tenant_id,
        model_type=ModelType.TWO_TOWER,
        snapshot_id="snap1",
        data_hash="abc",
        seed=0,
        code_version="1",
        parameters={},
        created_at=MOMENT,
        report={"ndcg_at_10": 0.2},
        serving=True,
    )
