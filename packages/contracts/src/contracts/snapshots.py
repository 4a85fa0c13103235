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


class Distribution(BaseModel):
    """How counts are distributed.

    A quantile is the least count that at least this share of all counts do not exceed: type 1 of
    Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician, 1996.
    """

    model_config = ConfigDict(frozen=True)

    least: int
    q25: int
    median: int
    q75: int
    q90: int
    q99: int
    most: int


class DataProfile(BaseModel):
    """What the data of a snapshot are like.

    `users` and `items` are those with events. `sparsity` is 1 - pairs / (users x items), with the
    distinct pairs of a user and an item (Sarwar et al., Item-based collaborative filtering
    recommendation algorithms, 2001). `cold_item_share` is the share of the catalogue's items
    without events, 0 for an empty catalogue.
    """

    model_config = ConfigDict(frozen=True)

    events: int
    users: int
    items: int
    catalogue_items: int
    sparsity: float
    cold_item_share: float
    first_event_at: AwareDatetime
    last_event_at: AwareDatetime
    events_by_type: dict[str, int]
    events_per_user: Distribution
    events_per_item: Distribution


class DataDrift(BaseModel):
    """How the data of a snapshot differ from those of the one before.

    `event_types` and `item_popularity` are Jensen-Shannon divergences (Lin, Divergence measures
    based on the Shannon entropy, 1991) to the base 2, from 0 for the same shares of events to 1
    for nothing in common; an item that one of the two lacks has the share 0 there. A change is
    (new - old) / old. The shares are of users and items with events that had none before.
    """

    model_config = ConfigDict(frozen=True)

    event_types: float
    item_popularity: float
    events_change: float
    users_change: float
    items_change: float
    new_user_share: float
    new_item_share: float


class SnapshotManifest(BaseModel):
    """What a snapshot holds: written last, so a snapshot with a manifest is whole.

    `previous_snapshot_id` names the tenant's snapshot that `drift` compares with; both are of the
    time when the snapshot was made first. `drift` is absent where that one could not be read.
    """

    model_config = ConfigDict(frozen=True)

    snapshot_id: SnapshotId
    tenant_id: str
    format_version: int
    created_at: AwareDatetime
    last_sequence: int
    event_weights: dict[str, float]
    events: SnapshotFile
    items: SnapshotFile
    profile: DataProfile
    previous_snapshot_id: SnapshotId | None = None
    drift: DataDrift | None = None


class TrainingData(BaseModel):
    """How much there is to train from.

    `events_since_snapshot` counts the events that came since the last snapshot was made, those
    that were removed meanwhile too; all, where none was made yet.
    """

    model_config = ConfigDict(frozen=True)

    events: int
    events_since_snapshot: int
    last_snapshot_id: SnapshotId | None = None
    last_snapshot_at: AwareDatetime | None = None
