"""The product's routes, in the order in which paths are matched.

Ids may hold slashes, so what lies below an item or a user comes before the item or the user.
"""

from typing import Final

from backend_api.http import (
    accounting,
    events,
    imports,
    items,
    models,
    privacy,
    quarantine,
    recommendations,
    records,
    scenarios,
    training,
    users,
    validation_rules,
    web_vitals,
)
from contracts.events import EventTypeWeight
from contracts.imports import ImportRequest
from contracts.items import ItemChanges, ItemContent
from contracts.public.recommendations import (
    BatchRecommendationRequest,
    RecommendationRequest,
    ScenarioSettings,
)
from contracts.public.training import TrainingRequest, TrainingSchedule
from contracts.public.web_vitals import WebVitals
from contracts.quarantine import QuarantineReplay
from contracts.users import UserChanges, UserMerge, UserProfile
from contracts.validation_rules import RuleSet

ROUTERS: Final = (
    recommendations.router,
    scenarios.router,
    records.router,
    events.router,
    validation_rules.router,
    items.router,
    privacy.router,
    users.router,
    imports.router,
    accounting.router,
    quarantine.router,
    training.router,
    models.router,
    web_vitals.router,
)
BODIES: Final = (
    RecommendationRequest,
    BatchRecommendationRequest,
    ScenarioSettings,
    records.Events,
    records.Items,
    records.Users,
    EventTypeWeight,
    RuleSet,
    ItemContent,
    ItemChanges,
    UserProfile,
    UserChanges,
    UserMerge,
    ImportRequest,
    QuarantineReplay,
    TrainingRequest,
    TrainingSchedule,
    WebVitals,
)
"""What the routes read by themselves, for the OpenAPI document."""
