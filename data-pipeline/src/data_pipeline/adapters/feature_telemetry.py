"""How fresh the features are, as metrics and in words."""

from typing import Final

from data_pipeline.load.projection import FeatureProjection
from instrumentation.metrics import Metrics

FEATURE_TYPES: Final = ("histories", "items", "users")


class FeatureTelemetry:
    """Observes how far a projection is behind the logs."""

    def __init__(self, projection: FeatureProjection, metrics: Metrics) -> None:
        self._projection = projection
        gauge = metrics.gauge("feature_freshness_seconds")
        for feature_type in FEATURE_TYPES:
            age = gauge.labels(feature_type=feature_type)
            age.set_function(lambda name=feature_type: projection.freshness()[name])

    async def check(self) -> str:
        """The ages in words. Raises `PortUnavailable` while a failure holds the features up."""
        await self._projection.check()
        ages = self._projection.freshness()
        return "behind by " + ", ".join(f"{age:.1f} s of {name}" for name, age in ages.items())
