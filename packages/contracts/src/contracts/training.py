"""Training jobs and the models they make, as ml-engine answers them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.snapshots import SnapshotId


class ModelType(StrEnum):
    """The kinds of model that a training job can make."""

    TWO_TOWER = "two-tower"


class JobStatus(StrEnum):
    """Where a training job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class TrainingJobRequest(BaseModel):
    """Train a model from a snapshot."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    snapshot_id: SnapshotId
    model_type: ModelType = ModelType.TWO_TOWER
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class TrainingJob(BaseModel):
    """A training job: its stage, its progress from 0 to 1, and how it ended."""

    model_config = ConfigDict(protected_namespaces=())

    job_id: str
    tenant_id: str
    snapshot_id: str
    model_type: ModelType
    seed: int
    status: JobStatus
    stage: str
    progress: float
    attempts: int = 0
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    model_version: str | None = None
    error: str | None = None


class ModelVersion(BaseModel):
    """One trained model in the registry, with its lineage and its evaluation report."""

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
