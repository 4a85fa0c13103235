"""The shapes that the API takes and answers, in one place to import from."""

from contracts.attributes import Location
from contracts.events import (
    BatchResult,
    Event,
    EventType,
    EventTypeSettings,
    History,
    HistoryEvent,
    RejectedRecord,
    StoredEvent,
)
from contracts.filters import AttributeCondition, Filters, Near, Range
from contracts.imports import DataType, FileFormat, ImportJob, ImportStatus
from contracts.items import Item, ItemChanges, ItemContent, StoredItem
from contracts.pages import Page
from contracts.problems import Problem
from contracts.public.access import (
    ApiKey,
    AuditEntry,
    CreatedKey,
    Plan,
    PlanSettings,
    RateLimit,
    RouteClass,
    Scope,
    Tenant,
    TenantStatus,
)
from contracts.public.privacy import ErasureReceipt, UserExport
from contracts.public.recommendations import (
    RecommendationRecord,
    RecommendationRequest,
    Scenario,
    ServedRecommendations,
    UserRecommendations,
)
from contracts.public.training import ScheduledTraining
from contracts.public.usage import UsageReport, UsageRow, UsageTotal
from contracts.recommendations import (
    Boost,
    Context,
    Contribution,
    Explanation,
    Pin,
    RankingOptions,
    RecommendedItem,
)
from contracts.training import (
    JobStatus,
    MetricComparison,
    ModelComparison,
    ModelType,
    ModelVersion,
    TrainingJob,
)
from contracts.users import (
    ErasedPlace,
    StoredUser,
    User,
    UserChanges,
    UserData,
    UserMerged,
    UserProfile,
)

__all__ = [
    "ApiKey",
    "AttributeCondition",
    "AuditEntry",
    "BatchResult",
    "Boost",
    "Context",
    "Contribution",
    "CreatedKey",
    "DataType",
    "ErasedPlace",
    "ErasureReceipt",
    "Event",
    "EventType",
    "EventTypeSettings",
    "Explanation",
    "FileFormat",
    "Filters",
    "History",
    "HistoryEvent",
    "ImportJob",
    "ImportStatus",
    "Item",
    "ItemChanges",
    "ItemContent",
    "JobStatus",
    "Location",
    "MetricComparison",
    "ModelComparison",
    "ModelType",
    "ModelVersion",
    "Near",
    "Page",
    "Pin",
    "Plan",
    "PlanSettings",
    "Problem",
    "Range",
    "RankingOptions",
    "RateLimit",
    "RecommendationRecord",
    "RecommendationRequest",
    "RecommendedItem",
    "RejectedRecord",
    "RouteClass",
    "Scenario",
    "ScheduledTraining",
    "Scope",
    "ServedRecommendations",
    "StoredEvent",
    "StoredItem",
    "StoredUser",
    "Tenant",
    "TenantStatus",
    "TrainingJob",
    "UsageReport",
    "UsageRow",
    "UsageTotal",
    "User",
    "UserChanges",
    "UserData",
    "UserExport",
    "UserMerged",
    "UserProfile",
    "UserRecommendations",
]
