"""Training snapshots: immutable Parquet files and the manifest that describes them."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

SnapshotId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{1,40}$")]


class SnapshotFile(BaseModel):
    """One file of a snapshot."""

    model_config = ConfigDict(frozen=True)

    key: str
    rows: int
    sha256: str


class SnapshotManifest(BaseModel):
    """What a snapshot holds: written last, so a snapshot with a manifest is whole."""

    model_config = ConfigDict(frozen=True)

    snapshot_id: SnapshotId
    tenant_id: str
    format_version: int
    created_at: AwareDatetime
    last_sequence: int
    users: int
    event_weights: dict[str, float]
    events: SnapshotFile
    items: SnapshotFile
