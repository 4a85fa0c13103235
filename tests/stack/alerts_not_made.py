"""Alerts whose fault is not made for real here, and why; promtool's tests have them all."""

from collections.abc import Mapping
from typing import Final

_AGE: Final = "its age is in the expression, and nothing here can be as old"
_LIMIT: Final = "nothing here is as large as the limit of a scrape or a queue"
_DISK: Final = "the data of the program would have to be damaged while it runs"

NOT_MADE: Final[Mapping[str, str]] = {
    "EmbeddingCacheStale": _AGE,
    "FeaturesStale": _AGE,
    "ModelStale": _AGE,
    "DataPipelineAccountingUnchecked": _AGE,
    "LokiCompactorNotRunning": _AGE,
    "HighMemoryUsage": "whatever else runs on this machine would be without memory",
    "DataPipelineAccountingImbalance": "the books agree whatever is killed: test_kill.py",
    "RecommendationQualityDrop": "a model gets better or worse by its tenant's data",
    "ModelsNotPromoted": "a model gets better or worse by its tenant's data",
    "ClickThroughDrop": "needs a thousand answers an hour for days",
    "RecommendationAnswersLost": "needs the database away until the queue of answers is full",
    "SLOAbsent": "no fault takes away the series of a service that goes on",
    "CardinalityNearLimit": _LIMIT,
    "ScrapeLimitExceeded": _LIMIT,
    "QueueNearlyFull": _LIMIT,
    "CollectorRefusesTelemetry": _LIMIT,
    "CollectorDropsTelemetry": "a backend would be away until the collector's queue is full",
    "PrometheusRuleFailures": "the rules are sound: test_program_metrics.py evaluates them",
    "PrometheusStorageFailing": _DISK,
    "LokiStorageFailing": _DISK,
    "JaegerStorageFailing": _DISK,
    "AlertmanagerNotificationsFailing": "test_notifications.py has receivers out of reach",
    "Watchdog": "it fires without a fault, and has a test of its own",
}
