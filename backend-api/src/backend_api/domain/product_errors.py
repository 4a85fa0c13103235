"""Expected failures of the product's own routes; see `errors` for what they share."""

from backend_api.domain.errors import DomainError


class ScenarioNotFound(DomainError):
    """The tenant has no such scenario."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "scenario_not_found", f"there is no scenario {name}: list those there are, or put it"
        )


class RecommendationNotFound(DomainError):
    """The tenant was never given this recommendation, or it is no longer kept."""

    def __init__(self, recommendation_id: str) -> None:
        super().__init__(
            "recommendation_not_found",
            f"there is no recommendation {recommendation_id}: it is not yours or no longer kept",
        )


class ScheduleNotFound(DomainError):
    """The tenant has no training schedule."""

    def __init__(self) -> None:
        super().__init__("schedule_not_found", "there is no training schedule: put one")


class ErasureNotFound(DomainError):
    """The tenant has no such receipt."""

    def __init__(self, erasure_id: str) -> None:
        super().__init__(
            "erasure_not_found", f"there is no erasure {erasure_id}: list those there are"
        )


class UserNotFound(DomainError):
    """Nothing is stored of this user."""

    def __init__(self) -> None:
        super().__init__("user_not_found", "nothing is stored of such a user: check the id")


class InvalidPrecondition(DomainError):
    """If-Match or If-None-Match says something that cannot be understood."""

    def __init__(self, detail: str) -> None:
        super().__init__("invalid_precondition", detail)


class VersionConflict(DomainError):
    """The record is not of the version that If-Match names."""

    def __init__(self) -> None:
        super().__init__(
            "version_conflict", "the record has changed or is gone: get it again, then decide"
        )


class InvalidScenario(DomainError):
    """The scenario and the request contradict each other."""

    def __init__(self, reason: str) -> None:
        super().__init__("invalid_request", f"the request does not go with its scenario: {reason}")
