"""What the engine and the training process tell each other: one JSON line each."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from contracts.training import ModelType


class TrainingSpec(BaseModel):
    """What to train: the first line that the training process reads."""

    model_config = ConfigDict(protected_namespaces=())

    job_id: str
    tenant_id: str
    snapshot_id: str
    model_type: ModelType
    seed: int
    folder: str
    """Where the files of the model go: an empty folder."""
    trace_headers: dict[str, str]
    """The trace context of the request that asked for the job."""
    max_seconds: float
    """The longest that the training may take."""
    max_memory_mb: int | None = None
    """The most memory that the process may hold; None for no bound."""
    checkpoints: dict[str, dict[str, Any]] = {}
    """What earlier attempts at the job have found, by the names of their checkpoints."""


class Progress(BaseModel):
    """How far the job is: its stage and the share of the whole work done, 0 to 1."""

    kind: Literal["progress"] = "progress"
    stage: str
    progress: float


class Checkpoint(BaseModel):
    """What a step has found, which another attempt at the job shall be given."""

    kind: Literal["checkpoint"] = "checkpoint"
    name: str
    found: dict[str, Any]


class Trained(BaseModel):
    """The model is in the folder; `data_hash` identifies what it was trained on."""

    model_config = ConfigDict(protected_namespaces=())

    kind: Literal["trained"] = "trained"
    model_type: ModelType
    data_hash: str
    parameters: dict[str, Any]
    report: dict[str, Any]


class Failed(BaseModel):
    """No model: a stable code, and the reason in words."""

    kind: Literal["failed"] = "failed"
    code: str
    reason: str


News = Progress | Checkpoint
"""What is told in the midst of a training."""

Message = News | Trained | Failed
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
