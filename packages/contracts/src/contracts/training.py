"""Training jobs and the models they make, as ml-engine answers them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.snapshots import SnapshotId

ModelVersionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z][0-9a-z-]{0,63}$")]
JobId = ModelVersionId


class ModelType(StrEnum):
    """The kinds of model that a training job can make; `auto` tries all and keeps the best."""

    TWO_TOWER = "two-tower"
    TWO_STAGE = "two-stage"
    ALS = "als"
    EASE = "ease"
    ITEM_KNN = "item-knn"
    POPULARITY = "popularity"
    AUTO = "auto"


class JobStatus(StrEnum):
    """Where a training job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TrainingParameters(BaseModel):
    """What to train."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_type: ModelType = ModelType.TWO_TOWER
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] | None = None
    """The longest that the training may take, where that is less than the engine allows."""


class TrainingJobRequest(TrainingParameters):
    """Train a model from a snapshot."""

    snapshot_id: SnapshotId


class TrainingJob(BaseModel):
    """A training job: its stage, its progress from 0 to 1, and how it ended.

    `seconds_left` is an estimate by the progress, while it runs; `not_promoted` says why the model
    that it made does not serve by itself.
    """

    model_config = ConfigDict(protected_namespaces=())

    job_id: str
    tenant_id: str
    snapshot_id: str
    model_type: ModelType
    seed: int
    status: JobStatus
    stage: str
    progress: float
    max_seconds: int | None = None
    seconds_left: float | None = None
    attempts: int = 0
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    model_version: str | None = None
    error: str | None = None
    not_promoted: str | None = None


class ModelVersion(BaseModel):
    """One trained model in the registry, with its lineage and its evaluation report.

    A `pinned` one is kept, however many newer ones there are.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: str
    tenant_id: str
    model_type: ModelType
    snapshot_id: str
    data_hash: str
    seed: int
    code_version: str
    parameters: dict[str, Any]
    created_at: AwareDatetime
    report: dict[str, Any]
    serving: bool = False
    pinned: bool = False


class MetricComparison(BaseModel):
    """One measure of two models, with 95 % intervals; `difference` is candidate - baseline."""

    metric: str
    baseline: float
    baseline_low: float
    baseline_high: float
    candidate: float
    candidate_low: float
    candidate_high: float
    difference: float


class ModelComparison(BaseModel):
    """Two models of a tenant side by side."""

    model_config = ConfigDict(protected_namespaces=())

    baseline: str
    candidate: str
    same_data: bool
    metrics: list[MetricComparison]
