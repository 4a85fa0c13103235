"""The product's routes, in the order in which paths are matched.

Ids may hold slashes, so what lies below an item or a user comes before the item or the user.
"""

from typing import Final

from backend_api.http import (
    events,
    imports,
    items,
    models,
    privacy,
    recommendations,
    records,
    scenarios,
    training,
    users,
)
from contracts.events import EventTypeWeight
from contracts.items import ItemChanges, ItemContent
from contracts.public.recommendations import (
    BatchRecommendationRequest,
    RecommendationRequest,
    ScenarioSettings,
)
from contracts.public.training import TrainingRequest, TrainingSchedule
from contracts.users import UserChanges, UserMerge, UserProfile

ROUTERS: Final = (
    recommendations.router,
    scenarios.router,
    records.router,
    events.router,
    items.router,
    privacy.router,
    users.router,
    imports.router,
    training.router,
    models.router,
)
BODIES: Final = (
    RecommendationRequest,
    BatchRecommendationRequest,
    ScenarioSettings,
    records.Events,
    records.Items,
    records.Users,
    EventTypeWeight,
    ItemContent,
    ItemChanges,
    UserProfile,
    UserChanges,
    UserMerge,
    TrainingRequest,
    TrainingSchedule,
)
"""What the routes read by themselves, for the OpenAPI document."""
